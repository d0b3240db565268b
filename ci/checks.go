package main

import (
	"context"

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
// +check
// +cache="session"
func (m *Lockstep) Quality(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Quality), pipeline.Quality)
}

// Test runs the tests of the program, of the CDK app and of the documentation.
//
// +check
// +cache="session"
func (m *Lockstep) Test(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Test), pipeline.Test)
}

// Security runs the gates for vulnerabilities, secrets, unsafe code, images and templates.
//
// +check
// +cache="session"
func (m *Lockstep) Security(ctx context.Context) (string, error) {
	return m.runGates(ctx, string(pipeline.Security), pipeline.Security)
}

// runGates runs the gates of the stages and returns a summary. The error lists the gates that did not pass, each with
// its reason and the end of its output.
func (m *Lockstep) runGates(ctx context.Context, command string, stages ...pipeline.Stage) (string, error) {
	p, err := m.open(ctx)
	if err != nil {
		return "", err
	}
	r := p.runGraph(ctx, p.selectSteps(stages, p.config.Targets()...))
	p.summarize(ctx, r, r.result(command))
	return r.text(), r.err()
}
