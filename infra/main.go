// Command infra is the CDK app of the platform. It writes the cloud assemblies of the environments and of the tooling
// account. It runs without the CDK's command line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/stages"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	defer jsii.Close()
	root, err := os.OpenRoot("config") // no link leads out of it
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	os.Exit(run(os.Args[1:], root.FS(), os.Getenv("CDK_OUTDIR"), os.Stderr))
}

// run synthesises the environments of the arguments and returns the exit code. The folder is where the assemblies go
// without the flag --out.
func run(args []string, configuration fs.FS, folder string, stderr io.Writer) int {
	flags := flag.NewFlagSet("infra", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("env", "",
		"the environment's name, or "+config.ToolingEnvironment+" for the account that owns the pipeline; all by default")
	out := flags.String("out", folder,
		"the folder for the cloud assemblies, each in a folder of its environment's name, which is replaced")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *out == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: infra [--env NAME] --out FOLDER")
		return exitUsage
	}
	c, err := config.Load(configuration)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	targets := c.Targets()
	if *name != "" {
		if targets, err = c.Select(*name); err != nil {
			fmt.Fprintln(stderr, err)
			return exitUsage
		}
	}
	if err := synthesise(c, targets, *out); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitDone
}

// synthesise writes the assemblies to a temporary folder and moves them to out when all are complete and without
// findings, so that nobody deploys a part of an assembly, or assemblies of different versions. One start of the
// library, which takes longer than a synthesis, makes all of them.
func synthesise(c *config.Config, environments []config.Environment, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(out, ".synth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var problems []error
	for _, env := range environments {
		for _, account := range env.Accounts() {
			dir := filepath.Join(dir, env.Name, account.Folder)
			findings, err := synthRecovering(c, account.Environment, dir)
			problems = append(append(problems, err), findings...)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, env := range environments {
		target := filepath.Join(out, env.Name)
		if err := os.RemoveAll(target); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(dir, env.Name), target); err != nil {
			return err
		}
	}
	return nil
}

// synthRecovering returns the findings of a synthesis. The library reports errors by panicking.
func synthRecovering(c *config.Config, env config.Environment, out string) (findings []error, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%s cannot be synthesised: %v", env.Name, fault)
		}
	}()
	if findings, err = stages.Synth(c, env, out); err != nil {
		err = fmt.Errorf("%s cannot be synthesised: %w", env.Name, err)
	}
	return findings, err
}
