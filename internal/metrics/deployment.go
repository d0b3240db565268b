package metrics

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy/ledger"
)

// A deployment is a run in all accounts of an environment.
type deployment struct {
	// at is when the last account was done.
	at        time.Time
	commit    string
	committed time.Time
	// isRollback says that the run went back to an earlier release.
	isRollback bool
	// isReleased says that an account recorded a release, and isFailed that the run failed in an account.
	isReleased, isFailed bool
	// isFirst says that it is the first one that brought its commit to all accounts.
	isFirst bool
	// withdrawn is when a rollback went back from the release; zero for never.
	withdrawn time.Time
	// recovered is when the environment was well again after the deployment had failed; zero for not yet.
	recovered time.Time
}

// hasFailed reports whether the deployment failed: it did not come to its end, or it was rolled back from.
func (d *deployment) hasFailed() bool { return d.isFailed || !d.withdrawn.IsZero() }

// isGood reports whether the run came to its end in all accounts.
func (d *deployment) isGood() bool { return d.isReleased && !d.isFailed }

// leadTime returns the time from the commit to the release, and false if it is not known. A commit that is later than
// its release has been given a wrong time.
func (d *deployment) leadTime(commitTime func(string) time.Time) (time.Duration, bool) {
	committed := d.committed
	if committed.IsZero() && d.commit != "" && !strings.HasSuffix(d.commit, "+") {
		committed = commitTime(d.commit)
	}
	if committed.IsZero() || committed.After(d.at) {
		return 0, false
	}
	return d.at.Sub(committed), true
}

// runs collects deployments by their run.
type runs map[string]*deployment

// add returns the deployment of a run, after it has taken note of its end in one more account.
func (all runs) add(run string, at time.Time, commit string) *deployment {
	d := all[run]
	if d == nil {
		d = &deployment{commit: commit}
		all[run] = d
	}
	if at.After(d.at) {
		d.at = at.UTC()
	}
	return d
}

// addRelease adds a release of an account.
func (all runs) addRelease(run string, r ledger.Release) {
	d := all.add(run, r.At, r.Commit)
	d.isReleased = true
	d.isRollback = r.Restores != 0
	if !r.Committed.IsZero() {
		d.committed = r.Committed
	}
	all.addFailedRuns(r.FailedRuns)
}

// addFailedRuns adds runs that failed in an account.
func (all runs) addFailedRuns(failed []ledger.FailedRun) {
	for _, f := range failed {
		d := all.add(f.RunID, f.Ended, f.Commit)
		d.isFailed = true
		d.isRollback = f.Restores != 0
	}
}

// deployments returns what the accounts of an environment record, in the order of time. The records of one run in
// several accounts are one deployment.
func deployments(accounts []Account) []*deployment {
	all := runs{}
	for i, a := range accounts {
		for _, r := range a.Releases {
			all.addRelease(runOf(i, r), r)
		}
		all.addFailedRuns(a.FailedRuns)
	}
	for i, a := range accounts {
		history := ledger.NewHistory(a.Releases)
		for _, r := range a.Releases {
			withdrawn, ok := history.Release(history.Withdraws(r))
			if r.Restores == 0 || !ok {
				continue
			}
			all[runOf(i, withdrawn)].withdrawn = all[runOf(i, r)].at
		}
	}
	var sorted []*deployment
	for _, d := range all {
		sorted = append(sorted, d)
	}
	slices.SortFunc(sorted, func(a, b *deployment) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.commit, b.commit))
	})
	markFirst(sorted)
	markRecovered(sorted)
	return sorted
}

// runOf returns the run of a release in one of the accounts. A record without a run is one of its own.
func runOf(account int, r ledger.Release) string {
	if r.RunID != "" {
		return r.RunID
	}
	return fmt.Sprintf("release %d of account %d", r.Number, account)
}

// markFirst marks the first release of each commit. A release of an unknown commit counts as the first of its own.
func markFirst(sorted []*deployment) {
	seen := map[string]bool{}
	for _, d := range sorted {
		if !d.isGood() || d.isRollback {
			continue
		}
		d.isFirst = d.commit == "" || !seen[d.commit]
		seen[d.commit] = true
	}
}

// markRecovered sets when the environment was well again after each failed deployment: after a release that was rolled
// back from with the rollback, otherwise with the next release.
func markRecovered(sorted []*deployment) {
	var next time.Time // of the next run that left the environment well
	for _, d := range slices.Backward(sorted) {
		switch {
		case d.isFailed:
			d.recovered = next
		case !d.withdrawn.IsZero():
			d.recovered = d.withdrawn
		}
		if d.isGood() {
			next = d.at
		}
	}
}
