// Package mutants shows that tests fail when the code that they guard is wrong. A mutant is a small fault in one file.
// It is planted by an overlay of the go command, so the file itself stays as it is, and the tests that guard it must
// then fail.
package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lockstep/tests/harness"
)

// A Mutant is a fault and the tests that must notice it.
type Mutant struct {
	// File is the file that is changed, relative to the module's root.
	File string
	// Old is the text that is replaced by New. It must stand in the file exactly once.
	Old, New string
	// Package and Run choose the tests, as arguments of `go test`: a package's path, and a regular expression for -run.
	Package, Run string
}

// String returns what the mutant changes.
func (m Mutant) String() string { return fmt.Sprintf("%s: %q becomes %q", m.File, m.Old, m.New) }

// Reasons for which a mutant is not killed.
var (
	errSurvived       = errors.New("no test fails")
	errNoTests        = errors.New("no test has such a name")
	errDoesNotCompile = errors.New("the mutant does not compile")
	errFailsAnyway    = errors.New("the tests fail without the mutant too")
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

// kill runs the mutant's tests in the module at root and returns nil if they pass without the mutant and fail with it.
// It writes into the empty folder dir.
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
	if output, err := m.test(ctx, root); err != nil {
		return fmt.Errorf("%w: %w\n%s", errFailsAnyway, err, output)
	} else if strings.Contains(output, "[no tests to run]") {
		return errNoTests
	}
	output, err := m.test(ctx, root, "-overlay", overlay)
	switch {
	case err == nil:
		return errSurvived
	case !strings.Contains(output, "--- FAIL: ") && !strings.Contains(output, "panic: "):
		return fmt.Errorf("%w:\n%s", errDoesNotCompile, output)
	}
	return nil
}

// test runs the mutant's tests and returns what they print. The go command takes the result of tests that have passed
// on the same files from its cache.
func (m Mutant) test(ctx context.Context, root string, flags ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"test"}, flags...), "-run", m.Run, m.Package)...)
	cmd.Dir = root
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	return output.String(), err
}
