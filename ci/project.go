package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// project is a repository whose configuration is read, with what this call is given for its steps.
type project struct {
	source *dagger.Directory
	prefix string
	config *config.Config
	// toleratesNotRun says of a gate that cannot do its work whether the call goes on without it.
	toleratesNotRun func(pipeline.Step) bool
	graph           *pipeline.Graph
	// outputDirs are the results of steps that are not run, because the caller has them already.
	outputDirs map[string]*dagger.Directory
	// live is how steps that reach AWS are given credentials; nil in a rehearsal.
	live *credentials
	// plan is the plan to apply, nil for none.
	plan *dagger.File
	// commit is what is deployed, for the release's record.
	commit string
	// emulator is the service of the emulated accounts, nil where none is needed.
	emulator     *emulator
	buildResults map[string]*dagger.Directory
}

// open reads the configuration of the repository.
func (m *Lockstep) open(ctx context.Context) (*project, error) {
	dir, err := os.MkdirTemp("", "lockstep-config-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files := m.Source.Filter(dagger.DirectoryFilterOpts{Include: []string{"config/**/*.yaml"}})
	if _, err := files.Export(ctx, dir); err != nil {
		return nil, messageError("the source directory cannot be read", err)
	}
	configuration := os.DirFS(filepath.Join(dir, "config"))
	if _, err := fs.Stat(configuration, "pipeline.yaml"); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the source directory holds no config/pipeline.yaml: call from the project's root, or name it with --source")
	}
	c, err := config.Load(configuration)
	if err != nil {
		return nil, err
	}
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	if err != nil {
		return nil, err
	}
	return &project{
		source: m.Source, prefix: m.ImagePrefix, config: c, graph: g, toleratesNotRun: pipeline.MayBeAbsent(m.CI, c.Environments),
		outputDirs: map[string]*dagger.Directory{}, buildResults: map[string]*dagger.Directory{},
	}, nil
}

// selectSteps is the part of the graph that has the stages; of steps that exist once for each environment, those of the named ones.
func (p *project) selectSteps(stages []pipeline.Stage, environments ...config.Environment) *pipeline.Graph {
	return p.graph.Select(func(s pipeline.Step) bool {
		ours := s.Environment == "" || slices.ContainsFunc(environments, func(e config.Environment) bool { return e.Name == s.Environment })
		return ours && slices.Contains(stages, s.Stage)
	})
}

// selectEnvironments are those that a function's caller named.
func (p *project) selectEnvironments(name string) ([]config.Environment, error) {
	if name == "" {
		return nil, fmt.Errorf("which environment? Write --env with one of %v, or %s", p.config.Names(), config.AllEnvironments)
	}
	return p.config.Select(name)
}
