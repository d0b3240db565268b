package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/utc"
)

// A Status is what an account's ledger says of an environment.
type Status struct {
	awsclient.Target
	// Releases are the newest ones, the newest first.
	Releases []ReleaseStatus `json:"releases"`
	// Lock is the run at work; nil for none.
	Lock *ledger.LockStatus `json:"lock,omitempty"`
	// InterruptedRun is a run that was cut off; nil for none.
	InterruptedRun *ledger.Journal `json:"cutOff,omitempty"`
	// Problem says what could not be read, or that nothing was deployed yet. Unreadable says that it is the former, and
	// Tampered that it is a release record, which was changed or deleted outside Lockstep.
	Problem    string `json:"problem,omitempty"`
	Unreadable bool   `json:"unreadable,omitempty"`
	Tampered   bool   `json:"tampered,omitempty"`
	// Code is the code of what could not be read.
	Code fault.Code `json:"code,omitempty"`
}

// Err returns why the account could not be read; nil if it was.
func (s Status) Err() error {
	if !s.Unreadable {
		return nil
	}
	return fault.Errorf(s.Code, "%s: %s", s.Environment, s.Problem)
}

// A ReleaseStatus is a release and what became of it.
type ReleaseStatus struct {
	ledger.Release
	// WithdrawnBy is the number of the rollback that went back from this release; 0 for none.
	WithdrawnBy int `json:"withdrawnBy,omitempty"`
	// SignedBy is the id of the key that has signed the record; empty if it is unsigned.
	SignedBy string `json:"signedBy,omitempty"`
}

// NothingDeployed is the problem of an account in which nothing was deployed yet.
const NothingDeployed = "nothing was deployed yet"

// Status reads what the ledger says of the environment, with the newest release and as many earlier ones as are asked
// for. An account that cannot be read is reported as a problem.
func (d *Deployment) Status(ctx context.Context, earlier int) Status {
	s := Status{Target: d.target}
	if err := d.readStatus(ctx, earlier, &s); err != nil {
		s.Problem, s.Code, s.Unreadable = err.Error(), fault.CodeOf(err), true
		var tampered *ledger.TamperedError
		s.Tampered = errors.As(err, &tampered)
	}
	return s
}

func (d *Deployment) readStatus(ctx context.Context, earlier int, s *Status) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	if s.Lock, err = l.LockStatus(ctx); err != nil {
		return err
	}
	last, err := l.Journal(ctx)
	var damaged *ledger.DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return err
	}
	if last.IsInterrupted() && (s.Lock == nil || s.Lock.Abandoned || s.Lock.Holder.ID != last.RunID) {
		s.InterruptedRun = &last
	}
	releases, err := l.LatestReleases(ctx, earlier+1)
	if err != nil {
		return err
	}
	history := ledger.NewHistory(releases)
	for _, r := range releases {
		s.Releases = append(s.Releases, ReleaseStatus{r, history.WithdrawnBy(r.Number), r.SigningKeyID()})
	}
	if len(releases) > 0 {
		if err := l.CheckHead(ctx, &releases[0]); err != nil {
			return err
		}
	}
	if len(s.Releases) == 0 {
		s.Problem = NothingDeployed
	}
	return nil
}

// Notes returns what a person should know besides the releases.
func (s Status) Notes() []string {
	var out []string
	if s.Problem != "" {
		out = append(out, s.Problem)
	}
	if unsigned := s.unsignedReleases(); len(unsigned) > 0 {
		out = append(out, "unsigned: "+strings.Join(unsigned, ", ")+"; whoever may write to the bucket can make such records")
	}
	if s.Lock != nil {
		note := fmt.Sprintf("locked by %s since %v", s.Lock.Holder, time.Duration(s.Lock.AgeSeconds)*time.Second)
		if s.Lock.Abandoned {
			note += "; it is gone, and the next run takes over"
		}
		out = append(out, note)
	}
	if s.InterruptedRun != nil {
		out = append(out, fmt.Sprintf("run %s by %s of %s was cut off; the next deployment goes on from there",
			s.InterruptedRun.RunID, s.InterruptedRun.CallerARN, utc.Format(s.InterruptedRun.Started)))
	}
	return out
}

// unsignedReleases returns the numbers of the releases that nobody has signed.
func (s Status) unsignedReleases() []string {
	var numbers []string
	for _, r := range s.Releases {
		if r.SignedBy == "" {
			numbers = append(numbers, fmt.Sprintf("release %d", r.Number))
		}
	}
	return numbers
}

// Unlock takes the lock away from a holder. The error is a *refusal.Error if another one holds it.
func (d *Deployment) Unlock(ctx context.Context, holder string) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	err = l.Unlock(ctx, holder)
	var wrong *ledger.WrongHolderError
	if errors.As(err, &wrong) {
		return refusal.Newf(fault.LockOtherHolder, err, "%s: nothing was unlocked", wrong)
	}
	return err
}

// CheckPromotion refuses an assembly of the next environment that was not synthesised together with what is deployed
// here. The assembly is given by its digest, and by those that earlier versions of this program recorded.
func (d *Deployment) CheckPromotion(
	ctx context.Context, next string, environment digest.Environment, earlier ...digest.Environment,
) error {
	last, err := d.LatestRelease(ctx)
	if err != nil {
		return err
	}
	here := d.target.Environment
	if last == nil {
		return refusal.Newf(fault.NotPromoted, nil,
			"a release reaches %s by way of %s, where nothing was deployed yet: deploy there first",
			next, here)
	}
	switch sibling := last.SiblingDigests[next]; {
	case sibling == environment || sibling != "" && slices.Contains(earlier, sibling):
		return nil
	case sibling == "":
		return refusal.Newf(fault.NotPromoted, nil,
			"a release reaches %s by way of %s, and release %d there was not synthesised together "+
				"with any assembly of %s: synthesise all environments at once, and deploy that to %s first",
			next, here, last.Number, next, here)
	default:
		return refusal.Newf(fault.NotPromoted, nil,
			"a release reaches %s by way of %s: what passed there as release %d is the assembly "+
				"%.12s, and this is %.12s; deploy this to %s first", next, here, last.Number, sibling, environment, here)
	}
}
