package main

import (
	"context"
	"fmt"
	"slices"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// Fix fixes what the gates find and a program can fix: the form of Go and Markdown, and mistakes in Go code.
//
// It returns a changeset, which Dagger shows before it changes the files.
//
// +generate
// +cache="session"
func (m *Lockstep) Fix(ctx context.Context) (*dagger.Changeset, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	before := p.source.Filter(dagger.DirectoryFilterOpts{Exclude: historyFiles})
	after := before
	for _, s := range pipeline.FixSteps() {
		if nothing, err := p.hasNothingToDo(ctx, s); err != nil || nothing {
			if err != nil {
				return nil, messageError("the source directory cannot be read", err)
			}
			continue
		}
		ctr := p.containerWith(s, after).WithExec(s.Argv(false))
		if _, err := ctr.Sync(ctx); err != nil {
			return nil, messageError(s.Name+" could not fix what it is for", err)
		}
		after = ctr.Directory(pipeline.WorkFolder).Filter(dagger.DirectoryFilterOpts{Exclude: []string{pipeline.StateDir}})
	}
	return after.Changes(before), nil
}

// Init writes the configuration of a repository that has a CDK app and none.
//
// It writes config/, and lines of .gitignore and .dockerignore.
//
// It returns a changeset, which Dagger shows before it changes the files.
//
// +cache="session"
func (m *Lockstep) Init(
	ctx context.Context,
	// The account that deploys, as ACCOUNT or ACCOUNT/REGION
	tooling string,
	// The environments in the order of promotion, each as NAME=ACCOUNT/REGION
	environments []string,
	// The project's name; that of the app's package by default
	// +optional
	project string,
	// The folder of the CDK app, if it is not the project's root
	// +optional
	folder string,
) (*dagger.Changeset, error) {
	where, err := m.find(ctx)
	if err != nil {
		return nil, err
	}
	found, err := where.source.Glob(ctx, projectFile)
	if err != nil {
		return nil, messageError("the source directory cannot be read", err)
	}
	if len(found) > 0 {
		return nil, fmt.Errorf("%s is there already, so nothing was changed: call check", projectFile)
	}
	p, err := m.newProject(where)
	if err != nil {
		return nil, err
	}
	arguments := slices.Concat([]string{"--tooling", tooling}, flag("--project", project), flag("--folder", folder))
	for _, environment := range environments {
		arguments = append(arguments, "--env", environment)
	}
	java := p.source.Filter(dagger.DirectoryFilterOpts{Include: pipeline.JavaProjectFiles})
	if found, err = java.Glob(ctx, "**/*"); err != nil {
		return nil, messageError("the source directory cannot be read", err)
	}
	isJava := slices.ContainsFunc(found, func(name string) bool {
		return pipeline.Matches(pipeline.JavaProjectFiles, name)
	})
	s := pipeline.InitStep(isJava, arguments...)
	ctr := p.containerWith(s, p.source).WithExec(s.Argv(false))
	written := ctr.Directory(pipeline.WorkFolder).Filter(dagger.DirectoryFilterOpts{Include: pipeline.InitOutputs})
	if _, err := written.Sync(ctx); err != nil {
		return nil, messageError("the configuration could not be written", err)
	}
	return p.source.WithDirectory("/", written).Changes(p.source), nil
}

// Explain shows what the code of an error means and what to do, or where a stack goes and why.
//
// +cache="session"
func (m *Lockstep) Explain(
	ctx context.Context,
	// A code such as LS-301, or the name of a stack; without it, all codes are listed
	// +optional
	topic string,
) (string, error) {
	where, err := m.find(ctx)
	if err != nil {
		return "", err
	}
	p, err := m.newProject(where)
	if err != nil {
		return "", err
	}
	s := pipeline.ExplainStep(topic)
	text, err := p.container(s).WithExec(s.Argv(false)).Stdout(ctx)
	if err != nil {
		return "", messageError("there is no explanation", err)
	}
	return inDagger(text), nil
}
