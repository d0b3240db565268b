package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/refusal"
	"lockstep/internal/repo"
)

// A project is a repository that Lockstep can work in.
type project struct {
	root   string
	config *config.Config
}

// rootMarker is the file that marks a project's root.
const rootMarker = "config/pipeline.yaml"

// A noProjectError is a folder that is in no project.
type noProjectError struct{ dir string }

func (e *noProjectError) Error() string {
	return fmt.Sprintf("no %s in %s or above it; change to the project's folder or name it with -C, "+
		"or run `lockstep init` in the repository of a CDK app, which writes one", rootMarker, e.dir)
}

// Code returns the code of a missing project.
func (e *noProjectError) Code() fault.Code { return fault.NoProject }

// findRoot returns the project's root: the first folder with the marker, upwards from the one that -C names.
func (a *app) findRoot() (string, error) {
	start, err := filepath.Abs(a.dir) // the current folder if there is no -C
	if err != nil {
		return "", err
	}
	if start, err = filepath.EvalSymlinks(start); err != nil {
		return "", usagef(fault.NoSuchPath, "there is no folder %s", a.dir)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(rootMarker)))
		switch {
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		case dir == filepath.Dir(dir):
			return "", &UsageError{&noProjectError{start}}
		}
	}
}

// loadProject finds the project and reads its configuration. The error is config.ValidationErrors if that is not valid.
func (a *app) loadProject() (*project, error) {
	root, err := a.findRoot()
	if err != nil {
		return nil, err
	}
	c, err := config.Load(fsx.Dir(filepath.Join(root, "config")))
	if err != nil {
		return nil, err
	}
	p := &project{root: root, config: c}
	_ = repo.GuardState(root) // one of another owner is that owner's matter
	return p, nil
}

// refuseCommittedState refuses a project whose repository brings along what would be taken for the user's own.
func (a *app) refuseCommittedState(ctx context.Context, p *project) error {
	names, err := repo.New(p.root, a.Environ).CommittedState(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	remove := names[0]
	if top, _, _ := strings.Cut(remove, "/"); strings.EqualFold(top, pipeline.StateDir) {
		remove = top
	}
	return refusal.Newf(fault.StateCommitted, nil,
		"the repository holds %s, which would be taken for your own results and arguments: see "+
			"where it comes from, remove it with `git rm -r --cached %s`, and commit that",
		enumerate(names[:min(len(names), maxNamedFiles)]), remove)
}

// maxNamedFiles is how many files a message names.
const maxNamedFiles = 3

// selectEnvironments returns the environments that --env names.
func (p *project) selectEnvironments(name string) ([]config.Environment, error) {
	if name == "" {
		return nil, usagef(fault.FlagMissing,
			"which environment? Write --env with one of %s", alternatives(append(p.config.Names(), "all")))
	}
	return p.config.Select(name)
}

// selectOrAll returns the environments that --env names, all of them without --env.
func (p *project) selectOrAll(name string) ([]config.Environment, error) {
	if name == "" {
		return p.config.Environments, nil
	}
	return p.config.Select(name)
}

// graph returns all steps as a graph.
func (p *project) graph() (*pipeline.Graph, error) {
	return pipeline.NewGraph(pipeline.Steps(p.config))
}

// folder returns the project's folder; empty for no project.
func (p *project) folder() string {
	if p == nil {
		return ""
	}
	return p.root
}

// path returns a path in the project from one with slashes.
func (p *project) path(name string) string { return filepath.Join(p.root, filepath.FromSlash(name)) }

// statePath returns a path below the project's state folder.
func (p *project) statePath(elem ...string) string {
	return filepath.Join(append([]string{p.root, pipeline.StateDir}, elem...)...)
}

// environmentNames returns the names of the environments.
func environmentNames(environments []config.Environment) []string {
	var names []string
	for _, env := range environments {
		names = append(names, env.Name)
	}
	return names
}
