package pipeline

// A Tool is a program that steps call.
type Tool struct {
	// Purpose says what needs it.
	Purpose string
	// Kind says how it is installed.
	Kind ToolKind
	// Version is the pinned version. For a preinstalled tool it is the oldest that works, as MAJOR.MINOR.
	Version string
	// Names are the names of the program. A preinstalled tool is looked for in this order; an installed tool puts all of
	// them on the PATH.
	Names []string
	// VersionArgs are the arguments that print its version, which shows that it works.
	VersionArgs []string
	// ReportFormat is the format of its findings; empty if it has none.
	ReportFormat Format
	// Optional is whether only gates need it. Without it they do not run.
	Optional bool
	// Remedy is the command or page that installs a preinstalled tool.
	Remedy string
	// PostInstall are more commands of the installation, which run in the tool's folder.
	PostInstall [][]string
}

// A ToolKind is how a tool is installed. All but Preinstalled are installed when they are first needed, from lock
// files in tools/NAME that have the hash of everything that is installed.
type ToolKind string

// The kinds of tools.
const (
	Preinstalled   ToolKind = "machine"
	GoModule       ToolKind = "go"     // built from source: tool.mod and tool.sum
	PythonPackages ToolKind = "python" // a virtual environment: requirements.txt
	NodePackages   ToolKind = "node"   // package.json and package-lock.json
)

// The keys of the preinstalled tools.
const (
	ToolGo        = "go"
	ToolNode      = "node"
	ToolNpm       = "npm"
	ToolPython    = "python3"
	ToolGit       = "git"
	ToolCCompiler = "cc"
	ToolJava      = "java"
	ToolMaven     = "mvn"
)

// The keys of the tools that are installed when they are first needed.
const (
	ToolMinistack     = "ministack"
	ToolMoto          = "moto"
	ToolCDK           = "cdk"
	ToolGofumpt       = "gofumpt"
	ToolGolangciLint  = "golangci-lint"
	ToolGosec         = "gosec"
	ToolGovulncheck   = "govulncheck"
	ToolOSVScanner    = "osv-scanner"
	ToolGitleaks      = "gitleaks"
	ToolActionlint    = "actionlint"
	ToolDetectSecrets = "detect-secrets"
	ToolHadolint      = "hadolint"
	ToolCfnLint       = "cfn-lint"
	ToolMdformat      = "mdformat"
	ToolPreCommit     = "pre-commit"
	ToolD2            = "d2"
	ToolVale          = "vale"
	ToolMkDocs        = "mkdocs"
	ToolRuff          = "ruff"
	ToolMypy          = "mypy"
	ToolXenon         = "xenon"
	ToolBandit        = "bandit"
	ToolUv            = "uv"
	ToolPytest        = "pytest"
	ToolShed          = "shed"
	ToolSsort         = "ssort"
	ToolPnpm          = "pnpm"
	ToolYarn          = "yarn"
)

