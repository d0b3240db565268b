package cli

import (
	"context"
	"fmt"
	"io"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
	"lockstep/internal/report"
	"lockstep/internal/utc"
)

func (a *app) rehearsalCommand() *cobra.Command {
	return newCommandGroup(
		&cobra.Command{
			Use: "rehearsal", Short: "Start, look at, reset or stop the emulated accounts",
			Long: `The emulated accounts start and stop by themselves with the commands that need them, and keep
their state in between. Start them here to look into them with other tools while they run.`,
		},
		a.rehearsalStart(), a.rehearsalServe(), a.rehearsalCertificate(), a.rehearsalRecovery(),
		a.rehearsalAction("status", "Show whether they run, where, and how to reach them", showEmulator),
		a.rehearsalAction("reset", "Stop them and delete what was deployed to them", resetEmulator),
		a.rehearsalAction("stop", "Stop them and keep their state", stopEmulator),
	)
}

// An emulatorFunc does something with the project's emulated accounts.
type emulatorFunc func(ctx context.Context, p *project, e *rehearsal.Emulator) (result, error)

// rehearsalAction returns a command that does something with the project's emulated accounts.
func (a *app) rehearsalAction(use, short string, do emulatorFunc) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: noArgs,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			return do(ctx, p, a.session(p).Emulator(a.printProgress))
		}),
	}
}

func (a *app) rehearsalStart() *cobra.Command {
	port := 0
	start := func(ctx context.Context, p *project, e *rehearsal.Emulator) (result, error) {
		e.Port = port
		if err := host.EnsureTools(ctx, a.Environ, a.printProgress, pipeline.ToolMinistack); err != nil {
			return nil, err
		}
		if _, err := e.Start(ctx); err != nil {
			return nil, err
		}
		_, _, release, err := a.session(p).AcquireEmulator(ctx, p.config.Environments, a.printProgress)
		if err != nil {
			return nil, err
		}
		if err := release(); err != nil {
			return nil, err
		}
		return showEmulator(ctx, p, e)
	}
	cmd := a.rehearsalAction("start", "Start the emulated accounts, bootstrapped, and keep them running", start)
	cmd.Flags().IntVar(&port, "port", 0, fmt.Sprintf(
		"where to listen on 127.0.0.1; by default %d, or any port that is free", rehearsal.DefaultPort))
	return cmd
}

func resetEmulator(ctx context.Context, _ *project, e *rehearsal.Emulator) (result, error) {
	if err := e.Reset(ctx); err != nil {
		return nil, err
	}
	return messagef("the emulated accounts are empty"), nil
}

func stopEmulator(ctx context.Context, _ *project, e *rehearsal.Emulator) (result, error) {
	stopped, err := e.Stop(ctx)
	if err != nil {
		return nil, err
	}
	if !stopped {
		return messagef("the emulated accounts did not run"), nil
	}
	return messagef("the emulated accounts are stopped; their state is kept"), nil
}

// An emulatorStatus is the result of rehearsal status.
type emulatorStatus struct {
	report.Envelope
	rehearsal.Status

	// example is an environment whose account the text shows how to look into.
	example config.Environment
}

func showEmulator(ctx context.Context, p *project, e *rehearsal.Emulator) (result, error) {
	status, err := e.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &emulatorStatus{Status: status, example: p.config.Environments[0]}, nil
}

func (s *emulatorStatus) WriteText(w io.Writer) error {
	if !s.Running {
		_, err := fmt.Fprintf(w,
			"the emulated accounts do not run; `lockstep rehearsal start` starts them\nstate   %s\n", s.State)
		return err
	}
	until := "and are about to end, because no run uses them any more"
	switch {
	case s.RunsUntilStopped:
		until = "until `lockstep rehearsal stop`"
	case s.InUse:
		until = "until the run that uses them ends"
	}
	_, err := fmt.Fprintf(w, `the emulated accounts run at %s since %s, %s
state   %s
log     %s

To look into an account, for example that of %s:
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  export AWS_ENDPOINT_URL=%s AWS_CA_BUNDLE=%s
  export AWS_SHARED_CREDENTIALS_FILE=%s AWS_PROFILE=%s AWS_REGION=%s
  aws cloudformation list-stacks
`,
		s.Endpoint, utc.Format(s.Since), until, s.State, s.Log, s.example.Name,
		s.Endpoint, shellescape.Quote(s.CABundle),
		shellescape.Quote(s.Credentials), rehearsal.ProfileName(s.example.Name), s.example.Region)
	return err
}
