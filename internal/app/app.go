// Package app runs the caller's CDK app, in whatever language it is written, as the CDK's own command line does. It
// owns the environment in which an app runs, and finds out what a repository holds. It knows nothing of steps, caches
// and deployments.
package app

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/process"
)

//go:embed *.go
var sources embed.FS

// An App is a CDK app of a repository.
type App struct {
	// Root is the repository's root, an absolute path, and Folder the folder of the app below it.
	Root, Folder string
	// Language is the language of the app; empty if it is not configured.
	Language string
	// Command runs the app; empty for that of cdk.json. Install installs its dependencies; empty if that is up to people.
	Command, Install string
	// Once is whether one run writes the assemblies of all environments.
	Once bool
	// Environ is the environment of its commands, in the form of os.Environ.
	Environ []string
	// Log receives what its commands print.
	Log io.Writer
}

// dir returns the folder of the app.
func (a App) dir() string { return filepath.Join(a.Root, filepath.FromSlash(a.Folder)) }

// Synthesise writes the assemblies of all environments below the folder out, each in the folder of its name, which is
// replaced. If one cannot be made, all of them stay as they are.
func (a App) Synthesise(ctx context.Context, c *config.Config, out string) error {
	settings, err := ReadSettings(a.dir())
	if err != nil {
		return err
	}
	if a.Command = cmp.Or(a.Command, a.executable(string(settings.App))); a.Command == "" {
		return fault.Errorf(fault.AppUnknown, "no command runs the CDK app: %s has no `app`; "+
			"write it there, or app.command into config/pipeline.yaml", a.shown(settingsFile))
	}
	build := string(settings.Build)
	if c.Pipeline.App.Build != nil { // a step of its own
		build = ""
	}
	if err := a.prepare(ctx, build); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(out, ".synth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if temporary, err = filepath.Abs(temporary); err != nil {
		return err
	}
	targets := c.Environments
	if a.Once {
		targets = c.Targets()
		err = a.run(ctx, execution{out: temporary, context: merge(settings.Context, c.Pipeline.App.Context)})
	} else {
		err = a.runEach(ctx, c, settings, temporary)
	}
	if err != nil {
		return err
	}
	if err := a.makeAssets(ctx, targets, temporary); err != nil {
		return err
	}
	return replaceAssemblies(targets, temporary, out)
}

// makeAssets makes the assets of the environments' assemblies that the app makes by commands.
func (a App) makeAssets(ctx context.Context, environments []config.Environment, out string) error {
	maker := &assetMaker{app: a, made: map[string]string{}}
	for _, env := range environments {
		for _, account := range env.Accounts() {
			if err := maker.makeAssets(ctx, filepath.Join(out, env.Name, account.Folder), 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// runEach runs the app for each account of each environment, one after the other: an app may write files beside its
// assembly.
func (a App) runEach(ctx context.Context, c *config.Config, settings Settings, out string) error {
	for _, env := range c.Environments {
		for _, account := range env.Accounts() {
			err := a.run(ctx, execution{
				environment: env.Name, account: account.Account, out: filepath.Join(out, env.Name, account.Folder),
				context: merge(settings.Context, c.Pipeline.App.Context, env.Context),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceAssemblies moves the assemblies of the environments from one folder to another, when all of them are there.
func replaceAssemblies(environments []config.Environment, from, to string) error {
	for _, env := range environments {
		for _, account := range env.Accounts() {
			name := filepath.Join(env.Name, account.Folder)
			_, err := fs.Stat(fsx.Dir(from), filepath.ToSlash(filepath.Join(name, "manifest.json"))) // no link leads out
			if errors.Is(err, fs.ErrNotExist) {
				return fault.Errorf(fault.SynthFailed, "the CDK app ended well, but wrote no assembly of %s to the folder "+
					"%s below CDK_OUTDIR: see that app.command in config/pipeline.yaml, or `app` in cdk.json, runs the app, "+
					"and that the app does not choose its own folder", env.Name, filepath.ToSlash(name))
			} else if err != nil {
				return err
			}
		}
	}
	for _, env := range environments {
		target := filepath.Join(to, env.Name)
		if err := os.RemoveAll(target); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(from, env.Name), target); err != nil {
			return err
		}
	}
	return nil
}

// An execution is one run of the app.
type execution struct {
	// environment is the name of the environment; empty for a run for all of them.
	environment string
	account     config.Account
	out         string
	context     map[string]any
}

// run runs the app once.
func (a App) run(ctx context.Context, x execution) error {
	if err := os.MkdirAll(x.out, 0o755); err != nil {
		return err
	}
	environ, remove, err := a.environ(x)
	if err != nil {
		return err
	}
	defer remove()
	var tail process.Tail
	err = a.shell(ctx, a.Command, environ, io.MultiWriter(&tail, a.Log))
	if err == nil || ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	message := "the CDK app failed"
	if x.environment != "" {
		message += " for " + x.environment
	}
	return fault.Errorf(fault.SynthFailed, "%s: `%s` in %s: %s%s",
		message, a.Command, cmp.Or(a.Folder, "."), process.DescribeExit(err),
		cmp.Or(a.assetHint(tail.String(), x.out), a.hint(tail.String())))
}

// shell runs a command in the app's folder.
func (a App) shell(ctx context.Context, command string, environ []string, output io.Writer) error {
	lines := &lineEnder{w: output}
	cmd := process.TableCommand(ctx, []string{"sh", "-c", command})
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = a.dir(), environ, lines, lines
	cmd.WaitDelay = time.Second // what it has started may hold its output open
	err := cmd.Run()
	if endErr := lines.end(); err == nil {
		err = endErr
	}
	return err
}

// shown returns a file of the app as messages name it.
func (a App) shown(name string) string {
	return strings.TrimPrefix(strings.TrimSuffix(a.Folder, "/")+"/"+name, "/")
}

// merge returns a context in which later mappings replace the keys of earlier ones.
func merge(contexts ...map[string]any) map[string]any {
	merged := map[string]any{}
	for _, context := range contexts {
		for key, value := range context {
			merged[key] = value
		}
	}
	return merged
}

// describe returns an error of a file of the app.
func describe(file string, err error) error {
	return fault.Errorf(fault.AppUnknown, "%s cannot be read: %w; fix the JSON", file, err)
}
