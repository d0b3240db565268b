package pipeline

import (
	"slices"
	"strings"
	"time"

	"lockstep/config"
)

// A gate is a row of the table of gates: a program whose findings decide whether a change may go on. The command
// `gate` of this program runs it, so that every report is read, compared with the waivers and written in the same way.
type gate struct {
	name    string
	stage   Stage
	summary string
	image   string
	// argv is the program; nil for a gate of this program itself, which gets the settings instead.
	argv         []string
	settings     []string
	reportFormat Format
	// minLevel is the level from which on a finding counts, error or warning; warning by default.
	minLevel string
	// defaultLevel is the level of the findings of a program that reports none.
	defaultLevel string
	// files are the patterns of the files that are passed to the program as its last arguments. If no file matches there
	// is nothing to check.
	files []string
	// when are the patterns of files without which the gate does not apply to a repository; none for files themselves.
	when []string
	// whenText is a text that one of those files has to contain.
	whenText string
	// installs and installed are folders of packages: those that the gate installs, and those that it reads.
	installs, installed []string
	// offline is whether the program needs no network.
	offline bool
	// onlyWith is a file of settings without which the program cannot work, and a repository wants none of it.
	onlyWith string
	// programSettings are the files of a repository from which the program takes settings by itself: PATTERN, or
	// PATTERN=TEXT where only files with the text have such settings. The report names those that are there.
	programSettings []string
	// comments matches the comments by which the program lets findings through and that no option turns off; the
	// report has each. They count in the files that commentFiles select, or else files.
	comments     string
	commentFiles []string
	// skips are the files of the repository that the program does not look at. The report has a note if there are any.
	skips []string
	// ifThere are arguments of the program that it gets if the repository has a file: FILE=ARGUMENT.
	ifThere []string
	// inputs are the patterns of what it reads besides files.
	inputs   []string
	tools    []string
	caches   []string
	needs    []string
	outputs  []string
	cacheTTL time.Duration
	env      map[string]string
	// environment is that of a gate that exists once for each environment.
	environment string
}

// step returns the gate as a step of the table.
func (g gate) step() Step {
	command := []string{Self, "gate", g.name, "--reads", string(g.reportFormat)}
	if g.minLevel != "" {
		command = append(command, "--from", g.minLevel)
	}
	if g.defaultLevel != "" {
		command = append(command, "--level", g.defaultLevel)
	}
	if slices.Contains(g.inputs, History) && g.argv != nil {
		command = append(command, "--history")
	}
	if g.onlyWith != "" {
		command = append(command, "--only-with", g.onlyWith)
	}
	for _, pattern := range g.files {
		command = append(command, "--files", pattern)
	}
	for _, argument := range g.ifThere {
		command = append(command, "--if-there", argument)
	}
	for _, pattern := range g.programSettings {
		command = append(command, "--settings", pattern)
	}
	if g.comments != "" {
		command = append(command, "--comments", g.comments)
	}
	for _, pattern := range g.commentFiles {
		command = append(command, "--comments-in", pattern)
	}
	for _, pattern := range g.skips {
		command = append(command, "--skips", pattern)
	}
	for _, setting := range g.settings {
		command = append(command, "--set", setting)
	}
	if g.argv != nil {
		command = append(append(command, "--"), g.argv...)
	}
	return Step{
		Name: g.name, Stage: g.stage, Summary: g.summary, Image: g.image, Command: command, Tools: g.tools, Needs: g.needs,
		Environment:  g.environment,
		TriggerPaths: g.triggerPaths(), TriggerText: g.whenText, Installs: g.installs, Installed: g.installed,
		Offline: g.offline,
		Inputs:  slices.Concat(g.files, g.inputs, g.settingsFiles(), g.skips, []string{config.WaiversFile}),
		Outputs: append([]string{ReportFile(g.name, g.reportFormat)},
			g.outputs...), Caches: g.caches, Env: g.env, CacheTTL: g.cacheTTL,
	}
}

