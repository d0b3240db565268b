package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/report"
	"lockstep/internal/rollout"
)

// A recoveryResult is the result of rehearsal recovery.
type recoveryResult struct {
	report.Envelope
	rollout.Recovery
}

func (a *app) rehearsalRecovery() *cobra.Command {
	cmd := &cobra.Command{
		Use: "recovery", Args: noArgs,
		Short: "Delete an environment in the emulated accounts, and rebuild it from its records",
		Long: `Delete every stack of an environment in the emulated accounts, rebuild the environment from nothing but
its records and the cloud assemblies that its accounts keep, and check that it is what it was: its assembly,
stacks and outputs. Shows how long that took, and what would have to come from backups, because no template
brings it back.

AWS is never touched: Lockstep's docs/recovery.md has the procedure for accounts on AWS.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			environments, err := p.selectEnvironments(a.env)
			if err != nil {
				return nil, err
			}
			if len(environments) != 1 {
				return nil, usagef(fault.FlagMissing, "one environment is recovered at a time: name it with --env")
			}
			recovery, err := a.session(p).RehearseRecovery(ctx, environments[0])
			r := &recoveryResult{Recovery: recovery}
			if len(recovery.Accounts) == 0 {
				return nil, err
			}
			return r, err
		}),
	}
	a.addEnvFlag(cmd)
	cmd.Flags().BoolVar(&a.live, "live", false, "is refused: "+
		"a recovery is rehearsed on emulated accounts alone")
	return cmd
}

// WriteText implements result.
func (r *recoveryResult) WriteText(w io.Writer) error {
	var rows [][]string
	for _, a := range r.Accounts {
		rows = append(rows, []string{
			r.Environment, "account " + a.Account + " in " + a.Region,
			fmt.Sprintf("%d stacks deleted, %d rebuilt", len(a.Deleted), len(a.Stacks)),
			fmt.Sprintf("assembly %.12s", a.AssemblyDigest),
		})
	}
	rows = append(rows,
		[]string{"deleted in", seconds(r.DeleteMillis)}, []string{"rebuilt in", seconds(r.RebuildMillis)},
		[]string{"verified in", seconds(r.VerifyMillis)})
	if err := writeLines(w, rows); err != nil {
		return err
	}
	for _, a := range r.Accounts {
		if err := writeRecoveredAccount(w, a); err != nil {
			return err
		}
	}
	return nil
}

// writeRecoveredAccount writes what a person has to do after an account was rebuilt.
func writeRecoveredAccount(w io.Writer, a rollout.AccountRecovery) error {
	if len(a.ChangedOutputs) > 0 {
		if _, err := fmt.Fprintf(w, "account %s: these outputs have other values now, so tell whoever uses them: %s\n",
			a.Account, display.Line(strings.Join(a.ChangedOutputs, ", "))); err != nil {
			return err
		}
	}
	if len(a.Data) == 0 {
		return nil
	}
	rows := [][]string{{"account " + a.Account + ": data that no template brings back"}}
	for _, d := range a.Data {
		backups := strings.Join(d.Backups, ", ")
		if backups == "" {
			backups = "no backup in the template"
		}
		rows = append(rows, []string{"  " + d.Stack + " " + d.LogicalID, d.Type, d.Keeps, backups})
	}
	return writeLines(w, rows)
}

// seconds returns a number of milliseconds in seconds.
func seconds(millis int64) string { return fmt.Sprintf("%.1f s", float64(millis)/1000) }
