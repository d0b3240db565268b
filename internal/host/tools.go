package host

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/mod/semver"

	"lockstep/internal/pipeline"
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

// prober finds the tools of the table. It asks each tool that the machine must have for its version, once a run, and
// installs the others when they are first needed.
type prober struct {
	environ  []string
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
	if state, _ := installer.State(name); state != tools.Installed {
		if _, err := p.ensureTools(ctx, pipeline.Tools[name].InstallNeeds(), progress); err != nil {
			return "", fmt.Errorf("%s cannot be installed: %w", name, err)
		}
	}
	dir, err := installer.Install(ctx, name)
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

// queryVersion asks the tool for its version, and returns the first line that it prints.
func (p *prober) queryVersion(ctx context.Context, tool string) (string, error) {
	spec := pipeline.Tools[tool]
	for _, name := range spec.Names {
		path, err := p.find(name, nil)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, spec.VersionArgs...)
		cmd.Env = stepEnviron(pipeline.Step{}, p.environ, false)
		out, err := cmd.CombinedOutput()
		switch {
		case err != nil && ctx.Err() != nil:
			return "", ctx.Err()
		case err != nil:
			command := strings.Join(append([]string{path}, spec.VersionArgs...), " ")
			return "", fmt.Errorf("%s does not work: %s: %w; %s", tool, command, err, spec.Remedy)
		}
		version, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if number := versionNumber.FindString(version); semver.Compare("v"+number, "v"+spec.Version) < 0 {
			return "", &MissingToolError{Tool: tool, Found: number}
		}
		return version, nil
	}
	return "", &MissingToolError{Tool: tool}
}

// find returns the path of a program in the folders, or else on the caller's PATH. The error is a *MissingToolError.
func (p *prober) find(name string, folders []string) (string, error) {
	path, err := tools.FindProgram(p.environ, name, folders...)
	if err != nil {
		return "", &MissingToolError{Tool: name}
	}
	return path, nil
}
