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
const systemPath = "/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:" +
	jdkFolder + "/bin:" + mavenFolder + "/bin"

// The folders of the image ImageJava. Source: the Dockerfiles of eclipse-temurin and maven in Docker's official images.
const (
	jdkFolder   = "/opt/java/openjdk"
	mavenFolder = "/usr/share/maven"
)

// imageProvides has, for each image, which of the preinstalled tools it has, and which of its files are the tool. A
// tool without files cannot be copied to another image.
var imageProvides = map[string]map[string][]ImageFiles{
	ImageGo:   {ToolGo: inLocal("go/**"), ToolGit: nil, ToolCCompiler: nil},
	ImageNode: {ToolNode: inLocal("bin/node"), ToolNpm: inLocal("bin/npm", "bin/npx", "lib/node_modules/npm/**")},
	// The gates for Java do not know before they run whether they need Maven.
	ImageJava: {
		ToolJava: {wholeFolder(jdkFolder), wholeFolder(mavenFolder)}, ToolMaven: {wholeFolder(mavenFolder)},
	},
	ImagePython: {ToolPython: inLocal("bin/python3*", "lib/libpython3*", "lib/python3*/**")},
}

// extensibleImage is the image that files of others may be copied to. It has the libraries that all of the tools load.
// The images are of the same release of Debian, but for that of Java, whose JDK needs no newer C library than any of
// them has.
const extensibleImage = ImageGo

// ImageFiles are files of an image: a folder, and patterns of the files below it.
type ImageFiles struct {
	Folder   string
	Patterns []string
}

func (f ImageFiles) equals(other ImageFiles) bool {
	return f.Folder == other.Folder && slices.Equal(f.Patterns, other.Patterns)
}

func inLocal(patterns ...string) []ImageFiles {
	return []ImageFiles{{Folder: "/usr/local", Patterns: patterns}}
}

func wholeFolder(folder string) ImageFiles {
	return ImageFiles{Folder: folder, Patterns: []string{"**"}}
}

// ExtraFiles are files of an image that are copied to the same place in another.
type ExtraFiles struct {
	Image string
	ImageFiles
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
		case from == "":
			return nil, fault.Errorf(fault.ConfigSteps, "step %q calls %s, which no image brings", s.Name, tool)
		case s.Image != extensibleImage:
			return nil, fault.Errorf(fault.ConfigSteps,
				"step %q runs in image %q, which does not bring %s: let it run in image %q", s.Name, s.Image,
				tool, extensibleImage)
		}
		for _, files := range imageProvides[from][tool] {
			if !slices.ContainsFunc(out, func(e ExtraFiles) bool { return e.Image == from && e.equals(files) }) {
				out = append(out, ExtraFiles{Image: from, ImageFiles: files})
			}
		}
	}
	return out, nil
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
