package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/display"
	"lockstep/internal/report"
)

// A diagnoseResult is the result of diagnose.
type diagnoseResult struct {
	report.Envelope
	Stacks []deploy.Diagnosis `json:"stacks"`
}

func (a *app) diagnoseCommand() *cobra.Command {
	var stacks []string
	cmd := &cobra.Command{
		Use: "diagnose", Short: "Show why the newest operation on a stack failed", Args: noArgs,
		Long: `Read the events of each stack of the newest release, and of the newest run, and show why the last
operation failed: the resource that failed first, in nested stacks the deepest one, its path in the CDK app, what
AWS said, and what to do. A resource that was cancelled because another one failed is not shown. Nothing is written.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			found := &diagnoseResult{}
			diagnose := func(d *deploy.Deployment) error {
				diagnoses, err := d.Diagnose(ctx, stacks)
				found.Stacks = append(found.Stacks, diagnoses...)
				return err
			}
			err := a.session(p).ForEachAccount(ctx, environments, "diagnose", deploy.ReadAccess, diagnose)
			if err != nil && len(found.Stacks) == 0 {
				return nil, err
			}
			return found, err
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().StringSliceVar(&stacks, "stack", nil, "show this stack; can be given several times")
	return cmd
}

// WriteText implements result.
func (r *diagnoseResult) WriteText(w io.Writer) error {
	for _, s := range r.Stacks {
		if _, err := fmt.Fprintf(w, "%s: %s\n", display.Line(s.Stack), diagnosisText(s)); err != nil {
			return err
		}
		for _, c := range s.Causes {
			if _, err := fmt.Fprintf(w, "  %s\n", display.Line(c.String())); err != nil {
				return err
			}
			if c.Advice == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "    what to do: %s\n", display.Line(c.Advice)); err != nil {
				return err
			}
		}
	}
	return nil
}

// diagnosisText returns the state of a stack in words.
func diagnosisText(s deploy.Diagnosis) string {
	switch {
	case s.State == "":
		return "it does not exist"
	case len(s.Causes) == 0:
		return display.Line(s.State) + ", nothing failed"
	}
	return display.Line(s.State)
}
