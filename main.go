// Lockstep is a pipeline written as Go code: the same steps on a laptop, in Dagger and in CodeBuild, and a rehearsal of
// the whole deployment on emulated accounts.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"lockstep/config"
	"lockstep/internal/cli"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/refusal"
)

// The exit codes, which scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitNotRun      = pipeline.ExitNotRun      // of the command gate alone
	exitNothingToDo = pipeline.ExitNothingToDo // of the command gate alone
	exitInterrupted = 130
)

// version is the version of a release, which the linker sets: see .goreleaser.yaml.
var version string

func main() {
	_ = process.AdoptOrphans() // without it, processes that steps detach from themselves are not found
	ctx := notifyContext(func() {
		process.KillDescendants(false)
		os.Exit(exitInterrupted)
	})
	err := cli.Execute(ctx, os.Args[1:], cli.Process{
		Stdout: os.Stdout, Stderr: os.Stderr, Stdin: os.Stdin, Environ: os.Environ(), Now: time.Now,
		RefusedStatus: exitRefused, Version: version,
	})
	process.KillDescendants(true) // what a step has started and that has dropped its mark
	interrupted := ctx.Err() != nil
	if err != nil && !cli.IsPrinted(err) {
		fmt.Fprintln(display.NewWriter(os.Stderr), messageFor(err))
	}
	os.Exit(exitCode(err, interrupted))
}

// messageFor returns the message for an error, with its code. The problems of the configuration have no prefix: each
// line begins with its file and line, which editors follow, and has a code of its own. Further lines of any other error
// are indented: they may come from outside.
func messageFor(err error) string {
	var problems config.ValidationErrors
	if errors.As(err, &problems) {
		return err.Error()
	}
	return fmt.Sprintf("lockstep: %s: %s", fault.CodeOf(err), display.Lines(err.Error()))
}

// exitCode returns the exit code for an error.
func exitCode(err error, interrupted bool) int {
	var (
		problems config.ValidationErrors
		unknown  *config.UnknownEnvironmentError
		usage    *cli.UsageError
		refusal  *refusal.Error
		steps    *cli.StepsError
	)
	switch {
	case err == nil:
		return exitDone
	case interrupted:
		return exitInterrupted
	case cli.IsNotRun(err):
		return exitNotRun
	case cli.IsNothingToDo(err):
		return exitNothingToDo
	case errors.As(err, &problems), errors.As(err, &unknown), errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refusal):
		return exitRefused
	case errors.As(err, &steps):
		return stepsExitCode(steps.ExitStatus())
	default:
		return exitFailed
	}
}

// stepsExitCode returns the exit code for a run in which a step ended with that status. Steps that run this program end
// with its exit codes.
func stepsExitCode(status int) int {
	if status == exitUsage || status == exitRefused {
		return status
	}
	return exitFailed
}