// settingsFiles returns the patterns of the files with settings of the program.
func (g gate) settingsFiles() []string {
	var patterns []string
	for _, setting := range g.programSettings {
		pattern, _, _ := strings.Cut(setting, "=")
		if !slices.Contains(g.inputs, pattern) && !slices.Contains(patterns, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// triggerPaths returns the patterns of the files of which one has to be there for the gate to run.
func (g gate) triggerPaths() []string {
	if len(g.when) > 0 {
		return g.when
	}
	return g.files
}

// reportingCommand returns the command of a step that is not in a stage of gates and whose program has findings.
func reportingCommand(step string, reads Format, argv ...string) []string {
	return append([]string{Self, "gate", step, "--reads", string(reads), "--"}, argv...)
}

// The files that the gates check.
var (
	// Lock files and golden templates hold hashes, which a search by entropy takes for secrets.
	secretScanFiles = []string{
		"**", "!**/*.sum", "!**/requirements.txt", "!**/package-lock.json",
		"!**/testdata/golden/**", "!" + secretsBaseline,
	}
	ownGoFiles    = []string{"**/*.go", "!ci/internal/**", "!ci/dagger.gen.go"}
	markdownFiles = []string{"**/*.md", "!**/testdata/**"}
	documentFiles = []string{"README.md", "docs/**/*.md"}
	// siteFiles make the site of the documentation.
	siteFiles = []string{"mkdocs.yml", "tools/mkdocs/hooks.py", "tools/mkdocs/assets/**"}
)

// documentationTests matches the tests that read the documentation. They are a gate of their own, so that an edit of a
// page does not run the others again.
const documentationTests = "^TestDocument"

// deploymentGuide has tables that the tests of the permissions generate and compare.
const deploymentGuide = "docs/deployment.md"

// lockFiles are the files in which osv-scanner finds what a repository uses.
// Source: https://google.github.io/osv-scanner/supported-languages-and-lockfiles.
var lockFiles = []string{
	"**/go.mod", "**/requirements.txt", "**/requirements*.txt", "**/uv.lock", "**/poetry.lock", "**/Pipfile.lock",
	"**/pdm.lock", "**/pylock.toml", "**/package-lock.json", "**/yarn.lock", "**/pnpm-lock.yaml", "**/bun.lock",
	"**/npm-shrinkwrap.json", "**/Cargo.lock", "**/pom.xml", "**/gradle.lockfile", "**/buildscript-gradle.lockfile",
	"**/packages.lock.json", "**/Gemfile.lock", "**/composer.lock", "**/pubspec.lock", "**/mix.lock",
}

// secretsBaseline has the findings of detect-secrets that a person has reviewed.
const secretsBaseline = ".secrets.baseline"

// vulnerabilityTTL is how long a result stays valid although a vulnerability may have been published since.
const vulnerabilityTTL = 12 * time.Hour

// gates returns the table of the gates that exist once.
func gates(c *config.Config) []gate {
	return slices.Concat(qualityGates, testGates(c), vulnerabilityGates(c), secretGates, imageGates(c), pythonGates,
		nodeGates, javaGates)
}

// gateConfigFiles are the settings of the gates' programs. The seeded defects of the gates' own tests are checked with
// them too.
var gateConfigFiles = []string{
	".golangci.yml", ".gosec.json", ".gitleaks.toml", ".mdformat.toml",
	".pre-commit-config.yaml", ".vale.ini", "tools/vale/styles/**",
}

// goModule is the condition of the gates for Go code.
var goModule = []string{"go.mod"}

// goCaches are the caches of every Go command.
var goCaches = []string{CacheGoModules, CacheGoBuild}

var qualityGates = []gate{
	{
		name:         "format",
		stage:        Quality,
		summary:      "Go code has gofumpt's form",
		image:        ImageGo,
		argv:         []string{"gofumpt", "-l"},
		files:        ownGoFiles,
		inputs:       []string{"**/go.mod"},
		reportFormat: Gofumpt,
		tools:        []string{ToolGofumpt},
	},
	{
		name:    "lint",
		when:    goModule,
		stage:   Quality,
		summary: "mistakes, complexity and the direction of imports",
		image:   ImageGo,
		argv: []string{
			"golangci-lint", "run", "--allow-parallel-runners", "--show-stats=false", "--max-issues-per-linter=0",
			"--max-same-issues=0", "--output.sarif.path=stdout", "./...",
		},
		reportFormat:    SARIF,
		programSettings: []string{".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"},
		comments: `//\s*nolint\b.*|//\s*lint:(file-)?ignore\b.*|//\s*revive:disable.*|` +
			`^//\s*(?i:code generated|autogenerated file|do not edit)\b.*`,
		commentFiles: ownGoFiles,
		skips: []string{
			"**/vendor/**/*.go", "**/testdata/**/*.go", "**/_*/**/*.go", "**/.*/**/*.go", "!" + StateDir + "/**",
		},
		inputs: goSources,
		tools:  []string{ToolGo, ToolGolangciLint},
		caches: append([]string{CacheLint}, goCaches...),
	},
	{
		name:         "tidy",
		when:         goModule,
		stage:        Quality,
		summary:      "go.mod and go.sum say what is imported",
		image:        ImageGo,
		argv:         []string{"go", "mod", "tidy", "-diff"},
		reportFormat: Tidy,
		inputs:       goSources,
		tools:        []string{ToolGo},
		caches:       goCaches,
	},
	{
		name:            "markdown",
		stage:           Quality,
		summary:         "Markdown has mdformat's form",
		image:           ImagePython,
		argv:            []string{"mdformat", "--check"},
		files:           markdownFiles,
		programSettings: []string{"**/.mdformat.toml"},
		reportFormat:    Mdformat,
		tools:           []string{ToolMdformat},
	},
	{
		name:            "prose",
		stage:           Quality,
		summary:         "the documentation's words and the length of its sentences",
		image:           ImageGo,
		argv:            []string{"vale", "--output=JSON"},
		files:           documentFiles,
		onlyWith:        ".vale.ini",
		programSettings: []string{".vale.ini", "_vale.ini", "vale.ini"},
		comments:        `<!--\s*vale\s.*`,
		inputs:          []string{"tools/vale/styles/**"},
		reportFormat:    Vale,
		tools:           []string{ToolVale},
	},
	{
		name:    "site",
		stage:   Quality,
		summary: "the documentation's links and anchors, by building its site",
		image:   ImagePython,
		// The program's last argument is the site's configuration: without one there is no site.
		argv: []string{
			"mkdocs", "build", "--strict", "--site-dir", StateDir + "/site-check", "--config-file",
		},
		files:        []string{"mkdocs.yml"},
		inputs:       slices.Concat(siteFiles, documentFiles, []string{"docs/**"}),
		reportFormat: MkDocs,
		tools:        []string{ToolMkDocs},
		env:          map[string]string{"NO_MKDOCS_2_WARNING": "1"},
	},
	{
		name:            "workflows",
		stage:           Quality,
		summary:         "mistakes in GitHub workflows",
		image:           ImageGo,
		argv:            []string{"actionlint", "-oneline", "-no-color"},
		files:           []string{".github/workflows/*.yml", ".github/workflows/*.yaml"},
		programSettings: []string{".github/actionlint.yaml", ".github/actionlint.yml"},
		reportFormat:    Actionlint,
		tools:           []string{ToolActionlint},
	},
	{
		name:         "pipeline-files",
		stage:        Quality,
		summary:      "committed pipeline files are what the configuration says",
		image:        ImageGo,
		argv:         []string{Self, "workflows"},
		when:         WorkflowFiles,
		whenText:     WorkflowHeader,
		inputs:       append([]string{"config/**"}, WorkflowFiles...),
		reportFormat: PipelineFiles,
		offline:      true,
	},
	{
		name:    "dockerfiles",
		stage:   Quality,
		summary: "mistakes in Dockerfiles",
		image:   ImagePython,
		argv:    []string{"hadolint", "--no-color", "--format", "sarif"},
		files: []string{
			"**/Dockerfile", "**/Dockerfile.*", "**/*.Dockerfile", "**/Containerfile", "!**/testdata/**",
		},
		programSettings: []string{".hadolint.yaml", ".hadolint.yml"},
		comments:        `#\s*hadolint\s+(global\s+)?ignore.*`,
		reportFormat:    SARIF,
		tools:           []string{ToolHadolint},
	},
	{
		name:         "waivers",
		stage:        Quality,
		summary:      "no waiver has ended",
		image:        ImageGo,
		reportFormat: SARIF,
		inputs:       []string{"config/schema/waivers.json"},
		cacheTTL:     time.Minute,
	},
}

// testGates returns the gates that run tests.
func testGates(c *config.Config) []gate { return append([]gate{unitGate(c)}, ownTestGates...) }

// unitGate returns the gate that runs the unit tests of Go packages.
func unitGate(c *config.Config) gate {
	packages := c.Pipeline.Gates.GoPackages
	inputs := slices.Concat(goSources, []string{"!tests/**", "tests/iam/**", "!infra/**", deploymentGuide})
	if slices.Contains(packages, "./...") {
		inputs = appInputs(config.App{}) // any file may be embedded, or read by a test
	}
	return gate{
		name:    "unit",
		when:    goModule,
		stage:   Test,
		summary: "unit tests, with the race detector",
		image:   ImageGo,
		argv: append(
			[]string{"go", "test", "-json", "-timeout", "30m", "-race", "-coverprofile", CoverageProfile}, packages...,
		),
		reportFormat: GoTest,
		inputs:       inputs,
		outputs:      []string{CoverageProfile},
		tools:        []string{ToolGo, ToolCCompiler, ToolNode, ToolNpm, ToolPython},
		caches:       append([]string{CacheCDK}, goCaches...),
	}
}

// ownTestGates are tests of this repository. Their conditions are files that no other has.
var ownTestGates = []gate{
	{
		name:         "infrastructure",
		when:         []string{"config/schema/generate/*.go"},
		stage:        Test,
		summary:      "tests of the CDK app",
		image:        ImageGo,
		argv:         []string{"go", "test", "-json", "-timeout", "30m", "./infra/...", "./config/schema/generate"},
		reportFormat: GoTest,
		inputs: []string{
			"go.mod", "go.sum", "config/**", "infra/**", "internal/fault/**", "internal/pipeline/**", "internal/roles/**",
			"internal/stateful/**", "tests/iam/**", "**/*_test.go", "docs/infrastructure.md",
		},
		tools:  []string{ToolGo, ToolNode},
		caches: append([]string{CacheCDK}, goCaches...),
	},
	{
		name:         "scripts",
		when:         []string{"tests/scripts/*.txtar"},
		stage:        Test,
		summary:      "the command line as its users see it, and whole deployments to emulated accounts",
		image:        ImageGo,
		argv:         []string{"go", "test", "-json", "-timeout", "30m", "-skip", documentationTests, "./tests/..."},
		reportFormat: GoTest,
		// The module is vetted and tested with them, in a copy that needs no engine.
		inputs: slices.Concat(
			goSources, gateConfigFiles,
			[]string{
				"tests/**", "dagger.json", "ci/*.go", "ci/go.*", "ci/program/**", "!ci/dagger.gen.go", "!**/*.md", deploymentGuide,
			},
		),
		env:     map[string]string{CoverageVariable: ScriptsCoverageDir},
		outputs: []string{ScriptsCoverageDir},
		tools:   []string{ToolGo, ToolNode, ToolNpm, ToolPython, ToolD2, ToolMoto},
		caches:  append([]string{CacheCDK}, goCaches...),
	},
	{
		name:         "documentation",
		when:         []string{"tests/documentation_test.go"},
		stage:        Test,
		summary:      "what the documentation says is so",
		image:        ImageGo,
		argv:         []string{"go", "test", "-json", "-timeout", "30m", "-run", documentationTests, "./tests/..."},
		reportFormat: GoTest,
		inputs: slices.Concat(
			goSources, gateConfigFiles, documentFiles, siteFiles,
			[]string{"tests/**", "ci/*.go", "docs/**", "Makefile", "dagger.json"},
		),
		tools:  []string{ToolGo, ToolNode, ToolNpm, ToolPython}, // the diagrams are compared with a synthesis
		caches: append([]string{CacheCDK}, goCaches...),
	},
	{
		name:         "coverage",
		when:         []string{CoverageFloor},
		stage:        Test,
		summary:      "the tests cover no less than they did",
		image:        ImageGo,
		needs:        []string{"unit", "scripts"},
		reportFormat: SARIF,
		inputs:       []string{CoverageProfile, ScriptsCoverageDir + "/**", CoverageFloor, History},
	},
}

// vulnerabilityGates returns the gates that look for unsafe and vulnerable code.
func vulnerabilityGates(c *config.Config) []gate {
	osvScanner := []string{
		"osv-scanner", "scan", "source", "--format", "sarif", "--no-resolve",
		"--experimental-exclude", StateDir, "--experimental-exclude", "node_modules",
		"--experimental-exclude", ".venv",
		// A lock file that Git knows counts, whatever .gitignore says.
		"--no-ignore", "--allow-no-lockfiles", "--recursive", ".",
	}
	if folder := c.Pipeline.Gates.OSVDatabases; folder != "" {
		osvScanner = slices.Insert(osvScanner, 3, "--offline-vulnerabilities", "--local-db-path", folder)
	}
	return []gate{
		{
			// Unhandled errors, G104, are for errcheck to find, which knows which of them matter. A comment in the code lets
			// nothing through: that is for waivers. The folders are regular expressions that match anywhere in a path.
			name:    "gosec",
			when:    goModule,
			stage:   Security,
			summary: "unsafe Go code",
			image:   ImageGo,
			argv: []string{
				"gosec", "-fmt", "sarif", "-exclude=G104", "-nosec", "-exclude-dir", "^[.]lockstep(/|$)", "./...",
			},
			// The sources of a module of Dagger are complete only in containers.
			ifThere: []string{
				".gosec.json=-conf=.gosec.json", ModuleDir + "/go.mod=-exclude-dir=^" + ModuleDir + "(/|$)",
			},
			programSettings: []string{".gosec.json"},
			skips:           []string{"**/vendor/**/*.go", "!" + StateDir + "/**"},
			reportFormat:    SARIF,
			inputs:          slices.Concat(goSources, []string{"!**/*_test.go", "!**/testdata/**"}),
			tools:           []string{ToolGo, ToolGosec},
			caches:          goCaches,
		},
		{
			// What is imported but never called is a warning of this program's.
			name:         "govulncheck",
			when:         goModule,
			minLevel:     "error",
			stage:        Security,
			summary:      "known vulnerabilities that the Go code reaches",
			image:        ImageGo,
			argv:         []string{"govulncheck", "-db", c.Pipeline.Gates.GoVulnerabilities, "-format", "sarif", "./..."},
			reportFormat: SARIF,
			inputs:       goSources,
			tools:        []string{ToolGo, ToolGovulncheck},
			caches:       goCaches,
			cacheTTL:     vulnerabilityTTL,
		},
		{
			name:            "osv",
			stage:           Security,
			summary:         "known vulnerabilities in the lock files",
			image:           ImageGo,
			argv:            osvScanner,
			reportFormat:    SARIF,
			when:            lockFiles,
			programSettings: []string{"**/osv-scanner.toml"},
			inputs:          lockFiles,
			tools:           []string{ToolOSVScanner},
			cacheTTL:        vulnerabilityTTL,
		},
	}
}

var secretGates = []gate{
	{
		name:            "secrets",
		defaultLevel:    "error",
		stage:           Security,
		summary:         "secrets in the files",
		image:           ImageGo,
		argv:            gitleaksCommand("dir"),
		reportFormat:    SARIF,
		inputs:          []string{"**"},
		programSettings: gitleaksSettings,
		tools:           []string{ToolGitleaks},
	},
	{
		name:            "history",
		defaultLevel:    "error",
		stage:           Security,
		summary:         "secrets in the history",
		image:           ImageGo,
		argv:            gitleaksCommand("git"),
		reportFormat:    SARIF,
		programSettings: gitleaksSettings,
		inputs:          []string{History},
		tools:           []string{ToolGit, ToolGitleaks},
	},
	{
		name:    "baseline",
		stage:   Security,
		summary: "secrets that are not in the baseline",
		image:   ImagePython,
		argv: []string{
			"detect-secrets", "scan", "--no-verify", "--disable-filter", "detect_secrets.filters.allowlist.is_line_allowlisted",
		},
		files:           secretScanFiles,
		programSettings: []string{secretsBaseline},
		reportFormat:    DetectSecrets,
		tools:           []string{ToolDetectSecrets},
	},
}

// imageGates returns the gate on the images of Dockerfiles, manifests and this table.
func imageGates(c *config.Config) []gate {
	return []gate{
		{
			name:         "images",
			stage:        Security,
			summary:      "images are pinned, from allowed registries, and do not run as root",
			image:        ImageGo,
			settings:     registrySettings(c.Pipeline.Gates.Registries),
			reportFormat: SARIF,
			inputs: []string{
				ImagesFile, "**/Dockerfile", "**/Dockerfile.*", "**/*.Dockerfile", "**/Containerfile", "**/*.yaml", "**/*.yml",
			},
		},
	}
}

// gitleaksSettings are the files from which gitleaks takes settings by itself.
var gitleaksSettings = []string{".gitleaks.toml", ".gitleaksignore"}

// gitleaksCommand returns a command that reports where a secret is and never the secret.
func gitleaksCommand(mode string) []string {
	return []string{
		"gitleaks", mode, ".", "--no-banner", "--no-color", "--log-level", "warn",
		"--redact=100", "--ignore-gitleaks-allow",
		"--max-target-megabytes", "50", "--report-format", "sarif", "--report-path", "-",
	}
}

func registrySettings(registries []string) []string {
	var settings []string
	for _, r := range registries {
		settings = append(settings, "registry="+r)
	}
	return settings
}

// templateGate returns the gate on the templates of an environment.
func templateGate(environment string) gate {
	return gate{
		name: "templates:" + environment, stage: Security, summary: "mistakes in the templates of " +
			environment, image: ImagePython, environment: environment,
		// What a template says of errors in its metadata, which the CDK app has written, does not count.
		argv: []string{
			"cfn-lint", "--format", "sarif", "--mandatory-checks", "E",
			"--template", AssemblyDir(environment) + "/*.template.json",
		},
		programSettings: []string{".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml"},
		reportFormat:    SARIF, inputs: []string{AssemblyDir(environment) + "/**"},
		tools: []string{ToolCfnLint}, needs: []string{string(Synth)},
	}
}

// gateNames returns the names of the steps that must have passed before a deployment to the environment.
func gateNames(c *config.Config, environment string) []string {
	var names []string
	for _, g := range gates(c) {
		names = append(names, g.name)
	}
	for _, s := range c.Pipeline.Steps {
		names = append(names, s.Name)
	}
	return append(names, templateGate(environment).name)
}
