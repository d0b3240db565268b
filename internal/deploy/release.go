package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/refusal"
)

// Artifacts is what a release keeps in the account besides its record: what it takes to deploy it again, and what it
// was built with.
type Artifacts struct {
	// Assembly is the environment's cloud assembly as it was synthesised.
	Assembly fs.FS
	// ToolSBOM is a software bill of materials of the tools, as JSON; empty for none.
	ToolSBOM []byte
}

// recordRelease records what was deployed. Everything that the record refers to is saved before the record. If nothing
// was done and the newest release is of this very assembly, it records nothing.
func (d *Deployment) recordRelease(ctx context.Context, l *ledger.Ledger, o DeployRequest, p *Plan) error {
	last, err := l.LatestRelease(ctx)
	if err != nil {
		return err
	}
	if d.isRecorded(last, p) {
		return d.journal.RecordRelease(ctx, last.Summary())
	}
	r := d.newRelease(o, p)
	if o.Plan != nil {
		r.PlanDigest = o.Plan.Digest
		if r.Approval, err = l.Approval(ctx, r.PlanDigest); err != nil {
			return err
		}
	}
	if r.SBOMDigest, err = d.saveArtifacts(ctx, l); err != nil {
		return err
	}
	if r, err = l.AddRelease(ctx, r); err != nil {
		return err
	}
	p.release = r.Number
	d.printProgress(fmt.Sprintf("release %d of %s is recorded: assembly %.12s",
		r.Number, d.target.Environment, r.SynthDigest))
	return d.journal.RecordRelease(ctx, r.Summary())
}

// newRelease returns the record of a plan that was applied.
func (d *Deployment) newRelease(o DeployRequest, p *Plan) ledger.Release {
	r := ledger.Release{
		Restores: o.Restores, Project: d.target.Project, Environment: d.target.Environment,
		Account: d.target.Account, Region: d.target.Region,
		Mode: d.Run.Mode, At: time.Now().UTC().Truncate(time.Second),
		CallerARN: d.sessions.CallerARN(), RunID: d.Run.ID, Commit: d.Run.Commit,
		SynthDigest: d.SynthDigest, EnvironmentDigest: d.EnvironmentDigest, SiblingDigests: d.SiblingDigests,
		ConfigurationDigest: d.ConfigurationDigest, OrphanedStacks: p.orphanedStacks,
	}
	for _, step := range p.steps {
		r.Stacks = append(r.Stacks, ledger.Stack{
			Name: step.stack.Name, ID: step.current.ID(), Outcome: string(step.record.Outcome),
			TemplateHash: ledger.SHA256Hex([]byte(step.stack.Template.Body)), MatchDigest: step.matchDigest,
		})
		for _, a := range step.stack.Assets {
			r.AssetKeys = append(r.AssetKeys, a.Key)
		}
	}
	slices.Sort(r.AssetKeys)
	r.AssetKeys = slices.Compact(r.AssetKeys)
	return r
}

// saveArtifacts saves what the release keeps besides its record, and returns the digest of the bill of materials.
func (d *Deployment) saveArtifacts(ctx context.Context, l *ledger.Ledger) (string, error) {
	if d.Artifacts.Assembly != nil {
		data, err := staging.ZipAssembly(d.Artifacts.Assembly)
		if err != nil {
			return "", err
		}
		if err := l.SaveBlob(ctx, staging.AssemblyBlobName(d.SynthDigest), data); err != nil {
			return "", err
		}
	}
	if len(d.Artifacts.ToolSBOM) == 0 {
		return "", nil
	}
	sbom := ledger.SHA256Hex(d.Artifacts.ToolSBOM)
	return sbom, l.SaveBlob(ctx, staging.ToolsBlobName(sbom), d.Artifacts.ToolSBOM)
}

// maxReleasesSearched is how many releases EarlierRelease looks at.
const maxReleasesSearched = 200

// EarlierRelease returns the release with a number. For 0 it returns the newest release that is older than what is
// deployed and of another assembly.
func (d *Deployment) EarlierRelease(ctx context.Context, number int) (ledger.Release, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return ledger.Release{}, err
	}
	env := d.target.Environment
	if number != 0 {
		r, err := l.Release(ctx, number)
		if errors.Is(err, ledger.ErrNotFound) {
			return r, refusal.Newf(err, "%s has no release %d: `lockstep status --env %s --releases 20` shows which there "+
				"are", env, number, env)
		}
		return r, err
	}
	all, err := l.LatestReleases(ctx, maxReleasesSearched)
	if err != nil {
		return ledger.Release{}, err
	}
	if len(all) == 0 {
		return ledger.Release{}, refusal.Newf(nil, "%s has no release to go back from", env)
	}
	deployed := all[0]
	limit := deployed.Number
	if deployed.Restores > 0 {
		limit = deployed.Restores // a second rollback goes further back
	}
	for _, r := range all {
		if r.Number < limit && r.Restores == 0 && r.SynthDigest != deployed.SynthDigest {
			return r, nil
		}
	}
	return ledger.Release{}, refusal.Newf(nil, "%s has no release before %d to go back to", env, limit)
}

// FetchAssembly replaces a folder by the cloud assembly of a release, after checking that it is the one that was
// recorded.
func (d *Deployment) FetchAssembly(ctx context.Context, r ledger.Release, folder string) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	data, err := l.Blob(ctx, staging.AssemblyBlobName(r.SynthDigest))
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("the cloud assembly of release %d is no longer kept: check out %s, synthesise, and deploy that",
			r.Number, commitText(r.Commit))
	}
	if err != nil {
		return err
	}
	err = staging.ExtractAssembly(data, folder, r.SynthDigest)
	var other *staging.DigestError
	if errors.As(err, &other) {
		return refusal.Newf(err, "the kept cloud assembly of release %d is not the one that was deployed: its digest is "+
			"%.12s, and the record says %.12s", r.Number, other.Got, other.Want)
	}
	if err != nil {
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
