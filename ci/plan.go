package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/deploy/change"
	"lockstep/internal/pipeline"
)

// Plan is what a deployment or a rollback would do, as it is reviewed.
type Plan struct {
	// The plan's digest: only a plan with this digest is approved or applied
	Digest string
	// One line: how many stacks change, and what has to be allowed by name
	Summary string
	// The stacks, in the order in which they are deployed
	Changes []*StackChanges
	// The kinds of changes that have to be allowed by name
	Flags []string
	// The file plan.json, for approve and deploy --plan
	File *dagger.File
	// The plan as a person reviews it
	Document *dagger.File
	// +private
	Environment *Environment
	// +private
	IsRollback bool
}

// StackChanges is what a plan does to one stack.
type StackChanges struct {
	// The stack's name
	Stack string
	// What happens to it: planned, unchanged, or deferred if it can be planned only when others exist
	Outcome string
	// How many resources change
	Resources int
	// The kinds of changes that have to be allowed by name
	Flags []string
}

// newPlan returns the plan of a folder that the step of a plan has written.
func (e *Environment) newPlan(ctx context.Context, files *dagger.Directory, isRollback bool) (*Plan, error) {
	content, err := readPlan(ctx, files)
	if err != nil {
		return nil, err
	}
	p := &Plan{
		Digest: content.Digest, Summary: content.summary(), Changes: content.stackChanges(), Environment: e,
		File: files.File(pipeline.PlanFile), Document: files.File(planDocument), IsRollback: isRollback,
	}
	for _, c := range p.Changes {
		p.Flags = append(p.Flags, c.Flags...)
	}
	slices.Sort(p.Flags)
	p.Flags = slices.Compact(p.Flags)
	fmt.Printf("%s: plan %s\n%s\n", e.Name, p.Digest, p.Summary)
	return p, nil
}

// Json returns the plan as the file plan.json has it.
//
// +cache="session"
func (p *Plan) Json(ctx context.Context) (string, error) { return p.File.Contents(ctx) }

// Markdown returns the plan as a person reviews it.
//
// +cache="session"
func (p *Plan) Markdown(ctx context.Context) (string, error) { return p.Document.Contents(ctx) }

// Approve records that the caller approves this plan.
//
// +cache="never"
func (p *Plan) Approve(
	ctx context.Context,
	// The execution of CodePipeline in which a person has approved the plan, as PIPELINE/EXECUTION, or the run of a
	// service, as github:OWNER/NAME/RUN or gitlab:GROUP/NAME/PIPELINE: that person is the approver, not the caller
	// +optional
	approvedIn string,
	// A note for the release's record, such as who asked for the change
	// +optional
	note string,
	// Kinds of changes that have to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
	// The token of the job, with which GitHub or GitLab is asked who has approved: env://GITHUB_TOKEN, env://CI_JOB_TOKEN
	// +optional
	jobToken *dagger.Secret,
) (string, error) {
	e := p.Environment
	return e.Pipeline.Approve(ctx, p.File, p.Digest, approvedIn, note, allow, e.Credentials, jobToken)
}

// Apply applies exactly this plan, and verifies the result.
//
// +cache="never"
func (p *Plan) Apply(
	ctx context.Context,
	// Kinds of changes that have to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
) (*Release, error) {
	if p.IsRollback {
		return p.Environment.Rollback(ctx, 0, p.File, allow, "")
	}
	return p.Environment.Deploy(ctx, p.File, allow, "", p.Digest)
}

// planDocument is the plan for a person, in the folder of a plan.
const planDocument = "plan.md"

// maxSummaryLength is the most that a plan's summary may have, in bytes. CodePipeline cuts the request for an approval,
// which has more than the summary, at 1,000 characters.
const maxSummaryLength = 600

// withSummary adds the plan's digest and its summary of one line to the folder of a plan.
func withSummary(ctx context.Context, plan *dagger.Directory) (*dagger.Directory, error) {
	content, err := readPlan(ctx, plan)
	if err != nil {
		return nil, err
	}
	return plan.WithNewFile("digest", content.Digest).WithNewFile("summary", content.summary()), nil
}

// readPlan reads the plan of a folder.
func readPlan(ctx context.Context, folder *dagger.Directory) (planContent, error) {
	var content planContent
	text, err := folder.File(pipeline.PlanFile).Contents(ctx)
	if err != nil {
		return content, messageError("the new plan cannot be read", err)
	}
	if err := json.Unmarshal([]byte(text), &content); err != nil || content.Digest == "" {
		return content, errors.New("the new plan is not valid JSON or has no digest")
	}
	return content, nil
}

// planContent is the part of a plan's file that its summary is made from.
type planContent struct {
	Digest  string
	Targets []struct {
		Account string
		Stacks  []plannedStack
	}
}

// plannedStack is the part of a plan that belongs to one stack.
type plannedStack struct {
	Name    string
	Outcome change.Outcome
	Changes []struct{}
	Flags   []struct{ Permit string }
}

// permits returns the kinds of changes that have to be allowed by name, in their order.
func (s plannedStack) permits() []string {
	var permits []string
	for _, flag := range s.Flags {
		if !slices.Contains(permits, flag.Permit) {
			permits = append(permits, flag.Permit)
		}
	}
	return permits
}

// stackChanges returns what the plan does to each stack.
func (p planContent) stackChanges() []*StackChanges {
	var out []*StackChanges
	for _, target := range p.Targets {
		for _, s := range target.Stacks {
			out = append(out, &StackChanges{
				Stack: s.Name, Outcome: string(s.Outcome), Resources: len(s.Changes), Flags: s.permits(),
			})
		}
	}
	return out
}

// summary returns how many stacks change and, for each of them, its number of changes and what has to be allowed by
// name.
func (p planContent) summary() string {
	var changes []string
	stacks := p.stackChanges()
	for _, s := range stacks {
		if s.Resources > 0 {
			words := append([]string{fmt.Sprintf("%s %d", s.Stack, s.Resources)}, s.Flags...)
			changes = append(changes, strings.Join(words, ", "))
		}
	}
	text := fmt.Sprintf("%d of %d stacks change", len(changes), len(stacks))
	if len(changes) > 0 {
		text += ": " + strings.Join(changes, "; ")
	}
	if len(text) > maxSummaryLength {
		text = strings.ToValidUTF8(text[:maxSummaryLength-len("…")], "") + "…"
	}
	return text
}
