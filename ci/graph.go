package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/pipeline"
)

// Graph shows the steps, what each of them waits for, and the graph's digest.
//
// Two runs with the same digest ran the same pipeline.
//
// +cache="session"
func (m *Lockstep) Graph(
	ctx context.Context,
	// The environment whose steps are shown, by default that of --environment, and otherwise all; on Dagger 1.0:
	// dagger --env NAME call graph
	// +optional
	env string,
	// The output format
	// +optional
	// +default="text"
	format GraphFormat,
) (string, error) {
	p, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	g := p.graph
	if env = m.environmentOrDefault(env); env != "" {
		environments, err := p.selectEnvironments(env)
		if err != nil {
			return "", err
		}
		g = p.selectSteps(pipeline.Stages, environments...)
	}
	var b strings.Builder
	err = pipeline.DrawFuncs[string(format)](&b, g)
	return b.String(), err
}

// GraphFormat is a format in which the graph is written.
type GraphFormat string

// The formats of the graph.
const (
	// A line for each step
	GraphFormatText GraphFormat = "text"
	// JSON, for programs
	GraphFormatJSON GraphFormat = "json"
	// The language of Graphviz
	GraphFormatDot GraphFormat = "dot"
	// The language of Mermaid, which GitHub and GitLab draw
	GraphFormatMermaid GraphFormat = "mermaid"
	// A picture
	GraphFormatSVG GraphFormat = "svg"
)

// Assembly synthesises the cloud assembly of every environment and runs cdk-nag. It is synth by another name.
//
// +cache="session"
func (m *Lockstep) Assembly(ctx context.Context) (*dagger.Directory, error) { return m.Synth(ctx) }

// Synth synthesises the cloud assembly of every environment and runs cdk-nag.
//
// It returns a folder with one folder for each environment.
//
// +cache="session"
func (m *Lockstep) Synth(ctx context.Context) (*dagger.Directory, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	r := p.runGraph(ctx, p.selectSteps([]pipeline.Stage{pipeline.Synth}, p.config.Targets()...))
	if err := r.err(); err != nil {
		return nil, err
	}
	return p.outputDirs[string(pipeline.Synth)].Directory(pipeline.AssembliesDir), nil
}

// Digests returns the digests of the cloud assemblies that synth returned: a file for each environment, with its name.
//
// A later deployment refuses any other one with --expect-assembly.
//
// +cache="session"
func (m *Lockstep) Digests(
	ctx context.Context,
	// The folder that synth returned
	assembly *dagger.Directory,
) (*dagger.Directory, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "lockstep-assemblies-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if _, err := assembly.Export(ctx, folder); err != nil {
		return nil, messageError("--assembly cannot be read", err)
	}
	digests := dag.Directory()
	for _, env := range p.config.Environments {
		files := os.DirFS(filepath.Join(folder, env.Name))
		if _, err := fs.Stat(files, "manifest.json"); err != nil {
			return nil, fmt.Errorf("--assembly holds no cloud assembly of %s: pass the folder that synth returned", env.Name)
		}
		sum, err := digest.OfFiles(files)
		if err != nil {
			return nil, fmt.Errorf("the cloud assembly of %s: %w", env.Name, err)
		}
		digests = digests.WithNewFile(env.Name, sum)
	}
	return digests, nil
}
