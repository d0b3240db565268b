package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Run every gate: " + enumerate(stringsOf(pipeline.GateStages)) + "; or those that read the files",
		Long: `Run every gate, side by side, and show what keeps them from passing. A gate whose inputs have not
changed since it passed is not run again.

With files, only the gates of quality and security that read one of them run: this is what the hook before a
commit does.

A gate that cannot be run here, because a database cannot be reached for example, is "not run". On your machine
that is a warning. With CI=true it fails, unless every environment's configuration allows the gate to be absent.
A gate that could not reach what it needs is not tried again for 15 minutes, unless its inputs change or you write
--refresh or --no-cache. With CI=true it is always tried.`,
		RunE: func(cmd *cobra.Command, files []string) error {
			return a.inProject(func(ctx context.Context, p *project) (result, error) {
				if len(files) == 0 {
					return a.runStages(ctx, p, cmd.Name(), pipeline.GateStages)
				}
				return a.checkFiles(ctx, p, files)
			})(cmd, files)
		},
	}
	a.addRefreshFlag(cmd)
	return cmd
}

// checkCommands returns the commands for gates.
func (a *app) checkCommands() []*cobra.Command {
	return []*cobra.Command{
		a.checkCommand(),
		a.stageCommand(pipeline.Quality, "Run the gates of quality"),
		a.stageCommand(pipeline.Test, "Run the tests as gates"),
		a.stageCommand(pipeline.Security, "Run the gates of security"),
		a.fixCommand(), a.reportCommand(), a.hooksCommand(),
	}
}

// stageCommand returns a command that runs one stage of gates.
func (a *app) stageCommand(stage pipeline.Stage, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: string(stage), Short: short, Args: noArgs,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			return a.runStages(ctx, p, string(stage), []pipeline.Stage{stage})
		}),
	}
	a.addRefreshFlag(cmd)
	return cmd
}

// checkFiles runs the gates that read one of the files, without the tests.
func (a *app) checkFiles(ctx context.Context, p *project, files []string) (result, error) {
	g, err := p.graph()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(files))
	for i, file := range files {
		if names[i], err = p.relativePath(a.dir, file); err != nil {
			return nil, err
		}
	}
	stages := []pipeline.Stage{pipeline.Source, pipeline.Quality, pipeline.Security}
	return a.runJob(ctx, job{
		command: "check", mode: report.Local, project: p, environments: p.config.Environments,
		graph: g.Select(func(s pipeline.Step) bool {
			return slices.Contains(stages, s.Stage) && slices.ContainsFunc(names, s.DependsOn)
		}),
	})
}

// relativePath returns the path of a file relative to the project's root, with slashes. A relative file is in dir, or
// in the current folder if that is empty.
func (p *project) relativePath(dir, file string) (string, error) {
	path, err := filepath.Abs(inFolder(dir, file))
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	name, err := filepath.Rel(p.root, path)
	if err != nil || !filepath.IsLocal(name) {
		return "", usagef(fault.NoSuchPath, "%s is not in the project %s", file, p.root)
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist) && slices.Contains(pipeline.GateStages, pipeline.Stage(file)):
		return "", usagef(fault.NoSuchPath,
			"there is no file %s; the gates of that stage are run by `lockstep %s`", file, file)
	case errors.Is(err, fs.ErrNotExist):
		return "", usagef(fault.NoSuchPath, "there is no file %s", file)
	case err != nil:
		return "", err
	case info.IsDir():
		return "", usagef(fault.NoSuchPath, "%s is a folder: name the files in it", file)
	}
	return filepath.ToSlash(name), nil
}

// runStages runs the steps of the stages, for every environment and the tooling account. They use no account.
func (a *app) runStages(ctx context.Context, p *project, command string, stages []pipeline.Stage) (result, error) {
	g, err := p.graph()
	if err != nil {
		return nil, err
	}
	return a.runJob(ctx, job{
		command: command, mode: report.Local, project: p, environments: p.config.Environments,
		graph: selectSteps(g, stages, p.config.Targets()),
	})
}

// selectSteps returns the steps of the stages, and what they need. Of steps that exist once for each environment it
// returns those of the environments.
func selectSteps(g *pipeline.Graph, stages []pipeline.Stage, environments []config.Environment) *pipeline.Graph {
	return g.Select(func(s pipeline.Step) bool {
		return slices.Contains(stages, s.Stage) && belongsTo(s, environments)
	})
}

// belongsTo reports whether a step is for one of the environments, or for none in particular.
func belongsTo(s pipeline.Step, environments []config.Environment) bool {
	isOwn := func(env config.Environment) bool { return env.Name == s.Environment }
	return s.Environment == "" || slices.ContainsFunc(environments, isOwn)
}
