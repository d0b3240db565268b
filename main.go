// Lockstep is a pipeline written as Go code: the same steps on a laptop, in Dagger and in CodeBuild, and a rehearsal of the whole
// deployment on emulated accounts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"lockstep/internal/refusal"

	"lockstep/config"
	"lockstep/internal/cli"
)

// The exit codes, which scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitNotRun      = 69 // of the command gate alone: pipeline.ExitNotRun
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cli.Execute(ctx, os.Args[1:], cli.Process{Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()})
	interrupted := ctx.Err() != nil
	stop()
	if err != nil && !cli.IsPrinted(err) {
		fmt.Fprintln(os.Stderr, messageFor(err))
	}
	os.Exit(exitCode(err, interrupted))
}

// messageFor is what a person is told of an error. Problems of the configuration begin their lines with their place, which editors follow.
func messageFor(err error) string {
	var problems config.Problems
	if errors.As(err, &problems) {
		return err.Error()
	}
	return "lockstep: " + err.Error()
}

// exitCode is the one place where an error becomes a number.
func exitCode(err error, interrupted bool) int {
	var (
		problems config.Problems
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
	case errors.As(err, &problems), errors.As(err, &unknown), errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refusal):
		return exitRefused
	case errors.As(err, &steps) && (steps.ExitCode() == exitUsage || steps.ExitCode() == exitRefused):
		return steps.ExitCode()
	default:
		return exitFailed
	}
}
