// The CDK app of the platform. It writes the cloud assembly of one environment or of the tooling account, and is run as it is: the CDK's command line is not needed
// to synthesise.
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

// The statuses that the program ends with.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	defer jsii.Close()
	os.Exit(run(os.Args[1:], os.DirFS("config"), os.Stderr))
}

// run synthesises what the arguments ask for and returns the status to end with.
func run(args []string, configuration fs.FS, stderr io.Writer) int {
	flags := flag.NewFlagSet("infra", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("env", "", "the environment's name, or "+config.Tooling+" for the account that owns the pipeline")
	out := flags.String("out", "", "the folder for its cloud assembly, which is replaced")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *name == "" || *out == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: infra --env NAME --out FOLDER")
		return exitUsage
	}
	c, err := config.Load(configuration)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	chosen, err := c.Select(*name)
	if err == nil && len(chosen) != 1 {
		err = errors.New("an assembly is for one environment: name it")
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	if err := synthesise(c, chosen[0], *out); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitDone
}

// synthesise writes the assembly beside its place and moves it there when it is whole and without findings, so that nobody ever deploys
// half of one.
func synthesise(c *config.Config, env config.Environment, out string) (err error) {
	parent := filepath.Dir(filepath.Clean(out))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(parent, ".synth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	assembly := filepath.Join(dir, "assembly")
	findings, err := synth(c, env, assembly)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		return errors.Join(findings...)
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return os.Rename(assembly, out)
}

// synth runs the library, whose errors are panics.
func synth(c *config.Config, env config.Environment, out string) (findings []error, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%s cannot be synthesised: %v", env.Name, fault)
		}
	}()
	return stages.Synth(c, env, out)
}
