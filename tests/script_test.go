// Package tests holds what can only be tested from outside: the command line as its users see it, the whole deployment against the
// emulated accounts, and the shape of the code.
package tests

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the scripts print into the files that they compare it with")

// repository is the root of the code under test.
var repository = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Dir(dir)
}()

// binaryDir is the folder of the program under test, built once.
var binaryDir string

func TestMain(m *testing.M) {
	if dir := os.Getenv(userVariable); dir != "" {
		if err := useEmulator(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lockstep-bin-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		build := exec.Command("go", "build", "-o", filepath.Join(dir, "lockstep"), ".")
		build.Dir = repository
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "the program does not build: %v\n%s", err, out)
			return 1
		}
		binaryDir = dir
		return m.Run()
	}())
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
			env.Vars = append(userEnviron(), "WORK="+env.WorkDir, "REPOSITORY="+repository)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":  cmdStatus,
			"project": cmdProject,
			"primed":  cmdPrimed,
			"small":   cmdSmall,
			"unused":  cmdUnused,
			"without": cmdWithout,
			"seed":    cmdSeed, "spoil": cmdSpoil, "readonly": cmdReadonly,
		},
		Condition: func(name string) (bool, error) {
			if name == "mounts" {
				return canMount(), nil
			}
			return false, fmt.Errorf("there is no condition %s", name)
		},
	})
}

// userEnviron is the environment of a person at this machine, without AWS credentials, who has the program on the PATH.
func userEnviron() []string {
	var env []string
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "PATH":
			env = append(env, "PATH="+binaryDir+string(os.PathListSeparator)+value)
		case strings.HasPrefix(name, "AWS_") && name != "AWS_CA_BUNDLE", strings.HasPrefix(name, "LOCKSTEP_"):
		default:
			env = append(env, pair)
		}
	}
	return append(env, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
}

// status CODE PROGRAM ARGS... runs the program and checks the status that it ends with.
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
}

// project DIR copies the repository's files into a new folder.
func cmdProject(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: project DIR")
	}
	ts.Check(copyProject(ts.MkAbs(args[0])))
}

// copyProject copies what a clone of the repository would hold.
func copyProject(to string) error {
	return fs.WalkDir(os.DirFS(repository), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch entry.Name() {
		case ".git", ".lockstep", "node_modules", "tests":
			if !entry.IsDir() {
				return nil // in a linked worktree .git is a file
			}
			return fs.SkipDir
		}
		target := filepath.Join(to, name)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
