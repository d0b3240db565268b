package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/config"
	"lockstep/internal/deploy/change"
	"lockstep/internal/pipeline"
)

// answerLife is how long an answer is good for at most. What a deployment depends on besides its inputs changes on the
// hour or more seldom, such as the day on which a waiver ends.
const answerLife = time.Hour

// An answer is what a rehearsed deployment that had nothing to do ended with. The same deployment of the same accounts
// ends in the same way.
type answer struct {
	Steps []answerStep
	// Summary is the summary without its last line, and Ending is what that line says besides the time.
	Summary, Ending string
}

// answerStep is what one step of a deployment left.
type answerStep struct {
	Name   string
	Output string
	// Record is the record of a deployment; empty for another step.
	Record string
}

// rehearseDeployment deploys to the emulated accounts. Where the same deployment had nothing to do and nothing has
// changed since, it returns what that ended with, and starts no accounts.
func (p *project) rehearseDeployment(
	ctx context.Context, g *pipeline.Graph, environments []config.Environment,
) (*graphRun, error) {
	started := time.Now()
	// The accounts are read while the stacks are synthesised. An answer that they had then is right at that moment, and
	// another call that starts them forgets it.
	var found *accounts
	var unread error
	var reading sync.WaitGroup
	reading.Go(func() { found, unread = p.readAccounts(ctx, true) })
	before := p.runGraph(ctx, g.Select(func(s pipeline.Step) bool { return s.Effect != pipeline.AWS }))
	fingerprint := p.fingerprint(ctx, before, g)
	reading.Wait()
	if unread != nil {
		return nil, unread
	}
	if r := p.recall(found.answers[fingerprint], before, g, started); r != nil {
		return r, nil
	}
	var r *graphRun
	var known *answer
	var summary sync.WaitGroup
	err := p.withAccounts(ctx, "", func() error {
		r = p.runGraph(ctx, g)
		r.keepTimes(before)
		// The summary is written while the accounts are being stopped.
		summary.Go(func() {
			results := p.stageResult(r, pipeline.Deploy, environments)
			r.summary = p.summarize(ctx, r, results)
			if fingerprint != "" {
				known = p.answerOf(ctx, r, results)
			}
		})
		return nil
	})
	summary.Wait()
	p.noteNewAccounts(ctx, r)
	if err == nil && known != nil {
		// Without the answer the next deployment does what this one did.
		_ = p.storeAnswer(ctx, fingerprint, known)
	}
	return r, errors.Join(err, r.err())
}

// keepTimes sets how long the run and its steps took to what they took when they ran for the first time in this call.
func (r *graphRun) keepTimes(first *graphRun) {
	r.millis += first.millis
	for _, o := range r.outcomes {
		for _, earlier := range first.outcomes {
			if earlier.Step == o.Step {
				o.Millis = earlier.Millis
			}
		}
	}
}

// fingerprint returns a text that only a deployment with the same inputs, commands, tools and images has, within an
// hour. It is empty if a step before the deployment has not passed. The text is a random number that the engine has in
// its cache for what the step's container is made from, so an engine that has removed it gives out another.
func (p *project) fingerprint(ctx context.Context, before *graphRun, g *pipeline.Graph) string {
	if before.err() != nil {
		return ""
	}
	steps := slices.DeleteFunc(g.Steps(), func(s pipeline.Step) bool { return s.Effect != pipeline.AWS })
	parts := make([]string, len(steps))
	errs := make([]error, len(steps))
	var all sync.WaitGroup
	for i, s := range steps {
		ctr := p.container(s).
			WithEnvVariable("LOCKSTEP_COMMAND", strings.Join(s.Argv(false), "\n")).
			WithExec([]string{"cat", "/proc/sys/kernel/random/uuid"})
		all.Go(func() {
			text, err := ctr.Stdout(ctx)
			parts[i], errs[i] = strings.TrimSpace(text), err
		})
	}
	all.Wait()
	if errors.Join(errs...) != nil {
		return ""
	}
	return fingerprintOf(time.Now(), parts)
}

// fingerprintOf returns the fingerprint at that time of a deployment whose steps' containers have these texts.
func fingerprintOf(at time.Time, parts []string) string {
	return at.UTC().Truncate(answerLife).Format("2006010215") + "-" + strings.Join(parts, "-")
}

// recall returns the run that the text of an answer describes; nil if it cannot be read.
func (p *project) recall(text string, before *graphRun, g *pipeline.Graph, started time.Time) *graphRun {
	var a answer
	if json.Unmarshal([]byte(text), &a) != nil {
		return nil
	}
	r := &graphRun{graph: g, outcomes: before.outcomes}
	for _, known := range a.Steps {
		s, _ := g.Step(known.Name)
		o := &outcome{
			Result: pipeline.Result{Step: s.Name, Stage: s.Stage, Status: pipeline.Cached}, step: s,
			output: known.Output, outputDir: dag.Directory(),
		}
		if known.Record != "" {
			o.outputDir = o.outputDir.WithNewFile(pipeline.RecordFile(s.Stage, s.Environment), known.Record)
		}
		r.outcomes = append(r.outcomes, o)
	}
	elapsed := time.Since(started)
	r.millis = elapsed.Milliseconds()
	r.summary = fmt.Sprintf("%s\n%s passed in %.1f s, cached: %s", a.Summary, pipeline.Deploy, elapsed.Seconds(), a.Ending)
	return r
}

// answerOf returns the answer that the run is; nil if it is none, because it has changed something or did not pass. The
// steps of its summary are cached ones.
func (p *project) answerOf(ctx context.Context, r *graphRun, results pipeline.RunResults) *answer {
	if r.err() != nil {
		return nil
	}
	a := &answer{}
	for _, o := range r.outcomes {
		if o.step.Effect != pipeline.AWS {
			continue
		}
		known := answerStep{Name: o.Step, Output: o.output}
		if o.Stage == pipeline.Deploy {
			if known.Record = o.record(ctx); !isUnchanged(known.Record) {
				return nil
			}
		}
		a.Steps = append(a.Steps, known)
	}
	results.Results = slices.Clone(results.Results)
	for i := range results.Results {
		if results.Results[i].Status == pipeline.Ran {
			results.Results[i].Status = pipeline.Cached
		}
	}
	text := p.summarize(ctx, r, results)
	last := lastLine(text)
	_, ending, isSummary := strings.Cut(last, ": ")
	if !isSummary {
		return nil
	}
	a.Summary, a.Ending = strings.TrimSuffix(text, "\n"+last), ending
	return a
}

// isUnchanged reports whether the record is that of a deployment that had nothing to do in any account.
func isUnchanged(text string) bool {
	var record accountRecord
	if json.Unmarshal([]byte(text), &record) != nil || len(record.Stacks) == 0 {
		return false
	}
	for _, account := range append([]accountRecord{record}, record.Others...) {
		if account.Release != 0 {
			return false
		}
		for _, s := range account.Stacks {
			if s.Outcome != change.Unchanged {
				return false
			}
		}
	}
	return true
}

// record returns the record that the step has written; empty if it has written none.
func (o *outcome) record(ctx context.Context) string {
	if o.step.Environment == "" || len(o.step.Outputs) == 0 {
		return ""
	}
	text, err := o.outputDir.File(pipeline.RecordFile(o.Stage, o.step.Environment)).Contents(ctx)
	if err != nil {
		return ""
	}
	return text
}
