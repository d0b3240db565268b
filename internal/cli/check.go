package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE...]", Short: "Run every gate: " + enumerate(stageNames(pipeline.GateStages)) + "; or those that read the files",
		Long: `Run every gate, side by side, and show what keeps them from passing. A gate whose inputs have not changed since it passed is not run again.

With files, only the gates of quality and security that read one of them run: this is what the hook before a commit does.

A gate that cannot be run here, because a database cannot be reached for example, is "not run". On your machine that is a warning. With CI=true it
fails, unless every environment's configuration allows the gate to be absent.`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				return a.runStages(cmd, pipeline.GateStages)
			}
			return a.checkFiles(cmd, files)
		},
	}
}

// checkGroup are those around the gates.
func (a *app) checkGroup() []*cobra.Command {
	return []*cobra.Command{
		a.checkCommand(), a.stageCommand(pipeline.Quality, "Run the gates of quality"), a.stageCommand(pipeline.Test, "Run the tests as gates"),
		a.stageCommand(pipeline.Security, "Run the gates of security"), a.fixCommand(), a.reportCommand(), a.hooksCommand(),
	}
}

// stageCommand runs one stage of gates.
func (a *app) stageCommand(stage pipeline.Stage, short string) *cobra.Command {
	return &cobra.Command{
		Use: string(stage), Short: short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runStages(cmd, []pipeline.Stage{stage}) },
	}
}

// checkFiles runs the gates that read one of the files, tests left out.
func (a *app) checkFiles(cmd *cobra.Command, files []string) error {
	p, err := a.loadProject()
	if err != nil {
		return err
	}
	g, err := p.graph()
	if err != nil {
		return err
	}
	names := make([]string, len(files))
	for i, file := range files {
		if names[i], err = p.relativePath(file); err != nil {
			return err
		}
	}
	return a.runJob(cmd.Context(), job{
		command: cmd.Name(), mode: report.Local, project: p, environments: p.config.Environments,
		graph: g.Select(func(s pipeline.Step) bool {
			return slices.Contains([]pipeline.Stage{pipeline.Source, pipeline.Quality, pipeline.Security}, s.Stage) && slices.ContainsFunc(names, s.DependsOn)
		}),
	})
}

// relativePath is a file that the caller named as the table's patterns see it.
func (p *project) relativePath(file string) (string, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	name, err := filepath.Rel(p.root, path)
	if err != nil || !filepath.IsLocal(name) {
		return "", usagef("%s is not in the project %s", file, p.root)
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist) && slices.Contains(stageNames(pipeline.GateStages), file):
		return "", usagef("there is no file %s; the gates of that stage are run by `lockstep %s`", file, file)
	case errors.Is(err, fs.ErrNotExist):
		return "", usagef("there is no file %s", file)
	case err != nil:
		return "", err
	case info.IsDir():
		return "", usagef("%s is a folder: name the files in it", file)
	}
	return filepath.ToSlash(name), nil
}

func (a *app) synthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "synth", Short: "Synthesise the cloud assemblies, cdk-nag included", Args: noArgs,
		Long: `Build the CDK app and run it once for all environments and the tooling account. The cloud assembly of an environment is left
under ` + pipeline.AssemblyDir("ENV") + `. Nothing is built or run again whose inputs have not changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runStages(cmd, []pipeline.Stage{pipeline.Synth}) },
	}
	a.addEnvFlag(cmd)
	return cmd
}

// runStages runs the steps of the stages that reach for no account; of those that exist per environment, the ones that --env names.
func (a *app) runStages(cmd *cobra.Command, stages []pipeline.Stage) error {
	p, err := a.loadProject()
	if err != nil {
		return err
	}
	envs, accounts := p.config.Environments, p.config.Targets()
	if cmd.Flags().Lookup("env") != nil {
		if envs, err = a.selectedEnvironments(p); err != nil {
			return err
		}
		accounts = envs
	}
	g, err := p.graph()
	if err != nil {
		return err
	}
	return a.runJob(cmd.Context(), job{
		command: cmd.Name(), mode: report.Local, project: p, environments: envs, graph: selectSteps(g, stages, accounts),
	})
}

// selectSteps is the part of the graph that has the stages, and of those that exist once for each environment the named ones'.
func selectSteps(g *pipeline.Graph, stages []pipeline.Stage, envs []config.Environment) *pipeline.Graph {
	chosen := environmentNames(envs)
	return g.Select(func(s pipeline.Step) bool {
		return slices.Contains(stages, s.Stage) && (s.Environment == "" || slices.Contains(chosen, s.Environment))
	})
}

func stageNames(stages []pipeline.Stage) []string {
	var out []string
	for _, s := range stages {
		out = append(out, fmt.Sprint(s))
	}
	return out
}
