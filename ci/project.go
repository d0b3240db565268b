package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// project is a repository with its configuration, and what one call of a function passes to its steps.
type project struct {
	source *dagger.Directory
	// history holds the folder .git of the repository that the project is in, and folder is the project's place there,
	// such as apps/shop; empty for the repository's root.
	history *dagger.Directory
	folder  string
	// program holds the sources of this program and of its tools.
	program *dagger.Directory
	// prefix is the mirror of base images; empty for none.
	prefix string
	config *config.Config
	// toleratesNotRun reports whether the call goes on when that gate cannot run.
	toleratesNotRun func(pipeline.Step) bool
	graph           *pipeline.Graph
	// outputDirs holds the outputs of steps by name: of those that run, and of those whose outputs the caller passed.
	outputDirs map[string]*dagger.Directory
	// live holds the credentials for steps that reach AWS; nil in a rehearsal.
	live *credentials
	// plan is the plan to apply; nil for none.
	plan *dagger.File
	// commit is the commit to be deployed, for the release's record.
	commit string
	// author is the e-mail address of who has written the commit; empty if it was not given.
	author string
	// accounts are the emulated accounts as they were before the call; nil if nothing needed them yet.
	accounts *accounts
	// emulator is the service of the emulated accounts; nil if it does not run.
	emulator *emulator
	// buildResults holds what buildOnce has built, by name.
	buildResults map[string]*dagger.Directory
}

// open reads the repository's configuration and builds its graph.
func (m *Lockstep) open(ctx context.Context) (*project, error) {
	found, err := m.find(ctx)
	if err != nil {
		return nil, err
	}
	c, err := found.loadConfig(ctx)
	if err != nil {
		return nil, err
	}
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	if err != nil {
		return nil, err
	}
	if err := checkContainerSteps(g); err != nil {
		return nil, err
	}
	p, err := m.newProject(found)
	if err != nil {
		return nil, err
	}
	p.config, p.graph, p.toleratesNotRun = c, g, pipeline.MayBeAbsent(m.CI, c.Environments)
	return p, nil
}

// loadConfig reads the project's configuration.
func (f place) loadConfig(ctx context.Context) (*config.Config, error) {
	dir, err := os.MkdirTemp("", "lockstep-config-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files := f.source.Filter(dagger.DirectoryFilterOpts{Include: []string{"config/**/*.yaml"}})
	if _, err := files.Export(ctx, dir); err != nil {
		return nil, messageError("the source directory cannot be read", err)
	}
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	configuration, err := fs.Sub(root.FS(), "config")
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(configuration, "pipeline.yaml"); errors.Is(err, fs.ErrNotExist) {
		return nil, f.noProjectError()
	}
	return config.Load(configuration)
}

// newProject returns the project at that place without its configuration, for what needs none.
func (m *Lockstep) newProject(found place) (*project, error) {
	g, err := pipeline.NewGraph(nil)
	if err != nil {
		return nil, err
	}
	p := &project{
		source: found.source, history: found.commits, program: found.program, prefix: m.ImagePrefix, graph: g,
		outputDirs: map[string]*dagger.Directory{}, buildResults: map[string]*dagger.Directory{},
	}
	if p.history == nil {
		p.history = p.source
	} else {
		p.folder = strings.Trim(found.folder, "/")
	}
	return p, nil
}

// checkContainerSteps checks that the images of the steps that only the module runs bring their programs. NewGraph
// checks the other steps.
func checkContainerSteps(g *pipeline.Graph) error {
	steps := []pipeline.Step{
		pipeline.BinaryStep, pipeline.CertificateStep, pipeline.EmulatorStep, pipeline.MergeReportsStep, pipeline.SummaryStep,
	}
	for _, s := range append(g.Steps(), steps...) {
		for _, tool := range s.InstalledTools() {
			steps = append(steps, pipeline.InstallStep(tool))
		}
	}
	for _, s := range steps {
		if _, err := s.ExtraFiles(); err != nil {
			return err
		}
	}
	return nil
}

// selectSteps returns the graph of the steps of those stages and of what they need. Of the steps of an environment it
// has those of the given environments.
func (p *project) selectSteps(stages []pipeline.Stage, environments ...config.Environment) *pipeline.Graph {
	return p.graph.Select(func(s pipeline.Step) bool {
		isSelected := s.Environment == "" ||
			slices.ContainsFunc(environments, func(e config.Environment) bool { return e.Name == s.Environment })
		return isSelected && slices.Contains(stages, s.Stage)
	})
}

// environmentOrDefault returns the environment that a call names, and otherwise the one that all calls share.
func (m *Lockstep) environmentOrDefault(name string) string {
	return cmp.Or(name, m.DefaultEnvironment)
}

// selectEnvironments returns the environments that the caller named.
func (p *project) selectEnvironments(name string) ([]config.Environment, error) {
	if name == "" {
		return nil, fmt.Errorf("which environment? Write --env with one of %v, or %s",
			p.config.Names(), config.AllEnvironments)
	}
	return p.config.Select(name)
}
