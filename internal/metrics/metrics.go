// Package metrics computes the four key metrics of software delivery from release records: lead time for changes,
// deployment frequency, change failure rate and failed deployment recovery time. It knows neither accounts nor files.
// docs/metrics.md has the definitions.
package metrics

import (
	"fmt"
	"math"
	"slices"
	"time"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/utc"
)

// An Account is the release records of an environment in one account.
type Account struct {
	Environment string `json:"environment"`
	// Releases are all releases, the newest first.
	Releases []ledger.Release `json:"releases"`
	// FailedRuns are the runs that failed since the newest release.
	FailedRuns []ledger.FailedRun `json:"failed,omitempty"`
}

// A Window is the time that metrics are computed for.
type Window struct {
	// Since is its beginning; zero for the first deployment to each environment.
	Since time.Time
	// Now is its end.
	Now time.Time
}

// Figures are the key metrics of one environment.
type Figures struct {
	Environment string `json:"environment"`
	// From and To are the window. From is zero if there is no deployment and no beginning was given.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to"`
	// Deployments is how many deployments there were, whether they failed or not. A rollback is none.
	Deployments int `json:"deployments"`
	// Failed is how many of them failed: Withdrawn were rolled back from, and the others ended before they were a release.
	Failed    int `json:"failed"`
	Withdrawn int `json:"withdrawn"`
	// Rollbacks is how many rollbacks ended well.
	Rollbacks int `json:"rollbacks"`
	// DeploymentsPerDay is how many deployments a day came to their end in all accounts; nil if there is no window.
	DeploymentsPerDay *float64 `json:"deploymentsPerDay,omitempty"`
	// ChangeFailureRate is Failed divided by Deployments; nil if there was no deployment.
	ChangeFailureRate *float64 `json:"changeFailureRate,omitempty"`
	// LeadTime is the time from the commit to the release. Unknown are the releases whose commit's time is not known.
	LeadTime Durations `json:"leadTime"`
	Unknown  int       `json:"leadTimeUnknown"`
	// RecoveryTime is the time from a failed deployment to the release after it that is no failure any more. Open are the
	// failed deployments after which there is none yet.
	RecoveryTime Durations `json:"recoveryTime"`
	Open         int       `json:"notRecovered"`
	// Notes are what a reader should know of the figures.
	Notes []string `json:"notes,omitempty"`
}

// Durations sum up how long something took.
type Durations struct {
	Count int `json:"count"`
	// MedianSeconds and P90Seconds are zero if Count is. P90 is the smallest value that at least 90 % do not exceed.
	MedianSeconds float64 `json:"medianSeconds"`
	P90Seconds    float64 `json:"p90Seconds"`
}

// Median returns the median.
func (d Durations) Median() time.Duration { return seconds(d.MedianSeconds) }

// P90 returns the 90th percentile.
func (d Durations) P90() time.Duration { return seconds(d.P90Seconds) }

// String returns the median; a dash if there is none.
func (d Durations) String() string {
	if d.Count == 0 {
		return "-"
	}
	return d.Median().Round(time.Second).String()
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// FailureRate returns the change failure rate in percent; a dash if there was no deployment.
func (f Figures) FailureRate() string {
	if f.ChangeFailureRate == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**f.ChangeFailureRate)
}

// String returns the figures as a line.
func (f Figures) String() string {
	if f.Deployments == 0 {
		return "no deployment"
	}
	unit := "deployments"
	if f.Deployments == 1 {
		unit = "deployment"
	}
	return fmt.Sprintf("%d %s, %d failed (%s), lead time %v, recovery time %v",
		f.Deployments, unit, f.Failed, f.FailureRate(), f.LeadTime, f.RecoveryTime)
}

// Compute returns the figures of an environment. The accounts are its own, and commitTime returns the time of a commit
// whose record does not have it; zero if it is not known.
func Compute(environment string, accounts []Account, w Window, commitTime func(string) time.Time) Figures {
	all := deployments(accounts)
	f := Figures{Environment: environment, From: w.Since.UTC(), To: w.Now.UTC(), Notes: notes(accounts)}
	if f.From.IsZero() && len(all) > 0 {
		f.From = all[0].at
	}
	var leadTimes, recoveryTimes []time.Duration
	released := 0
	for _, d := range all {
		if d.at.Before(f.From) || d.at.After(w.Now) {
			continue
		}
		if d.isRollback {
			f.Rollbacks += count(d.isGood())
			continue
		}
		f.Deployments++
		released += count(d.isGood())
		if d.isFirst {
			lead, ok := d.leadTime(commitTime)
			leadTimes = appendIf(ok, leadTimes, lead)
			f.Unknown += count(!ok)
		}
		if d.hasFailed() {
			f.Failed++
			f.Withdrawn += count(!d.withdrawn.IsZero())
			f.Open += count(d.recovered.IsZero())
			recoveryTimes = appendIf(!d.recovered.IsZero(), recoveryTimes, d.recovered.Sub(d.at))
		}
	}
	f.LeadTime, f.RecoveryTime = summarize(leadTimes), summarize(recoveryTimes)
	if !f.From.IsZero() {
		days := max(1, w.Now.Sub(f.From).Hours()/24) // a part of a day is no base of a rate
		f.DeploymentsPerDay = new(float64(released) / days)
	}
	if f.Deployments > 0 {
		f.ChangeFailureRate = new(float64(f.Failed) / float64(f.Deployments))
	}
	return f
}

// count returns 1 if the condition holds.
func count(condition bool) int {
	if condition {
		return 1
	}
	return 0
}

// appendIf appends a duration if the condition holds.
func appendIf(condition bool, list []time.Duration, d time.Duration) []time.Duration {
	if condition {
		return append(list, d)
	}
	return list
}

// summarize returns the summary of durations.
func summarize(all []time.Duration) Durations {
	if len(all) == 0 {
		return Durations{}
	}
	slices.Sort(all)
	n := len(all)
	median := (all[(n-1)/2].Seconds() + all[n/2].Seconds()) / 2
	p90 := all[int(math.Ceil(0.9*float64(n)))-1].Seconds()
	return Durations{Count: n, MedianSeconds: median, P90Seconds: p90}
}

// notes returns what a reader should know of the figures of an environment's accounts.
func notes(accounts []Account) []string {
	var out []string
	for _, a := range accounts {
		for _, r := range a.Releases {
			if r.ListsFailedRuns() {
				continue
			}
			out = append(out, fmt.Sprintf("the records up to release %d of %s do not say which runs failed: until then only "+
				"rollbacks count as failures", r.Number, utc.Format(r.At)))
			break
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
