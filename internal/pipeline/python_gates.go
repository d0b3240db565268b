package pipeline

// pythonProject is the condition of the gates for Python code: a project of Python's in the repository's root, or in a
// folder of it.
var pythonProject = []string{
	"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile",
	"*/pyproject.toml", "*/setup.py", "*/setup.cfg", "*/requirements.txt", "*/Pipfile",
}

// pythonInputs are the files that the gates for Python code read, with the settings of their programs.
var pythonInputs = []string{
	"**/*.py", "**/*.pyi", "**/pyproject.toml", "**/setup.cfg", "!**/.venv/**", "!**/venv/**",
}

// pythonPackageFiles are what the packages of Python are installed from.
var pythonPackageFiles = []string{
	"**/pyproject.toml", "**/setup.py", "**/setup.cfg", "**/uv.lock", "**/uv.toml", "**/poetry.lock", "**/Pipfile",
	"**/Pipfile.lock", "**/pylock.toml", "**/*requirements*.txt", "**/requirements/*.txt", "**/constraints*.txt",
	"!**/.venv/**", "!**/venv/**", "!**/testdata/**",
}

// ruffSettings are the files from which ruff takes settings by itself.
var ruffSettings = []string{"**/ruff.toml", "**/.ruff.toml", "**/pyproject.toml=[tool.ruff"}

// pythonSkips returns the patterns of the Python files in folders of those names, anywhere in a repository. Those of
// node_modules are files of no step.
func pythonSkips(folders ...string) []string {
	var patterns []string
	for _, folder := range folders {
		patterns = append(patterns, "**/"+folder+"/**/*.py", "**/"+folder+"/**/*.pyi")
	}
	return append(patterns, "!"+StateDir+"/**")
}

// The files that the programs for Python code do not look at: for bandit the folders that its arguments exclude, for
// ruff those of its documentation.
// Source: https://docs.astral.sh/ruff/settings/#exclude.
var (
	banditSkips = []string{".venv/**/*.py", "venv/**/*.py", "cdk.out/**/*.py"}
	ruffSkips   = pythonSkips(
		".bzr", ".direnv", ".eggs", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d", ".pyenv",
		".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pypackages__", "_build", "buck-out",
		"dist", "site-packages", "venv",
	)
)

// pythonSettings are the files in which programs for Python code are configured.
var pythonSettings = []string{".pre-commit-config.yaml", "pyproject.toml", "*/pyproject.toml", "setup.cfg", "tox.ini"}

