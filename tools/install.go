package tools

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"lockstep/internal/pipeline"
)

// An Installer keeps tools in one folder, which all of a user's projects share.
type Installer struct {
	dir      string
	environ  []string
	progress func(string)
	// preinstalledDir is a folder whose tools are taken as they are.
	preinstalledDir string
	// goVersion is the version of the machine's Go, asked once.
	goVersion func() string
}

// NewInstaller installs below the user's cache folder, with the caller's environment as os.Environ gives it, and tells say of what
// takes long.
func NewInstaller(environ []string, say func(string)) (*Installer, error) {
	dir, err := cacheDir(environ)
	i := NewInstallerIn(dir, environ, say)
	i.preinstalledDir = Getenv(environ, PreinstalledDirVariable)
	return i, err
}

// PreinstalledDirVariable names a folder that holds tools of the table, each in a folder of its name, made for this machine from the same lock files: a
// container has them in a layer of its image. They are used as they are, and never installed again.
const PreinstalledDirVariable = "LOCKSTEP_TOOLS"

// NewInstallerIn installs below that folder.
func NewInstallerIn(dir string, environ []string, say func(string)) *Installer {
	i := &Installer{dir: dir, environ: environ, progress: say}
	i.goVersion = sync.OnceValue(i.queryGoVersion)
	return i
}

// cacheDir is where the tools of a user with this environment are kept.
func cacheDir(environ []string) (string, error) {
	if cache := Getenv(environ, "XDG_CACHE_HOME"); filepath.IsAbs(cache) {
		return filepath.Join(cache, "lockstep", "tools"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for tools: %w; set HOME or XDG_CACHE_HOME", err)
	}
	return filepath.Join(cache, "lockstep", "tools"), nil
}

// completionFile is the file that an installation ends with: the size and sum of each of the tool's programs.
const completionFile = "complete"

// program is one of an installed tool's programs, as it was when it was installed.
type program struct {
	Size int64  `json:"size"`
	Sum  string `json:"sum"`
}

// Install returns the tool's folder, whose programs are in bin/, after installing it unless that was done. Two processes do not install at
// once, and an installation that broke off, or whose programs are not what they were, is done again.
func (i *Installer) Install(ctx context.Context, name string) (string, error) {
	if dir := filepath.Join(i.preinstalledDir, name); i.preinstalledDir != "" {
		if _, err := os.Lstat(filepath.Join(dir, "bin", pipeline.Tools[name].Names[0])); err == nil {
			return dir, nil
		}
	}
	dir := i.toolDir(name)
	if i.isInstalled(name) {
		return dir, nil
	}
	if err := os.MkdirAll(i.dir, 0o755); err != nil {
		return "", ExplainWriteError(i.dir, err)
	}
	lock := flock.New(dir + ".lock")
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", ExplainWriteError(i.dir, err)
	}
	if i.isInstalled(name) {
		return dir, nil
	}
	tool := pipeline.Tools[name]
	i.progress(fmt.Sprintf("installing %s %s, once: %s", name, tool.Version, tool.Purpose))
	started := time.Now()
	if err := i.build(ctx, name, dir); err != nil {
		_ = os.RemoveAll(dir) // what is left of it counts as not installed anyway
		return "", err
	}
	i.progress(fmt.Sprintf("installed %s in %.0f s", name, time.Since(started).Seconds()))
	return dir, nil
}

// toolDir is the tool's folder: other lock files have another one. So has another Go for what is built with it, because a linter that was
// built with an older Go cannot read code for a newer one.
func (i *Installer) toolDir(name string) string {
	tool := pipeline.Tools[name]
	folder := fmt.Sprintf("%s-%s-%s", name, tool.Version, Sum(name)[:12])
	if tool.Kind == pipeline.GoModule {
		folder += i.goVersion()
	}
	return filepath.Join(i.dir, folder)
}

// queryGoVersion is empty where there is no Go; then nothing can be built with it either.
func (i *Installer) queryGoVersion() string {
	program, err := FindProgram(i.environ, "", pipeline.ToolGo)
	if err != nil {
		return ""
	}
	cmd := exec.Command(program, "env", "GOVERSION")
	cmd.Env = i.environ
	version, err := cmd.Output()
	if err != nil {
		return ""
	}
	return "-" + strings.TrimSpace(string(version))
}

