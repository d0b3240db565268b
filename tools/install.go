package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
)

// An Installer keeps tools in one folder, which all of a user's projects share.
type Installer struct {
	dir string
	// shared is a folder whose tools are used as long as they are as they were installed; empty for none.
	shared  string
	environ []string
	// progress is called with what the installer is doing, where that takes long.
	progress func(string)
	now      func() time.Time
	// preinstalledDir is a folder whose tools are used as they are.
	preinstalledDir string
	// goVersion returns the version of the machine's Go, which it asks for once.
	goVersion func() string
}

// NewInstaller returns an installer below the user's cache folder, for a caller with an environment as os.Environ
// returns it. It calls progress with what it is doing, where that takes long.
func NewInstaller(environ []string, progress func(string)) (*Installer, error) {
	dir, err := CacheDir(environ)
	dir = filepath.Join(dir, "tools")
	i := NewInstallerIn(dir, environ, progress)
	if own, _ := OwnDir(environ); own != filepath.Dir(dir) {
		i.dir, i.shared = filepath.Join(own, "tools"), dir
	}
	i.preinstalledDir = Getenv(environ, PreinstalledDirVariable)
	return i, err
}

// PreinstalledDirVariable names the variable that holds a folder with tools of the table, each in a folder of its
// name, installed from the same lock files: a container has them in a layer of its image. They are used as they are,
// and never installed again.
const PreinstalledDirVariable = "LOCKSTEP_TOOLS"

// OwnDirVariable names the variable that holds a folder which a step has for itself: this program, run by a step,
// installs tools there if the user's folder does not have them, and keeps there what is private. The user's folders are
// for whoever is not confined.
const OwnDirVariable = "LOCKSTEP_OWN_DIR"

// NewInstallerIn returns an installer below dir.
func NewInstallerIn(dir string, environ []string, progress func(string)) *Installer {
	i := &Installer{dir: dir, environ: environ, progress: progress, now: time.Now}
	i.goVersion = sync.OnceValue(i.queryGoVersion)
	return i
}

// CacheDir returns the folder that Lockstep keeps for a user with this environment, outside of any project.
func CacheDir(environ []string) (string, error) {
	if cache := Getenv(environ, "XDG_CACHE_HOME"); filepath.IsAbs(cache) {
		return filepath.Join(cache, "lockstep"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fault.Errorf(fault.MachineLacks,
			"there is no folder for tools: %w; set HOME or XDG_CACHE_HOME", err)
	}
	return filepath.Join(cache, "lockstep"), nil
}

// OwnDir returns the folder for what a process with this environment keeps: that of its step, or else the user's.
func OwnDir(environ []string) (string, error) {
	if own := Getenv(environ, OwnDirVariable); own != "" {
		return own, nil
	}
	return CacheDir(environ)
}

// makeDir makes the folder of all tools. Only the owner may enter it: others could hold its locks.
func (i *Installer) makeDir() error {
	return ExplainWriteError(i.dir, os.MkdirAll(i.dir, fsx.PrivateDir))
}

// PrivatePath returns the path of a file that is the user's alone, in the user's cache. The error says so if that is in
// the project with that root, which a clone may bring along.
func PrivatePath(environ []string, root, name string) (string, error) {
	cache, err := OwnDir(environ)
	if err != nil {
		return "", err
	}
	if below, err := filepath.Rel(root, cache); err == nil && filepath.IsLocal(below) {
		return "", fault.Errorf(fault.PathUnusable, "%s is in the project", cache)
	}
	return filepath.Join(cache, "private", name), nil
}

// Install installs the tool, unless it is installed, and returns its folder, whose programs are in bin. Two processes
// do not install at the same time. An installation that did not finish, or of which any file is not as it was
// installed, is done again.
func (i *Installer) Install(ctx context.Context, name string) (string, error) {
	if dir, ok := i.preinstalled(name); ok {
		return dir, nil
	}
	if err := fsx.MakePrivate(i.dir); err != nil { // an earlier version let others in
		return "", ExplainWriteError(i.dir, err)
	}
	dir := i.toolDir(name)
	if i.isInstalled(name) {
		return dir, nil
	}
	if err := i.makeDir(); err != nil {
		return "", err
	}
	lock := flock.New(dir + ".lock")
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		return "", ExplainWriteError(i.dir, err)
	}
	if i.isInstalled(name) { // by the process that had the lock
		return dir, nil
	}
	tool := pipeline.Tools[name]
	i.progress(fmt.Sprintf("installing %s %s, once: %s", name, tool.Version, tool.Purpose))
	started := i.now()
	if err := i.build(ctx, name, dir); err != nil {
		_ = os.RemoveAll(dir) // without a completion file it does not count as installed
		return "", err
	}
	i.progress(fmt.Sprintf("installed %s in %.0f s", name, i.now().Sub(started).Seconds()))
	return dir, nil
}

