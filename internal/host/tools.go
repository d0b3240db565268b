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
)

// A MissingToolError is a program that this machine lacks, or has in a version that is too old.
type MissingToolError struct {
	Tool string
	// Found is the version that is there; empty if none is.
	Found string
}

func (e *MissingToolError) Error() string {
	what := e.Tool + " was not found on the PATH"
	if e.Found != "" {
		what = fmt.Sprintf("%s is version %s, too old", e.Tool, e.Found)
	}
	if tool, ok := pipeline.Tools[e.Tool]; ok {
		what += "; " + tool.Remedy
	}
	return what
}

// prober finds programs on the caller's PATH and asks each for its version, once a run.
type prober struct {
	environ []string
	mu      sync.Mutex
	answers map[string]func() (string, error)
}

func newProber(environ []string) *prober {
	return &prober{environ: environ, answers: map[string]func() (string, error){}}
}

// Version asks one of pipeline.Tools for its version. The error is a *MissingToolError when it is not there or too old.
func Version(ctx context.Context, environ []string, tool string) (string, error) {
	return newProber(environ).version(ctx, tool)
}

func (p *prober) version(ctx context.Context, tool string) (string, error) {
	p.mu.Lock()
	answer, ok := p.answers[tool]
	if !ok {
		answer = sync.OnceValues(func() (string, error) { return p.ask(ctx, tool) })
		p.answers[tool] = answer
	}
	p.mu.Unlock()
	return answer()
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

func (p *prober) ask(ctx context.Context, tool string) (string, error) {
	spec := pipeline.Tools[tool]
	for _, name := range spec.Names {
		path, err := p.find(name)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, spec.Version...)
		cmd.Env = stepEnviron(pipeline.Step{}, p.environ, false)
		out, err := cmd.CombinedOutput()
		if err != nil {
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", fmt.Errorf("%s does not work: %s %s: %w; %s", tool, path, strings.Join(spec.Version, " "), err, spec.Remedy)
		}
		answer := strings.TrimSpace(string(out))
		if number := versionNumber.FindString(answer); semver.Compare("v"+number, "v"+spec.Minimum) < 0 {
			return "", &MissingToolError{Tool: tool, Found: number}
		}
		return answer, nil
	}
	return "", &MissingToolError{Tool: tool}
}

// find looks a program up on the caller's PATH.
func (p *prober) find(name string) (string, error) {
	for _, pair := range p.environ {
		list, ok := strings.CutPrefix(pair, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", &MissingToolError{Tool: name}
}
