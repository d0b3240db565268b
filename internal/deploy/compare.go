package deploy

import (
	"context"

	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
)

// compareStack reads what an updatable stack was deployed with, and compares it with the assembly. Differences are left
// out of which CloudFormation said, in this run or in that of the newest release, that they are no change.
func (d *Deployment) compareStack(ctx context.Context, client *cfn.Client, step *planStep) error {
	if step.current.Phase != cfn.Updatable {
		return nil
	}
	if err := client.LoadTemplate(ctx, step.stack, &step.current); err != nil {
		return err
	}
	result := step.current.Compare(step.stack)
	step.record.Notes = cfn.KeptParameters(result)
	step.matchDigest = ""
	if result.NeedsAcceptance() {
		step.matchDigest = result.Digest
		if result.Digest == step.acceptedDigest {
			step.record.Notes = append(step.record.Notes, step.uncounted...)
		}
		if result.Digest == step.acceptedDigest || result.Digest == d.recordedMatch(ctx, step.stack.Name) {
			result = result.Accept()
		}
	}
	step.comparison = result
	return nil
}

// recordedMatch returns the MatchDigest of a stack in the newest release. It is empty if there is none, or if the
// release cannot be read: then the stack's differences count.
func (d *Deployment) recordedMatch(ctx context.Context, stack string) string {
	release, err := d.releaseBefore(ctx)
	if err != nil || release == nil {
		return ""
	}
	return matchDigest(release, stack)
}

// releaseBefore returns the newest release when the run began to compare; nil if there was none.
func (d *Deployment) releaseBefore(ctx context.Context) (*ledger.Release, error) {
	return loadOrCreate(&d.newestRelease, "", func() (*ledger.Release, error) {
		l, err := d.Ledger(ctx)
		if err != nil {
			return nil, err
		}
		return l.LatestRelease(ctx)
	})
}

// matchDigest returns the MatchDigest of a stack in a release, or "" if the release has none.
func matchDigest(r *ledger.Release, stack string) string {
	for _, s := range r.Stacks {
		if s.Name == stack {
			return s.MatchDigest
		}
	}
	return ""
}

// isRecorded reports whether the newest release is of this very assembly and has what the next comparison needs, for a
// plan of which nothing was executed.
func (d *Deployment) isRecorded(last *ledger.Release, p *Plan) bool {
	if last == nil || !d.isSameAssembly(last.Summary()) {
		return false
	}
	for _, step := range p.steps {
		if step.record.Outcome != change.Unchanged {
			return false
		}
		if step.matchDigest != "" && step.matchDigest != matchDigest(last, step.stack.Name) {
			return false
		}
	}
	return true
}
