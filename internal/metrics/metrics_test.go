package metrics

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/ledger"
)

// now is the end of the window of the fixture, whose releases are all of January 2026.
func now() time.Time { return time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC) }

// fixture returns the release records of testdata/releases.json: 30 in dev, 9 in each of the two accounts of acc, and
// 12 in prod.
func fixture(t *testing.T) map[string][]Account {
	t.Helper()
	data, err := os.ReadFile("testdata/releases.json")
	require.NoError(t, err)
	var all []Account
	require.NoError(t, json.Unmarshal(data, &all))
	out := map[string][]Account{}
	releases := 0
	for _, a := range all {
		out[a.Environment] = append(out[a.Environment], a)
		releases += len(a.Releases)
	}
	require.Equal(t, 60, releases)
	return out
}

// repositoryTimes returns the times of the commits that the records of the fixture do not have and the repository has.
func repositoryTimes(commit string) time.Time {
	at := func(day, hour int) time.Time { return time.Date(2026, 1, day, hour, 0, 0, 0, time.UTC) }
	return map[string]time.Time{
		"d26": at(25, 8),                                    // 26 hours before release 26 of dev
		"p01": at(1, 23),                                    // 10 hours before release 1 of prod
		"p02": at(3, 13),                                    // 20 hours before release 2
		"p04": at(6, 17),                                    // 40 hours before release 4
		"d30": time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), // of the files without the changes of d30+
	}[commit]
}

func hours(n float64) float64 { return n * 3600 }

func days(h float64) float64 { return h / 24 }

// These figures were worked out by hand from testdata/releases.json.
func TestCompute_EqualsFiguresWorkedOutByHand(t *testing.T) {
	for name, test := range map[string]struct {
		environment string
		since       time.Time
		want        Figures
	}{
		// One release a day at 10:00 from January 1 to 30; release n is of a commit n hours old.
		// Releases 10 and 20 are rollbacks from 9 and 19. Two runs failed before 15, and one after 30.
		"dev": {"dev", time.Time{}, Figures{
			From: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC),
			// 30 releases - 2 rollbacks = 28 that came to their end, + 3 failed runs = 31.
			Deployments: 31, Rollbacks: 2,
			DeploymentsPerDay: new(28.0 / 30), // January 1 10:00 to January 31 10:00
			// The 3 failed runs, and the withdrawn releases 9 and 19.
			Failed: 5, Withdrawn: 2, ChangeFailureRate: new(5.0 / 31),
			// Of 1 to 30 hours: not 10 and 20, which are rollbacks; not 25, whose commit's time nobody knows, and not 30,
			// whose files were not those of the commit. 26 values: 1-9 are the first 9, 11-19 the 10th to the 18th, 21-24 the
			// 19th to the 22nd, 26-29 the rest. The 13th is 14 and the 14th is 15: the median is 14.5. 90 % of 26 is 23.4, so
			// the 24th: 27.
			LeadTime: Durations{26, hours(14.5), hours(27)}, Unknown: 2,
			// 9 to 10 and 19 to 20: 24 hours each. January 14 18:00 to release 15 on January 15 10:00: 16. January 15 02:00
			// to the same: 8. In order 8, 16, 24, 24: the median is 20. 90 % of 4 is 3.6, so the 4th: 24.
			RecoveryTime: Durations{4, hours(20), hours(24)}, Open: 1,
		}},
		// Since January 16: releases 16 to 30, of which 20 is a rollback, and the failed run after 30.
		"dev since the middle": {"dev", time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC), Figures{
			From:        time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC),
			Deployments: 15, Rollbacks: 1,
			DeploymentsPerDay: new(14 / days(15*24+10)),
			Failed:            2, Withdrawn: 1, ChangeFailureRate: new(2.0 / 15),
			// 16-19, 21-24, 26-29: 12 values. The 6th is 22 and the 7th is 23. 90 % of 12 is 10.8, so the 11th: 28.
			LeadTime: Durations{12, hours(22.5), hours(28)}, Unknown: 2,
			RecoveryTime: Durations{1, hours(24), hours(24)}, Open: 1,
		}},
		// Nine runs in two accounts, one every three days; the second account is done at 12:30. Run n is of a commit 2n
		// hours old at 12:30. Run 5 failed in the second account, and was run again there alone at 14:30.
		"acc": {"acc", time.Time{}, Figures{
			From:        time.Date(2026, 1, 1, 12, 30, 0, 0, time.UTC),
			Deployments: 10,
			// January 1 12:30 to January 31 10:00 is 717.5 hours. The run that failed in one account is no release.
			DeploymentsPerDay: new(9 / days(717.5)),
			Failed:            1, ChangeFailureRate: new(0.1),
			// 2, 4, 6, 8, then the second run of 5 with 10 + 2 = 12, then 12, 14, 16, 18. The 5th is 12; 90 % of 9 is 8.1, so
			// the 9th: 18.
			LeadTime:     Durations{9, hours(12), hours(18)},
			RecoveryTime: Durations{1, hours(2), hours(2)},
		}},
		// One release every two days at 09:00 from January 2; release n is of a commit 10n hours old. Releases 1 to 4 were
		// recorded before there were versions. Release 3 is a rollback from 2 to 1, release 7 from 6 to 5, and 8 back to 6:
		// 6 failed all the same. Release 11 is of the commit of release 9.
		"prod": {"prod", time.Time{}, Figures{
			From:        time.Date(2026, 1, 2, 9, 0, 0, 0, time.UTC),
			Deployments: 9, Rollbacks: 3,
			DeploymentsPerDay: new(9 / days(697)), // January 2 09:00 to January 31 10:00 is 29 * 24 + 1 hours
			Failed:            2, Withdrawn: 2, ChangeFailureRate: new(2.0 / 9),
			// Releases 1, 2, 4, 5, 6, 9, 10, 12: 10, 20, 40, 50, 60, 90, 100, 120. The 4th is 50 and the 5th is 60. 90 % of 8
			// is 7.2, so the 8th: 120.
			LeadTime: Durations{8, hours(55), hours(120)},
			// 2 to 3 and 6 to 7: two days each.
			RecoveryTime: Durations{2, hours(48), hours(48)},
			Notes: []string{"the records up to release 4 of 2026-01-08 09:00:00 UTC do not say which runs failed: " +
				"until then only rollbacks count as failures"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Environment, test.want.To = test.environment, now()
			accounts := fixture(t)[test.environment]
			got := Compute(test.environment, accounts, Window{Since: test.since, Now: now()}, repositoryTimes)
			assert.InDelta(t, *test.want.DeploymentsPerDay, *got.DeploymentsPerDay, 1e-12)
			got.DeploymentsPerDay = test.want.DeploymentsPerDay
			assert.Equal(t, test.want, got)
		})
	}
}

