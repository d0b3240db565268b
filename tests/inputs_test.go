package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

// listedPackage is what Go says that a package is made of.
type listedPackage struct {
	Dir    string
	Module *struct{ Main bool }
	// DepOnly says that it is there only because another one needs it.
	DepOnly                       bool
	GoFiles, EmbedFiles           []string
	TestGoFiles, TestEmbedFiles   []string
	XTestGoFiles, XTestEmbedFiles []string
}

// A container has no file that its step does not declare, so what Go compiles and embeds has to be among them.
func TestSteps_DeclareCompiledFiles(t *testing.T) {
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	seen := 0
	for _, step := range append(pipeline.Steps(c), pipeline.BinaryStep) {
		program, patterns := parseCompileCommand(step.Command)
		if len(patterns) == 0 {
			continue
		}
		seen++
		t.Run(step.Name, func(t *testing.T) {
			passedOver := excludeFilter(step.Command)
			for _, file := range compiledFiles(t, program == "test" || program == "golangci-lint", patterns) {
				assert.True(t, passedOver(file) || pipeline.Matches(step.Inputs, file), "%s is compiled and is no input", file)
			}
		})
	}
	assert.Greater(t, seen, 8)
}

// parseCompileCommand are the packages that a command compiles, and the program, or Go's own command, that does.
func parseCompileCommand(argv []string) (program string, patterns []string) {
	if i := slices.Index(argv, "--"); i >= 0 {
		argv = argv[i+1:]
	}
	for _, word := range argv {
		if word == "." || strings.HasPrefix(word, "./") {
			patterns = append(patterns, word)
		}
	}
	switch program = argv[0]; program {
	case "go":
		return argv[1], patterns
	case "golangci-lint", "gosec", "govulncheck":
		return program, patterns
	}
	return program, nil
}

// excludeFilter says of which files a command is told not to look at them.
func excludeFilter(argv []string) func(string) bool {
	return func(file string) bool {
		for i, word := range argv[1:] {
			if argv[i] == "-exclude-dir" && strings.HasPrefix(file, word+"/") {
				return true
			}
		}
		return false
	}
}

// compiledFiles are the repository's files that the packages and all that they import are made of.
func compiledFiles(t *testing.T, withTests bool, patterns []string) []string {
	t.Helper()
	argv := []string{"list", "-json=Dir,Module,DepOnly,GoFiles,EmbedFiles,TestGoFiles,TestEmbedFiles,XTestGoFiles,XTestEmbedFiles", "-deps"}
	if withTests {
		argv = append(argv, "-test")
	}
	cmd := exec.Command("go", append(argv, patterns...)...)
	cmd.Dir = repository
	out, err := cmd.Output()
	require.NoError(t, err)
	var files []string
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if p.Module == nil || !p.Module.Main {
			continue
		}
		// Of the code that a package embeds to know its own version, tests are no part that counts.
		parts := slices.Concat(p.GoFiles, slices.DeleteFunc(p.EmbedFiles, func(name string) bool { return strings.HasSuffix(name, "_test.go") }))
		if withTests && !p.DepOnly {
			parts = slices.Concat(parts, p.TestGoFiles, p.TestEmbedFiles, p.XTestGoFiles, p.XTestEmbedFiles)
		}
		for _, name := range parts {
			file := name
			if !filepath.IsAbs(name) {
				file = filepath.Join(p.Dir, name)
			}
			relative, err := filepath.Rel(repository, file)
			require.NoError(t, err)
			if !strings.HasPrefix(relative, "..") { // the main function that Go writes for a test lies in its cache
				files = append(files, filepath.ToSlash(relative))
			}
		}
	}
	require.NotEmpty(t, files)
	return slices.Compact(slices.Sorted(slices.Values(files)))
}
