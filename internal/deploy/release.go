package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"lockstep/internal/attest"
	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// Artifacts is what a release keeps in the account besides its record: what it takes to deploy it again, and what it
// was built with.
type Artifacts struct {
	// Assembly is the environment's cloud assembly as it was synthesised.
	Assembly fs.FS
	// Checked is the assembly whose templates are checked: Assembly, in a rehearsal with answers to its look-ups. Nil for
	// that which is deployed.
	Checked fs.FS
	// ToolSBOM is a software bill of materials of the tools, as JSON; empty for none.
	ToolSBOM []byte
}

// recordRelease records what was deployed. Everything that the record refers to is saved before the record. If nothing
// was done and the newest release is of this very assembly, it records nothing.
func (d *Deployment) recordRelease(ctx context.Context, l *ledger.Ledger, o DeployRequest, p *Plan) error {
	last, err := l.LatestRelease(ctx)
	if err != nil {
		return refuseTampered(err)
	}
	if d.isRecorded(last, p) {
		if err := l.RaiseHead(ctx, *last); err != nil { // the run that recorded it was cut off
			return err
		}
		return d.journal.RecordRelease(ctx, last.Summary())
	}
	r := d.newRelease(o, p)
	if r.Withdraws, err = d.withdrawnRelease(ctx, o); err != nil {
		return err
	}
	if o.Plan != nil {
		r.PlanDigest = o.Plan.Digest
		if r.Approval, err = l.Approval(ctx, r.PlanDigest); err != nil {
			return refuseTampered(err)
		}
	}
	if r, err = d.saveArtifacts(ctx, l, r); err != nil {
		return err
	}
	if err := d.recordProvenance(ctx, l, r); err != nil {
		return err
	}
	if r, err = l.AddRelease(ctx, r); err != nil {
		return refuseTampered(err)
	}
	p.release, p.signedBy = r.Number, r.SigningKeyID()
	d.printProgress(fmt.Sprintf("release %d of %s is recorded: assembly %.12s, %s",
		r.Number, d.target.Environment, r.SynthDigest, SignatureText(r.SigningKeyID())))
	return d.journal.RecordRelease(ctx, r.Summary())
}

// withdrawnRelease returns the number of the release that a rollback withdraws; 0 for none.
func (d *Deployment) withdrawnRelease(ctx context.Context, o DeployRequest) (int, error) {
	if o.Restores == 0 {
		return 0, nil
	}
	history, err := d.history(ctx)
	if err != nil {
		return 0, err
	}
	deployed, _ := history.Latest()
	return history.Withdrawn(deployed.Number, o.Restores), nil
}

// newRelease returns the record of a plan that was applied.
func (d *Deployment) newRelease(o DeployRequest, p *Plan) ledger.Release {
	r := ledger.Release{
		Restores: o.Restores, Note: o.Note, Project: d.target.Project, Environment: d.target.Environment,
		Account: d.target.Account, Region: d.target.Region,
		Mode: d.Run.Mode, Endpoint: d.Run.Endpoint, At: time.Now().UTC().Truncate(time.Second),
		CallerARN: d.sessions.CallerARN(), RunID: d.Run.ID, Token: d.journal.Token(), Commit: d.Run.Commit,
		Committed: d.Run.Committed, FailedRuns: d.journal.FailedRuns(),
		SynthDigest: d.SynthDigest, EnvironmentDigest: d.EnvironmentDigest, SiblingDigests: d.SiblingDigests,
		ConfigurationDigest: d.ConfigurationDigest, OrphanedStacks: p.orphanedStacks,
	}
	for _, step := range p.steps {
		if isEmpty(step.stack) { // it is not there
			continue
		}
		r.Stacks = append(r.Stacks, ledger.Stack{
			Name: step.stack.Name, ID: step.current.ID(), Outcome: string(step.record.Outcome),
			TemplateHash: ledger.SHA256Hex([]byte(step.stack.Template.Body)), MatchDigest: step.matchDigest,
		})
	}
	r.AssetKeys, r.Images = d.assetKeys(), d.releasedImages()
	r.Health = p.health()
	return r
}

