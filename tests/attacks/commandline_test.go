package attacks

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

func TestCommandLine_IsAttacked(t *testing.T) {
	program, err := harness.BuildProgram(t.TempDir())
	require.NoError(t, err)
	t.Run("with committed state", func(t *testing.T) { attackWithCommittedState(t, program) })
	t.Run("with files that have no end", func(t *testing.T) { attackWithFiles(t, program) })
	t.Run("with links out of the repository", func(t *testing.T) { attackWithLinks(t, program) })
}

// A clone brings along what is committed, in spite of .gitignore.
func attackWithCommittedState(t *testing.T, program *harness.Program) {
	t.Helper()
	for file, clean := range map[string]bool{
		".lockstep/cache/entries/a.json": false, ".env": false, "ci/.env": false, "web/.env": true,
	} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, harness.UsePlatform(dir))
			harness.MustWriteFile(t, filepath.Join(dir, ".gitignore"), ".lockstep\n.env\n")
			harness.MustWriteFile(t, filepath.Join(dir, file), "x")
			runGit(t, dir, "init", "--quiet")
			runGit(t, dir, "add", "--force", file)
			if clean {
				out, status := harness.Run(t, program.Command(dir, "graph"))
				assert.Zero(t, status, out)
				return
			}
			for _, args := range [][]string{
				{"graph"},
				{"config", "validate"},
				{"synth", "--env", "dev"},
				{"plan", "--env", "acc"},
				{"deploy", "--env", "acc"},
				{"status"},
			} {
				out, status := harness.Run(t, program.Command(dir, args...))
				assert.Equal(t, 3, status, out)
				assert.Contains(t, out, "the repository holds "+file)
			}
		})
	}
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	git := exec.Command("git", args...)
	git.Dir = dir
	out, err := git.CombinedOutput()
	require.NoError(t, err, string(out))
}

// useModule names the module that the jobs of a repository call.
func useModule(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "config", "pipeline.yaml")
	text := readFile(t, file)
	const source, module = "\nsource:\n", "  module: github.com/example/lockstep@v1.2.3\n"
	require.Contains(t, text, source)
	harness.MustWriteFile(t, file, strings.Replace(text, source, source+module, 1))
}

// attackWithLinks runs the commands that write into a repository where somebody has committed a link.
func attackWithLinks(t *testing.T, program *harness.Program) {
	t.Helper()
	const kept = "of the person\n"
	initialize := []string{
		"init", "--yes", "--project", "shop", "--tooling", "123456789012", "--env", "dev=111122223333/eu-west-1",
	}
	onFile := func(out string) []string {
		return []string{"on-files", "--files", "README.md", "--out", out, "--", "cat"}
	}
	for name, test := range map[string]struct {
		link, target string // relative to the repository
		args         []string
	}{
		"a file that is extended":     {".gitignore", "../outside/profile", initialize},
		"a file that is not there":    {".gitignore", "../outside/new", initialize},
		"a folder":                    {"config", "../outside", initialize},
		"the folder of job files":     {"buildspecs", "../outside", []string{"workflows", "codebuild", "--write"}},
		"the folder of records":       {"maintenance", "../outside", []string{"maintain", "weekly"}},
		"a folder that the user says": {"notes", "../outside", []string{"maintain", "weekly", "--record", "notes"}},
		"the folder of hooks":         {".githooks", "../outside", []string{"hooks", "install"}},
		"a plan":                      {"p.json", "../outside/new", []string{"plan", "--env", "acc", "--out", "p.json"}},
		"a plan in a folder":          {"out", "../outside", []string{"plan", "--env", "acc", "--out", "out/p.json"}},
		"the board":                   {"board.html", "../outside/new", []string{"board", "--out", "board.html"}},
		"what a program prints":       {"floor", "../outside/new", onFile("floor")},
		"the folder of tools":         {"tools", "../outside", []string{"tools", "install", "--into", "tools/a", "gofumpt"}},
		"a file in a linked folder":   {"floors", "../outside", onFile("floors/sub/floor")},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			dir, outside := filepath.Join(top, "repository"), filepath.Join(top, "outside")
			if test.args[0] == "init" {
				harness.MustWriteFile(t, filepath.Join(dir, "cdk.json"), `{"app":"true"}`)
			} else {
				require.NoError(t, harness.UsePlatform(dir))
				useModule(t, dir)
				harness.MustWriteFile(t, filepath.Join(dir, "README.md"), "text\n")
				runGit(t, dir, "init", "--quiet")
				runGit(t, dir, "config", "core.hooksPath", ".githooks")
			}
			harness.MustWriteFile(t, filepath.Join(outside, "profile"), kept)
			require.NoError(t, os.Symlink(test.target, filepath.Join(dir, test.link)))
			out, status := harness.Run(t, program.Command(dir, test.args...))
			assert.Contains(t, []int{1, 2, 3}, status, out)
			assert.Contains(t, out, test.link)
			assert.Equal(t, kept, readFile(t, filepath.Join(outside, "profile")))
			entries, err := os.ReadDir(outside)
			require.NoError(t, err)
			assert.Len(t, entries, 1, out)
		})
	}
}

