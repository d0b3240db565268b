package host

import (
	"context"
	"fmt"
	"os"
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
	// Found is the version that is there; empty if none is.
	Found string
	// Err is why it could not be installed; nil for what the machine must bring.
	Err error
}

func (e *MissingToolError) Error() string {
	what := e.Tool + " was not found on the PATH"
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Found != "":
		what = fmt.Sprintf("%s is version %s, too old", e.Tool, e.Found)
	}
	if tool, ok := pipeline.Tools[e.Tool]; ok {
		what += "; " + tool.Remedy
	}
	return what
}

func (e *MissingToolError) Unwrap() error { return e.Err }

// prober finds the tools of the table: it asks what the machine must bring for its version, once a run, and installs
// the others when they are first needed.
type prober struct {
	environ  []string
	mu       sync.Mutex
	versions map[string]func() (string, error)
}

func newProber(environ []string) *prober {
	return &prober{environ: environ, versions: map[string]func() (string, error){}}
}

// ToolVersion asks one of pipeline.Tools, which the machine must bring, for its version. The error is a
// *MissingToolError when it is not there or too old.
func ToolVersion(ctx context.Context, environ []string, tool string) (string, error) {
	return newProber(environ).version(ctx, tool)
}

// EnsureTools makes sure that tools of the table are there. The error is a *MissingToolError when one is not, and
// cannot be installed.
func EnsureTools(ctx context.Context, environ []string, say func(string), names ...string) error {
	_, err := newProber(environ).ensureTools(ctx, names, say)
	return err
}

// version is what tells the tool apart from another version of itself: what it answers, or the sum of what it is made
// from.
func (p *prober) version(ctx context.Context, tool string) (string, error) {
	if spec := pipeline.Tools[tool]; spec.Kind != pipeline.Preinstalled {
		return spec.Version + " " + tools.Sum(tool), nil
	}
	p.mu.Lock()
	answer, ok := p.versions[tool]
	if !ok {
		answer = sync.OnceValues(func() (string, error) { return p.queryVersion(ctx, tool) })
		p.versions[tool] = answer
	}
	p.mu.Unlock()
	return answer()
}

// ensureTools makes sure that the tools are there, and returns the folders that belong first on the PATH of who calls
// them.
func (p *prober) ensureTools(ctx context.Context, names []string, say func(string)) ([]string, error) {
	var folders []string
	for _, name := range names {
		spec := pipeline.Tools[name]
		if spec.Kind == pipeline.Preinstalled {
			if _, err := p.version(ctx, name); err != nil {
				return nil, err
			}
			continue
		}
		installer, err := tools.NewInstaller(p.environ, say)
		if err != nil {
			return nil, err
		}
		if state, _ := installer.State(name); state != tools.Installed {
			if _, err := p.ensureTools(ctx, spec.InstallNeeds(), say); err != nil {
				return nil, fmt.Errorf("%s cannot be installed: %w", name, err)
			}
		}
		dir, err := installer.Install(ctx, name)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, &MissingToolError{Tool: name, Err: err}
		}
		folders = append(folders, filepath.Join(dir, "bin"))
	}
	return folders, nil
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

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
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", fmt.Errorf("%s does not work: %s %s: %w; %s", tool, path, strings.Join(spec.VersionArgs, " "), err, spec.Remedy)
		}
		answer, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if number := versionNumber.FindString(answer); semver.Compare("v"+number, "v"+spec.Version) < 0 {
			return "", &MissingToolError{Tool: tool, Found: number}
		}
		return answer, nil
	}
	return "", &MissingToolError{Tool: tool}
}

// find looks a program up in the folders, and then on the caller's PATH.
func (p *prober) find(name string, folders []string) (string, error) {
	for _, dir := range append(folders, filepath.SplitList(tools.Getenv(p.environ, "PATH"))...) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &MissingToolError{Tool: name}
}