// Tools is the table of the programs that steps call.
var Tools = map[string]Tool{
	ToolGo: {
		Purpose:     "building the CDK app and running the gates",
		Kind:        Preinstalled,
		Version:     "1.26",
		Names:       []string{"go"},
		VersionArgs: []string{"version"},
		Remedy:      "install Go 1.26 or newer from https://go.dev/dl",
	},
	ToolNode: {
		Purpose:     "synthesis: the CDK library runs in Node",
		Kind:        Preinstalled,
		Version:     "20.0",
		Names:       []string{"node"},
		VersionArgs: []string{"--version"},
		Remedy:      "install Node.js 20 or newer from https://nodejs.org",
	},
	ToolNpm: {
		Purpose:     "installing the pinned CDK command line, which bootstraps accounts",
		Kind:        Preinstalled,
		Version:     "9.0",
		Names:       []string{"npm"},
		VersionArgs: []string{"--version"},
		Remedy:      "install npm, which comes with Node.js, from https://nodejs.org",
	},
	ToolPython: {
		Purpose:     "the emulated accounts of a rehearsal, and some gates",
		Kind:        Preinstalled,
		Version:     "3.10",
		Names:       []string{"python3"},
		VersionArgs: []string{"-c", "import ensurepip, sys, venv; print('Python %d.%d.%d' % sys.version_info[:3])"},
		Remedy:      "install Python 3.10 or newer with its venv module from https://www.python.org",
	},
	ToolGit: {
		Purpose:     "the gates that read the history",
		Kind:        Preinstalled,
		Version:     "2.30",
		Names:       []string{"git"},
		VersionArgs: []string{"--version"},
		Optional:    true,
		Remedy:      "install Git from https://git-scm.com",
	},
	ToolCCompiler: {
		Purpose:     "the race detector of the tests",
		Kind:        Preinstalled,
		Version:     "4.0",
		Names:       []string{"gcc", "clang"},
		VersionArgs: []string{"--version"},
		Optional:    true,
		Remedy:      "install a C compiler, gcc or clang",
	},
	ToolJava: {
		Purpose:     "CDK apps in Java",
		Kind:        Preinstalled,
		Version:     "17.0",
		Names:       []string{"java"},
		VersionArgs: []string{"--version"},
		Optional:    true,
		Remedy:      "install a JDK, 17 or newer, such as that of https://adoptium.net",
	},
	ToolMaven: {
		Purpose:     "CDK apps in Java",
		Kind:        Preinstalled,
		Version:     "3.6",
		Names:       []string{"mvn"},
		VersionArgs: []string{"--version"},
		Optional:    true,
		Remedy:      "install Maven from https://maven.apache.org",
	},

	ToolMinistack: {
		Purpose: "the emulated accounts of a rehearsal",
		Kind:    PythonPackages,
		Version: "1.5.33",
		Names:   []string{"ministack"},
		// The list of the emulator's types is written once, because loading it takes longer than starting the emulator.
		PostInstall: [][]string{
			{"venv/bin/python", "-c", "import json; " +
				"from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as known; " +
				"json.dump(sorted(known), open('" + ResourceTypesFile + "', 'w'))"},
		},
	},
	ToolMoto: {
		Purpose: "a second emulator of AWS, for tests", Kind: PythonPackages, Version: "5.2.5",
		Names: []string{"moto_server"}, VersionArgs: []string{"--help"},
	},
	ToolCDK: {
		Purpose:     "the bootstrap of accounts",
		Kind:        NodePackages,
		Version:     "2.1148.1",
		Names:       []string{"cdk"},
		VersionArgs: []string{"--version"},
		// The template is written once, because starting the command line takes longer than deploying the template.
		PostInstall: [][]string{
			{"sh", "-c", "CDK_DISABLE_CLI_TELEMETRY=true node node_modules/aws-cdk/bin/cdk " +
				"bootstrap --no-notices --show-template > " + BootstrapTemplateFile},
		},
	},

	ToolGofumpt: {
		Purpose: "the form of Go code", Kind: GoModule, Version: "0.12.0", Names: []string{"gofumpt"},
		VersionArgs: []string{"-version"}, ReportFormat: Gofumpt,
	},
	ToolGolangciLint: {
		Purpose: "mistakes, complexity and imports in Go code", Kind: GoModule, Version: "2.15.0",
		Names: []string{"golangci-lint"}, VersionArgs: []string{"version"}, ReportFormat: SARIF,
	},
	ToolGosec: {
		Purpose: "unsafe Go code", Kind: GoModule, Version: "2.30.0", Names: []string{"gosec"},
		VersionArgs: []string{"-version"}, ReportFormat: SARIF,
	},
	ToolGovulncheck: {
		Purpose: "known vulnerabilities that the Go code reaches", Kind: GoModule, Version: "1.9.0",
		Names: []string{"govulncheck"}, VersionArgs: []string{"-version"}, ReportFormat: SARIF,
	},
	ToolOSVScanner: {
		Purpose: "known vulnerabilities in the lock files", Kind: GoModule, Version: "2.5.1",
		Names: []string{"osv-scanner"}, VersionArgs: []string{"--version"}, ReportFormat: SARIF,
	},
	ToolGitleaks: {
		Purpose: "secrets in the files and the history", Kind: GoModule, Version: "8.30.1",
		Names: []string{"gitleaks"}, VersionArgs: []string{"version"}, ReportFormat: SARIF,
	},
	ToolActionlint: {
		Purpose: "mistakes in GitHub workflows", Kind: GoModule, Version: "1.7.12",
		Names: []string{"actionlint"}, VersionArgs: []string{"-version"}, ReportFormat: Actionlint,
	},
	ToolDetectSecrets: {
		Purpose: "secrets that are not in the baseline", Kind: PythonPackages, Version: "1.5.0",
		Names: []string{
			"detect-secrets",
			"detect-secrets-hook",
		}, VersionArgs: []string{"--version"}, ReportFormat: DetectSecrets,
	},
	ToolHadolint: {
		Purpose: "mistakes in Dockerfiles", Kind: PythonPackages, Version: "2.15.1",
		Names: []string{"hadolint"}, VersionArgs: []string{"--version"}, ReportFormat: SARIF,
	},
	ToolCfnLint: {
		Purpose: "mistakes in CloudFormation templates", Kind: PythonPackages, Version: "1.58.0",
		Names: []string{"cfn-lint"}, VersionArgs: []string{"--version"}, ReportFormat: SARIF,
	},
	ToolMdformat: {
		Purpose: "the form of Markdown", Kind: PythonPackages, Version: "1.0.0",
		Names: []string{"mdformat"}, VersionArgs: []string{"--version"}, ReportFormat: Mdformat,
	},
	ToolVale: {
		Purpose: "the prose of the documentation", Kind: GoModule, Version: "2.30.0", Names: []string{"vale"},
		VersionArgs: []string{"--version"}, ReportFormat: Vale,
	},
	ToolMkDocs: {
		Purpose: "the site of the documentation", Kind: PythonPackages, Version: "1.6.1",
		Names: []string{"mkdocs"}, VersionArgs: []string{"--version"}, ReportFormat: MkDocs,
	},
	ToolRuff: {
		Purpose: "the form of Python code, and mistakes in it", Kind: PythonPackages, Version: "0.14.6",
		Names: []string{"ruff"}, VersionArgs: []string{"--version"}, ReportFormat: SARIF,
	},
	ToolMypy: {
		Purpose: "the types of Python code", Kind: PythonPackages, Version: "1.19.0", Names: []string{"mypy"},
		VersionArgs: []string{"--version"}, ReportFormat: Mypy,
	},
	ToolXenon: {
		Purpose: "how complex Python code is", Kind: PythonPackages, Version: "0.9.3", Names: []string{"xenon"},
		VersionArgs: []string{"--version"}, ReportFormat: Xenon,
	},
	ToolBandit: {
		Purpose: "unsafe Python code", Kind: PythonPackages, Version: "1.9.2", Names: []string{"bandit"},
		VersionArgs: []string{"--version"}, ReportFormat: Bandit,
	},
	ToolUv: {
		Purpose: "installing the Python packages of a repository", Kind: PythonPackages, Version: "0.13.9",
		Names: []string{"uv"}, VersionArgs: []string{"--version"},
	},
	ToolPytest: {
		Purpose: "tests of Python code, where its packages have no pytest", Kind: PythonPackages, Version: "9.2.0",
		Names: []string{"pytest"}, VersionArgs: []string{"--version"},
	},
	ToolShed: {
		// It starts the ruff of its own packages, by the PATH.
		Purpose: "the form of Python code that is configured for shed", Kind: PythonPackages, Version: "2025.6.1",
		Names: []string{"shed", "ruff"}, VersionArgs: []string{"--help"},
	},
	ToolSsort: {
		Purpose: "the order of statements in Python code that is configured for ssort", Kind: PythonPackages,
		Version: "0.17.0", Names: []string{"ssort"}, VersionArgs: []string{"--version"}, ReportFormat: Ssort,
	},
	ToolPnpm: {
		Purpose: "installing the packages of a repository with pnpm-lock.yaml", Kind: NodePackages,
		Version: "10.34.9", Names: []string{"pnpm"}, VersionArgs: []string{"--version"},
	},
	ToolYarn: {
		Purpose: "installing the packages of a repository with yarn.lock", Kind: NodePackages,
		Version: "1.22.22", Names: []string{"yarn"}, VersionArgs: []string{"--version"},
	},
	ToolPreCommit: {
		Purpose: "the gates before a commit", Kind: PythonPackages, Version: "4.7.0",
		Names: []string{"pre-commit"}, VersionArgs: []string{"--version"},
	},
	ToolD2: {
		Purpose: "the layout of diagrams", Kind: GoModule, Version: "0.7.2",
		Names: []string{"d2"}, VersionArgs: []string{"--version"},
	},
}