// isInstalled says whether the tool is there, was installed to the end, and has programs of the size that they had then.
func (i *Installer) isInstalled(name string) bool {
	programs, err := i.loadPrograms(name)
	if err != nil {
		return false
	}
	for file, then := range programs {
		info, err := os.Stat(file) // through links, so a virtual environment whose Python was removed is not there
		if err != nil || info.Size() != then.Size || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// loadPrograms are an installed tool's programs by their path.
func (i *Installer) loadPrograms(name string) (map[string]program, error) {
	dir := i.toolDir(name)
	text, err := os.ReadFile(filepath.Join(dir, completionFile))
	if err != nil {
		return nil, err
	}
	var noted map[string]program
	if err := json.Unmarshal(text, &noted); err != nil {
		return nil, err
	}
	programs := map[string]program{}
	for _, file := range programFiles(name) {
		then, ok := noted[file]
		if !ok {
			return nil, fmt.Errorf("%s was not installed with it", file)
		}
		programs[filepath.Join(dir, file)] = then
	}
	return programs, nil
}

// programFiles are what must be there when a tool is installed, relative to its folder.
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

// Invalidate makes the next Install do it again, for a tool that turned out to be broken.
func (i *Installer) Invalidate(name string) error {
	return os.Remove(filepath.Join(i.toolDir(name), completionFile))
}

// A State is what there is of a tool in the installer's folder.
type State string

// The states of a tool.
const (
	Absent    State = "not installed"
	Installed State = "installed"
	Damaged   State = "damaged"
)

// State looks at a tool's programs, byte by byte. The folder is where it is, or will be.
func (i *Installer) State(name string) (State, string) {
	dir := i.toolDir(name)
	programs, err := i.loadPrograms(name)
	if err != nil {
		if _, missing := os.Stat(dir); missing != nil {
			return Absent, dir
		}
		return Damaged, dir
	}
	for file, then := range programs {
		if sum, err := sumFile(file); err != nil || sum != then.Sum {
			return Damaged, dir
		}
	}
	return Installed, dir
}

// build makes the tool in its folder and shows that it runs, before the folder counts as complete.
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
			return fmt.Errorf("%s could not be installed: %w", name, err)
		}
	}
	noted := map[string]program{}
	for _, file := range programFiles(name) {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			return fmt.Errorf("%s could not be installed: %w", name, err)
		}
		sum, err := sumFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		noted[file] = program{Size: info.Size(), Sum: sum}
	}
	text, err := json.MarshalIndent(noted, "", "  ")
	if err != nil {
		return err
	}
	return ExplainWriteError(i.dir, writeAtomic(filepath.Join(dir, completionFile), text))
}

// writeAtomic writes a file that is there only when it is whole.
func writeAtomic(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func sumFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), err
}

// runCommand runs one command of an installation, with the caller's settings of proxies, certificates and package indexes.
func (i *Installer) runCommand(ctx context.Context, dir string, argv []string, settings map[string]string) error {
	program, err := FindProgram(i.environ, dir, argv[0])
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, argv[1:]...)
	cmd.Dir = dir
	cmd.Env = withoutVars(i.environ, "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	SetProcessGroup(cmd)
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case IsDiskFullOutput(out.String()), isDiskFull(dir):
		return ExplainWriteError(i.dir, syscall.ENOSPC)
	}
	return fmt.Errorf("%s: %w\n%s", strings.Join(argv[:min(len(argv), 4)], " "), err, LastLines(out.String(), 12))
}

// ExplainWriteError says what to do when a folder cannot be written.
func ExplainWriteError(dir string, err error) error {
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

// IsDiskFullOutput says whether a program's output tells of a full disk.
func IsDiskFullOutput(output string) bool {
	return strings.Contains(output, "No space left on device") || strings.Contains(output, "ENOSPC") || strings.Contains(output, "Disk quota exceeded")
}

// isDiskFull says whether the disk of a folder has no room left: some programs fail on that without saying so, and some remove what they had
// written before they end. No installation fits into less than pip takes by itself.
func isDiskFull(dir string) bool {
	const tooLittle = 16 << 20 // bytes
	var disk unix.Statfs_t
	return unix.Statfs(dir, &disk) == nil && disk.Bavail*uint64(disk.Bsize) < tooLittle
}

// FindProgram is the program's path: one of the folder's own, or one on the caller's PATH.
func FindProgram(environ []string, dir, program string) (string, error) {
	if filepath.Base(program) != program {
		return filepath.Join(dir, program), nil
	}
	for _, on := range filepath.SplitList(Getenv(environ, "PATH")) {
		path := filepath.Join(on, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on the PATH; `lockstep doctor` says what to do", program)
}

// Getenv is the value of a variable in an environment as os.Environ gives it; the last one counts.
func Getenv(environ []string, name string) string {
	value := ""
	for _, pair := range environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// withoutVars leaves variables out.
func withoutVars(environ []string, names ...string) []string {
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

// SetProcessGroup makes an interrupt end the command with all its children.
func SetProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
}
