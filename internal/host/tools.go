package host

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/tools"
)

// A MissingToolError is a program that this machine lacks, has in a version that is too old, or could not install.
type MissingToolError struct {
	Tool string
	// Found is the version that this machine has; empty if it has none.
	Found string
	// Err is why the program could not be installed; nil if the machine must have it.
	Err error
}

func (e *MissingToolError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	message := e.Tool + " was not found on the PATH"
	if e.Found != "" {
		message = fmt.Sprintf("%s is version %s, too old", e.Tool, e.Found)
	}
	if tool, ok := pipeline.Tools[e.Tool]; ok {
		message += "; " + tool.Remedy
	}
	return message
}

func (e *MissingToolError) Unwrap() error { return e.Err }

// Code returns the code of why the program could not be installed, if there is one.
func (e *MissingToolError) Code() fault.Code {
	if e.Err == nil {
		return fault.ToolMissing
	}
	return cmp.Or(fault.Of(e.Err), fault.ToolNotInstalled)
}

// prober finds the tools of the table. It asks each tool that the machine must have for its version, once a run, and
// installs the others when they are first needed.
type prober struct {
	environ []string
	// dir is the folder in which the tools are asked, from which version managers look for their files; empty for the
	// current one.
	dir string
	// printed holds the versions that tools printed in earlier runs; nil if every tool is asked.
	printed *index

	mu       sync.Mutex
	versions map[string]func() (string, error)
}

func newProber(environ []string) *prober {
	return &prober{environ: environ, versions: map[string]func() (string, error){}}
}

// ToolVersion returns the version of one of pipeline.Tools, which the machine must have. The error is a
// *MissingToolError if the machine does not have it, or it is too old.
func ToolVersion(ctx context.Context, environ []string, tool string) (string, error) {
	return newProber(environ).version(ctx, tool)
}

// EnsureTools installs the named tools of the table unless they are installed, and calls progress with what takes
// long. The error is a *MissingToolError if a tool is missing and cannot be installed.
func EnsureTools(ctx context.Context, environ []string, progress func(string), names ...string) error {
	_, err := newProber(environ).ensureTools(ctx, names, progress)
	return err
}

// EnsureTool is EnsureTools for one tool that Lockstep installs, and returns its folder.
func EnsureTool(ctx context.Context, environ []string, progress func(string), name string) (dir string, err error) {
	return newProber(environ).ensureInstalled(ctx, name, progress)
}

// version returns what tells a tool apart from other versions of itself: what it prints, or the hash of what it is
// installed from.
func (p *prober) version(ctx context.Context, tool string) (string, error) {
	if spec := pipeline.Tools[tool]; spec.Kind != pipeline.Preinstalled {
		return spec.Version + " " + tools.Sum(tool), nil
	}
	p.mu.Lock()
	version, ok := p.versions[tool]
	if !ok {
		version = sync.OnceValues(func() (string, error) { return p.queryVersion(ctx, tool) })
		p.versions[tool] = version
	}
	p.mu.Unlock()
	return version()
}

// ensureTools makes sure that the tools are installed, and returns the folders that come first on the PATH of who
// calls them.
func (p *prober) ensureTools(ctx context.Context, names []string, progress func(string)) ([]string, error) {
	var folders []string
	for _, name := range names {
		if pipeline.Tools[name].Kind == pipeline.Preinstalled {
			if _, err := p.version(ctx, name); err != nil {
				return nil, err
			}
			continue
		}
		dir, err := p.ensureInstalled(ctx, name, progress)
		if err != nil {
			return nil, err
		}
		folders = append(folders, filepath.Join(dir, "bin"))
	}
	return folders, nil
}

// ensureInstalled installs a tool, unless it is installed, and returns its folder.
func (p *prober) ensureInstalled(ctx context.Context, name string, progress func(string)) (string, error) {
	installer, err := tools.NewInstaller(p.environ, progress)
	if err != nil {
		return "", err
	}
	state, dir := installer.State(name)
	if state == tools.Installed {
		return dir, nil
	}
	if _, err := p.ensureTools(ctx, pipeline.Tools[name].InstallNeeds(), progress); err != nil {
		return "", fmt.Errorf("%s cannot be installed: %w", name, err)
	}
	dir, err = installer.Install(ctx, name)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", &MissingToolError{Tool: name, Err: err}
	}
	return dir, nil
}

// versionNumber is the first number with dots that a tool prints.
var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// queryVersion returns the first line that the tool prints when it is asked for its version.
func (p *prober) queryVersion(ctx context.Context, tool string) (string, error) {
	spec := pipeline.Tools[tool]
	for _, name := range spec.Names {
		path, err := p.find(name, nil)
		if err != nil {
			continue
		}
		version, err := p.cachedVersion(name, path, func() (string, error) { return p.printedVersion(ctx, tool, path) })
		if err != nil {
			return "", err
		}
		if number := versionNumber.FindString(version); semver.Compare("v"+number, "v"+spec.Version) < 0 {
			return "", &MissingToolError{Tool: tool, Found: number}
		}
		return version, nil
	}
	return "", &MissingToolError{Tool: tool}
}

// printedVersion asks the tool at path for its version.
func (p *prober) printedVersion(ctx context.Context, tool, path string) (string, error) {
	spec := pipeline.Tools[tool]
	cmd := process.TableCommand(ctx, append([]string{path}, spec.VersionArgs...))
	cmd.Dir = p.dir
	cmd.Env = stepEnviron(pipeline.Step{}, p.environ, false)
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		command := strings.Join(append([]string{path}, spec.VersionArgs...), " ")
		return "", fault.Errorf(fault.ToolBroken, "%s does not work: %s: %w; %s", tool, command, err, spec.Remedy)
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return version, nil
}

// cachedVersion returns what ask returns for the program of that name at path. It does not ask again while the
// program's file is the same, if that file decides the version.
func (p *prober) cachedVersion(name, path string, ask func() (string, error)) (string, error) {
	file, err := filepath.EvalSymlinks(path)
	if err == nil {
		file = p.shimTarget(file)
	}
	if p.printed == nil || err != nil || !decidesVersion(name, file) {
		return ask()
	}
	info, err := os.Stat(file)
	if err != nil {
		return ask()
	}
	return p.printed.lookup(file, info, func(string) (string, error) { return ask() })
}

// decidesVersion reports whether the version that a program prints depends on its file alone. It does not where the
// file chooses among several versions: a version manager's shim is a shell script or a link to the manager, macOS has
// such programs in /usr/bin, and go runs the version that go.mod names.
func decidesVersion(name, file string) bool {
	isShim := !strings.Contains(filepath.Base(file), name) || runtime.GOOS == "darwin" && filepath.Dir(file) == "/usr/bin"
	if isShim || name == pipeline.ToolGo {
		return false
	}
	f, err := fsx.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	line, err := bufio.NewReaderSize(io.LimitReader(f, maxInterpreterBytes), maxInterpreterBytes).ReadString('\n')
	isScript := strings.HasPrefix(line, "#!")
	return !isScript || err == nil && strings.HasSuffix(strings.TrimSpace(line), "node") // as npm's own program
}

// maxInterpreterBytes is as long as the first line of a script may be on Linux.
const maxInterpreterBytes = 256

// find returns the path of a program in the folders, or else on the caller's PATH. The error is a *MissingToolError.
func (p *prober) find(name string, folders []string) (string, error) {
	path, err := tools.FindProgram(p.environ, name, folders...)
	if err != nil {
		return "", &MissingToolError{Tool: name}
	}
	return path, nil
}