// release returns a record of the current format, made by a run of its own.
func release(number int, at time.Time) ledger.Release {
	return ledger.Release{Version: ledger.ReleaseVersion, Number: number, At: at}
}

func unknownTime(string) time.Time { return time.Time{} }

func TestCompute_NoReleases(t *testing.T) {
	got := Compute("dev", []Account{{Environment: "dev"}}, Window{Now: now()}, unknownTime)
	assert.Equal(t, Figures{Environment: "dev", To: now()}, got, "no figure is zero for want of one")
	since := now().AddDate(0, 0, -7)
	got = Compute("dev", nil, Window{Since: since, Now: now()}, unknownTime)
	assert.Equal(t, Figures{Environment: "dev", From: since, To: now(), DeploymentsPerDay: new(0.0)}, got)
}

func TestCompute_SingleRelease(t *testing.T) {
	at := now().Add(-time.Hour)
	r := release(1, at)
	r.Commit, r.Committed = "c", at.Add(-time.Minute)
	got := Compute("dev", []Account{{Releases: []ledger.Release{r}}}, Window{Now: now()}, unknownTime)
	assert.Equal(t, Figures{
		Environment: "dev", From: at, To: now(), Deployments: 1, DeploymentsPerDay: new(1.0), ChangeFailureRate: new(0.0),
		LeadTime: Durations{1, 60, 60},
	}, got, "the window is an hour, which counts as a day")
}

func TestCompute_LeadTimeThatIsNotKnown(t *testing.T) {
	for name, r := range map[string]ledger.Release{
		"no commit":                     {},
		"a commit that nobody knows":    {Commit: "gone"},
		"files that are of no commit":   {Commit: "known+"},
		"a commit later than a release": {Commit: "c", Committed: now()},
	} {
		t.Run(name, func(t *testing.T) {
			r.Version, r.Number, r.At = ledger.ReleaseVersion, 1, now().Add(-time.Hour)
			known := func(commit string) time.Time {
				if commit == "known" || commit == "known+" {
					return now().Add(-2 * time.Hour)
				}
				return time.Time{}
			}
			got := Compute("dev", []Account{{Releases: []ledger.Release{r}}}, Window{Now: now()}, known)
			assert.Equal(t, 1, got.Unknown)
			assert.Zero(t, got.LeadTime)
		})
	}
}

func TestCompute_FailedRollbackIsNoDeployment(t *testing.T) {
	account := Account{
		Releases:   []ledger.Release{release(1, now().Add(-48*time.Hour))},
		FailedRuns: []ledger.FailedRun{{RunID: "r", Restores: 1, Ended: now().Add(-time.Hour)}},
	}
	got := Compute("dev", []Account{account}, Window{Now: now()}, unknownTime)
	assert.Equal(t, 1, got.Deployments)
	assert.Zero(t, got.Failed)
	assert.Zero(t, got.Rollbacks)
}

func TestWriteOpenMetrics(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteOpenMetrics(&out, []Figures{
		{
			Environment: "acc", Deployments: 10, Failed: 1, DeploymentsPerDay: new(0.25), ChangeFailureRate: new(0.1),
			LeadTime: Durations{9, 43200, 64800}, RecoveryTime: Durations{1, 7200, 7200},
		},
		{Environment: "prod"},
	}))
	want, err := os.ReadFile("testdata/openmetrics.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}
