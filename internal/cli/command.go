// Package cli owns the command line: it parses, wires the parts together and shows the outcome. It decides nothing about
// steps, deployments or exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// A Process is what the command line finds itself on.
type Process struct {
	Stdout, Stderr io.Writer
	// Environ is the environment as os.Environ gives it.
	Environ []string
}

// A UsageError is a command line that cannot be understood.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// usagef is a UsageError with that text.
func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// app is the parsed command line, as far as all commands share it.
type app struct {
	Process
	// interrupted says whether the user waits for the end.
	interrupted func() bool

	dir      string
	env      string
	json     bool
	jobs     int
	noCache  bool
	verbose  bool
	progress string
	live     bool
	// cachedRunID is the id of this process in what it leaves behind, once somebody asked for it.
	cachedRunID string
}

// Execute runs the command line. Its error says why the command did not do what it was asked for.
func Execute(ctx context.Context, args []string, m Process) error {
	a := &app{Process: m, interrupted: func() bool { return ctx.Err() != nil }}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(m.Stdout)
	root.SetErr(m.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil || IsPrinted(err) || !a.json {
		return err
	}
	s := &report.Summary{Time: time.Now(), Command: cmd.Name(), Mode: a.modeOf(cmd), Result: verdictOf(err), Error: err.Error()}
	if writing := s.WriteJSON(m.Stdout); writing != nil {
		return errors.Join(err, writing)
	}
	return err
}

const rootHelp = `Lockstep is a pipeline written as Go code. It checks, synthesises and deploys a multi-account CDK platform, and rehearses
the whole deployment on emulated accounts when there is no AWS account at hand.

Without --live, commands that touch AWS rehearse. With it they use your AWS credentials, after checking whose they are.

  lockstep deploy --env acc          rehearse the deployment to acc
  lockstep deploy --env acc --live   deploy to acc
  lockstep doctor                    what this machine lacks, and how to mend it

Exit status: 0 done, 1 a step or deployment failed, 2 usage or configuration, 3 refused by a guard, 130 interrupted.`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "lockstep", Short: "A pipeline that can be tried before it is pushed", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.checkFlags() },
		RunE: func(cmd *cobra.Command, args []string) error {
			return cmd.Help()
		},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; `lockstep --help` lists them all", args[0])
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.BoolVar(&a.json, "json", false, "write one event a line as JSON to stdout, and a summary as the last")
	flags.IntVar(&a.jobs, "jobs", runtime.NumCPU(), "how many processors to keep busy")
	flags.BoolVar(&a.noCache, "no-cache", false, "run every step again, whatever the cache holds")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "show everything that the steps print")
	flags.StringVar(&a.progress, "progress", "auto", "how to show progress: auto, plain or none")
	flags.StringVarP(&a.dir, "directory", "C", "", "work in this folder instead of the current one")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; `%s --help` shows what it takes", err, cmd.CommandPath())
	})
	for _, g := range a.commandGroups() {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title + ":"})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(a.gateCommand(), a.gatherCommand(), a.tellCommand(), a.onFilesCommand()) // which steps call, and people do not
	return root
}

// commandGroup is what the help shows together.
type commandGroup struct {
	title    string
	commands []*cobra.Command
}

// commandGroups are all commands.
func (a *app) commandGroups() []commandGroup {
	deliver := []*cobra.Command{a.synthCommand()}
	for _, r := range rolloutCommands {
		deliver = append(deliver, a.newRolloutCommand(r))
	}
	return []commandGroup{
		{"Deliver", append(deliver, a.approveCommand(), a.rollbackCommand())},
		{"See what is deployed", []*cobra.Command{a.statusCommand(), a.driftCommand(), a.unlockCommand(), a.garbageCommand()}},
		{"Check", a.checkGroup()},
		{"Prepare accounts", []*cobra.Command{a.bootstrapCommand(), a.rehearsalCommand()}},
		{"Look and understand", []*cobra.Command{a.graphCommand(), a.configCommand(), a.toolsCommand(), a.imagesCommand(), a.doctorCommand()}},
	}
}

func (a *app) checkFlags() error {
	if a.jobs < 1 {
		return usagef("--jobs %d: at least 1 processor is needed", a.jobs)
	}
	switch report.ProgressMode(a.progress) {
	case report.Auto, report.Plain, report.None:
		return nil
	}
	return usagef("--progress %s: write auto, plain or none", a.progress)
}

// noArgs refuses arguments to a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, but was given %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// project is a repository that Lockstep can work in.
type project struct {
	root   string
	config *config.Config
}

// rootMarker is the file that tells a project's root.
const rootMarker = "config/pipeline.yaml"

// root finds the project's root: the folder that was named, or the nearest one upwards that has the marker.
func (a *app) findRoot() (string, error) {
	start := a.dir
	if start == "" {
		start = "."
	}
	start, err := filepath.Abs(start)
	if err != nil {
		return "", err
	}
	if start, err = filepath.EvalSymlinks(start); err != nil {
		return "", usagef("there is no folder %s", a.dir)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(rootMarker))); err == nil {
			return dir, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", usagef("no %s in %s or above it; change to the project's folder or name it with -C", rootMarker, start)
		}
	}
}

// loadProject finds the project and reads its configuration. The error is config.Problems when that is not right.
func (a *app) loadProject() (*project, error) {
	root, err := a.findRoot()
	if err != nil {
		return nil, err
	}
	c, err := config.Load(os.DirFS(filepath.Join(root, "config")))
	if err != nil {
		return nil, err
	}
	return &project{root: root, config: c}, nil
}

// selectedEnvironments are those that --env names.
func (a *app) selectedEnvironments(p *project) ([]config.Environment, error) {
	if a.env == "" {
		return nil, usagef("which environment? Write --env with one of %s", alternatives(append(p.config.Names(), "all")))
	}
	return p.config.Select(a.env)
}

// graph is the whole table as a graph.
func (p *project) graph() (*pipeline.Graph, error) {
	return pipeline.NewGraph(pipeline.Steps(p.config))
}

// statePath is a path below the project's state folder.
func (p *project) statePath(path ...string) string {
	return filepath.Join(append([]string{p.root, pipeline.StateDir}, path...)...)
}

// addEnvFlag adds the flag that names an environment.
func (a *app) addEnvFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.env, "env", "", "the environment's name, all for each in promotion order, or tooling for the account that owns the pipeline")
}

// addLiveFlag adds the flag that makes a command work on AWS.
func (a *app) addLiveFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.live, "live", false, "work on AWS with your credentials, instead of rehearsing on emulated accounts")
}

// modeOf is what a command works on: nothing but this machine unless it can be told to go live.
func (a *app) modeOf(cmd *cobra.Command) report.Mode {
	if cmd.Flags().Lookup("live") == nil {
		return report.Local
	}
	return a.mode()
}

func (a *app) mode() report.Mode {
	if a.live {
		return report.Live
	}
	return report.Rehearsal
}
