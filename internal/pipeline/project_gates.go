package pipeline

// The folders into which gates install the packages of a repository, by language. The gates that need the packages run
// on a copy of the repository, with these folders and without the network.
const (
	packagesDir       = StateDir + "/packages"
	PythonPackagesDir = packagesDir + "/python"
	NodePackagesDir   = packagesDir + "/node"
	JavaPackagesDir   = packagesDir + "/java"
)

// The gates that install packages.
const (
	pythonPackagesGate = "python-packages"
	nodePackagesGate   = "node-packages"
	javaPackagesGate   = "java-packages"
)

// sourceFiles are the files that the tests of a repository may read: all but dependencies, caches and outputs.
var sourceFiles = []string{
	"**", "!cdk.out/**", "!**/cdk.out/**", "!.venv/**", "!**/.venv/**", "!venv/**", "!**/venv/**", "!**/__pycache__/**",
	"!**/.pytest_cache/**", "!**/.mypy_cache/**", "!**/.ruff_cache/**", "!**/.gradle/**", "!**/*.tsbuildinfo",
	"!**/*.egg-info/**",
}

// projectGate returns a gate of this program that runs what a repository's own settings and packages say.
func projectGate(name string, stage Stage, summary string, g gate) gate {
	g.name, g.stage, g.summary = name, stage, summary
	if g.reportFormat == "" {
		g.reportFormat = SARIF
	}
	if g.image == "" {
		g.image = ImageGo
	}
	return g
}

// nodeProject is the condition of the gates for TypeScript and JavaScript: a package in the repository's root, or in a
// folder of it.
var nodeProject = []string{"package.json", "*/package.json"}

// NodePackageFiles are what the packages of Node are installed from.
var NodePackageFiles = []string{
	"**/package.json", "**/package-lock.json", "**/npm-shrinkwrap.json", "**/pnpm-lock.yaml", "**/pnpm-workspace.yaml",
	"**/yarn.lock", "**/.npmrc", "**/.yarnrc", "**/.yarnrc.yml", "**/.yarn/**", "**/patches/**", "**/.pnpmfile.cjs",
}

var nodeTools = []string{ToolNode, ToolNpm, ToolPnpm, ToolYarn}

// nodeGate returns a gate that runs programs of the installed packages of Node.
func nodeGate(name string, stage Stage, summary string, format Format) gate {
	return projectGate(name, stage, summary, gate{
		when: nodeProject, inputs: sourceFiles, needs: []string{nodePackagesGate}, installed: []string{NodePackagesDir},
		tools: nodeTools, offline: true, reportFormat: format,
	})
}

// nodeGates check code in TypeScript and JavaScript with the repository's own programs.
var nodeGates = []gate{
	projectGate(nodePackagesGate, Quality, "the packages of Node can be installed, as the lock files have them", gate{
		when: nodeProject, inputs: NodePackageFiles, tools: nodeTools, caches: []string{CacheNpm},
		installs: []string{NodePackagesDir},
	}),
	nodeGate("node-types", Quality, "the types of TypeScript, with the repository's own compiler", SARIF),
	nodeGate("node-lint", Quality, "what the repository's own linter finds, ESLint or the script lint", SARIF),
	nodeGate("node-format", Quality, "files have the form of the repository's own Prettier", SARIF),
	nodeGate("node-tests", Test, "the script test of each package", JUnit),
}

// JavaProjectFiles are the files that a project in Java has at its root or a folder below it. They are the condition of
// the gates for Java.
var JavaProjectFiles = []string{
	"pom.xml", "*/pom.xml", "build.gradle", "build.gradle.kts", "*/build.gradle", "*/build.gradle.kts",
}

// javaGates compile Java code and run its tests.
var javaGates = []gate{
	projectGate(javaPackagesGate, Quality, "the Java code compiles, and what its build needs can be had", gate{
		when: JavaProjectFiles, inputs: append([]string{"!**/target/**", "!target/**", "!**/build/**"}, sourceFiles...),
		tools: []string{ToolJava}, installs: []string{JavaPackagesDir},
	}),
	projectGate("java-tests", Test, "the tests of Java code, with Maven or Gradle", gate{
		when: JavaProjectFiles, inputs: sourceFiles, needs: []string{javaPackagesGate}, installed: []string{JavaPackagesDir},
		tools: []string{ToolJava}, offline: true, reportFormat: JUnit,
	}),
}
