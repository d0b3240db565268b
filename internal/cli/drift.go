package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lockstep/internal/deploy/cfn"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
	"lockstep/internal/report"
)

// A DriftError is stacks that were changed outside Lockstep.
type DriftError struct{ Stacks []string }

func (e *DriftError) Error() string { return "drifted: " + enumerate(e.Stacks) }

// Code returns the code of the error.
func (e *DriftError) Code() fault.Code { return fault.Drifted }

// A driftResult is the result of drift.
type driftResult struct {
	report.Envelope
	Stacks  []cfn.Drift `json:"stacks"`
	Drifted []string    `json:"drifted"`
}

func (a *app) driftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drift", Short: "Show what was changed by hand in what is deployed", Args: noArgs,
		Long: `Let CloudFormation compare every stack of the newest release with what there really is, and show
each resource that differs, property by property. Compare each stack itself with the release: its template,
parameters, tags, notification topics, policy and protection. Ends with 1 where anything differs. Nothing is written.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			var stacks []cfn.Drift
			err := a.session(p).ForEachAccount(ctx, environments, "drift", deploy.ReadAccess, func(d *deploy.Deployment) error {
				found, err := d.Drift(ctx)
				stacks = append(stacks, found...)
				return err
			})
			found, drifted := newDriftResult(stacks)
			if err != nil && len(stacks) == 0 {
				return nil, err
			}
			return found, errors.Join(err, drifted)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	return cmd
}

// newDriftResult returns the result and, if a stack has drifted, a *DriftError.
func newDriftResult(stacks []cfn.Drift) (*driftResult, error) {
	r := &driftResult{Stacks: stacks}
	for _, d := range stacks {
		if d.Drifted() {
			r.Drifted = append(r.Drifted, d.Stack)
		}
	}
	if len(r.Drifted) > 0 {
		return r, &DriftError{r.Drifted}
	}
	return r, nil
}

func (r *driftResult) WriteText(w io.Writer) error {
	for _, d := range r.Stacks {
		if _, err := fmt.Fprintln(w, d); err != nil {
			return err
		}
	}
	return nil
}
