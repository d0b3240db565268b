package pipeline

import (
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fault"
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

// systemPath is the search path that finds the programs of every image.
const systemPath = "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// imageProvides has, for each image, which of the preinstalled tools it has. The patterns are the files below
// /usr/local that can be copied to another image; a tool without patterns cannot be copied.
var imageProvides = map[string]map[string][]string{
	ImageGo:     {ToolGo: {"go/**"}, ToolGit: nil, ToolCCompiler: nil},
	ImageNode:   {ToolNode: {"bin/node"}, ToolNpm: {"bin/npm", "lib/node_modules/npm/**"}},
	ImagePython: {ToolPython: {"bin/python3*", "lib/libpython3*", "lib/python3*/**"}},
}

// extensibleImage is the image that files of others may be copied to. All images are of the same release of Debian,
// and only this one has the libraries that all of the tools load.
const extensibleImage = ImageGo

// An ExtraFiles is a set of files of one image that are copied to another: patterns of files below /usr/local.
type ExtraFiles struct {
	Image    string
	Patterns []string
}

// ExtraFiles returns what has to be copied to the step's image so that it has every preinstalled tool that the step
// calls or that its installed tools run on.
func (s Step) ExtraFiles() ([]ExtraFiles, error) {
	var out []ExtraFiles
	for _, tool := range s.preinstalledTools() {
		if _, has := imageProvides[s.Image][tool]; has {
			continue
		}
		from := providingImage(tool)
		switch {
		case Tools[tool].HostOnly:
			return nil, fault.Errorf(fault.ConfigSteps,
				"step %q calls %s, which no image of the table has: run it on a machine that has %s", s.Name, tool, tool)
		case from == "":
			return nil, fault.Errorf(fault.ConfigSteps, "step %q calls %s, which no image brings", s.Name, tool)
		case s.Image != extensibleImage:
			return nil, fault.Errorf(fault.ConfigSteps,
				"step %q runs in image %q, which does not bring %s: let it run in image %q", s.Name, s.Image,
				tool, extensibleImage)
		}
		out = append(out, ExtraFiles{Image: from, Patterns: imageProvides[from][tool]})
	}
	return out, nil
}

// isHostOnly reports whether the step calls a program that no image has.
func (s Step) isHostOnly() bool {
	return slices.ContainsFunc(s.Tools, func(tool string) bool { return Tools[tool].HostOnly })
}

// providingImage returns the image that a tool can be copied from; empty if there is none.
func providingImage(tool string) string {
	for _, image := range slices.Sorted(maps.Keys(imageProvides)) {
		if len(imageProvides[image][tool]) > 0 {
			return image
		}
	}
	return ""
}

// preinstalledTools returns the tools that the machine or the image must have for the step, sorted and without
// duplicates.
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

// ContainerEnv returns the variables of the step's container that are not part of the step. Node uses the certificate
// authorities of the system only if a variable names them.
func (s Step) ContainerEnv() map[string]string {
	env := map[string]string{"PATH": s.SearchPath()}
	if s.Image == extensibleImage && slices.Contains(s.preinstalledTools(), ToolNode) {
		env["NODE_EXTRA_CA_CERTS"] = "/etc/ssl/certs/ca-certificates.crt"
	}
	return env
}

// InstalledTools returns the keys of the step's tools that are installed into a folder of their own.
func (s Step) InstalledTools() []string {
	return slices.DeleteFunc(slices.Clone(s.Tools), func(name string) bool { return Tools[name].Kind == Preinstalled })
}

// SearchPath returns the step's PATH: its installed tools before those of the image.
func (s Step) SearchPath() string {
	var folders []string
	for _, name := range s.InstalledTools() {
		folders = append(folders, path.Join(ToolsFolder, name, "bin"))
	}
	return strings.Join(append(folders, systemPath), ":")
}

// installImages are the images that tools are installed in, by kind. Node's own image has no certificate authorities,
// which a mirror or a proxy may need.
var installImages = map[ToolKind]string{GoModule: ImageGo, PythonPackages: ImagePython, NodePackages: extensibleImage}

// InstallStep returns the step that installs a tool of the table from its lock files. It exists in containers only: on
// a person's machine tools are in the user's cache.
func InstallStep(name string) Step {
	tool := Tools[name]
	s := Step{
		Name: "tool:" + name, Stage: Source, Summary: "install " +
			name, Image: installImages[tool.Kind], Inputs: []string{"tools/" + name + "/**"}, Effect: Compute,
		Env: tool.InstallEnv(), Tools: tool.InstallNeeds(),
	}
	if tool.Kind == GoModule {
		s.Caches = []string{CacheGoModules, CacheGoBuild}
	}
	return s
}
