package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/display"
	"lockstep/internal/refusal"
	"lockstep/internal/report"
)

// A result is what a command shows when it ends: text, or with --json one line of JSON. Its fields are the command's
// own data; it embeds a report.Envelope.
type result interface {
	report.Enveloped
	WriteText(w io.Writer) error
}

// writeResult writes the result of the command that has run. With --json it is the last line, whatever became of the
// command.
func (a *app) writeResult(cmd *cobra.Command, err error) error {
	switch {
	case a.json && !isHelp(cmd, err):
		if a.result == nil {
			a.result = &report.Summary{}
		}
		a.fillEnvelope(cmd, err)
		if summary, ok := a.result.(*report.Summary); ok {
			return summary.WriteJSON(a.Stdout)
		}
		return report.WriteJSON(a.Stdout, a.result)
	case a.result != nil:
		return a.result.WriteText(a.Stdout)
	}
	return nil
}

// isHelp reports whether a command has only shown its help.
func isHelp(cmd *cobra.Command, err error) bool {
	help, _ := cmd.Flags().GetBool("help")
	return err == nil && (help || cmd.HasSubCommands())
}

// fillEnvelope fills the result's envelope. The summary of a run has filled its own.
func (a *app) fillEnvelope(cmd *cobra.Command, err error) {
	head := a.result.Head()
	if head.Command != "" {
		return
	}
	*head = report.Envelope{
		Time: a.Now(), Command: commandName(cmd), Result: a.verdictOf(err), Mode: a.modeOf(cmd),
		LiveEndpoint: a.endpointOf(a.modeOf(cmd)),
		Millis:       a.Now().Sub(a.started).Milliseconds(),
	}
	if err != nil {
		head.SetError(err)
	}
}

// verdictOf returns the verdict on a command that ended with the error.
func (a *app) verdictOf(err error) report.Verdict {
	var refusal *refusal.Error
	var steps *StepsError
	switch {
	case err == nil:
		return report.Passed
	case errors.Is(err, context.Canceled):
		return report.Interrupted
	case errors.As(err, &refusal), errors.As(err, &steps) && steps.ExitStatus() == a.RefusedStatus:
		return report.Refused
	}
	return report.Failed
}

// A printedError is an error that the result has shown already.
type printedError struct{ error }

func (e printedError) Unwrap() error { return e.error }

// IsPrinted reports whether the user has seen the error already.
func IsPrinted(err error) bool {
	var printed printedError
	return errors.As(err, &printed)
}

// A message is the result of a command that only says what it did.
type message struct {
	report.Envelope
	Detail string `json:"detail"`
}

// messagef returns a message with that text.
func messagef(format string, args ...any) *message {
	return &message{Detail: display.Line(fmt.Sprintf(format, args...))}
}

// addLinef adds a line to the message.
func (m *message) addLinef(format string, args ...any) {
	if m.Detail != "" {
		m.Detail += "\n"
	}
	m.Detail += display.Line(fmt.Sprintf(format, args...))
}

func (m *message) WriteText(w io.Writer) error {
	if m.Detail == "" {
		return nil
	}
	_, err := fmt.Fprintln(w, m.Detail)
	return err
}

// printProgress shows a line of progress.
func (a *app) printProgress(line string) {
	if report.ProgressMode(a.progress) != report.None && line != "" {
		fmt.Fprintln(a.Stderr, display.Line(line))
	}
}

// writeLines writes rows with aligned columns.
func writeLines(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			row[i] = display.Line(cell)
		}
	}
	for _, line := range report.AlignColumns(rows) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// A projectFunc is what a command does in a project.
type projectFunc func(ctx context.Context, p *project) (result, error)

// inProject returns the function of a command that works in a project and takes no arguments.
func (a *app) inProject(do projectFunc) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		p, err := a.loadProject()
		if err != nil {
			return err
		}
		if err := a.refuseCommittedState(cmd.Context(), p); err != nil {
			return err
		}
		return a.finish(do(cmd.Context(), p))
	}
}

// inEnvironments returns the function of a command that works on the environments that --env names.
func (a *app) inEnvironments(
	do func(ctx context.Context, p *project, environments []config.Environment) (result, error),
) func(*cobra.Command, []string) error {
	return a.inProject(func(ctx context.Context, p *project) (result, error) {
		environments, err := p.selectEnvironments(a.env)
		if err != nil {
			return nil, err
		}
		return do(ctx, p, environments)
	})
}

// finish keeps a command's result, which is written when the command has ended, and returns its error.
func (a *app) finish(r result, err error) error {
	a.result = r
	return err
}