// preinstalled returns the folder of a tool that is used as it is; ok is false if the tool is none.
func (i *Installer) preinstalled(name string) (dir string, ok bool) {
	if i.preinstalledDir == "" {
		return "", false
	}
	dir = filepath.Join(i.preinstalledDir, name)
	_, err := os.Lstat(filepath.Join(dir, "bin", pipeline.Tools[name].Names[0]))
	return dir, err == nil
}

// ReadFile returns the content of a file of the tool, as it was installed. It installs the tool if it has to. Of the
// other files it says nothing: who runs the tool calls Install.
func (i *Installer) ReadFile(ctx context.Context, name, file string) ([]byte, error) {
	if _, ok := i.preinstalled(name); !ok {
		if err := fsx.MakePrivate(i.dir); err != nil {
			return nil, ExplainWriteError(i.dir, err)
		}
		if text, err := readInstalled(i.toolDir(name), file); err == nil {
			return text, nil
		}
	}
	dir, err := i.Install(ctx, name)
	if err != nil {
		return nil, err
	}
	return fsx.ReadFile(filepath.Join(dir, filepath.FromSlash(file)), fsx.MaxText)
}

// lockInterval is how often a process that waits for another's installation looks whether it has ended.
const lockInterval = 100 * time.Millisecond

// layout ends the names of folders with a manifest. Older programs have made folders without.
const layout = "-m"

// toolDir returns the tool's folder, which is another one for other lock files. A tool that is built with Go has a
// folder for each version of Go, because a linter that was built with an older Go cannot read code for a newer one.
func (i *Installer) toolDir(name string) string {
	tool := pipeline.Tools[name]
	folder := fmt.Sprintf("%s-%s-%s%s", name, tool.Version, Sum(name)[:12], layout)
	if tool.Kind == pipeline.GoModule {
		folder += i.goVersion()
	}
	if shared := filepath.Join(i.shared, folder); i.shared != "" && checkManifest(shared) == nil {
		return shared
	}
	return filepath.Join(i.dir, folder)
}

// queryGoVersion returns the version of the machine's Go as a suffix of a folder's name. It is empty if there is no
// Go, in which case nothing can be built with it.
func (i *Installer) queryGoVersion() string {
	program, err := FindProgram(i.environ, pipeline.ToolGo)
	if err != nil {
		return ""
	}
	cmd := process.Command(context.Background(), program, "env", "GOVERSION")
	cmd.Env = i.environ
	version, err := cmd.Output()
	if err != nil {
		return ""
	}
	return "-" + strings.TrimSpace(string(version))
}

// isInstalled reports whether the tool is as it was installed.
func (i *Installer) isInstalled(name string) bool { return checkManifest(i.toolDir(name)) == nil }

// programFiles returns the programs that an installed tool has, relative to its folder.
func programFiles(name string) []string {
	tool := pipeline.Tools[name]
	var out []string
	for _, program := range tool.Names {
		out = append(out, "bin/"+program)
	}
	if tool.Kind == pipeline.PythonPackages {
		out = append(out, MinistackPython) // every virtual environment has it there
	}
	return out
}

// Invalidate makes the next Install install the tool again, because it turned out to be broken.
func (i *Installer) Invalidate(name string) error {
	return os.Remove(filepath.Join(i.toolDir(name), completionFile))
}

// A State says whether a tool is installed.
type State string

// The states of a tool.
const (
	Absent    State = "not installed"
	Installed State = "installed"
	Damaged   State = "damaged"
)

// State returns the state of a tool and the tool's folder, which need not exist.
func (i *Installer) State(name string) (State, string) {
	dir := i.toolDir(name)
	if i.isInstalled(name) {
		return Installed, dir
	}
	if _, err := os.Stat(dir); err != nil {
		return Absent, dir
	}
	return Damaged, dir
}

