// Package tests holds what can only be tested from outside: the command line as its users see it, the whole deployment
// against the emulated accounts, and the shape of the code.
package tests

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/internal/fault"
	"lockstep/tests/harness"
)

var update = flag.Bool("update", false, "write what the scripts print into the files that they compare it with")

// repository is the root of the code under test.
var repository = harness.Repository()

// program is the program under test, built once.
var program *harness.Program

func TestMain(m *testing.M) {
	if dir := os.Getenv(userVariable); dir != "" {
		if err := useEmulator(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	harness.MainWithProgram(m, "tests", &program)
}

func TestCommandLine(t *testing.T) {
	runScripts(t, "scripts")
}

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(program.Environ(), "WORK="+env.WorkDir, "REPOSITORY="+repository, "BUILD_CACHE="+buildCache())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  cmdStatus,
			"project": cmdProject,
			"primed":  cmdPrimed,
			"small":   cmdSmall,
			"unused":  cmdUnused,
			"without": cmdWithout,
			"seed":    cmdSeed, "digest": cmdDigest, "spoil": cmdSpoil, "readonly": cmdReadonly,
		},
		Condition: func(name string) (bool, error) {
			if name == "mounts" {
				return canMount(), nil
			}
			return false, fmt.Errorf("there is no condition %s", name)
		},
	})
}

// buildCache returns the folder of Go's build cache.
func buildCache() string {
	if dir := os.Getenv("GOCACHE"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "go-build")
}

// status CODE PROGRAM ARGS... runs the program and checks its exit status. Where lockstep fails or refuses, it has to
// print a code that it can explain, and the exit status has to be the one that the table has for the first of them.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("status %d instead of %d", got, want)
	}
	if args[1] == "lockstep" && got != 0 {
		ts.Check(checkPrintedCode(ts.ReadFile("stdout")+ts.ReadFile("stderr"), got))
	}
}

// printedCode matches a code where the program prints one: before a message, or as a field of JSON.
var printedCode = regexp.MustCompile(`(?m)(?:^|[ "])(LS-\d{3})(?:: |"|$)`)

// checkPrintedCode returns an error unless a program that ended with that status has printed a code with it.
func checkPrintedCode(output string, status int) error {
	matches := printedCode.FindAllStringSubmatch(output, -1)
	for _, match := range matches {
		entry, known := fault.Lookup(fault.Code(match[1]))
		if !known {
			return fmt.Errorf("there is no code %s", match[1])
		}
		if entry.Exit == status && entry.Code != fault.Unexpected {
			return nil
		}
	}
	return fmt.Errorf("it ended with %d and printed no code of that exit status, but %v", status, matches)
}

// project DIR copies the repository's files into a new folder, with the fixture platform as its configuration.
func cmdProject(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: project DIR")
	}
	ts.Check(harness.CopyProject(ts.MkAbs(args[0]), "tests"))
}
