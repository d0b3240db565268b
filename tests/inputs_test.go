package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

// listedPackage is a package as `go list -json` describes it.
type listedPackage struct {
	Dir    string
	Module *struct{ Main bool }
	// DepOnly reports whether the package is listed only as a dependency.
	DepOnly                       bool
	GoFiles, EmbedFiles           []string
	TestGoFiles, TestEmbedFiles   []string
	XTestGoFiles, XTestEmbedFiles []string
}

// A container has only the files that its step declares, so they must include all that Go compiles and embeds.
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
			isExcluded := excludeFilter(step.Command)
			for _, file := range compiledFiles(t, program == "test" || program == "golangci-lint", patterns) {
				assert.True(t, isExcluded(file) || pipeline.Matches(step.Inputs, file), "%s is compiled and is no input", file)
			}
		})
	}
	assert.Greater(t, seen, 8)
}

// parseCompileCommand returns the package patterns that a command compiles, and the program that compiles them: the
// subcommand of go, or another program. There are no patterns for a command that compiles nothing.
func parseCompileCommand(argv []string) (program string, patterns []string) {
	if i := slices.Index(argv, "--"); i >= 0 {
		argv = argv[i+1:]
	}
	if argv[0] == "sh" {
		argv = strings.Fields(argv[2])
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

// excludeFilter returns a function that reports whether the command excludes a file by -exclude-dir.
func excludeFilter(argv []string) func(string) bool {
	return func(file string) bool {
		for i, word := range argv[1:] {
			if argv[i] == "-exclude-dir" && regexp.MustCompile(word).MatchString(path.Dir(file)) {
				return true
			}
		}
		return false
	}
}

// compiledFiles returns the repository's files that the packages and their dependencies are compiled from, sorted.
func compiledFiles(t *testing.T, withTests bool, patterns []string) []string {
	t.Helper()
	const fields = "Dir,Module,DepOnly,GoFiles,EmbedFiles,TestGoFiles,TestEmbedFiles,XTestGoFiles,XTestEmbedFiles"
	argv := []string{"list", "-json=" + fields, "-deps"}
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
		// A package embeds its sources to compute its version, which leaves out the tests.
		isTest := func(name string) bool { return strings.HasSuffix(name, "_test.go") }
		names := slices.Concat(p.GoFiles, slices.DeleteFunc(p.EmbedFiles, isTest))
		if withTests && !p.DepOnly {
			names = slices.Concat(names, p.TestGoFiles, p.TestEmbedFiles, p.XTestGoFiles, p.XTestEmbedFiles)
		}
		for _, name := range names {
			file := name
			if !filepath.IsAbs(name) {
				file = filepath.Join(p.Dir, name)
			}
			relative, err := filepath.Rel(repository, file)
			require.NoError(t, err)
			if !strings.HasPrefix(relative, "..") { // the generated main package of a test is in the cache
				files = append(files, filepath.ToSlash(relative))
			}
		}
	}
	require.NotEmpty(t, files)
	return slices.Compact(slices.Sorted(slices.Values(files)))
}