// build installs the tool in its folder and shows that it runs, before the folder counts as complete.
func (i *Installer) build(ctx context.Context, name, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return ExplainWriteError(i.dir, err)
	}
	if err := os.CopyFS(dir, lockFiles(name)); err != nil {
		return ExplainWriteError(i.dir, err)
	}
	tool := pipeline.Tools[name]
	commands := tool.InstallCommands()
	if len(tool.VersionArgs) > 0 {
		commands = append(commands, append([]string{"bin/" + tool.Names[0]}, tool.VersionArgs...))
	}
	for _, argv := range commands {
		if err := i.runCommand(ctx, dir, argv, tool.InstallEnv()); err != nil {
			return fault.Wrap(fault.ToolNotInstalled, fmt.Errorf("%s could not be installed: %w", name, err))
		}
	}
	for _, file := range programFiles(name) {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			return fmt.Errorf("%s could not be installed: %w", name, err)
		}
	}
	return ExplainWriteError(i.dir, writeManifest(dir))
}

// pythonVariables name what makes Python and pip work outside of the tool's folder.
var pythonVariables = []string{
	"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER",
}

// stopTimeout is how long a command of an interrupted installation may take to end by itself.
const stopTimeout = time.Second

// maxShownLines is how many lines of a failed command's output are shown.
const maxShownLines = 12

// runCommand runs one command of an installation in dir. It uses the caller's settings of proxies, certificates and
// package indexes.
func (i *Installer) runCommand(ctx context.Context, dir string, argv []string, settings map[string]string) error {
	program := filepath.Join(dir, argv[0]) // one that was installed before
	if filepath.Base(argv[0]) == argv[0] {
		var err error
		if program, err = FindProgram(i.environ, argv[0]); err != nil {
			return err
		}
	}
	cmd := process.TableCommand(ctx, append([]string{program}, argv[1:]...))
	cmd.Dir = dir
	cmd.Env = withoutVars(i.environ, pythonVariables)
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := process.RunGroup(cmd, stopTimeout)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case IsDiskFullOutput(out.String()), isDiskFull(dir):
		return ExplainWriteError(i.dir, syscall.ENOSPC)
	}
	command := strings.Join(argv[:min(len(argv), 4)], " ")
	return fmt.Errorf("%s: %w\n%s", command, err, LastLines(out.String(), maxShownLines))
}

// ExplainWriteError adds to an error of writing to a folder what to do about it.
func ExplainWriteError(dir string, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fsx.NewExplainedError(fault.DiskFull,
			fmt.Sprintf("the disk that holds %s is full: make room there, then run this again (%v)", dir, err), err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fsx.NewExplainedError(fault.NotPermitted,
			fmt.Sprintf("%s cannot be written: make it writable, then run this again (%v)", dir, err), err)
	}
	return err
}

// diskFullPhrases are what programs print when the disk is full, in the words of Linux, macOS and Node.js.
var diskFullPhrases = []string{"No space left on device", "ENOSPC", "Disk quota exceeded"}

// IsDiskFullOutput reports whether a program's output says that the disk is full.
func IsDiskFullOutput(output string) bool {
	return slices.ContainsFunc(diskFullPhrases, func(phrase string) bool { return strings.Contains(output, phrase) })
}

// minDiskBytes is less room than any installation needs.
const minDiskBytes = 16 << 20

// isDiskFull reports whether the disk of a folder has no room left. Some programs fail on that without saying so, and
// some remove what they had written before they end.
func isDiskFull(dir string) bool {
	var disk unix.Statfs_t
	return unix.Statfs(dir, &disk) == nil && disk.Bavail*uint64(disk.Bsize) < minDiskBytes
}

// FindProgram returns the path of a program in the folders, or else on the PATH of an environment.
func FindProgram(environ []string, name string, dirs ...string) (string, error) {
	for _, dir := range slices.Concat(dirs, filepath.SplitList(Getenv(environ, "PATH"))) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fault.Errorf(fault.ToolMissing, "%s is not on the PATH; `lockstep doctor` says what to do", name)
}

// Getenv returns the value of a variable in an environment as os.Environ returns it. The last one counts.
func Getenv(environ []string, name string) string {
	value := ""
	for _, pair := range environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// withoutVars returns the environment without the named variables.
func withoutVars(environ, names []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(names, name)
	})
}

// LastLines returns the last n lines of a text, indented.
func LastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-n):]
	return "  " + strings.Join(lines, "\n  ")
}
