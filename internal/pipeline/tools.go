package pipeline

// A Tool is a program that the machine must bring; containers have it in their image.
type Tool struct {
	// Names are the program's names in the order in which they are looked for.
	Names []string
	// Version is the arguments that make it print its version.
	Version []string
	// Minimum is the oldest version that works, as major.minor.
	Minimum string
	// For says what needs it.
	For string
	// Remedy is the one command or page that brings it.
	Remedy string
}

// The keys of Tools.
const (
	ToolGo     = "go"
	ToolNode   = "node"
	ToolNpm    = "npm"
	ToolPython = "python3"
	ToolGit    = "git"
)

// Tools is the one table of programs that the machine must bring.
var Tools = map[string]Tool{
	ToolGo:     {Names: []string{"go"}, Version: []string{"version"}, Minimum: "1.26", For: "building the CDK app and running the gates", Remedy: "install Go 1.26 or newer from https://go.dev/dl"},
	ToolNode:   {Names: []string{"node"}, Version: []string{"--version"}, Minimum: "20.0", For: "synthesis: the CDK library runs in Node", Remedy: "install Node.js 20 or newer from https://nodejs.org"},
	ToolNpm:    {Names: []string{"npm"}, Version: []string{"--version"}, Minimum: "9.0", For: "installing the pinned CDK command line, which bootstraps accounts", Remedy: "install npm, which comes with Node.js, from https://nodejs.org"},
	ToolPython: {Names: []string{"python3"}, Version: []string{"-c", "import ensurepip, sys, venv; print('Python %d.%d.%d' % sys.version_info[:3])"}, Minimum: "3.10", For: "the emulated accounts of a rehearsal", Remedy: "install Python 3.10 or newer with its venv module from https://www.python.org"},
}
