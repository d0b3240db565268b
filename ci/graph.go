package main

import (
	"context"
	"fmt"
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
) (string, error) {
	p, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	g := p.graph
	if env != "" {
		environments, err := p.environments(env)
		if err != nil {
			return "", err
		}
		g = p.choose(pipeline.Stages, environments...)
	}
	var b strings.Builder
	for _, s := range g.Steps() {
		line := fmt.Sprintf("%-9s %-16s %s", s.Stage, s.Name, s.Summary)
		if waits := g.WaitsFor(s.Name); len(waits) > 0 {
			line += "  (after " + strings.Join(waits, ", ") + ")"
		}
		b.WriteString(line + "\n")
	}
	return b.String() + "digest " + g.Digest() + "\n", nil
}

// Synth makes the cloud assemblies of every account, cdk-nag included, each in a folder of its environment's name.
//
// +cache="session"
func (m *Lockstep) Synth(ctx context.Context) (*dagger.Directory, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	r := p.run(ctx, p.choose([]pipeline.Stage{pipeline.Synth}, p.config.Accounts()...))
	if err := r.err(); err != nil {
		return nil, err
	}
	return p.made[string(pipeline.Synth)].Directory(pipeline.AssembliesDir), nil
}
