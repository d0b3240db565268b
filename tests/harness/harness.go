// Package harness holds what the tests from outside share: the program under test, a project to run it in, and small
// helpers that know nothing of what is tested.
package harness

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// platformDir is the configuration of the platform that the tests are about. The product's own configuration may change
// without breaking a test.
const platformDir = "config/testdata/platform"

// Repository returns the root of the code under test: the folder above the running test that holds go.mod.
var Repository = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
	}
	panic(fmt.Sprintf("the tests do not run below the repository's root: %v", err))
})

// Platform returns the configuration of the platform that the tests are about.
func Platform() fs.FS { return os.DirFS(filepath.Join(Repository(), filepath.FromSlash(platformDir))) }

// CopyProject copies what a clone of the repository holds into a new folder, with the fixture platform as its
// configuration. Files and folders whose base name is one of without are left out.
func CopyProject(to string, without ...string) error {
	without = append(without, ".git", ".lockstep", "node_modules")
	err := fs.WalkDir(os.DirFS(Repository()), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(without, entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case slices.Contains(without, entry.Name()): // in a linked worktree .git is a file
			return nil
		}
		target := filepath.Join(to, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(filepath.Join(Repository(), filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return err
	}
	return UsePlatform(to)
}

// UsePlatform makes the fixture platform the configuration of a copy of the repository.
func UsePlatform(dir string) error {
	configuration := filepath.Join(dir, "config")
	files, err := fs.Glob(os.DirFS(configuration), "*.yaml")
	if err != nil {
		return err
	}
	for _, name := range append(files, "environments") {
		if err := os.RemoveAll(filepath.Join(configuration, name)); err != nil {
			return err
		}
	}
	return os.CopyFS(configuration, Platform())
}

// WriteFile writes a text file, and makes the folder that it is in. An existing file keeps its mode.
func WriteFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// MustWriteFile is WriteFile for a test, which it ends when the file cannot be written.
func MustWriteFile(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, WriteFile(path, text))
}

// ReplaceOnce replaces old, which must stand in the text exactly once.
func ReplaceOnce(text, old, replacement string) (string, error) {
	if n := strings.Count(text, old); n != 1 {
		return "", fmt.Errorf("%q stands there %d times, not once", old, n)
	}
	return strings.Replace(text, old, replacement, 1), nil
}

// WriteOverlay writes an overlay for the go command into dir and returns its path. The go command reads the texts
// instead of the files that they are named after, by absolute path; the files stay as they are.
func WriteOverlay(dir string, texts map[string]string) (string, error) {
	replaced := map[string]string{}
	for name, text := range texts {
		file := filepath.Join(dir, fmt.Sprintf("overlay%d.go", len(replaced)))
		if err := WriteFile(file, text); err != nil {
			return "", err
		}
		replaced[name] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, WriteFile(file, string(overlay))
}

// CheckSection compares what stands between two comments of a document with want, or writes it there.
func CheckSection(file, begin, end, want string, write bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, hasBegin := strings.Cut(string(text), begin)
	have, after, hasEnd := strings.Cut(rest, end)
	switch {
	case !hasBegin || !hasEnd:
		return fmt.Errorf("%s lacks the comments %q and %q", file, begin, end)
	case write:
		return os.WriteFile(file, []byte(before+begin+want+end+after), 0o644)
	case have != want:
		return fmt.Errorf("%s differs from what the tests found: run them with -update", file)
	}
	return nil
}

// FreePort returns a TCP port of the loopback interface that nobody listens on.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// FakeToken returns a text that gates take for a secret. It is put together here so that they do not find it in the
// source.
func FakeToken() string {
	return "ghp_" + strings.Join([]string{"Zk3Q", "w9Xv", "B7nT", "p2Lm", "R8sY", "c5Hd", "J4gF", "a6Ke", "U1oI"}, "")
}
