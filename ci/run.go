package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// outcome is a step's result, what it printed, and its outputs.
type outcome struct {
	pipeline.Result
	output    string
	outputDir *dagger.Directory

	step pipeline.Step
	// prepared is the step's container before its command has run, and container after it.
	prepared, container *dagger.Container
}

// graphRun is a run of a graph, with the outcomes in the graph's order.
type graphRun struct {
	graph    *pipeline.Graph
	outcomes []*outcome
	millis   int64
	// summary is how this program describes it; empty if it has not been asked.
	summary string
	// notes are what a caller of the module should know besides.
	notes []string
}

// runGraph asks the engine for every step as soon as those that it waits for have passed. The engine limits how much it
// runs at once, so the scheduler does not.
func (p *project) runGraph(ctx context.Context, g *pipeline.Graph) *graphRun {
	r := &graphRun{graph: g}
	started := time.Now()
	outcomes := map[string]*outcome{}
	for _, s := range g.Steps() {
		o := p.prepareStep(s)
		r.outcomes = append(r.outcomes, o)
		outcomes[s.Name] = o
	}
	run := func(s pipeline.Step) pipeline.Result {
		o := outcomes[s.Name]
		stepStarted := time.Now()
		p.runStep(ctx, o)
		o.Millis = time.Since(stepStarted).Milliseconds()
		return o.Result
	}
	pipeline.NewScheduler(g, 0).Run(ctx, run, func(skipped pipeline.Result) { outcomes[skipped.Step].Result = skipped })
	r.millis = time.Since(started).Milliseconds()
	return r
}

// prepareStep says what a step's container is and what it will leave. Nothing runs yet. What a step is made of has to
// be described before it, as the graph's order has it.
func (p *project) prepareStep(s pipeline.Step) *outcome {
	ctr := p.container(s)
	if s.Effect == pipeline.AWS {
		ctr = ctr.WithEnvVariable("LOCKSTEP_RUN", runID) // never the same, so never taken from the cache
	}
	o := &outcome{Result: pipeline.Result{Step: s.Name, Stage: s.Stage}, step: s, prepared: ctr}
	p.addExec(o)
	if len(s.Outputs) > 0 {
		p.outputDirs[s.Name] = o.outputDir
	}
	return o
}

// addExec adds the step's command to its container. The command may end with any exit status.
func (p *project) addExec(o *outcome) {
	anyStatus := dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}
	o.container = o.prepared.WithExec(o.step.Argv(p.live != nil), anyStatus)
	o.outputDir = p.stepOutputs(o.container, o.step)
}

// runID distinguishes this run from every other.
var runID = fmt.Sprint(time.Now().UnixNano())

// notePattern matches what this program notes after its last line if the collector of spans, which is the engine, was
// too slow. Nothing depends on it, and a result is read from the last line.
var notePattern = regexp.MustCompile(`(?m)^telemetry: .*\n?`)

// runStep runs a step and says how it ended.
func (p *project) runStep(ctx context.Context, o *outcome) {
	s := o.step
	if s.Off != "" {
		o.Status, o.Reason = pipeline.NothingToDo, s.OffReason()
		return
	}
	if nothing, err := p.hasNothingToDo(ctx, s); err == nil && nothing {
		o.Status, o.Reason = pipeline.NothingToDo, s.NothingReason()
		return
	}
	code, err := o.container.ExitCode(ctx)
	if err == nil && code == pipeline.ExitNotRun && s.IsGate() {
		// The engine caches this result too, but what the gate could not reach then may be reachable now.
		o.prepared = o.prepared.WithEnvVariable("LOCKSTEP_RUN", runID)
		p.addExec(o)
		code, err = o.container.ExitCode(ctx)
	}
	if err == nil && (code != 0 || s.Effect == pipeline.AWS) {
		o.output, err = o.container.CombinedOutput(ctx)
		o.output = notePattern.ReplaceAllString(o.output, "")
	}
	switch {
	case err != nil && ctx.Err() != nil:
		o.Status = pipeline.Interrupted
	case err != nil:
		o.Status = pipeline.Failed
		o.Code, o.Reason = fault.StepFailed, p.messageWithImageHint(err)
		o.output = execOutput(err)
	case code == 0:
		o.Status = pipeline.Ran
	default:
		o.Status = pipeline.Failed
		o.ExitCode = code
		o.Code, o.Reason = s.FailureCode(o.output), fmt.Sprintf("exit status %d", code)
		p.classifyExit(o)
	}
}

// classifyExit takes the reason of a step of this program from its output, and sets the status of a gate that could not
// run.
func (p *project) classifyExit(o *outcome) {
	if !o.step.IsGate() {
		o.takeMessage()
		return
	}
	lines := strings.Split(strings.TrimSpace(o.output), "\n")
	if _, reason, ok := strings.Cut(lines[len(lines)-1], ": "); ok {
		o.setReason(reason)
	}
	if o.ExitCode == pipeline.ExitNothingToDo {
		o.Status, o.Code, o.ExitCode = pipeline.NothingToDo, "", 0
		return
	}
	if o.ExitCode == pipeline.ExitNotRun {
		o.Status, o.Tolerated = pipeline.NotRun, p.toleratesNotRun(o.step)
		o.Code = fault.GateNotRun
	}
}

// messagePattern matches the line that this program prints when it fails, with the message that it ends with. In a
// summary the line is below the account. A line that ends in a colon is followed by a list, whose items are indented.
var messagePattern = regexp.MustCompile(`(?m)^(?:lockstep: |  )(LS-\d+): (.*[^:]$|.+:$(?:\n {3,}.+$)*)`)

