package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"lockstep/internal/pipeline"
	"lockstep/tools"
)

func (a *app) toolsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tools", Short: "List or install the pinned tools that the gates call",
		Long: `Each tool is pinned by the hashes of all that it is made of, and installed into your cache when a step first needs it. Nothing has to be
installed by hand: these commands are for looking, and for making container images.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("tools has no command %q; write list or install", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.toolsList(), a.toolsInstall())
	return cmd
}

// toolState is a tool of the table as `tools list` shows it.
type toolState struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Kind    pipeline.ToolKind `json:"kind"`
	For     string            `json:"for"`
	Report  pipeline.Format   `json:"report,omitempty"`
	Steps   []string          `json:"steps,omitempty"`
	State   tools.State       `json:"state,omitempty"`
	Folder  string            `json:"folder,omitempty"`
}

func (a *app) toolsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show every tool: its version, what it is for, which steps call it, whether it is installed", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			installer, err := tools.NewInstaller(a.Environ, a.printProgress)
			if err != nil {
				return err
			}
			states := toolStates(installer, pipeline.Steps(p.config))
			if a.json {
				return json.NewEncoder(a.Stdout).Encode(states)
			}
			for _, s := range states {
				version := s.Version
				if s.Kind == pipeline.Preinstalled {
					version = ">= " + version
				}
				fmt.Fprintf(a.Stdout, "%-15s %-9s %-8s %-14s %s\n", s.Name, version, s.Kind, s.State, s.For)
				if len(s.Steps) > 0 {
					fmt.Fprintf(a.Stdout, "%-15s called by %s\n", "", strings.Join(s.Steps, ", "))
				}
			}
			return nil
		},
	}
}

func toolStates(installer *tools.Installer, steps []pipeline.Step) []toolState {
	var states []toolState
	for _, name := range slices.Sorted(maps.Keys(pipeline.Tools)) {
		tool := pipeline.Tools[name]
		s := toolState{Name: name, Version: tool.Version, Kind: tool.Kind, For: tool.Purpose, Report: tool.ReportFormat}
		if tool.Kind != pipeline.Preinstalled {
			s.State, s.Folder = installer.State(name)
		}
		for _, step := range steps {
			if slices.Contains(step.Tools, name) {
				s.Steps = append(s.Steps, step.Name)
			}
		}
		states = append(states, s)
	}
	return states
}

func (a *app) toolsInstall() *cobra.Command {
	var into string
	var all bool
	cmd := &cobra.Command{
		Use: "install [--into FOLDER] NAME...", Short: "Install pinned tools, each on its own, in parallel",
		Long: `Install the named tools, or all of them. With --into they come into that folder instead of your cache, and their programs are linked in its
bin folder, which a container image puts on its PATH.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			installer, err := tools.NewInstaller(a.Environ, a.printProgress)
			if err != nil {
				return err
			}
			if into != "" {
				if into, err = filepath.Abs(into); err != nil {
					return err
				}
				installer = tools.NewInstallerIn(into, a.Environ, a.printProgress)
			}
			if all {
				names = tools.InstallableNames()
			}
			if err := checkToolNames(names); err != nil {
				return err
			}
			return a.installTools(cmd.Context(), installer, names, into)
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "install below this folder")
	cmd.Flags().BoolVar(&all, "all", false, "install every tool of the table")
	return cmd
}

func checkToolNames(names []string) error {
	known := tools.InstallableNames()
	if len(names) == 0 {
		return usagef("which tools? Write --all, or some of %s", enumerate(known))
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usagef("there is no tool %q to install; the tools are %s", name, enumerate(known))
		}
	}
	return nil
}

// installTools installs the tools side by side; one that cannot be installed does not keep the others from it.
func (a *app) installTools(ctx context.Context, installer *tools.Installer, names []string, into string) error {
	folders, problems := make([]string, len(names)), make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { folders[i], problems[i] = installer.Install(ctx, name) })
	}
	group.Wait()
	for i, name := range names {
		if problems[i] != nil {
			continue
		}
		if into != "" {
			problems[i] = linkPrograms(folders[i], filepath.Join(into, "bin"), pipeline.Tools[name].Names)
		}
		if problems[i] == nil {
			problems[i] = a.printResult(fmt.Sprintf("%s %s in %s", name, pipeline.Tools[name].Version, folders[i]))
		}
	}
	return errors.Join(problems...)
}

// linkPrograms makes a tool's programs known in one folder for all.
func linkPrograms(tool, bin string, programs []string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return tools.ExplainWriteError(bin, err)
	}
	for _, program := range programs {
		link := filepath.Join(bin, program)
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(filepath.Join(tool, "bin", program), link); err != nil {
			return err
		}
	}
	return nil
}
