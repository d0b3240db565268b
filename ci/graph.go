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

// Graph shows the steps, what each waits for, and the digest of it all.
//
// Two runs that print the same digest ran the same pipeline.
func (m *Lockstep) Graph(
	ctx context.Context,
	// The environment whose part is shown; all unless told
	// +optional
	env string,
	// How to show it: text, json, dot, mermaid or svg
	// +optional
	// +default="text"
	format string,
) (string, error) {
	draw, ok := pipeline.DrawFuncs[format]
	if !ok {
		return "", fmt.Errorf("format %s: write one of %s", format, strings.Join(slices.Sorted(maps.Keys(pipeline.DrawFuncs)), ", "))
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

// Synth makes the cloud assemblies of every account, cdk-nag included, each in a folder of its environment's name.
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
