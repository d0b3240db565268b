package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/metrics"
)

// fixtureHistories returns the release histories of the fixture of the package metrics, whose tests work its figures
// out by hand, and the environments that they are of.
func fixtureHistories(t *testing.T) ([]config.Environment, []deploy.ReleaseHistory) {
	t.Helper()
	data, err := os.ReadFile("../metrics/testdata/releases.json")
	require.NoError(t, err)
	var accounts []metrics.Account
	require.NoError(t, json.Unmarshal(data, &accounts))
	var histories []deploy.ReleaseHistory
	for _, a := range accounts {
		histories = append(histories, deploy.ReleaseHistory{
			Target: awsclient.Target{Environment: a.Environment}, Releases: a.Releases, FailedRuns: a.FailedRuns,
		})
	}
	environments := []config.Environment{{Name: "dev"}, {Name: "acc"}, {Name: "prod"}}
	environments[1].AdditionalWaves = []config.Wave{{Accounts: []config.Account{{ID: "444455556667"}}}}
	return environments, histories
}

func TestMetrics_ShowsFiguresWorkedOutByHand(t *testing.T) {
	environments, histories := fixtureHistories(t)
	window, err := parseWindow("", time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	// Of the commits whose records have no time, the repository has these: 26 hours before release 26 of dev, and 10, 20
	// and 40 hours before releases 1, 2 and 4 of prod.
	repository := map[string]time.Time{
		"d26": time.Date(2026, 1, 25, 8, 0, 0, 0, time.UTC),
		"p01": time.Date(2026, 1, 1, 23, 0, 0, 0, time.UTC),
		"p02": time.Date(2026, 1, 3, 13, 0, 0, 0, time.UTC),
		"p04": time.Date(2026, 1, 6, 17, 0, 0, 0, time.UTC),
	}
	r := newMetricsResult(environments, histories, window, func(commit string) time.Time { return repository[commit] })
	var out bytes.Buffer
	require.NoError(t, r.WriteText(&out))
	// dev: 28 releases in 30 days, 5 of 31 failed. acc: 9 in 717.5 hours, 1 of 10. prod: 9 in 697 hours, 2 of 9.
	assert.Equal(t, `environment  since       deployments  a day  failed  failure rate  lead time  recovery time
dev          2026-01-01  31           0.93   5       16.1 %        14h30m0s   20h0m0s
acc          2026-01-01  10           0.30   1       10.0 %        12h0m0s    2h0m0s
prod         2026-01-02  9            0.31   2       22.2 %        55h0m0s    48h0m0s
dev: releases without a known lead time: 2; the commit is not in this repository, or the files were not its own
dev: failed deployments after which no release has ended well yet: 1
prod: the records up to release 4 of 2026-01-08 09:00:00 UTC do not say which runs failed: `+
		`until then only rollbacks count as failures
`, out.String())
}

func TestMetrics_LeavesOutEnvironmentWithUnreadableAccount(t *testing.T) {
	environments, histories := fixtureHistories(t)
	r := newMetricsResult(environments, histories[:2], metrics.Window{Now: fixedTime()},
		func(string) time.Time { return time.Time{} })
	require.Len(t, r.Environments, 1, "only one of the two accounts of acc could be read")
	assert.Equal(t, "dev", r.Environments[0].Environment)
}

func TestMetrics_Since(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"2026-03-01":                time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		"2026-03-01T13:00:00+01:00": time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		"9d":                        time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	} {
		t.Run("takes "+text, func(t *testing.T) {
			w, err := parseWindow(text, now)
			require.NoError(t, err)
			assert.True(t, want.Equal(w.Since), "%v", w.Since)
			assert.Equal(t, now, w.Now)
		})
	}
	for text, want := range map[string]string{
		"2026-03-11":            "is in the future: it is 2026-03-10 12:00:00 UTC",
		"2026-03-10T12:00:01Z":  "is in the future",
		"2026-02-30":            "write a date like 2026-03-01",
		"yesterday":             "write a date like 2026-03-01",
		"d":                     "write a date like 2026-03-01",
		"9":                     "write a date like 2026-03-01",
		"0d":                    "write a number of days from 1 to 36500",
		"-3d":                   "write a number of days from 1 to 36500",
		"99999999d":             "write a number of days from 1 to 36500",
		"99999999999999999999d": "write a date like 2026-03-01",
	} {
		t.Run("refuses "+text, func(t *testing.T) {
			_, err := parseWindow(text, now)
			var usage *UsageError
			require.True(t, errors.As(err, &usage), "%v", err)
			assert.ErrorContains(t, err, want)
		})
	}
}
