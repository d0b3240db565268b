package main

import (
	"context"

	"lockstep/internal/pipeline"
)

// Check runs every gate: quality, test and security, side by side.
//
// +cache="session"
func (m *Lockstep) Check(ctx context.Context) (string, error) {
	return m.runGates(ctx, "check", pipeline.GateStages...)
}

// Quality runs the gates of form, mistakes and complexity.
//
// +check
// +cache="session"
func (m *Lockstep) Quality(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Quality), pipeline.Quality)
}

// Test runs the tests, those of the infrastructure included.
//
// +check
// +cache="session"
func (m *Lockstep) Test(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Test), pipeline.Test)
}

// Security runs the gates that look for vulnerabilities, secrets, unsafe code, and images and templates that are open.
//
// +check
// +cache="session"
func (m *Lockstep) Security(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Security), pipeline.Security)
}

// runGates runs stages of gates for a command. Its error holds what did not pass and why; its report is what the function report returns.
func (m *Lockstep) runGates(ctx context.Context, command string, stages ...pipeline.Stage) (string, error) {
	p, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	r := p.runGraph(ctx, p.selectSteps(stages, p.config.Targets()...))
	p.summarize(ctx, r, r.result(command))
	return r.text(), r.err()
}
