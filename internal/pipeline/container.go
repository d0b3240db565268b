package pipeline

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// The layout of a step's container.
const (
	// WorkFolder is the working folder. It holds the step's inputs and outputs.
	WorkFolder = "/work"
	// ToolsFolder holds a folder for each installed tool that the step calls.
	ToolsFolder = "/tools"
	// SelfFile is the path of this program.
	SelfFile = "/usr/local/bin/" + Self
)

// systemPath is where programs are in every image of the table.
const systemPath = "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// imageProvides is which of the programs that a machine must bring an image has, and as which files below /usr/local they can be taken to another; none for
// those that stay where they are.
var imageProvides = map[string]map[string][]string{
	ImageGo:     {ToolGo: {"go/**"}, ToolGit: nil, ToolCCompiler: nil},
	ImageCDK:    {ToolNode: {"bin/node"}, ToolNpm: {"bin/npm", "lib/node_modules/npm/**"}},
	ImagePython: {ToolPython: {"bin/python3*", "lib/libpython3*", "lib/python3*/**"}},
}

// extensibleImage is the image that the programs of others may be added to: all are of the same release of Debian, and only this one has the libraries that
// every one of them loads.
const extensibleImage = ImageGo

// A ExtraFiles is programs of one image that are added to another: files below /usr/local by their patterns.
type ExtraFiles struct {
	Image    string
	Patterns []string
}

// ExtraFiles are what has to be added to the step's image so that all programs are there that the machine must bring: those that the step
// calls, and those that its installed tools run on.
func (s Step) ExtraFiles() ([]ExtraFiles, error) {
	var out []ExtraFiles
	for _, tool := range s.preinstalledTools() {
		if _, has := imageProvides[s.Image][tool]; has {
			continue
		}
		from := providingImage(tool)
		switch {
		case from == "":
			return nil, fmt.Errorf("step %q calls %s, which no image brings", s.Name, tool)
		case s.Image != extensibleImage:
			return nil, fmt.Errorf("step %q runs in image %q, which does not bring %s: let it run in image %q", s.Name, s.Image, tool, extensibleImage)
		}
		out = append(out, ExtraFiles{Image: from, Patterns: imageProvides[from][tool]})
	}
	return out, nil
}

// providingImage is the image whose program can be taken from it; empty if there is none.
func providingImage(tool string) string {
	for _, image := range slices.Sorted(maps.Keys(imageProvides)) {
		if len(imageProvides[image][tool]) > 0 {
			return image
		}
	}
	return ""
}

// preinstalledTools are the programs that the machine must bring for the step, each once, in a fixed order.
func (s Step) preinstalledTools() []string {
	var out []string
	for _, name := range s.Tools {
		switch Tools[name].Kind {
		case Preinstalled:
			out = append(out, name)
		case GoModule: // what it was built with is not needed to run it
		default:
			out = append(out, Tools[name].InstallNeeds()...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ContainerEnv are the variables of the step's container that are no part of the step, as a person's machine has its own: Node looks for the machine's
// certificate authorities where it is told only.
func (s Step) ContainerEnv() map[string]string {
	env := map[string]string{"PATH": s.SearchPath()}
	if s.Image == extensibleImage && slices.Contains(s.preinstalledTools(), ToolNode) {
		env["NODE_EXTRA_CA_CERTS"] = "/etc/ssl/certs/ca-certificates.crt"
	}
	return env
}

// InstalledTools are the keys of the step's tools that have a folder of their own.
func (s Step) InstalledTools() []string {
	return slices.DeleteFunc(slices.Clone(s.Tools), func(name string) bool { return Tools[name].Kind == Preinstalled })
}

// SearchPath is where the step's programs are looked for: its own tools before everything else, as on a person's machine.
func (s Step) SearchPath() string {
	var folders []string
	for _, name := range s.InstalledTools() {
		folders = append(folders, path.Join(ToolsFolder, name, "bin"))
	}
	return strings.Join(append(folders, systemPath), ":")
}

// installImages are where tools of a kind are made. Node's own image has no certificate authorities, which a mirror or a proxy may be vouched for by.
var installImages = map[ToolKind]string{GoModule: ImageGo, PythonPackages: ImagePython, NodePackages: extensibleImage}

// InstallStep makes a tool of the table in a folder of its own, from its lock files and nothing else: a step like others, but one of a container alone,
// because on a person's machine tools are kept in the user's cache.
func InstallStep(name string) Step {
	tool := Tools[name]
	s := Step{
		Name: "tool:" + name, Stage: Source, Summary: "install " + name, Image: installImages[tool.Kind], Inputs: []string{"tools/" + name + "/**"}, Effect: Compute,
		Env: tool.InstallEnv(), Tools: tool.InstallNeeds(),
	}
	if tool.Kind == GoModule {
		s.Caches = []string{CacheGoModules, CacheGoBuild}
	}
	return s
}