// takeMessage sets the reason to the last message that this program has printed, with the exit status, which the call
// itself cannot return: 2 for usage and configuration, 3 for a refusal.
func (o *outcome) takeMessage() {
	if !o.step.CallsSelf() {
		return
	}
	var event struct { // the last one of --json
		Code  fault.Code
		Error string
	}
	if json.Unmarshal([]byte(lastLine(o.output)), &event) == nil && event.Code != "" {
		o.Code, o.Reason = event.Code, fmt.Sprintf("%s (exit status %d)", event.Error, o.ExitCode)
		return
	}
	messages := messagePattern.FindAllStringSubmatch(o.output, -1)
	if len(messages) == 0 {
		return
	}
	last := messages[len(messages)-1]
	lines := strings.Split(last[2], "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	message := strings.TrimSpace(lines[0] + " " + strings.Join(lines[1:], "; "))
	o.Code, o.Reason = fault.Code(last[1]), fmt.Sprintf("%s (exit status %d)", message, o.ExitCode)
}

// setReason sets the reason that a gate has printed, and its code if the gate has printed one.
func (o *outcome) setReason(reason string) {
	code, reason := fault.Cut(reason)
	o.Reason = reason
	if code != "" {
		o.Code = code
	}
}

// hasNothingToDo reports whether the source has none of the files that trigger the step. Its tools are then not
// installed.
func (p *project) hasNothingToDo(ctx context.Context, s pipeline.Step) (bool, error) {
	if len(s.TriggerPaths) == 0 {
		return false, nil
	}
	folder := copySelected(dag.Directory(), p.source, s.SubjectFiles())
	found, err := folder.Glob(ctx, "**/*")
	found = slices.DeleteFunc(found, func(name string) bool { return !pipeline.Matches(s.TriggerPaths, name) })
	if err != nil || s.TriggerText == "" {
		return len(found) == 0, err
	}
	for _, name := range found {
		text, err := folder.File(name).Contents(ctx)
		if err != nil || strings.Contains(text, s.TriggerText) {
			return false, err
		}
	}
	return true, nil
}

// messageError returns an error with the text of an engine's error and the end of the failed command's output. It does
// not wrap the engine's error, because the caller would then see that alone.
func messageError(what string, err error) error {
	text := what + ": " + oneLine(err)
	if output := execOutput(err); output != "" {
		text += "\n" + tail(output)
	}
	return errors.New(text)
}

// execOutput returns what the failed command printed; empty if the error is not of a command.
func execOutput(err error) string {
	var failed *dagger.ExecError
	if !errors.As(err, &failed) {
		return ""
	}
	return strings.TrimSpace(failed.Stdout + "\n" + failed.Stderr)
}

// oneLine returns an error's text without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// tailLines is how many lines of a failed step's output are shown.
const tailLines = 30

// tail returns the last lines of a text, indented.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-tailLines):], "\n  ")
}

// last returns the outcome of the last step.
func (r *graphRun) last() *outcome { return r.outcomes[len(r.outcomes)-1] }

// logName returns the name of the file for a step's output.
func logName(step string) string { return strings.ReplaceAll(step, ":", "-") + ".log" }

// text returns the output of the steps that reach AWS, and a summary of the run. It is empty for nil, a run that never
// began.
func (r *graphRun) text() string {
	if r == nil {
		return ""
	}
	var b strings.Builder
	for _, o := range r.outcomes {
		if o.output != "" && o.Passed() {
			fmt.Fprintf(&b, "%s\n%s\n\n", o.Step, strings.TrimSpace(o.output))
		}
	}
	if r.summary != "" {
		b.WriteString(r.summary + "\n")
	} else {
		b.WriteString(r.shortSummary())
	}
	for _, note := range r.notes {
		b.WriteString(note + "\n")
	}
	return inDagger(b.String())
}

// shortSummary returns a line for each step, and the digest.
func (r *graphRun) shortSummary() string {
	var b strings.Builder
	for _, o := range r.outcomes {
		line := fmt.Sprintf("%-16s %s", o.Step, o.Status)
		if o.Reason != "" {
			line += ": " + o.Message()
		}
		fmt.Fprintf(&b, "%s (%.1f s)\n", line, float64(o.Millis)/1000)
	}
	fmt.Fprintf(&b, "digest %s\n", r.graph.Digest())
	return b.String()
}

// err returns an error with the steps that did not pass, and nil if there are none. The causes and what to do next are
// its last lines, because a terminal shows the end: before them stand the summary and the end of each step's output. A
// run that never began, which is nil, has not failed.
func (r *graphRun) err() error {
	if r == nil {
		return nil
	}
	var failed, causes []string
	var codes []string
	var outputs strings.Builder
	for _, o := range r.outcomes {
		if !o.Blocks() || o.Status == pipeline.Skipped {
			continue
		}
		failed = append(failed, o.Step)
		causes = append(causes, fmt.Sprintf("%s %s: %s", o.Step, o.Status, o.Message()))
		if code := string(o.Code); code != "" && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
		if o.output != "" {
			fmt.Fprintf(&outputs, "%s\n%s\n\n", o.Step, tail(o.output))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	causes = causes[:min(len(causes), maxCauses)]
	text := strings.TrimSpace(r.text()) + "\n\n" + outputs.String() +
		"did not pass: " + strings.Join(failed, ", ") + "\n" + strings.Join(causes, "\n")
	for _, code := range codes[:min(len(codes), maxCodes)] {
		text += "\nwhat to do: dagger call explain --topic " + code
	}
	return errors.New(inDagger(text))
}

// The causes and the remedies that an error ends with are limited, so that the last twenty lines have some of both. The
// summary before them has all.
const (
	maxCauses = 12
	maxCodes  = 5
)
