// Package proof proves that the gates find what they claim to find. For each gate it has a seeded defect that the gate
// must find and a clean twin that it must pass, and runs the pinned programs with the commands of the table of steps.
//
// The packages around it run the proofs. A gate whose program takes minutes to build has a package of its own.
package proof

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Repository returns the root of the repository under test.
func Repository() string { return repository() }

// repository finds the root above the working directory, which is the folder of the running test's package.
var repository = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "config", "pipeline.yaml")); err == nil {
			return dir
		}
	}
	panic(fmt.Sprintf("the tests do not run below the repository's root: %v", err))
})

// programDir is the folder of the program under test. It is empty until buildProgram makes it.
var programDir string

// buildProgram builds the program under test once and returns its path.
var buildProgram = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "lockstep-gates-"); err != nil {
		return "", err
	}
	program := filepath.Join(programDir, "lockstep")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = repository()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return program, nil
})

// Main runs a package's tests and removes the program under test.
func Main(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(programDir) // the tests have ended, so there is no way to report it
	os.Exit(code)
}

// Run proves the rows of the named gates, as parallel sub-tests.
func Run(t *testing.T, gates ...string) {
	t.Helper()
	for _, row := range Rows {
		if !slices.Contains(gates, row.Gate) {
			continue
		}
		t.Run(strings.ReplaceAll(row.Gate, ":", "-")+"/"+row.Name, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, row.Prove(t, ""))
		})
	}
}
