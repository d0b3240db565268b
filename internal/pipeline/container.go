package pipeline

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Where a container has what a step works with.
const (
	// WorkFolder holds the step's inputs, and what it makes.
	WorkFolder = "/work"
	// ToolsFolder holds a folder for each installed tool that the step calls.
	ToolsFolder = "/tools"
	// SelfFile is this very binary.
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

// BinaryStep makes this very binary, from exactly the files that it is made of. It has no library of an image's in it, so it runs in all of them.
var BinaryStep = Step{
	Name: Self, Stage: Source, Summary: "build " + Self, Image: ImageGo, Tools: []string{ToolGo}, Effect: Compute,
	Command: []string{"go", "build", "-trimpath", "-buildvcs=false", "-o", binaryPath, "."},
	Inputs: []string{
		"go.mod", "go.sum", "*.go", "config/**", "internal/**", "tools/**",
		"!**/*_test.go", "!**/testdata/**", "!config/environments/**", "!config/*.yaml",
	},
	Env: map[string]string{"CGO_ENABLED": "0"}, Outputs: []string{binaryPath}, Caches: []string{CacheGoModules, CacheGoBuild},
}

const binaryPath = StateDir + "/bin/" + Self

// CallsSelf says whether the step runs this very binary.
func (s Step) CallsSelf() bool { return len(s.Command) > 0 && s.Command[0] == Self }

// A Selection is patterns as the container engine wants them: what is taken in, and then what is left out of it again.
type Selection struct{ Include, Exclude []string }

// Selections take in a file that one of them takes in.
type Selections []Selection

// SourceFiles are the step's inputs among the repository's files.
func (s Step) SourceFiles() Selections {
	files := newSelections(s.Inputs, false)
	if slices.Contains(s.Inputs, History) {
		return files
	}
	for i := range files {
		files[i].Exclude = append(files[i].Exclude, History, History+"/**")
	}
	return files
}

// UpstreamFiles are the step's inputs among what other steps made.
func (s Step) UpstreamFiles() Selections { return newSelections(s.Inputs, true) }

// SubjectFiles are the files without any of which there is nothing for the step to do; none if there always is something.
func (s Step) SubjectFiles() Selections { return newSelections(s.TriggerPaths, false) }

// OutputFiles is the step's outputs.
func (s Step) OutputFiles() Selection {
	var out Selection
	for _, output := range s.Outputs {
		out.Include = append(out.Include, output, output+"/**")
	}
	return out
}

// newSelections say with patterns of which those that leave out always win what a list says in which the last one that matches does: whatever is taken
// in again after something was left out is a selection more.
func newSelections(patterns []string, made bool) Selections {
	var out Selections
	open := false // whether what is taken in still belongs to the last selection
	for _, pattern := range patterns {
		bare, left := strings.CutPrefix(pattern, "!")
		if (bare == StateDir || strings.HasPrefix(bare, StateDir+"/")) != made {
			continue
		}
		if left {
			for i := range out {
				out[i].Exclude = append(out[i].Exclude, bare)
			}
			open = false
			continue
		}
		if !open {
			out, open = append(out, Selection{}), true
		}
		last := &out[len(out)-1]
		last.Include = append(last.Include, bare)
		if bare == History {
			last.Include = append(last.Include, bare+"/**")
		}
	}
	return out
}

// The emulated accounts of a rehearsal in containers.
const (
	// EmulatorHost is the name by which other containers reach them, and EmulatorPort where.
	EmulatorHost = "emulator"
	EmulatorPort = 4566
	// CertificatesFolder holds the certificate that they answer with, and the authority that vouches for it.
	CertificatesFolder = "/certificates"
	emulatorCAFile     = CertificatesFolder + "/ca.pem"
	// EmulatorStateFolder is where they keep their state, which lives from one call to the next.
	EmulatorStateFolder = StateDir + "/rehearsal"
)

// CertificateStep makes the certificate of the emulated accounts, in a layer that their container and its callers share.
var CertificateStep = Step{
	Name: "certificate", Stage: Source, Summary: "make the emulated accounts' certificate", Image: ImageGo, Effect: Compute,
	Command:  []string{Self, "rehearsal", "certificate", "--host", EmulatorHost, "--into", CertificatesFolder},
	CacheTTL: 30 * 24 * time.Hour, // it is good for a year
}

// EmulatorStep runs the emulated accounts, all that are configured, bootstrapped before anybody can reach them.
var EmulatorStep = Step{
	Name: "accounts", Stage: Source, Summary: "run the emulated accounts", Image: ImageGo, Effect: AWS,
	Command: []string{
		Self, "rehearsal", "serve", "--listen", fmt.Sprintf("0.0.0.0:%d", EmulatorPort), "--host", EmulatorHost, "--certificates", CertificatesFolder,
	},
	Tools: []string{ToolPython, ToolNode, ToolNpm, ToolMinistack, ToolCDK}, Inputs: []string{"config/**/*.yaml"},
	Env: map[string]string{toolsFolderVariable: ToolsFolder},
}

// toolsFolderVariable names the folder whose tools are used as they are.
const toolsFolderVariable = "LOCKSTEP_TOOLS"

// WithRehearsalEnv is the step as it rehearses in a container: with the emulated accounts that run in another one. It needs the emulator's own files to know
// what it can make, and nothing to run them with.
func (s Step) WithRehearsalEnv() Step {
	env := maps.Clone(s.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["LOCKSTEP_REHEARSAL_ENDPOINT"] = fmt.Sprintf("https://%s:%d", EmulatorHost, EmulatorPort)
	env["LOCKSTEP_REHEARSAL_CA"] = emulatorCAFile
	env[toolsFolderVariable] = ToolsFolder
	s.Env = env
	return s
}

// Where steps in containers are given what their caller handed over, and leave what only a caller asks for.
const (
	callerInputFolder = "/handed"
	// PlanInputFile is a plan to apply or to approve.
	PlanInputFile = callerInputFolder + "/" + PlanFile
	// PlanOutputDir is where a plan is left that was asked to be kept.
	PlanOutputDir  = StateDir + "/plan"
	planOutputFile = PlanOutputDir + "/" + PlanFile
	// ResultsFile tells what steps came to, as a Run, and GatheredDir is where their reports are made one.
	ResultsFile      = StateDir + "/results.json"
	MergedReportsDir = StateDir + "/gathered"
)

// SavePlanArgs are the arguments that let a step of the stage plan keep its plan.
var SavePlanArgs = []string{"--out", planOutputFile}

// OperationStep is a command of this very binary that reaches an account and is no step of the table, because nothing waits for it: who wants it asks for it.
func OperationStep(arguments ...string) Step {
	return Step{
		Name: arguments[0], Stage: Deploy, Summary: arguments[0], Image: ImageGo, Command: append([]string{Self}, arguments...),
		Inputs: []string{"config/**/*.yaml"}, Secrets: CredentialVariables, Effect: AWS,
	}
}

// MergeReportsStep makes one report of what gates left that ran each in a container of its own.
var MergeReportsStep = Step{
	Name: "gather", Stage: Source, Summary: "merge the gates' reports", Image: ImageGo, Effect: Compute,
	Command: []string{Self, "gather", "--results", ResultsFile, "--into", MergedReportsDir},
	Inputs:  []string{"config/**/*.yaml", ResultsFile, ReportsDir + "/**"}, Outputs: []string{MergedReportsDir},
}

// SummaryStep sums up a run in the words of a run on a person's machine.
var SummaryStep = Step{
	Name: "tell", Stage: Source, Summary: "sum up what was done", Image: ImageGo, Effect: Compute,
	Command: []string{Self, "tell", "--results", ResultsFile},
	Inputs:  []string{"config/**/*.yaml", ResultsFile, RecordsDir + "/**"},
}
