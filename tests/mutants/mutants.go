// Package mutants shows that tests fail when the code that they guard is wrong. A mutant is a small fault in one file.
// It is planted by an overlay of the go command, so the file itself stays as it is, and the tests that guard it must
// then fail.
package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/tests/harness"
	"lockstep/tests/module"
)

// A Mutant is a fault and the tests that must notice it. None lets its tests take memory or files without end.
type Mutant struct {
	// File is the file that is changed, relative to the module's root.
	File string
	// Old is the text that is replaced by New. It must stand in the file exactly once.
	Old, New string
	// Package and Run choose the tests, as arguments of `go test`: a package's path, and a regular expression for -run.
	// An empty Run stands for the tests of Fails.
	Package, Run string
	// Fault says in words what is wrong with the mutant; it may be empty.
	Fault string
	// Fails are the tests that have to fail, all of them: TEST, or TEST/CASE. It is empty if any may.
	Fails []string
	// OtherPackages are tests of other packages that have to fail too, by their package.
	OtherPackages map[string][]string
	// Hangs says that a test fails by never ending. It is ended after hangTimeout.
	Hangs bool
}

// moduleOfEngine is the folder of the Dagger module, which has a go.mod of its own and needs an engine's bindings.
const moduleOfEngine = "./ci"

// composeModule writes the Dagger module with bindings into the folder ci below root. It returns the project of the
// module's tests, which is written there too.
func composeModule(root string) (string, error) {
	if err := module.Compose(harness.Repository(), filepath.Join(root, moduleOfEngine)); err != nil {
		return "", err
	}
	project := filepath.Join(root, "project")
	return project, module.CopyProject(project)
}

// hangTimeout is how long the tests of a mutant that hangs may take.
const hangTimeout = "60s"

// perPackage returns the mutant for the tests of each of its packages.
func (m Mutant) perPackage() []Mutant {
	others := m.OtherPackages
	m.OtherPackages = nil
	all := []Mutant{m}
	for _, folder := range slices.Sorted(maps.Keys(others)) {
		m.Package, m.Fails = folder, others[folder]
		all = append(all, m)
	}
	return all
}

// String returns what the mutant changes, and whose tests have to notice it.
func (m Mutant) String() string {
	return fmt.Sprintf("%s: %q becomes %q, in %s", m.File, m.Old, m.New, m.Package)
}

// Reasons for which a mutant is not killed.
var (
	errSurvived       = errors.New("no test fails")
	errNoTests        = errors.New("no test has such a name")
	errDoesNotCompile = errors.New("the mutant does not compile")
	errFailsAnyway    = errors.New("the tests fail without the mutant too")
	errPasses         = errors.New("these pass with the mutant")
)

// plant returns the mutant's file below root with the fault in it.
func (m Mutant) plant(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return "", err
	}
	planted, err := harness.ReplaceOnce(string(text), m.Old, m.New)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.File, err)
	}
	return planted, nil
}

// check runs the mutant's tests in the module at root and returns nil if they pass without the mutant.
func (m Mutant) check(ctx context.Context, root string) error {
	output, err := m.test(ctx, root, "")
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w\n%s", errFailsAnyway, err, output)
	case strings.Contains(output, "[no tests to run]"):
		return errNoTests
	}
	return nil
}

// kill runs the mutant's tests in the module at root, where they pass, and returns nil if they fail with the mutant. It
// writes into the empty folder dir.
func (m Mutant) kill(ctx context.Context, root, dir string) error {
	planted, err := m.plant(root)
	if err != nil {
		return err
	}
	file := filepath.Join(root, filepath.FromSlash(m.File))
	overlay, err := harness.WriteOverlay(dir, map[string]string{file: planted})
	if err != nil {
		return err
	}
	output, err := m.test(ctx, root, overlay)
	switch {
	case err == nil:
		return errSurvived
	case !strings.Contains(output, "--- FAIL: ") && !strings.Contains(output, "panic: "):
		return fmt.Errorf("%w:\n%s", errDoesNotCompile, output)
	}
	failed := failedTests(output)
	passed := slices.DeleteFunc(slices.Clone(m.Fails), func(name string) bool {
		return slices.Contains(failed, strings.ReplaceAll(name, " ", "_"))
	})
	if len(passed) > 0 {
		return fmt.Errorf("%w: %q", errPasses, passed)
	}
	return nil
}

// failedPattern matches the line of a test that has failed, or was running when the time was over.
var failedPattern = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+) \(|^\t\t(Test\S+) \(`)

// failedTests returns the names of the tests that have failed, as the go command prints them.
func failedTests(output string) []string {
	var names []string
	for _, match := range failedPattern.FindAllStringSubmatch(output, -1) {
		names = append(names, match[1]+match[2])
		if test, _, isCase := strings.Cut(match[2], "/"); isCase { // the test that waits for the case
			names = append(names, test)
		}
	}
	return names
}

// run returns the pattern that chooses the mutant's tests.
func (m Mutant) run() string {
	if m.Run != "" {
		return m.Run
	}
	var names []string
	for _, name := range m.Fails {
		test, _, _ := strings.Cut(name, "/")
		names = append(names, test)
	}
	slices.Sort(names)
	return "^(" + strings.Join(slices.Compact(names), "|") + ")$"
}

// withMemoryLimit is the program that the go command starts tests with: a mutant may take away what bounds memory. The
// limit is in KiB of addresses, of which programs reserve more than they use. Not every system has one.
const withMemoryLimit = `sh -c 'ulimit -v 16777216 2>/dev/null; exec "$0" "$@"'`

// test runs the mutant's tests with an overlay, empty for none, and returns what they print. Symbols for a debugger are
// left out, because it takes time to write them. Tests of the whole program are short, and build it with the overlay.
func (m Mutant) test(ctx context.Context, root, overlay string) (string, error) {
	args := []string{"test", "-vet=off", "-ldflags=-s -w", "-exec", withMemoryLimit, "-run", m.run()}
	environ := os.Environ()
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if strings.HasPrefix(m.Package, "./tests") {
		args = append(args, "-short")
		if overlay != "" {
			environ = append(environ, strings.TrimSpace("GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay))
		}
	}
	if m.Hangs {
		args = append(args, "-timeout", hangTimeout)
	}
	name, dir := m.Package, root
	if name == moduleOfEngine { // a module of its own
		name, dir = ".", filepath.Join(root, name)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, name)...)
	cmd.Dir, cmd.Env = dir, environ
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	return output.String(), err
}
