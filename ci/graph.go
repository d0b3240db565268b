package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// Graph shows the steps, what each of them waits for, and the graph's digest.
//
// Two runs with the same digest ran the same pipeline.
func (m *Lockstep) Graph(
	ctx context.Context,
	// The environment whose steps are shown; all by default
	// +optional
	env string,
	// The output format: text, json, dot, mermaid or svg
	// +optional
	// +default="text"
	format string,
) (string, error) {
	draw, ok := pipeline.DrawFuncs[format]
	if !ok {
		formats := slices.Sorted(maps.Keys(pipeline.DrawFuncs))
		return "", fmt.Errorf("--format %s: write one of %s", format, strings.Join(formats, ", "))
	}
	p, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	g := p.graph
	if env != "" {
		environments, err := p.selectEnvironments(env)
		if err != nil {
			return "", err
		}
		g = p.selectSteps(pipeline.Stages, environments...)
	}
	var b strings.Builder
	err = draw(&b, g)
	return b.String(), err
}

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
