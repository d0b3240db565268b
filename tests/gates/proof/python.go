package proof

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pythonRows are the proofs of the gates for Python code.
var pythonRows = []Row{
	pythonRow("python-format", "code that is not formatted", "ruff-format", "app.py",
		"def double( n: int ) -> int:\n    return 2*n\n", "def double(n: int) -> int:\n    return 2 * n\n"),
	pythonRow("python-lint", "an import that nothing uses", "F401", "app.py:1",
		"import os\n\n\ndef one() -> int:\n    return 1\n", "import os\n\n\ndef name() -> str:\n    return os.name\n"),
	pythonRow("python-types", "a value of another type", "return-value", "app.py:2",
		"def name(n: int) -> str:\n    return n\n", "def name(n: int) -> str:\n    return str(n)\n"),
	pythonRow("python-complexity", "a function with too many branches", "xenon", "app.py:1",
		branches(24), branches(3)),
	pythonRow("bandit", "a command that a shell runs", "B602", "app.py:5",
		runner("cmd, shell=True"), runner("[cmd]")),
}

// pythonRow returns a row about one file of a project in Python.
func pythonRow(gate, name, rule, location, defect, twin string) Row {
	return Row{
		Gate: gate, Name: name, files: oneFile("pyproject.toml", "[project]\nname = \"proof\"\nversion = \"1.0.0\"\n"),
		defect: oneFile("app.py", defect), twin: oneFile("app.py", twin), rule: rule, location: location,
		prepareDefect: removeSite, prepareTwin: removeSite,
	}
}

// removeSite removes the site of the documentation, which has Python code of its own, about something else.
func removeSite(t testing.TB, p *Project) {
	require.NoError(t, os.RemoveAll(filepath.Join(p.Root, "tools", "mkdocs")))
}

// branches returns a function with n branches.
func branches(n int) string {
	return "def pick(n: int) -> int:\n" + strings.Repeat("    if n > 1:\n        n -= 1\n", n) + "    return n\n"
}

// runner returns a function that runs a command with those arguments.
func runner(arguments string) string {
	return "import subprocess\n\n\ndef run(cmd: str) -> None:\n    subprocess.call(" + arguments + ")\n"
}
