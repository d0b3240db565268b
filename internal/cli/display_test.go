package cli

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/display"
	"lockstep/internal/display/displaytest"
	"lockstep/internal/report"
)

func TestResults_TextFromOutsideControlsNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	hostile := func() string { return displaytest.RandomText(random) }
	for name, newResult := range map[string]func(text func() string) result{
		"status": func(text func() string) result {
			return &statusResult{Environments: []deploy.Status{{
				Target:  awsclient.Target{Environment: text(), Account: text(), Region: text()},
				Problem: text(),
				Lock: &ledger.LockStatus{
					Holder: ledger.Holder{ID: text(), CallerARN: text(), Host: text(), Command: text()},
				},
				InterruptedRun: &ledger.Journal{RunID: text(), CallerARN: text()},
				Releases: []deploy.ReleaseStatus{{
					Release: ledger.Release{CallerARN: text(), Commit: text(), At: time.Unix(0, 0)},
				}},
			}}}
		},
		"drift": func(text func() string) result {
			return &driftResult{Stacks: []cfn.Drift{{Stack: text(), Resources: []cfn.DriftedResource{{LogicalID: text()}}}}}
		},
		"diagnose": func(text func() string) result {
			return &diagnoseResult{Stacks: []deploy.Diagnosis{{
				Stack: text(), State: text(), Causes: []change.Cause{{Resource: text(), Reason: text(), Advice: text()}},
			}}}
		},
		"garbage": func(text func() string) result {
			return &garbageResult{Objects: []staging.Garbage{{Key: text()}}}
		},
		"message": func(text func() string) result { return messagef("approved by %s", text()) },
		"run": func(text func() string) result {
			return &report.Summary{Envelope: report.Envelope{Error: "x" + strings.ReplaceAll(text(), "\n", "")}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var plain bytes.Buffer
			require.NoError(t, newResult(func() string { return "x" }).WriteText(&plain))
			for range 100 {
				var out bytes.Buffer
				require.NoError(t, newResult(hostile).WriteText(&out))
				require.Empty(t, displaytest.Raw(strings.ReplaceAll(out.String(), "\n", "")), "%q", out.String())
				require.Equal(t, strings.Count(plain.String(), "\n"), strings.Count(out.String(), "\n"), out.String())
			}
		})
	}
}

func TestPrintProgress_IsOneLine(t *testing.T) {
	var out bytes.Buffer
	a := &app{Process: Process{Stderr: display.NewWriter(&out)}}
	a.printProgress("acc: locked by a\x1b[2K\r\nacc: deploy passed\u202e")
	assert.Equal(t, `acc: locked by a\u001b[2K\r\nacc: deploy passed\u202e`+"\n", out.String())
}
