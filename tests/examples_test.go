package tests

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moduleChain matches a chain of calls on the module, in Go, Python and TypeScript.
var moduleChain = regexp.MustCompile(`\b(?:lockstep|dag\.[lL]ockstep\((?:\([^()]*\)|[^()])*\))((?:\.\w+\([^()]*\))+)`)

// chainedCall matches a call in a chain.
var chainedCall = regexp.MustCompile(`\.(\w+)\(`)

// exampleCalls returns the arguments of `dagger call` that do what the code of an example does.
func exampleCalls(text string) [][]string {
	var calls [][]string
	for _, chain := range moduleChain.FindAllStringSubmatch(text, -1) {
		call := []string{"call"}
		for _, name := range chainedCall.FindAllStringSubmatch(chain[1], -1) {
			call = append(call, strings.ReplaceAll(kebabCase(name[1]), "_", "-"))
			if len(call) == 2 && call[1] == "environment" {
				call = append(call, "--name", "acc")
			}
		}
		calls = append(calls, call)
	}
	return calls
}

// shellCalls returns the arguments of the calls in the example of the shell.
func shellCalls(text string) [][]string {
	var calls [][]string
	for line := range strings.Lines(text) {
		if arguments, ok := strings.CutPrefix(line, "lockstep "); ok {
			calls = append(calls, append([]string{"call"}, strings.Fields(arguments)...))
		}
	}
	return calls
}

func TestExamples_CallWhatTheModuleHas(t *testing.T) {
	module := readModule(t, os.DirFS(repository))
	for name, calls := range map[string]func(string) [][]string{
		"go/main.go": exampleCalls, "python/main.py": exampleCalls, "typescript/index.ts": exampleCalls,
		"shell/release.sh": shellCalls,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(repository, "examples", filepath.FromSlash(name)))
			require.NoError(t, err)
			found := calls(string(text))
			assert.GreaterOrEqual(t, len(found), 3, "%v", found)
			for _, call := range found {
				assert.NoError(t, module.check(call, false), "%v", call)
			}
			assert.FileExists(t, filepath.Join(repository, "examples", filepath.Dir(name), "README.md"))
		})
	}
	assert.Error(t, module.check(exampleCalls("dag.Lockstep(o).Environment(e).Deploy().Numbers(ctx)")[0], false),
		"a function that the module does not have")
}

func TestExamples_HaveNoMistakesOfSyntax(t *testing.T) {
	examples := filepath.Join(repository, "examples")
	_, err := parser.ParseFile(token.NewFileSet(), filepath.Join(examples, "go/main.go"), nil, parser.AllErrors)
	require.NoError(t, err)
	for _, argv := range [][]string{
		{"bash", "-n", "shell/release.sh"},
		{"python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", "python/main.py"},
	} {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = examples
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%v: %s", argv, out)
	}
}
