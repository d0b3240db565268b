package main

import (
	"context"
	"slices"
	"strings"

	"lockstep/internal/pipeline"
)

// Check runs every gate: quality, tests and security, in parallel.
//
// +cache="session"
func (m *Lockstep) Check(ctx context.Context) (string, error) {
	return m.runGates(ctx, "check", pipeline.GateStages...)
}

// Quality runs the gates for formatting, mistakes and complexity.
//
// +cache="session"
func (m *Lockstep) Quality(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Quality), pipeline.Quality)
}

// Test runs the tests of the program, of the CDK app and of the documentation.
//
// +cache="session"
func (m *Lockstep) Test(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Test), pipeline.Test)
}

// Security runs the gates for vulnerabilities, secrets, unsafe code, images and templates.
//
// +cache="session"
func (m *Lockstep) Security(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Security), pipeline.Security)
}

// Gates lists the gates of the repository, in the order in which they run.
//
// +cache="session"
func (m *Lockstep) Gates(ctx context.Context) ([]*Gate, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	var out []*Gate
	for _, s := range p.graph.Steps() {
		if !slices.Contains(pipeline.GateStages, s.Stage) {
			continue
		}
		nothing, err := p.hasNothingToDo(ctx, s)
		if err != nil {
			return nil, messageError("the source directory cannot be read", err)
		}
		out = append(out, &Gate{
			Name: s.Name, Stage: GateStage(s.Stage), Summary: s.Summary, Applies: s.Off == "" && !nothing, Pipeline: m,
		})
	}
	return out, nil
}

// Gate is one gate of the repository.
type Gate struct {
	// The gate's name, as in the table of gates
	Name string
	// The stage that it belongs to
	Stage GateStage
	// What it checks
	Summary string
	// Whether the repository has files for it and its configuration does not turn it off
	Applies bool
	// +private
	Pipeline *Lockstep
}

// Run runs the gate, and what it needs.
//
// +cache="session"
func (g *Gate) Run(ctx context.Context) (string, error) { return g.Pipeline.runGate(ctx, g.Name) }

// GateStage is a stage that consists of gates.
type GateStage string

// The stages of gates.
const (
	// Formatting, mistakes and complexity
	GateStageQuality = GateStage(pipeline.Quality)
	// Tests of the program, of the CDK app and of the documentation
	GateStageTest = GateStage(pipeline.Test)
	// Vulnerabilities, secrets, unsafe code, images and templates
	GateStageSecurity = GateStage(pipeline.Security)
)

// runGates runs the gates of the stages and returns a summary.
func (m *Lockstep) runGates(ctx context.Context, command string, stages ...pipeline.Stage) (string, error) {
	return m.runSelected(ctx, command, func(s pipeline.Step) bool { return slices.Contains(stages, s.Stage) })
}

// runGate runs the gate of that name: one for each environment, if it has the names of environments after it.
func (m *Lockstep) runGate(ctx context.Context, name string) (string, error) {
	return m.runSelected(ctx, name, func(s pipeline.Step) bool {
		return s.Name == name || strings.HasPrefix(s.Name, name+":")
	})
}

// isOwnGate reports whether a step of a stage of gates is the repository's own.
func isOwnGate(s pipeline.Step) bool {
	return slices.Contains(pipeline.GateStages, s.Stage) && !s.IsGate()
}

// runSelected runs the picked steps, and those that they need, and returns a summary. The error lists the steps that
// did not pass, each with its reason and the end of its output.
func (m *Lockstep) runSelected(ctx context.Context, command string, pick func(pipeline.Step) bool) (string, error) {
	p, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	r := p.runGraph(ctx, p.graph.Select(pick))
	r.summary = p.summarize(ctx, r, r.result(command))
	return r.text(), r.err()
}