// pythonGates look for defects in Python code. A repository's own settings of a program win: the programs find them
// in the files of pythonInputs.
var pythonGates = []gate{
	{
		name:            "python-format",
		when:            pythonProject,
		stage:           Quality,
		summary:         "Python code has ruff's form",
		image:           ImagePython,
		argv:            []string{"ruff", "format", "--check", "--no-cache", "--no-respect-gitignore", "."},
		programSettings: ruffSettings,
		comments:        `#\s*(fmt|yapf):\s*(off|skip|disable).*`,
		commentFiles:    PythonFiles,
		skips:           ruffSkips,
		inputs:          pythonInputs,
		reportFormat:    RuffFormat,
		tools:           []string{ToolRuff},
	},
	{
		name:            "python-lint",
		when:            pythonProject,
		stage:           Quality,
		summary:         "mistakes in Python code",
		image:           ImagePython,
		argv:            []string{"ruff", "check", "--no-cache", "--no-respect-gitignore", "--output-format", "sarif", "."},
		programSettings: ruffSettings,
		comments:        `#\s*(ruff:\s*|flake8:\s*)?noqa.*`,
		commentFiles:    PythonFiles,
		skips:           ruffSkips,
		inputs:          pythonInputs,
		reportFormat:    SARIF,
		tools:           []string{ToolRuff},
	},
	{
		name:    "python-types",
		when:    pythonProject,
		stage:   Quality,
		summary: "the types of Python code",
		image:   ImagePython,
		// Packages that are not installed have no types. Where the virtual environment is there, it has them.
		ifThere: []string{".venv/bin/python=--python-executable=.venv/bin/python"},
		programSettings: []string{
			"mypy.ini", ".mypy.ini", "pyproject.toml=[tool.mypy", "setup.cfg=[mypy",
		},
		comments:     `#\s*(type:\s*ignore|mypy:).*`,
		commentFiles: PythonFiles,
		skips:        pythonSkips("venv", "cdk.out", "site-packages", "__pycache__", ".*"),
		argv: []string{
			"mypy", "--no-error-summary", "--hide-error-context", "--show-column-numbers", "--cache-dir=/dev/null",
			"--ignore-missing-imports", "--explicit-package-bases", "--namespace-packages",
			"--exclude", `(^|/)(\.venv|venv|node_modules|cdk\.out|\.lockstep)/`, ".",
		},
		inputs:       pythonInputs,
		reportFormat: Mypy,
		tools:        []string{ToolMypy},
	},
	{
		name:    "python-complexity",
		when:    pythonProject,
		stage:   Quality,
		summary: "how complex Python code is: no function worse than C, no average worse than B",
		image:   ImagePython,
		argv: []string{
			"xenon", "--max-absolute", "C", "--max-modules", "C", "--max-average", "B",
			"--ignore", ".venv,venv,node_modules,cdk.out,.lockstep", ".",
		},
		skips:        pythonSkips("venv", "cdk.out", "site-packages", ".*"),
		inputs:       pythonInputs,
		reportFormat: Xenon,
		tools:        []string{ToolXenon},
	},
	{
		name:    "bandit",
		when:    pythonProject,
		stage:   Security,
		summary: "unsafe Python code",
		image:   ImagePython,
		ifThere: []string{"bandit.yaml=--configfile=bandit.yaml"},
		// Otherwise bandit takes .bandit from any folder.
		argv: []string{
			"bandit", "--recursive", "--quiet", "--ignore-nosec", "--ini", ".bandit", "--severity-level", "medium", "--exclude",
			"./.venv/,./venv/,./node_modules/,./cdk.out/,./.lockstep/", "--format", "custom",
			"--msg-template", "{relpath}:{line}: {severity}: {msg} [{test_id}]", ".",
		},
		programSettings: []string{".bandit", "bandit.yaml"},
		skips:           banditSkips,
		inputs:          pythonInputs,
		reportFormat:    Bandit,
		tools:           []string{ToolBandit},
	},
	{
		name:         "python-order",
		when:         pythonSettings,
		whenText:     ToolSsort,
		stage:        Quality,
		summary:      "the order of statements in Python code, where ssort is configured",
		image:        ImagePython,
		argv:         []string{"ssort", "--check"},
		files:        PythonFiles,
		inputs:       pythonSettings,
		reportFormat: Ssort,
		tools:        []string{ToolSsort},
		offline:      true,
	},
	projectGate("python-shed", Quality, "Python code has shed's form, where shed is configured", gate{
		when: pythonSettings, whenText: ToolShed, inputs: append(pythonSettings, PythonFiles...),
		tools: []string{ToolGit, ToolShed}, offline: true,
	}),
	projectGate(pythonPackagesGate, Quality, "the packages of Python can be installed, by their hashes", gate{
		when: pythonProject, image: ImagePython, inputs: pythonPackageFiles, tools: []string{ToolPython, ToolUv},
		caches: []string{CacheUv}, installs: []string{PythonPackagesDir},
	}),
	projectGate("python-tests", Test, "the tests of Python code, with what they cover", gate{
		when: pythonProject, image: ImagePython, inputs: sourceFiles, needs: []string{pythonPackagesGate},
		installed: []string{PythonPackagesDir}, tools: []string{ToolPython, ToolPytest}, offline: true, reportFormat: JUnit,
	}),
}

// PythonFiles are the files of Python code.
var PythonFiles = []string{
	"**/*.py", "**/*.pyi", "!**/.venv/**", "!.venv/**", "!**/venv/**", "!venv/**", "!**/testdata/**", "!**/cdk.out/**",
}
