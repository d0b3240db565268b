package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/pipeline"
)

// Release is what a deployment or a rollback has done, as the account's records have it.
type Release struct {
	// The environment's name
	Environment string
	// The release's number in the first account of the environment; 0 if nothing had to be changed
	Number int
	// The digest of the cloud assembly that is deployed
	Digest string
	// The stacks, in the order in which they were deployed
	Stacks []*Stack
	// The stacks' outputs
	Outputs []*Output
	// What the command line would show
	Report string
}

// Stack is one stack of a release.
type Stack struct {
	// The stack's name
	Name string
	// The account that it is in
	Account string
	// The region that it is in
	Region string
	// What happened to it: created, updated or unchanged
	Outcome string
	// How many resources were changed
	Resources int
}

// Output is one output of a stack.
type Output struct {
	// The stack's name
	Stack string
	// The output's key
	Key string
	// The output's value
	Value string
}

// accountRecord is the part that a Release shows of the record of one account.
type accountRecord struct {
	AssemblyDigest string
	Release        int
	Outcome        change.Outcome
	Stacks         []struct {
		Name, Account, Region string
		Outcome               change.Outcome
		Changes               []struct{}
		Outputs               map[string]string
	}
	Others []accountRecord
}

// releaseOf returns the release of a run's step of the stage deploy.
func (e *Environment) releaseOf(ctx context.Context, r *graphRun) (*Release, error) {
	for _, o := range r.outcomes {
		if o.Stage != pipeline.Deploy {
			continue
		}
		text, err := o.outputDir.File(pipeline.RecordFile(pipeline.Deploy, e.Name)).Contents(ctx)
		if err != nil {
			return nil, messageError("the record of the deployment cannot be read", err)
		}
		var record accountRecord
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			return nil, errors.New("the record of the deployment is not valid JSON")
		}
		release := releaseFrom(e.Name, append([]accountRecord{record}, record.Others...))
		release.Report = r.text()
		fmt.Print(release.Report)
		return release, nil
	}
	return nil, errors.New("nothing was deployed: the run has no step of the stage deploy")
}

// newRelease returns the release of the summary that a command has printed as JSON.
func newRelease(environment, summary string) (*Release, error) {
	var s struct{ Environments []accountRecord }
	if err := json.Unmarshal([]byte(summary), &s); err != nil || len(s.Environments) == 0 {
		return nil, errors.New("the summary of the run is not valid JSON or names no account")
	}
	release := releaseFrom(environment, s.Environments)
	release.Report = release.describe()
	fmt.Print(release.Report)
	return release, nil
}

// releaseFrom returns the release of an environment's accounts.
func releaseFrom(environment string, records []accountRecord) *Release {
	release := &Release{Environment: environment, Number: records[0].Release, Digest: records[0].AssemblyDigest}
	for _, record := range records {
		for _, s := range record.Stacks {
			release.Stacks = append(release.Stacks, &Stack{
				Name: s.Name, Account: s.Account, Region: s.Region, Outcome: string(s.Outcome), Resources: len(s.Changes),
			})
			for _, key := range slices.Sorted(maps.Keys(s.Outputs)) {
				release.Outputs = append(release.Outputs, &Output{Stack: s.Name, Key: key, Value: s.Outputs[key]})
			}
		}
	}
	return release
}

// describe returns the release on one screen.
func (r *Release) describe() string {
	var b strings.Builder
	for _, s := range r.Stacks {
		fmt.Fprintf(&b, "%-40s %s, %d resources\n", s.Name, s.Outcome, s.Resources)
	}
	fmt.Fprintf(&b, "%s: release %d, cloud assembly %.12s\n", r.Environment, r.Number, r.Digest)
	return b.String()
}

// lastLine returns the last line of a text.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
