package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/change"
	"lockstep/internal/fault"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// failedAccount returns the record of an account in which a stack failed.
func failedAccount() AccountRecord {
	return AccountRecord{Mode: Live, Record: deploy.Record{
		Target:  awsclient.Target{Environment: "acc", Account: "444455556666", Region: "eu-west-1"},
		Outcome: change.Failed, Error: "stack web: Table: already exists", Code: fault.StackFailed,
		Stacks: []deploy.StackRecord{
			{Name: "net", Outcome: change.Unchanged},
			{
				Name: "web", Outcome: change.Failed, Reason: "Table (AWS::DynamoDB::Table): it already exists",
				Code: fault.StackFailed, Causes: []change.Cause{{}},
			},
		},
	}}
}

func TestProblems_WhatWhyAndNext(t *testing.T) {
	finding := findings.Report{Gate: "lint", Findings: []findings.Finding{
		{File: "a.go", Line: 3, Rule: "errcheck", Message: "the error is ignored", Level: findings.Error},
		{File: "b.go", Line: 9, Rule: "unused", Message: "x is unused", Level: findings.Error},
	}}
	suite := findings.Suite{Cases: []findings.Case{
		{Class: "shop/cart", Name: "TestGood"},
		{Class: "shop/cart", Name: "TestSum", Failure: &findings.Outcome{Message: "want 3, got 4"}},
	}}
	for name, test := range map[string]struct {
		summary  Summary
		gates    GateResults
		problems []string
	}{
		"nothing is wrong": {Summary{Steps: []pipeline.Result{{Step: "lint", Status: pipeline.Ran}}}, GateResults{}, nil},
		"a gate": {
			Summary{Steps: []pipeline.Result{
				{Step: "lint", Stage: pipeline.Quality, Status: pipeline.Failed, Code: fault.QualityFailed, Reason: "2 findings"},
				{Step: "synth", Status: pipeline.Skipped, Reason: "lint failed"},
			}},
			GateResults{Reports: []findings.Report{finding}},
			[]string{"lint: failed | LS-401: a.go:3: the error is ignored (errcheck); and 1 more | lockstep explain LS-401"},
		},
		"a test": {
			Summary{Steps: []pipeline.Result{
				{Step: "unit", Stage: pipeline.Test, Status: pipeline.Failed, Code: fault.TestsFailed, Reason: "1 failed"},
			}},
			GateResults{Suites: []findings.Suite{suite}},
			[]string{"unit: failed | LS-411: shop/cart TestSum: want 3, got 4 | lockstep explain LS-411"},
		},
		"a gate that may be absent": {
			Summary{Steps: []pipeline.Result{{Step: "osv", Status: pipeline.NotRun, Tolerated: true}}}, GateResults{}, nil,
		},
		"a stack": {
			Summary{
				Envelope: Envelope{Mode: Live}, Environments: []AccountRecord{failedAccount()},
				Steps: []pipeline.Result{{Step: "deploy:acc", Stage: pipeline.Deploy, Status: pipeline.Failed}},
			},
			GateResults{},
			[]string{"acc in 444455556666: stack web | LS-610: Table (AWS::DynamoDB::Table): it already exists | " +
				"lockstep diagnose --env acc --live"},
		},
		"the run itself": {
			Summary{Envelope: Envelope{Command: "deploy", Error: "no credentials", Code: fault.NoCredentials}},
			GateResults{},
			[]string{"deploy | " + fault.NoCredentials.Prefix("no credentials") +
				" | lockstep explain " + string(fault.NoCredentials)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range test.summary.Problems(test.gates) {
				got = append(got, strings.Join([]string{p.What, p.Why, p.Command}, " | "))
				assert.NotEmpty(t, p.Next)
				assert.NotContains(t, p.Next, "`")
				assert.NotContains(t, p.Next, "](")
			}
			assert.Equal(t, test.problems, got)
		})
	}
}

// Whoever has ten seconds reads the top of the page.
func TestWriteHTML_SaysWhatIsWrongFirst(t *testing.T) {
	s := &Summary{
		Envelope:     Envelope{Command: "deploy", Result: Failed, Mode: Live},
		Environments: []AccountRecord{failedAccount()},
		Steps:        []pipeline.Result{{Step: "lint", Status: pipeline.Ran}},
	}
	var out bytes.Buffer
	require.NoError(t, WriteHTML(&out, s, GateResults{}))
	top, _, _ := strings.Cut(out.String(), "<h2>Steps</h2>")
	for _, want := range []string{
		"acc in 444455556666: stack web", "LS-610: Table (AWS::DynamoDB::Table): it already exists",
		"<code>lockstep diagnose --env acc --live</code>",
	} {
		assert.Contains(t, top, want)
	}
	assert.Less(t, strings.Index(top, "What is wrong"), strings.Index(top, "Environments"))
	assert.Contains(t, out.String(), "prefers-color-scheme: dark")
	for _, tag := range tagPattern.FindAllStringSubmatch(out.String(), -1) {
		if tag[1] == "th" {
			assert.Regexp(t, ` scope="(row|col)"`, tag[2])
		}
	}
	s.Result, s.Environments = Passed, nil
	out.Reset()
	require.NoError(t, WriteHTML(&out, s, GateResults{}))
	assert.NotContains(t, out.String(), "What is wrong")
}
