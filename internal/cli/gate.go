package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/config"
	cdkapp "lockstep/internal/app"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/text"
	"lockstep/tools"
)

// gateCommand returns the command with which a step runs a gate, on this machine and in a container. People run check.
func (a *app) gateCommand() *cobra.Command {
	g := gate.Gate{Now: a.Now}
	var format, minLevel, level string
	cmd := &cobra.Command{
		Use: "gate NAME [--reads FORMAT] [--files PATTERN]... [--set NAME=VALUE]... [-- PROGRAM ARGS...]", Hidden: true,
		Short: "Run one gate's program, read what it found and write its report", Args: numberOfArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			g.Name, g.Argv, g.Format = args[0], args[1:], pipeline.Format(format)
			g.MinLevel, g.Level = findings.Level(minLevel), findings.Level(level)
			g.Log = display.Terminal(a.Stdout) // whoever runs the step shows it
			if g.Root, err = os.Getwd(); err != nil {
				return err
			}
			return a.printGateVerdict(g.Run(cmd.Context()))
		},
	}
	cmd.Flags().StringVar(&format, "reads", string(pipeline.SARIF), "the format of what the program prints")
	cmd.Flags().BoolVar(&g.NeedsHistory, "history", false, "the program reads the commits")
	cmd.Flags().StringVar(&level, "level", "",
		"the level of every finding, for a program that does not say: error or warning")
	cmd.Flags().StringVar(&minLevel, "from", string(findings.Warning),
		"the level from which a finding counts: error or warning")
	cmd.Flags().StringArrayVar(&g.FilePatterns, "files", nil, "a pattern of the files that the program is given")
	addPathFlag(cmd.Flags(), &g.OnlyWith, "only-with", "a file without which there is nothing to check")
	cmd.Flags().StringArrayVar(&g.IfThere, "if-there", nil, "FILE=ARGUMENT: an argument that the program gets if the "+
		"file is there")
	cmd.Flags().StringArrayVar(&g.ProgramSettings, "settings", nil, "a pattern of files from which the program takes "+
		"settings by itself: PATTERN or PATTERN=TEXT")
	cmd.Flags().StringVar(&g.Comments, "comments", "", "a regular expression of the comments that let findings through")
	cmd.Flags().StringArrayVar(&g.CommentFiles, "comments-in", nil, "a pattern of the files whose comments do")
	cmd.Flags().StringArrayVar(&g.Skips, "skips", nil, "a pattern of files that the program does not look at")
	cmd.Flags().StringArrayVar(&g.Settings, "set", nil, "a setting of a gate of this program's own")
	return cmd
}

// onFilesCommand returns the command with which a step runs a program that fixes files.
func (a *app) onFilesCommand() *cobra.Command {
	var g gate.Gate
	out := ""
	cmd := &cobra.Command{
		Use: "on-files --files PATTERN... -- PROGRAM ARGS...", Hidden: true,
		Short: "Run a program on the repository's files that match patterns", Args: numberOfArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			stdout := display.Terminal(a.Stdout)
			g.Argv, g.Log = args, stdout
			if g.Root, err = os.Getwd(); err != nil {
				return err
			}
			if out == "" {
				return g.RunOnFiles(cmd.Context(), stdout)
			}
			var text bytes.Buffer
			if err := g.RunOnFiles(cmd.Context(), &text); err != nil {
				return err
			}
			return fsx.WriteFile(g.Root, out, text.Bytes(), fsx.PublicFile)
		},
	}
	cmd.Flags().StringArrayVar(&g.FilePatterns, "files", nil, "a pattern of the files that the program is given")
	addPathFlag(cmd.Flags(), &out, "out", "write what the program prints to this file, if it succeeds")
	return cmd
}

// printGateVerdict prints how a gate ended. The step's result shows the last line that it prints.
func (a *app) printGateVerdict(err error) error {
	var notRun *pipeline.NotRunError
	switch {
	case errors.As(err, &notRun):
		fmt.Fprintln(a.Stdout, "not run: "+text.OneLine(notRun.Reason))
		return printedError{err}
	case IsNothingToDo(err):
		fmt.Fprintln(a.Stdout, "nothing to do: "+text.OneLine(err.Error()))
		return printedError{err}
	case err != nil && !errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stdout, "failed: "+fault.Of(err).Prefix(err.Error()))
		return printedError{err}
	}
	return err
}

// IsNotRun reports whether the error is that of a gate that could not be run here.
func IsNotRun(err error) bool {
	var notRun *pipeline.NotRunError
	return errors.As(err, &notRun)
}

// IsNothingToDo reports whether the error is that of a gate that has nothing to check.
func IsNothingToDo(err error) bool {
	var nothing *pipeline.NothingToDoError
	return errors.As(err, &nothing)
}

// componentVersion returns the version of the part of this program that runs a step's command; empty for the whole
// program. A gate that runs a command of this program depends on all of it.
func componentVersion(argv []string) string {
	if at := slices.Index(argv, "--"); at >= 0 && at+1 < len(argv) && argv[at+1] == pipeline.Self {
		if !slices.Contains(argv, runAppName) {
			return ""
		}
	}
	if (pipeline.Step{Command: append([]string{pipeline.Self}, argv...)}).IsGate() {
		if slices.Contains(argv, runAppName) {
			return gate.Version() + " app " + cdkapp.Version()
		}
		return gate.Version()
	}
	return ""
}

// mayBeAbsent returns a function that reports whether a run goes on without a gate that could not be run. It is strict
// with --live and in CI.
func (a *app) mayBeAbsent(environments []config.Environment) func(pipeline.Step) bool {
	return pipeline.MayBeAbsent(a.live || isTrue(tools.Getenv(a.Environ, "CI")), environments)
}

func isTrue(value string) bool { return value != "" && value != "false" && value != "0" }
