package ledger

import "slices"

// A History is the newest releases of an account, or all of them, and what rollbacks made of them.
type History struct {
	releases map[int]Release
	// latest is the number of the newest release; 0 for none.
	latest int
	// withdrawnBy is the number of the rollback that went back from a release, by the number of the release.
	withdrawnBy map[int]int
}

// NewHistory returns the history of releases, which come newest first and without a gap.
func NewHistory(releases []Release) History {
	h := History{releases: map[int]Release{}, withdrawnBy: map[int]int{}}
	for _, r := range releases {
		h.releases[r.Number] = r
		h.latest = max(h.latest, r.Number)
	}
	for _, r := range slices.Backward(releases) {
		if r.Restores == 0 {
			continue
		}
		delete(h.withdrawnBy, h.Original(r.Number)) // somebody has named it, so it is wanted again
		if n := h.Withdraws(r); n != 0 {
			h.withdrawnBy[n] = r.Number
		}
	}
	return h
}

// Withdraws returns the number of the release that a rollback went back from; 0 for none. A record from before there
// were versions does not say it: what was deployed then was the release before.
func (h History) Withdraws(rollback Release) int {
	if rollback.Version >= versionOfWithdraws {
		return rollback.Withdraws
	}
	return h.Withdrawn(rollback.Number-1, rollback.Number)
}

// Withdrawn returns the number of the release that a rollback withdraws which finds one release deployed and goes back
// to another; 0 for none. Going to a newer release withdraws nothing.
func (h History) Withdrawn(deployed, target int) int {
	if from := h.Original(deployed); from > h.Original(target) {
		return from
	}
	return 0
}

// Original returns the number of the release that a release restores, or its own number if it is no rollback.
func (h History) Original(number int) int {
	for {
		restored := h.releases[number].Restores
		if restored <= 0 || restored >= number {
			return number
		}
		number = restored
	}
}

// Latest returns the newest release, and false if there is none.
func (h History) Latest() (Release, bool) { return h.Release(h.latest) }

// Release returns the release of a number, and false if there is none.
func (h History) Release(number int) (Release, bool) {
	r, ok := h.releases[number]
	return r, ok
}

// WithdrawnBy returns the number of the rollback that went back from a release, or from what the release restores. It
// is 0 if there is none, or if a later rollback restored that release by its number.
func (h History) WithdrawnBy(number int) int { return h.withdrawnBy[h.Original(number)] }

// Previous returns the release that a rollback goes back to by default, and false if there is none. It is the newest
// one of another assembly that is older than what is deployed and is not withdrawn. Instead of a rollback it returns
// what that restored. The history must have all releases.
func (h History) Previous() (Release, bool) {
	deployed := h.releases[h.latest]
	// A second rollback goes further back.
	for n := h.Original(h.latest) - 1; n > 0; n-- {
		r := h.releases[h.Original(n)]
		if r.SynthDigest != deployed.SynthDigest && h.WithdrawnBy(r.Number) == 0 {
			return r, true
		}
	}
	return Release{}, false
}
