package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/fsx"
	"lockstep/internal/gate"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// gateCommand is how a step of the table runs a gate, on this machine and in a container. People run `check`.
func (a *app) gateCommand() *cobra.Command {
	g, reads, from, level := gate.Gate{Now: time.Now}, "", "", ""
	cmd := &cobra.Command{
		Use: "gate NAME [--reads FORMAT] [--files PATTERN]... [--set NAME=VALUE]... [-- PROGRAM ARGS...]", Hidden: true,
		Short: "Run one gate's program, read what it found and leave its report", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			g.Name, g.Argv, g.Format = args[0], args[1:], pipeline.Format(reads)
			g.MinLevel, g.Level = findings.Level(from), findings.Level(level)
			g.Log = a.Stdout
			if g.Root, err = os.Getwd(); err != nil {
				return err
			}
			return a.printGateVerdict(g.Run(cmd.Context()))
		},
	}
	cmd.Flags().StringVar(&reads, "reads", string(pipeline.SARIF), "the format of what the program prints")
	cmd.Flags().BoolVar(&g.NeedsHistory, "history", false, "the program reads the commits")
	cmd.Flags().StringVar(&level, "level", "", "how bad every finding is, for a program that does not say: error or warning")
	cmd.Flags().StringVar(&from, "from", string(findings.Warning), "the level from which a finding counts: error or warning")
	cmd.Flags().StringArrayVar(&g.FilePatterns, "files", nil, "a pattern of the files that the program is given")
	cmd.Flags().StringArrayVar(&g.Settings, "set", nil, "a setting of a gate of this program's own")
	return cmd
}

// onFilesCommand is how a step runs a program that mends files.
func (a *app) onFilesCommand() *cobra.Command {
	g, out := gate.Gate{}, ""
	cmd := &cobra.Command{
		Use: "on-files --files PATTERN... -- PROGRAM ARGS...", Hidden: true, Short: "Run a program on the repository's files that patterns take in", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			g.Argv, g.Log = args, a.Stdout
			if g.Root, err = os.Getwd(); err != nil {
				return err
			}
			if out == "" {
				return g.RunOnFiles(cmd.Context(), a.Stdout)
			}
			var text bytes.Buffer
			if err := g.RunOnFiles(cmd.Context(), &text); err != nil {
				return err
			}
			return fsx.WriteFile(out, text.Bytes(), fsx.PublicFile)
		},
	}
	cmd.Flags().StringArrayVar(&g.FilePatterns, "files", nil, "a pattern of the files that the program is given")
	cmd.Flags().StringVar(&out, "out", "", "write what the program prints to this file, if it ends well")
	return cmd
}

// printGateVerdict tells how a gate went: the last line that it prints is what the step's result shows.
func (a *app) printGateVerdict(err error) error {
	var notRun *gate.NotRunError
	switch {
	case errors.As(err, &notRun):
		fmt.Fprintln(a.Stdout, "not run: "+strings.Join(strings.Fields(notRun.Reason), " "))
		return printedError{err}
	case err != nil && !errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stdout, "failed: "+err.Error())
		return printedError{err}
	}
	return err
}

// IsNotRun says whether the error is that of a gate that could not do its work here.
func IsNotRun(err error) bool {
	var notRun *gate.NotRunError
	return errors.As(err, &notRun)
}

// componentVersion tells the part of this program that runs a step's command apart from another version of it.
func componentVersion(argv []string) string {
	if (pipeline.Step{Command: append([]string{pipeline.Self}, argv...)}).IsGate() {
		return gate.Version()
	}
	return ""
}

// mayBeAbsent says which gates a run goes on without where they cannot be run. On a person's machine it is strict as soon as something reaches AWS.
func (a *app) mayBeAbsent(environments []config.Environment) func(pipeline.Step) bool {
	return pipeline.MayBeAbsent(a.live || isTrue(tools.Getenv(a.Environ, "CI")), environments)
}

func isTrue(value string) bool { return value != "" && value != "false" && value != "0" }