// memoryLimit is what a command may take, in kB of addresses; Go reserves one without using it.
const memoryLimit = "4000000"

// attackWithFiles gives a command what ends never or takes gigabytes where it expects a file. The version before waited
// for the pipe and could not be interrupted, and read the device, the brackets and the empty gigabytes into memory.
func attackWithFiles(t *testing.T, program *harness.Program) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, harness.UsePlatform(dir))
	environment := filepath.Join(dir, "config", "environments", "acc.yaml")
	clean := readFile(t, environment)
	for kind, test := range map[string]struct {
		make func(path string) error
		want string // part of the message of a file that must be a regular one
	}{
		"a pipe": {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "a named pipe"},
		"a link to a device": {
			func(path string) error { return os.Symlink("/dev/zero", path) }, "",
		},
		"a folder": {func(path string) error { return os.Mkdir(path, 0o700) }, ""},
		"brackets without end": {
			func(path string) error {
				return os.WriteFile(path, []byte("a: "+strings.Repeat("[", 1<<20)), 0o600)
			}, "",
		},
		"three gigabytes": {
			func(path string) error {
				return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 3<<30))
			}, "larger than",
		},
		"another's secrets": {func(path string) error { return os.Symlink("/etc/shadow", path) }, ""},
	} {
		t.Run(kind, func(t *testing.T) {
			hostile := filepath.Join(t.TempDir(), "hostile.json")
			require.NoError(t, test.make(hostile))
			require.NoError(t, os.RemoveAll(environment))
			require.NoError(t, test.make(environment))
			attackWith(t, program, dir, test.want, "config", "validate")
			attackWith(t, program, dir, test.want, "graph")
			require.NoError(t, os.RemoveAll(environment))
			require.NoError(t, os.WriteFile(environment, []byte(clean), 0o600))
			attackWith(t, program, dir, test.want, "deploy", "--env", "acc", "--plan", hostile)
			attackWith(t, program, dir, test.want, "attest", "verify", hostile)
		})
	}
}

// attackWith runs a command that has to end with a message of its own, in spite of what it is given.
func attackWith(t *testing.T, program *harness.Program, dir, want string, args ...string) {
	t.Helper()
	limited := exec.CommandContext(t.Context(), "/bin/sh", append([]string{
		"-c", "ulimit -v " + memoryLimit + `; exec "$@"`, "sh", program.Path(),
	}, args...)...)
	limited.Dir, limited.Env = dir, program.Environ()
	out, status := harness.Run(t, limited)
	out = out[:min(len(out), 500)]
	assert.Contains(t, []int{1, 2, 3}, status, "%v: %s", args, out)
	assert.NotContains(t, out, "goroutine ", args)
	assert.NotContains(t, out, "out of memory", args)
	assert.NotContains(t, out, "root:", "%v shows what the file holds", args)
	assert.Contains(t, out, want, args)
}