// BootstrapTemplateFile is the file, in the folder of the CDK's command line, with the template of `cdk bootstrap`.
const BootstrapTemplateFile = "bootstrap-template.yaml"

// ResourceTypesFile is the file, in the emulator's folder, with the list of the resource types that it knows.
const ResourceTypesFile = "resource-types.json"

// InstallNeeds returns the keys of the preinstalled tools that the installation needs.
func (t Tool) InstallNeeds() []string {
	return map[ToolKind][]string{
		GoModule: {ToolGo}, PythonPackages: {ToolPython},
		NodePackages: {ToolNode, ToolNpm},
	}[t.Kind]
}

// InstallCommands returns the commands that install the tool, with its programs in bin/, when they run in a folder
// that holds its lock files. They are nil for a preinstalled tool.
func (t Tool) InstallCommands() [][]string {
	var commands [][]string
	link := func(from string) {
		commands = append(commands, []string{"mkdir", "-p", "bin"})
		for _, name := range t.Names {
			commands = append(commands, []string{"ln", "-sf", "../" + from + "/" + name, "bin/" + name})
		}
	}
	switch t.Kind {
	case GoModule:
		// The lock files have other names in the repository, because a folder with a go.mod is a module of its own.
		commands = [][]string{
			{"cp", "tool.mod", "go.mod"},
			{"cp", "tool.sum", "go.sum"},
			{"go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w", "-o", "bin/", "tool"},
		}
	case PythonPackages:
		commands = [][]string{
			{"python3", "-m", "venv", "venv"},
			{
				"venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
				// A tool without byte code would be compiled at each start.
				"--compile", "--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt",
			},
		}
		link("venv/bin")
	case NodePackages:
		commands = [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"}}
		link("node_modules/.bin")
	}
	return append(commands, t.PostInstall...)
}

// InstallEnv returns the environment of the installation's commands, besides the caller's settings of proxies,
// certificates and package indexes.
func (t Tool) InstallEnv() map[string]string {
	if t.Kind == GoModule {
		return map[string]string{
			"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOOS": "", "GOARCH": "",
			"GO111MODULE": "on",
		}
	}
	return nil
}
