// Package cli is the command line: a file for each command, which turns flags into a call and its result into text or
// JSON. It decides nothing about steps, deployments or exit codes.
package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/refusal"
	"lockstep/internal/rehearsal"
	"lockstep/internal/report"
	"lockstep/internal/rollout"
	"lockstep/internal/telemetry"
	"lockstep/tools"
)

// A Process is what the command line runs in.
type Process struct {
	Stdout, Stderr io.Writer
	// Stdin is where the answers of a person are read from; nil for nobody.
	Stdin io.Reader
	// Environ is the environment, in the form of os.Environ.
	Environ []string
	// Version is the version of the release; empty for a program that is none.
	Version string
	// Now returns the current time.
	Now func() time.Time
	// RefusedStatus is the exit status of this program when a guard refuses to go on. Steps run this program too.
	RefusedStatus int
	// ServiceTransport sends requests to GitHub or GitLab; that of net/http by default.
	ServiceTransport http.RoundTripper
}

// A UsageError is a command line that cannot be understood.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// Code returns the code of the error.
func (e *UsageError) Code() fault.Code { return fault.Of(e.Err) }

// usagef returns a UsageError with that code and text.
func usagef(code fault.Code, format string, args ...any) error {
	return &UsageError{fault.Errorf(code, format, args...)}
}

// app is the command line: the values of the flags that commands share, and the result of the command that runs.
type app struct {
	Process
	// interrupted reports whether the user has asked the program to stop.
	interrupted func() bool
	started     time.Time
	runID       string
	result      result
	telemetry   *telemetry.Recorder

	dir      string
	env      string
	json     bool
	jobs     int
	noCache  bool
	refresh  bool
	verbose  bool
	progress string
	live     bool
	endpoint string
}

// Execute runs the command line. The error says why the command did not do what it was asked for.
func Execute(ctx context.Context, args []string, p Process) error {
	p.Stdout, p.Stderr = display.NewWriter(p.Stdout), display.NewWriter(p.Stderr)
	a := &app{
		Process: p, interrupted: func() bool { return ctx.Err() != nil }, started: p.Now(), runID: deploy.NewRunID(),
	}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	defer func() { a.telemetry.Close(err) }()
	var remote *rehearsal.RemoteError
	if errors.As(err, &remote) {
		err = &UsageError{err}
	}
	var refused *refusal.Error
	if !errors.As(err, &refused) { // a refusal says what to do
		err = fsx.Explain(err)
	}
	return joinWriteError(err, a.writeResult(cmd, err))
}

// joinWriteError adds the error of writing the result to the command's own. If the result could not be written, the
// user has not seen the command's error, whatever it says. What both say is said once.
func joinWriteError(err, writeErr error) error {
	if writeErr == nil {
		return err
	}
	writeErr = fault.Wrap(cmp.Or(fault.Of(fsx.Explain(writeErr)), fault.OutputUnread), writeErr)
	var printed printedError
	if errors.As(err, &printed) {
		err = printed.error
	}
	if err != nil && strings.Contains(err.Error(), writeErr.Error()) {
		return err
	}
	return errors.Join(err, writeErr)
}

const rootHelp = `Lockstep is a pipeline written as Go code. It checks, synthesises and deploys a multi-account CDK
platform, and rehearses the whole deployment on emulated accounts when there is no AWS account at hand.

Without --live, commands that use AWS accounts rehearse. With it they use your AWS credentials, after checking whose
they are.

  lockstep deploy --env acc          rehearse the deployment to acc
  lockstep deploy --env acc --live   deploy to acc
  lockstep doctor                    what this machine lacks, and how to fix it

Exit status: 0 done, 1 a step or deployment failed, 2 usage or configuration, 3 refused by a guard, 130 interrupted.`

