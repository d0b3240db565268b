package tools

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// An Installer keeps tools in a folder that all of a user's projects share.
type Installer struct {
	dir     string
	environ []string
	say     func(string)
}

// NewInstaller installs below the user's cache folder, with the caller's environment as os.Environ gives it, and tells say of what
// takes long.
func NewInstaller(environ []string, say func(string)) (*Installer, error) {
	dir, err := cacheDir(environ)
	return &Installer{dir: dir, environ: environ, say: say}, err
}

// cacheDir is where the tools of a user with this environment are kept.
func cacheDir(environ []string) (string, error) {
	if cache := Lookup(environ, "XDG_CACHE_HOME"); filepath.IsAbs(cache) {
		return filepath.Join(cache, "lockstep", "tools"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for tools: %w; set HOME or XDG_CACHE_HOME", err)
	}
	return filepath.Join(cache, "lockstep", "tools"), nil
}

// complete is the file that an installation ends with.
const complete = "complete"

// Install returns the folder of the tool, after installing it unless that was done. Two processes do not install at once, and an
// installation that broke off is done again.
func (i *Installer) Install(ctx context.Context, t Tool) (string, error) {
	dir, err := i.place(t)
	if err != nil {
		return "", err
	}
	if installed(dir, t) {
		return dir, nil
	}
	if err := os.MkdirAll(i.dir, 0o755); err != nil {
		return "", NoRoom(i.dir, err)
	}
	lock := flock.New(dir + ".lock")
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", NoRoom(i.dir, err)
	}
	if installed(dir, t) {
		return dir, nil
	}
	i.say("installing " + t.about)
	started := time.Now()
	if err := i.build(ctx, t, dir); err != nil {
		_ = os.RemoveAll(dir) // what is left of it counts as not installed anyway
		return "", err
	}
	i.say(fmt.Sprintf("installed %s in %.0f s", t.Name, time.Since(started).Seconds()))
	return dir, nil
}

// place is the tool's folder: another version of its lock files has another one.
func (i *Installer) place(t Tool) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(t.lockFiles(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(t.lockFiles(), name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		return err
	})
	fmt.Fprint(sum, t.commands)
	return filepath.Join(i.dir, t.Name+"-"+hex.EncodeToString(sum.Sum(nil))[:12]), err
}

// installed says whether the tool is there and was installed to the end. A virtual environment whose Python was removed is not there.
func installed(dir string, t Tool) bool {
	for _, file := range []string{complete, t.Program} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			return false
		}
	}
	return true
}

// Forget makes the next Install do it again, for a tool that turned out to be broken.
func (i *Installer) Forget(t Tool) error {
	dir, err := i.place(t)
	if err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, complete))
}

func (i *Installer) build(ctx context.Context, t Tool, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return NoRoom(i.dir, err)
	}
	if err := os.CopyFS(dir, t.lockFiles()); err != nil {
		return NoRoom(i.dir, err)
	}
	for _, argv := range t.commands {
		if err := i.command(ctx, dir, argv); err != nil {
			return fmt.Errorf("%s could not be installed: %w", t.Name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, complete), nil, 0o644); err != nil {
		return NoRoom(i.dir, err)
	}
	return nil
}

// command runs one command of an installation, with the caller's settings of proxies, certificates and package indexes.
func (i *Installer) command(ctx context.Context, dir string, argv []string) error {
	program, err := Find(i.environ, dir, argv[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(without(i.environ, "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"), "PIP_NO_COMPILE=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	InGroup(cmd)
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case Full(out.String()), crammed(dir):
		return NoRoom(i.dir, syscall.ENOSPC)
	}
	return fmt.Errorf("%s: %w\n%s", strings.Join(argv[:min(len(argv), 4)], " "), err, LastLines(out.String(), 12))
}

// NoRoom says what to do when a folder cannot be written.
func NoRoom(dir string, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk that holds %s is full: make room there, then run this again (%w)", dir, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s cannot be written: make it writable, then run this again (%w)", dir, err)
	}
	return err
}

// Full says whether a program's output tells of a full disk.
func Full(output string) bool {
	return strings.Contains(output, "No space left on device") || strings.Contains(output, "ENOSPC") || strings.Contains(output, "Disk quota exceeded")
}

// crammed says whether the disk of a folder has no room left: some programs fail on that without saying so.
func crammed(dir string) bool {
	const tooLittle = 1 << 20 // bytes
	var disk unix.Statfs_t
	return unix.Statfs(dir, &disk) == nil && disk.Bavail*uint64(disk.Bsize) < tooLittle
}

// Find is the program's path: one of the folder's own, or one on the caller's PATH.
func Find(environ []string, dir, program string) (string, error) {
	if filepath.Base(program) != program {
		return filepath.Join(dir, program), nil
	}
	for _, on := range filepath.SplitList(Lookup(environ, "PATH")) {
		path := filepath.Join(on, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on the PATH; `lockstep doctor` says what to do", program)
}

// Lookup is the value of a variable in an environment as os.Environ gives it; the last one counts.
func Lookup(environ []string, name string) string {
	value := ""
	for _, pair := range environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// without leaves variables out.
func without(environ []string, names ...string) []string {
	var kept []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		left := false
		for _, n := range names {
			left = left || n == name
		}
		if !left {
			kept = append(kept, pair)
		}
	}
	return kept
}

// LastLines is the end of a text, indented.
func LastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-n):]
	return "  " + strings.Join(lines, "\n  ")
}

// InGroup makes an interrupt end the command with all its children.
func InGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
}
