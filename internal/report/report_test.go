package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"

	"github.com/charmbracelet/lipgloss"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
)

// fixedTime is a clock that stands still.
func fixedTime() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// observeAll hands the events to the observer.
func observeAll(o Observer, events []pipeline.Event) {
	for _, e := range events {
		o.Observe(e)
	}
}

func newTestGraph(t *testing.T) *pipeline.Graph {
	t.Helper()
	g, err := pipeline.NewGraph([]pipeline.Step{
		{Name: "build", Stage: pipeline.Synth, Image: pipeline.ImageGo, Command: []string{"go"}},
		{
			Name: "deploy:acc", Stage: pipeline.Deploy, Image: pipeline.ImageGo, Command: []string{"x"},
			Needs: []string{"build"}, Effect: pipeline.AWS,
		},
	})
	require.NoError(t, err)
	return g
}

var events = []pipeline.Event{
	{Kind: pipeline.Notice, Detail: "starting the emulated accounts"},
	{Step: "build", Kind: pipeline.Started},
	{Step: "build", Kind: pipeline.Output, Detail: "compiling"},
	{Step: "build", Kind: pipeline.Finished, Result: &pipeline.Result{
		Step: "build", Status: pipeline.Cached, Reason: "nothing that it reads has changed",
	}},
	{Step: "deploy:acc", Kind: pipeline.Output, Detail: "+ AWS::S3::Bucket Data"},
	{Step: "deploy:acc", Kind: pipeline.Finished, Result: &pipeline.Result{
		Step: "deploy:acc", Status: pipeline.Failed, Millis: 1500, Reason: "exit status 1",
	}},
}