// Commands returns the root of all commands with their flags, for those who describe the command line. Execute runs it.
func Commands() *cobra.Command { return new(app).rootCommand() }

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "lockstep", Short: "A pipeline that can be tried before it is pushed", Long: rootHelp,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkNoEmptyFlag(cmd.Flags()); err != nil {
				return err
			}
			a.resolvePaths(cmd.Flags())
			a.recordSpans(cmd)
			return a.checkFlags()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef(fault.UnknownCommand, "there is no command %q; `lockstep --help` lists them all", args[0])
			}
			return nil
		},
	}
	root.Version = a.versionText() // for --version
	root.SetVersionTemplate("{{.Version}}")
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.BoolVar(&a.json, "json", false, "write one event a line as JSON to stdout, and a summary as the last")
	flags.IntVar(&a.jobs, "jobs", runtime.NumCPU(), "how many processors to keep busy")
	flags.BoolVar(&a.noCache, "no-cache", false, "run every step again, whatever the cache holds")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "show everything that the steps print")
	flags.StringVar(&a.progress, "progress", "auto", "how to show progress: auto, plain or none")
	flags.StringVarP(&a.dir, "directory", "C", "", "work in this folder instead of the current one; "+
		"relative paths start there")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(fault.UnknownFlag, "%w; `%s --help` shows what it takes", err, cmd.CommandPath())
	})
	for _, section := range a.helpSections() {
		root.AddGroup(&cobra.Group{ID: section.title, Title: section.title + ":"})
		for _, cmd := range section.commands {
			cmd.GroupID = section.title
			root.AddCommand(cmd)
		}
	}
	// These are run by steps, not by people.
	root.AddCommand(
		a.gateCommand(), a.mergeReportsCommand(), a.summarizeCommand(), a.onFilesCommand(), a.runAppCommand(),
	)
	return root
}

// A helpSection is commands that the help lists together.
type helpSection struct {
	title    string
	commands []*cobra.Command
}

// helpSections returns all commands that the help lists.
func (a *app) helpSections() []helpSection {
	return []helpSection{
		{"Deliver", []*cobra.Command{
			a.initCommand(), a.synthCommand(), a.contextCommand(), a.planCommand(), a.deployCommand(), a.verifyCommand(),
			a.commentCommand(), a.approveCommand(), a.rollbackCommand(),
		}},
		{"See what is deployed", []*cobra.Command{
			a.statusCommand(), a.boardCommand(), a.driftCommand(), a.diagnoseCommand(), a.metricsCommand(), a.unlockCommand(),
			a.garbageCommand(), a.attestCommand(), a.maintainCommand(),
		}},
		{"Check", a.checkCommands()},
		{"Prepare accounts", []*cobra.Command{a.bootstrapCommand(), a.rehearsalCommand(), a.selfTestCommand()}},
		{"Look and understand", []*cobra.Command{
			a.graphCommand(), a.diagramsCommand(), a.digestCommand(), a.workflowsCommand(), a.configCommand(),
			a.toolsCommand(), a.imagesCommand(), a.doctorCommand(), a.explainCommand(), a.versionCommand(),
		}},
	}
}

// newCommandGroup returns a command that only has commands below it.
func newCommandGroup(group *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	var names []string
	for _, cmd := range commands {
		names = append(names, cmd.Name())
	}
	group.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef(fault.UnknownCommand, "%s has no command %q; write %s", group.Name(), args[0], alternatives(names))
		}
		return nil
	}
	group.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	group.AddCommand(commands...)
	return group
}

// recordSpans makes a command, and what it calls, record spans if the environment names a collector.
func (a *app) recordSpans(cmd *cobra.Command) {
	ctx, recorder := telemetry.Open(cmd.Context(), telemetry.Settings{
		Getenv:  func(name string) string { return tools.Getenv(a.Environ, name) },
		Version: a.programVersion().Version, Notice: a.printProgress,
	}, "lockstep "+commandName(cmd), telemetry.Run(a.runID))
	cmd.SetContext(ctx)
	a.telemetry = recorder
}

func (a *app) checkFlags() error {
	if a.jobs < 1 {
		return usagef(fault.FlagValue, "--jobs %d: at least 1 processor is needed", a.jobs)
	}
	switch report.ProgressMode(a.progress) {
	case report.Auto, report.Plain, report.None:
		return a.readEndpoint()
	}
	return usagef(fault.FlagValue, "--progress %s: write auto, plain or none", a.progress)
}

// checkNoEmptyFlag returns an error if a flag is given an empty value, as by a script whose variable is empty. It would
// count as left out, and a deployment would not be that of the plan. A note may be empty.
func checkNoEmptyFlag(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && f.Name != "note" {
			err = usagef(fault.FlagValue, "--%s is empty: write a value, or leave the flag out", f.Name)
		}
	})
	return err
}

// addPathFlag adds a flag with the path of a file or folder. A relative path is in the folder that -C names.
func addPathFlag(flags *pflag.FlagSet, path *string, name, usage string) {
	flags.Var((*pathValue)(path), name, usage)
}

