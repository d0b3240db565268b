package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/fault"
	"lockstep/internal/report"
)

// A selfTestResult is the result of selftest.
type selfTestResult struct {
	report.Envelope
	Accounts []selftest.Report `json:"accounts"`
}

// A behaviourError is rows of the catalogue that AWS contradicts.
type behaviourError struct{ rows []string }

func (e *behaviourError) Error() string {
	return "AWS contradicts the catalogue in " + enumerate(e.rows) + ": see docs/aws-behaviour.md"
}

// Code returns the code of the error.
func (e *behaviourError) Code() fault.Code { return fault.BehaviourDiffers }

func (a *app) selfTestCommand() *cobra.Command {
	allowProtected := false
	cmd := &cobra.Command{
		Use: "selftest", Short: "See with a small stack whether AWS does what Lockstep expects", Args: noArgs,
		Long: `Deploy a stack of its own with two SSM parameters and a topic, change it, let it fail on purpose, roll it back
and remove it. Show for each behaviour of the catalogue whether it was confirmed, contradicted or not seen.

It costs nothing and needs what a deployment needs: bootstrapped accounts, and with --live credentials of the tooling
account. The stack is called lockstep-selftest-ENV, and no other one is touched. It is removed whatever happens; what
an interrupted self-test has left, the next one removes. Without --live it runs on the emulated accounts, and shows
where they differ from AWS.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			reports, err := a.session(p).SelfTest(ctx, environments, allowProtected)
			if len(reports) == 0 {
				return nil, err
			}
			if err == nil {
				err = a.contradiction(reports)
			}
			return &selfTestResult{Accounts: reports}, err
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().BoolVar(&allowProtected, "allow-protected", false,
		"run with --live in an environment that asks for approvals or protects its stacks")
	return cmd
}

// contradiction returns an error if AWS itself contradicts the catalogue. What takes its place may differ.
func (a *app) contradiction(reports []selftest.Report) error {
	if !a.live || a.endpoint != "" {
		return nil
	}
	e := &behaviourError{}
	for _, r := range reports {
		for _, row := range r.Rows {
			if row.Verdict == selftest.Contradicted {
				e.rows = append(e.rows, row.Name)
			}
		}
	}
	if len(e.rows) == 0 {
		return nil
	}
	return e
}

// WriteText writes a line for each row of the catalogue, and how many there are of each verdict.
func (r *selfTestResult) WriteText(w io.Writer) error {
	for _, account := range r.Accounts {
		var rows [][]string
		for _, row := range account.Rows {
			rows = append(rows, []string{string(row.Verdict), row.Name, row.Observed})
		}
		if err := writeLines(w, rows); err != nil {
			return err
		}
		end := "its stack is removed"
		if !account.Removed {
			end = "its stack " + account.Stack + " is still there: run it again"
		}
		_, err := fmt.Fprintf(w, "account %s in %s: %d confirmed, %d contradicted, %d not seen; %s\n",
			account.Account, account.Region, account.Count(selftest.Confirmed), account.Count(selftest.Contradicted),
			account.Count(selftest.NotSeen), end)
		if err != nil {
			return err
		}
	}
	return nil
}