func TestPlainObserver_ShowsResultsAndAWSOutput(t *testing.T) {
	for _, test := range []struct {
		name    string
		verbose bool
		want    string
	}{
		{"of a step that only computes, how it ended", false, `
            starting the emulated accounts
build       cached
deploy:acc  | + AWS::S3::Bucket Data
deploy:acc  failed in 1.5 s: exit status 1
`},
		{"with verbose, everything", true, `
            starting the emulated accounts
build       | compiling
build       cached
deploy:acc  | + AWS::S3::Bucket Data
deploy:acc  failed in 1.5 s: exit status 1
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			o := NewObserver(&out, newTestGraph(t), ObserverOptions{Mode: Auto, Verbose: test.verbose})
			observeAll(o, events)
			o.Close()
			assert.Equal(t, strings.TrimPrefix(test.want, "\n"), out.String())
		})
	}
}

func TestDiscardObserver_WritesNothing(t *testing.T) {
	var out bytes.Buffer
	o := NewObserver(&out, newTestGraph(t), ObserverOptions{Mode: None, IsTerminal: true, Verbose: true})
	observeAll(o, events)
	o.Close()
	assert.Empty(t, out.String())
}

func TestJSONObserver_OneEventPerLine(t *testing.T) {
	var out bytes.Buffer
	o := NewJSONObserver(&out)
	observeAll(o, events)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, len(events))
	for i, line := range lines {
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		assert.Equal(t, string(events[i].Kind), got["event"])
		assert.Contains(t, got, "time")
		assert.Contains(t, got, "ms")
	}
}

func TestTreeObserver_GroupsStepsByStage(t *testing.T) {
	m := newTree(newTestGraph(t), lipgloss.NewRenderer(&bytes.Buffer{}), fixedTime)
	built := &pipeline.Result{Status: pipeline.Ran, Millis: 120}
	m.Update(pipeline.Event{Step: "build", Kind: pipeline.Finished, Result: built})
	m.Update(pipeline.Event{Step: "deploy:acc", Kind: pipeline.Started, Time: fixedTime().Add(-90 * time.Second)})
	m.Update(pipeline.Event{Step: "deploy:acc", Kind: pipeline.Output, Detail: "waiting"})
	view := m.View()
	assert.Regexp(t, `(?s)^synth\n  ✓ build       ran in 120 ms\ndeploy\n  . deploy:acc  1 min 30 s  waiting\n$`, view)
}

func TestTreeObserver_KeepsLastStateOnClose(t *testing.T) {
	var out bytes.Buffer
	o := NewObserver(&out, newTestGraph(t), ObserverOptions{Mode: Auto, IsTerminal: true, Now: fixedTime})
	observeAll(o, events)
	o.Close()
	assert.Contains(t, out.String(), "failed in 1.5 s: exit status 1")
	assert.Contains(t, out.String(), "+ AWS::S3::Bucket Data")
}

func TestTreeObserver_ClosedTerminalStopsNothing(t *testing.T) {
	o := newTreeObserver(io.Discard, newTestGraph(t), func(pipeline.Event) bool { return true }, fixedTime)
	o.program.Kill()
	<-o.ended
	observeAll(o, events)
	o.Observe(pipeline.Event{Kind: pipeline.Notice, Detail: "a notice"})
	o.Close()
}

func sampleSummary() *Summary {
	s := &Summary{
		Envelope: Envelope{Command: "deploy", Result: Passed, Mode: Rehearsal, Millis: 12_345},
		Digest:   "d1", Logs: ".lockstep/runs/1",
		Steps: []pipeline.Result{
			{Step: "build", Stage: pipeline.Synth, Status: pipeline.Cached, Reason: "nothing that it reads has changed"},
			{Step: "deploy:acc", Stage: pipeline.Deploy, Status: pipeline.Ran, Millis: 3000},
		},
		NotRehearsed: []string{"the approval before prod"},
	}
	s.Add(AccountRecord{
		Mode: Rehearsal,
		Coverage: &rehearsal.Coverage{Resources: 4, Ratio: 0.75, StandIns: []rehearsal.StandIn{
			{Stack: "p-acc-data", LogicalID: "Trail", Type: "AWS::CloudTrail::Trail"},
		}},
		Record: deploy.Record{
			Target: awsclient.Target{Environment: "acc", Account: "444455556666", Region: "eu-west-1"}, Outcome: change.Created,
			Stacks: []deploy.StackRecord{
				{
					Name: "p-acc-data", Outcome: change.Created, Outputs: map[string]string{"Name": "b", "Arn": "a"},
					Changes: []change.Change{{Action: change.Add}, {Action: change.Add}},
				},
				{Name: "p-acc-bad", Outcome: change.Failed, Reason: "Bucket (AWS::S3::Bucket): already exists"},
			},
		},
	})
	return s
}

func TestWriteText_ShowsStepsStacksAndCoverage(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, sampleSummary().WriteText(&out))
	assert.Equal(t, `
steps
  ✓ build       cached             nothing that it reads has changed
  ✓ deploy:acc  ran         3.0 s

acc  account 444455556666, eu-west-1: created
  p-acc-data  created: 2 to add
    Arn = a
    Name = b
  p-acc-bad   failed
    Bucket (AWS::S3::Bucket): already exists

rehearsed 3 of 4 resources (75 %)
  not rehearsed: AWS::CloudTrail::Trail Trail in p-acc-data
  not rehearsed: the approval before prod

logs    .lockstep/runs/1
digest  d1

deploy passed in 12.3 s: a rehearsal on emulated accounts, nothing reached AWS
`, out.String())
}

func TestWriteJSON_OneObjectOnOneLine(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, sampleSummary().WriteJSON(&out))
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	for _, key := range []string{"result", "mode", "steps", "stacks", "coverage", "digest"} {
		assert.Contains(t, got, key)
	}
	assert.Equal(t, "summary", got["event"])
	assert.Equal(t, "rehearsal", got["mode"])
}

func TestLastLine_SaysWhatWasTouched(t *testing.T) {
	unchanged := deploy.StackRecord{Outcome: change.Unchanged}
	updated := deploy.StackRecord{Outcome: change.Updated}
	for _, test := range []struct {
		name   string
		mode   Mode
		result Verdict
		stacks []deploy.StackRecord
		want   string
	}{
		{
			"a rehearsal that changed nothing", Rehearsal, Passed,
			[]deploy.StackRecord{unchanged},
			"nothing changed on the emulated accounts, nothing was touched",
		},
		{
			"a live run that changed nothing", Live, Passed,
			[]deploy.StackRecord{unchanged},
			"nothing changed, nothing was touched",
		},
		{
			"a rehearsal that changed something", Rehearsal, Passed,
			[]deploy.StackRecord{unchanged, updated},
			"nothing reached AWS",
		},
		{"a live run that failed", Live, Failed, []deploy.StackRecord{unchanged}, "live on AWS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Summary{Envelope: Envelope{Mode: test.mode, Result: test.result}, Stacks: test.stacks}
			assert.Contains(t, s.LastLine(), test.want)
		})
	}
}

func TestLines_NameTheEndpointThatIsNotAWS(t *testing.T) {
	const endpoint = "https://localhost:4566"
	for _, stacks := range [][]deploy.StackRecord{{{Outcome: change.Updated}}, {{Outcome: change.Unchanged}}, nil} {
		s := Summary{Envelope: Envelope{Mode: Live, Result: Passed, LiveEndpoint: endpoint}, Stacks: stacks}
		assert.Contains(t, s.LastLine(), "on "+endpoint+", which is not AWS")
		assert.NotContains(t, s.LastLine(), "on AWS")
	}
	assert.Equal(t, "live: acc on "+endpoint+", which is not AWS", FirstLine(Live, []string{"acc"}, endpoint))
	assert.Equal(t, "live: acc on AWS", FirstLine(Live, []string{"acc"}, ""))
}

func TestFormatDuration_Units(t *testing.T) {
	for millis, want := range map[int64]string{0: "0 ms", 999: "999 ms", 1500: "1.5 s", 61_000: "1 min 01 s"} {
		assert.Equal(t, want, formatDuration(millis))
	}
}