// assetKeys returns the keys of the published files that the assembly needs, sorted.
func (d *Deployment) assetKeys() []string {
	var keys []string
	for _, s := range d.assembly.Stacks {
		for _, a := range s.Assets {
			keys = append(keys, a.Key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// saveArtifacts saves what the release keeps besides its record, and returns the record with the hashes of it.
func (d *Deployment) saveArtifacts(ctx context.Context, l *ledger.Ledger, r ledger.Release) (ledger.Release, error) {
	if d.Artifacts.Assembly != nil {
		store, err := d.assemblyStore(ctx, l)
		if err != nil {
			return r, err
		}
		kept, err := store.Save(ctx, d.Artifacts.Assembly, d.SynthDigest)
		if err != nil {
			return r, err
		}
		r.ArchiveHash, r.Files = kept.ArchiveHash, kept.Files
	}
	if len(d.Artifacts.ToolSBOM) == 0 {
		return r, nil
	}
	r.SBOMDigest = ledger.SHA256Hex(d.Artifacts.ToolSBOM)
	return r, l.SaveBlob(ctx, staging.ToolsBlobName(r.SBOMDigest), d.Artifacts.ToolSBOM)
}

// assemblyStore returns where the assemblies of releases are kept.
func (d *Deployment) assemblyStore(ctx context.Context, l *ledger.Ledger) (staging.Store, error) {
	bucket, err := d.ledgerBucket(ctx)
	return staging.Store{Bucket: bucket, Key: l.BlobKey}, err
}

// EarlierRelease returns the release with a number. For 0 it returns the release that a rollback goes back to by
// default, which is never one that was rolled back from. Instead of a rollback it returns what that restored. The error
// is a *refusal.Error if there is no such release.
func (d *Deployment) EarlierRelease(ctx context.Context, number int) (ledger.Release, error) {
	history, err := d.history(ctx)
	if err != nil {
		return ledger.Release{}, err
	}
	env := d.target.Environment
	if number != 0 {
		r, ok := history.Release(history.Original(number))
		if !ok {
			return r, refusal.Newf(fault.NoRelease, nil,
				"%s has no release %d: `lockstep status --env %s --releases 20` shows which there "+
					"are", env, number, env)
		}
		return r, nil
	}
	deployed, ok := history.Latest()
	if !ok {
		return deployed, refusal.Newf(fault.NoRelease, nil, "%s has no release to go back from", env)
	}
	r, ok := history.Previous()
	if ok {
		return r, nil
	}
	return r, refusal.Newf(fault.NoRelease, nil,
		"%s has no release before %d to go back to%s", env, history.Original(deployed.Number),
		withdrawnText(history))
}

// withdrawnText names the withdrawn releases of a history, and how to go back to one of them.
func withdrawnText(h ledger.History) string {
	var numbers []string
	latest, _ := h.Latest()
	for n := 1; n < latest.Number; n++ {
		if h.Original(n) == n && h.WithdrawnBy(n) != 0 {
			numbers = append(numbers, fmt.Sprint(n))
		}
	}
	if len(numbers) == 0 {
		return ""
	}
	return fmt.Sprintf("; earlier rollbacks have withdrawn %s, and `--to NUMBER` goes back to one all the same",
		strings.Join(numbers, ", "))
}

// ReleaseOf returns the newest release of an assembly, or nil if there is none. It also returns the newest release of
// all; nil if there is none. Instead of a rollback it returns what that restored.
func (d *Deployment) ReleaseOf(
	ctx context.Context, environment digest.Environment,
) (found, latest *ledger.Release, err error) {
	history, err := d.history(ctx)
	if err != nil {
		return nil, nil, err
	}
	newest, ok := history.Latest()
	if !ok {
		return nil, nil, nil
	}
	for n := newest.Number; n > 0; n-- {
		if r, _ := history.Release(history.Original(n)); r.EnvironmentDigest == environment {
			return &r, &newest, nil
		}
	}
	return nil, &newest, nil
}

// LatestRelease returns the newest release, or nil if there is none. The error is a *refusal.Error if the records were
// altered, if nobody has signed them who should have, or if later ones may have been deleted.
func (d *Deployment) LatestRelease(ctx context.Context) (*ledger.Release, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	last, err := l.LatestRelease(ctx)
	if err == nil {
		err = l.CheckHead(ctx, last)
	}
	return last, refuseTampered(err)
}

// A ReleaseHistory is what the ledger knows of all releases of an environment in one account.
type ReleaseHistory struct {
	awsclient.Target
	// Releases are all releases, the newest first.
	Releases []ledger.Release
	// FailedRuns are the runs that failed since the newest release.
	FailedRuns []ledger.FailedRun
}

// ReleaseHistory returns all releases, and the runs that failed since the newest one. The error is a
// *ledger.TamperedError if the records were altered.
func (d *Deployment) ReleaseHistory(ctx context.Context) (ReleaseHistory, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return ReleaseHistory{}, err
	}
	h := ReleaseHistory{Target: d.target}
	if h.Releases, err = l.Releases(ctx); err != nil {
		return h, err
	}
	journal, err := l.Journal(ctx)
	if err != nil {
		return h, err
	}
	if len(h.Releases) == 0 || h.Releases[0].Number == journal.LatestRelease.Number {
		h.FailedRuns = journal.FailedRuns
	} // otherwise the journal is older than the newest release, which lists them
	return h, nil
}

// history returns the history of all releases. The error is a *refusal.Error if the records were altered.
func (d *Deployment) history(ctx context.Context) (ledger.History, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return ledger.History{}, err
	}
	all, err := l.Releases(ctx)
	if err == nil && len(all) > 0 {
		err = l.CheckHead(ctx, &all[0])
	}
	return ledger.NewHistory(all), refuseTampered(err)
}

// recordProvenance keeps a signed statement on how the assembly of a release came about.
func (d *Deployment) recordProvenance(ctx context.Context, l *ledger.Ledger, r ledger.Release) error {
	if r.ArchiveHash == "" || r.Restores != 0 {
		return nil
	}
	build := attest.Build{
		Builder: d.Signing.Builder, Version: d.Signing.Version, Invocation: d.Signing.Invocation,
		Commit: r.Commit, Finished: r.At,
		Materials: []attest.Subject{{Name: "configuration", Digest: string(r.ConfigurationDigest)}},
	}
	if r.SBOMDigest != "" {
		build.Materials = append(build.Materials, attest.Subject{Name: "tools", Digest: r.SBOMDigest})
	}
	return l.AddProvenance(ctx, build, staging.AssemblyBlobName(r.SynthDigest), r.ArchiveHash)
}

// SignatureText returns who has signed a release, by the id of the key.
func SignatureText(keyID string) string {
	if keyID == "" {
		return "unsigned"
	}
	return fmt.Sprintf("signed by key %.12s", keyID)
}

// FetchAssembly replaces a folder by the cloud assembly of a release, after checking that it is the one that was
// recorded.
func (d *Deployment) FetchAssembly(ctx context.Context, r ledger.Release, folder string) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	err = d.fetchKept(ctx, l, r, folder)
	if errors.Is(err, ledger.ErrNotFound) {
		return fault.Errorf(fault.ReleaseNotKept,
			"the cloud assembly of release %d is no longer kept: check out %s, synthesise, and use that",
			r.Number, commitText(r.Commit))
	}
	return err
}

// fetchKept replaces a folder by the cloud assembly of a release. Nothing is unpacked from another archive than the one
// that was recorded. The error wraps ledger.ErrNotFound if it is not kept.
func (d *Deployment) fetchKept(ctx context.Context, l *ledger.Ledger, r ledger.Release, folder string) error {
	store, err := d.assemblyStore(ctx, l)
	if err != nil {
		return err
	}
	err = store.Fetch(ctx, r.SynthDigest, r.ArchiveHash, folder)
	var hash *staging.HashError
	var other *staging.DigestError
	switch {
	case errors.Is(err, ledger.ErrNotFound), awsclient.IsUnreachable(err), ctx.Err() != nil:
		return err
	case errors.As(err, &hash):
		return refusal.Newf(fault.ReleaseAltered, err,
			"the kept cloud assembly of release %d is not the one that was deployed: %s", r.Number, hash)
	case errors.As(err, &other):
		return refusal.Newf(fault.ReleaseAltered, err,
			"the kept cloud assembly of release %d is not the one that was deployed: its digest is "+
				"%.12s, and the record says %.12s", r.Number, other.Got, other.Want)
	case err != nil:
		return fmt.Errorf("the kept cloud assembly of release %d cannot be unpacked: %w", r.Number, err)
	}
	return nil
}

func commitText(commit string) string {
	if commit == "" {
		return "the commit that it was made of"
	}
	return "commit " + strings.TrimSuffix(commit, "+")
}
