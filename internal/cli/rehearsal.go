package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
)

func (a *app) rehearsalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rehearsal", Short: "Start, look at, reset or stop the emulated accounts",
		Long: `The emulated accounts start and stop by themselves with the commands that need them, and keep their state in between. Start them
here to look into them with other tools while they run.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("rehearsal has no command %q; write start, serve, certificate, status, reset or stop", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	port := 0
	start := a.rehearsalAction("start", "Start the emulated accounts, bootstrapped, and keep them running", func(cmd *cobra.Command, p *project, e *rehearsal.Emulator) error {
		e.Port = port
		if err := host.EnsureTools(cmd.Context(), a.Environ, a.printProgress, pipeline.ToolMinistack); err != nil {
			return err
		}
		if _, err := e.Start(cmd.Context()); err != nil {
			return err
		}
		_, _, release, err := a.acquireEmulator(cmd.Context(), p, p.config.Environments, a.printProgress)
		if err != nil {
			return err
		}
		if err := release(); err != nil {
			return err
		}
		return a.showRehearsal(cmd, p, e)
	})
	start.Flags().IntVar(&port, "port", 0, fmt.Sprintf("where to listen on 127.0.0.1; %d, or any that is free, unless told", rehearsal.DefaultPort))
	cmd.AddCommand(
		start, a.rehearsalServe(), a.rehearsalCertificate(),
		a.rehearsalAction("status", "Show whether they run, where, and how to reach them", a.showRehearsal),
		a.rehearsalAction("reset", "Stop them and forget what was deployed to them", func(cmd *cobra.Command, _ *project, e *rehearsal.Emulator) error {
			if err := e.Reset(cmd.Context()); err != nil {
				return err
			}
			return a.printResult("the emulated accounts are empty")
		}),
		a.rehearsalAction("stop", "Stop them and keep their state", func(cmd *cobra.Command, _ *project, e *rehearsal.Emulator) error {
			stopped, err := e.Stop(cmd.Context())
			if err != nil {
				return err
			}
			if !stopped {
				return a.printResult("the emulated accounts did not run")
			}
			return a.printResult("the emulated accounts are stopped; their state is kept")
		}),
	)
	return cmd
}

func (a *app) rehearsalAction(use, short string, do func(*cobra.Command, *project, *rehearsal.Emulator) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			return do(cmd, p, a.emulator(p, a.printProgress))
		},
	}
}

// printResult says what was done, where results go.
func (a *app) printResult(line string) error {
	if a.json {
		return json.NewEncoder(a.Stdout).Encode(map[string]string{"event": "summary", "detail": line})
	}
	_, err := fmt.Fprintln(a.Stdout, line)
	return err
}

func (a *app) showRehearsal(cmd *cobra.Command, p *project, e *rehearsal.Emulator) error {
	status, err := e.Status(cmd.Context())
	if err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(a.Stdout).Encode(status)
	}
	if !status.Running {
		fmt.Fprintln(a.Stdout, "the emulated accounts do not run; `lockstep rehearsal start` starts them")
		fmt.Fprintln(a.Stdout, "state  ", status.State)
		return nil
	}
	until := "until the run that uses them ends"
	if status.RunsUntilStopped {
		until = "until `lockstep rehearsal stop`"
	}
	fmt.Fprintf(a.Stdout, "the emulated accounts run at %s since %s, %s\n", status.Endpoint, status.Since.Format(time.DateTime), until)
	fmt.Fprintln(a.Stdout, "state  ", status.State)
	fmt.Fprintln(a.Stdout, "log    ", status.Log)
	fmt.Fprintf(a.Stdout, `
To look into an account, for example that of %[1]s:
  export AWS_ENDPOINT_URL=%[2]s AWS_CA_BUNDLE=%[3]s
  export AWS_ACCESS_KEY_ID=%[4]s AWS_SECRET_ACCESS_KEY=emulated AWS_REGION=%[5]s
  aws cloudformation list-stacks
`, p.config.Environments[0].Name, status.Endpoint, shellQuote(status.CABundle), p.config.Environments[0].ID, p.config.Environments[0].Region)
	return nil
}

// shellQuote makes a path one word of a shell.
func shellQuote(path string) string {
	if strings.ContainsAny(path, " '\"$&;()") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
