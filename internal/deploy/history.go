package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/utc"
)

// A Status is what is kept of an environment in one of its accounts.
type Status struct {
	Target
	// Releases are the newest one, and as many earlier ones as were asked for.
	Releases []ledger.Release `json:"releases"`
	// Lock is who is at work; nil for nobody.
	Lock *ledger.LockStatus `json:"lock,omitempty"`
	// InterruptedRun is a run that did not come to an end; nil for none.
	InterruptedRun *ledger.Journal `json:"cutOff,omitempty"`
	// Problem is why there is less to be told; Tampered says that it is a release record that was changed by another hand.
	Problem  string `json:"problem,omitempty"`
	Tampered bool   `json:"tampered,omitempty"`
}

// Status reads what is kept of the environment, with so many earlier releases. An account that cannot be read is told as a problem.
func (d *Deployment) Status(ctx context.Context, earlier int) Status {
	s := Status{Target: d.target}
	if err := d.readStatus(ctx, earlier, &s); err != nil {
		s.Problem = err.Error()
		var tampered *ledger.TamperedError
		s.Tampered = errors.As(err, &tampered)
	}
	return s
}

func (d *Deployment) readStatus(ctx context.Context, earlier int, s *Status) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	if s.Lock, err = book.LockStatus(ctx); err != nil {
		return err
	}
	last, err := book.Journal(ctx)
	var damaged *ledger.DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return err
	}
	if last.IsInterrupted() && (s.Lock == nil || s.Lock.Abandoned || s.Lock.Holder.ID != last.RunID) {
		s.InterruptedRun = &last
	}
	if s.Releases, err = book.LatestReleases(ctx, earlier+1); err != nil {
		return err
	}
	if len(s.Releases) == 0 {
		s.Problem = "nothing was deployed yet"
	}
	return nil
}

// Notes are what a person should know besides the releases.
func (s Status) Notes() []string {
	var out []string
	if s.Problem != "" {
		out = append(out, s.Problem)
	}
	if s.Lock != nil {
		note := fmt.Sprintf("locked by %s since %v", s.Lock.Holder, time.Duration(s.Lock.AgeSeconds)*time.Second)
		if s.Lock.Abandoned {
			note += "; it is gone, and the next run takes over"
		}
		out = append(out, note)
	}
	if s.InterruptedRun != nil {
		out = append(out, fmt.Sprintf("run %s by %s of %s was cut off; the next deployment goes on from there", s.InterruptedRun.RunID, s.InterruptedRun.CallerARN, utc.Format(s.InterruptedRun.Started)))
	}
	return out
}

// Unlock takes the lock away from a holder. One that names another holder is a *Refusal.
func (d *Deployment) Unlock(ctx context.Context, holder string) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	err = book.Unlock(ctx, holder)
	var wrong *ledger.WrongHolderError
	if errors.As(err, &wrong) {
		return refuse(err, "%s: nothing was unlocked", wrong)
	}
	return err
}

// CheckPromotion refuses an assembly of the next environment that was not synthesised with what is deployed here.
func (d *Deployment) CheckPromotion(ctx context.Context, next, bundle string) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	last, err := book.LatestRelease(ctx)
	if err != nil {
		return err
	}
	here := d.target.Environment
	switch {
	case last == nil:
		return refuse(nil, "a release reaches %s by way of %s, where nothing was deployed yet: deploy there first", next, here)
	case last.SiblingDigests[next] == "":
		return refuse(nil, "a release reaches %s by way of %s, and release %d there was not synthesised together with any assembly of %s: synthesise all environments at once, and deploy that to %s first",
			next, here, last.Number, next, here)
	case last.SiblingDigests[next] != bundle:
		return refuse(nil, "a release reaches %s by way of %s: what passed there as release %d is the assembly %.12s, and this is %.12s; deploy this to %s first",
			next, here, last.Number, last.SiblingDigests[next], bundle, here)
	}
	return nil
}

// maxReleasesSearched is how far back a release is looked for.
const maxReleasesSearched = 200

// EarlierRelease is the release of a number, or for 0 the one before what is deployed: the newest that is older than it and of another assembly.
func (d *Deployment) EarlierRelease(ctx context.Context, number int) (ledger.Release, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return ledger.Release{}, err
	}
	if number != 0 {
		r, err := book.Release(ctx, number)
		if errors.Is(err, ledger.ErrNotFound) {
			return r, refuse(err, "%s has no release %d: `lockstep status --env %s --releases 20` shows which there are", d.target.Environment, number, d.target.Environment)
		}
		return r, err
	}
	all, err := book.LatestReleases(ctx, maxReleasesSearched)
	if err != nil {
		return ledger.Release{}, err
	}
	if len(all) == 0 {
		return ledger.Release{}, refuse(nil, "%s has no release to go back from", d.target.Environment)
	}
	now := all[0]
	before := now.Number
	if now.Restores > 0 {
		before = now.Restores // going back twice goes back further
	}
	for _, r := range all {
		if r.Number < before && r.Restores == 0 && r.SynthDigest != now.SynthDigest {
			return r, nil
		}
	}
	return ledger.Release{}, refuse(nil, "%s has no release before %d to go back to", d.target.Environment, before)
}

// FetchAssembly puts the cloud assembly of a release into a folder.
func (d *Deployment) FetchAssembly(ctx context.Context, r ledger.Release, folder string) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	return extractAssembly(ctx, book, r, folder)
}