// A pathValue is a flag's value that is the path of a file or folder.
type pathValue string

func (v *pathValue) String() string { return string(*v) }

func (v *pathValue) Set(path string) error {
	*v = pathValue(path)
	return nil
}

// Type returns what the help shows.
func (v *pathValue) Type() string { return "string" }

// resolvePaths makes the paths in flags relative to the current folder.
func (a *app) resolvePaths(flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if path, ok := f.Value.(*pathValue); ok && *path != "" {
			*path = pathValue(inFolder(a.dir, string(*path)))
		}
	})
}

// inFolder returns a path relative to the current folder from one that is relative to dir. An empty dir is the current
// folder.
func inFolder(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// noArgs refuses arguments to a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(fault.UnwantedArgument, "%s takes no argument, but was given %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// numberOfArgs returns a check of how many arguments a command takes, with a code for its error.
func numberOfArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usagef(fault.UnwantedArgument, "%w; `%s --help` shows what it takes", err, cmd.CommandPath())
		}
		return nil
	}
}

// addEnvFlag adds the flag that names an environment.
func (a *app) addEnvFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.env, "env", "", "the environment's name, all for each in promotion order, "+
		"or tooling for the account that owns the pipeline")
}

// addLiveFlag adds the flag that makes a command work on AWS.
func (a *app) addLiveFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.live, "live", false,
		"work on AWS with your credentials, instead of rehearsing on emulated accounts")
	cmd.Flags().StringVar(&a.endpoint, "endpoint", "",
		"with --live, work on this endpoint in the place of AWS; so does the variable LOCKSTEP_ENDPOINT")
}

// endpointVar is the variable that does what --endpoint does.
const endpointVar = "LOCKSTEP_ENDPOINT"

// readEndpoint reads --endpoint or, in a live run without it, the variable. Steps find it in the variable.
func (a *app) readEndpoint() error {
	switch {
	case a.endpoint != "" && !a.live:
		return usagef(fault.FlagConflict,
			"--endpoint takes the place of AWS, which only --live works on: write both, or neither")
	case a.endpoint == "" && a.live:
		a.endpoint = tools.Getenv(a.Environ, endpointVar)
	}
	if a.endpoint == "" {
		return nil
	}
	if err := awsclient.ParseEndpoint(a.endpoint); err != nil {
		return usagef(fault.FlagValue, "--endpoint or %s: %w", endpointVar, err)
	}
	a.Environ = append(slices.Clone(a.Environ), endpointVar+"="+a.endpoint)
	return nil
}

// endpointOf returns the endpoint that takes the place of AWS in a mode; empty for none.
func (a *app) endpointOf(mode report.Mode) string {
	if mode != report.Live {
		return ""
	}
	return a.endpoint
}

// addRefreshFlag adds the flag that makes a command try gates again that it would not try yet.
func (a *app) addRefreshFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.refresh, "refresh", false,
		"try gates again that could not reach what they need in the last 15 minutes")
}

// session returns the session in which a command works on the project's accounts.
func (a *app) session(p *project) *rollout.Session {
	return &rollout.Session{
		Root: p.root, Config: p.config, Environ: a.Environ, RunID: a.runID, Live: a.live,
		Endpoint:         a.endpointOf(a.mode()),
		ServiceTransport: a.ServiceTransport,
		Progress:         a.printProgress, Interrupted: a.interrupted, Now: a.Now,
	}
}

// mode returns what a command works on, if it works on accounts at all.
func (a *app) mode() report.Mode {
	if a.live {
		return report.Live
	}
	return report.Rehearsal
}

// localWithoutLive annotates a command that works on this machine alone unless --live is written.
const localWithoutLive = "local without --live"

// modeOf returns what a command works on. A command without the flag --live is local.
func (a *app) modeOf(cmd *cobra.Command) report.Mode {
	_, isLocal := cmd.Annotations[localWithoutLive]
	if cmd.Flags().Lookup("live") == nil || isLocal && !a.live {
		return report.Local
	}
	return a.mode()
}

// commandName returns the name of a command as the user types it, without the name of the program.
func commandName(cmd *cobra.Command) string {
	_, name, found := strings.Cut(cmd.CommandPath(), " ")
	if !found {
		return cmd.Name()
	}
	return name
}
