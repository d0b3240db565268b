package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/metrics"
	"lockstep/internal/report"
)

// A boardResult is the result of board.
type boardResult struct {
	*report.Board
	// isInFile says that the board was written to a file, so that it is not printed.
	isInFile bool
}

// WriteText implements result.
func (r *boardResult) WriteText(w io.Writer) error {
	if r.isInFile {
		return nil
	}
	return r.Board.WriteText(w)
}

// boardDays is how many days the key metrics of a board are of.
const boardDays = 30

func (a *app) boardCommand() *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use: "board", Short: "Show all environments on one screen: what is wrong, why, and what to do next", Args: noArgs,
		Long: `Show every environment in promotion order: its state, where that comes from and what to do next; its newest
release, what waits in the environment before it, plans that nobody has applied yet, the run at work, how the last
run failed, what is wrong with its stacks, what the last look for drift has found, and the key metrics of the last 30
days. --out writes the same as one HTML page that needs no other file.

An account that cannot be read is shown as such, with the code of the reason, and the status is 1. Nothing is written
to any account, and nothing is compared: drift is what CloudFormation has recorded.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			if err := checkOutFiles(outFile{"--out", out, pageOut, p.root}); err != nil {
				return nil, err
			}
			environments, err := p.selectOrAll(a.env)
			if err != nil {
				return nil, err
			}
			board, err := a.readBoard(ctx, p, environments)
			if err != nil {
				return nil, err
			}
			return &boardResult{board, out != ""}, errors.Join(boardError(board), writeBoardPage(p.root, board, out))
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	addPathFlag(cmd.Flags(), &out, "out", "write the board to this file as one HTML page, instead of text to stdout")
	return cmd
}

// readBoard returns the board of the environments.
func (a *app) readBoard(ctx context.Context, p *project, environments []config.Environment) (*report.Board, error) {
	session := a.session(p)
	inputs, err := session.BoardInputs(ctx, environments)
	if err != nil {
		return nil, err
	}
	var histories []deploy.ReleaseHistory
	for _, in := range inputs {
		if in.History != nil {
			histories = append(histories, *in.History)
		}
	}
	window := metrics.Window{Now: a.Now().UTC(), Since: a.Now().UTC().AddDate(0, 0, -boardDays)}
	commitTime := func(commit string) time.Time { return session.CommitTime(ctx, commit) }
	figures := newMetricsResult(environments, histories, window, commitTime).Environments
	for i, in := range inputs {
		for j := range figures {
			if figures[j].Environment == in.Environment {
				inputs[i].Figures = &figures[j]
			}
		}
	}
	board := report.NewBoard(p.config.Pipeline.Project, a.accountFlags(), inputs)
	board.Time, board.Mode, board.LiveEndpoint = a.Now(), a.mode(), a.endpointOf(a.mode())
	return board, nil
}

// accountFlags returns the flags with which another command works on the same accounts, with a space before each.
func (a *app) accountFlags() string {
	switch {
	case !a.live:
		return ""
	case a.endpoint == "":
		return " --live"
	}
	return " --live --endpoint " + a.endpoint
}

// boardError returns an error that names the environments that cannot be read.
func boardError(board *report.Board) error {
	var errs []error
	for _, e := range board.Entries {
		if e.State == report.BoardUnreadable {
			errs = append(errs, fault.Errorf(e.Code, "%s: %s", board.Where(e), e.Why))
		}
	}
	return errors.Join(errs...)
}

// writeBoardPage writes a board to a file as HTML. An empty path writes nothing.
func writeBoardPage(project string, board *report.Board, path string) error {
	if path == "" {
		return nil
	}
	var page bytes.Buffer
	if err := board.WriteHTML(&page); err != nil {
		return err
	}
	return fsx.WriteFile(project, path, page.Bytes(), fsx.PrivateFile)
}
