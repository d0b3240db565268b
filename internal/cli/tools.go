package cli

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/tools"
)

func (a *app) toolsCommand() *cobra.Command {
	return newCommandGroup(&cobra.Command{
		Use: "tools", Short: "List or install the pinned tools that the gates call",
		Long: `Each tool is pinned by the hashes of all that it is made of, and installed into your cache when a
step first needs it. Nothing has to be installed by hand: these commands are for looking, and for making
container images.`,
	}, a.toolsList(), a.toolsInstall())
}

// A toolState is a tool as `tools list` shows it.
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

// A toolList is the result of tools list.
type toolList struct {
	report.Envelope
	Tools []toolState `json:"tools"`
}

func (l *toolList) WriteText(w io.Writer) error {
	var rows [][]string
	for _, t := range l.Tools {
		version := t.Version
		if t.Kind == pipeline.Preinstalled {
			version = ">= " + version
		}
		rows = append(rows, []string{t.Name, version, string(t.Kind), string(t.State), t.For})
		if len(t.Steps) > 0 {
			rows = append(rows, []string{"", "", "", "", "called by " + strings.Join(t.Steps, ", ")})
		}
	}
	return writeLines(w, rows)
}

func (a *app) toolsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Args: noArgs,
		Short: "Show every tool: its version, what it is for, which steps call it, whether it is installed",
		RunE: a.inProject(func(_ context.Context, p *project) (result, error) {
			installer, err := tools.NewInstaller(a.Environ, a.printProgress)
			if err != nil {
				return nil, err
			}
			return &toolList{Tools: toolStates(installer, pipeline.Steps(p.config))}, nil
		}),
	}
}

// toolStates returns the state of every tool, and which of the steps call it.
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
	into := ""
	all := false
	cmd := &cobra.Command{
		Use: "install [--into FOLDER] NAME...", Short: "Install pinned tools, each on its own, in parallel",
		Long: `Install the named tools, or all of them. With --into they come into that folder instead of your
cache, and their programs are linked in its bin folder, which a container image puts on its PATH.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if all {
				names = tools.InstallableNames()
			}
			if err := checkToolNames(names); err != nil {
				return err
			}
			installer, err := tools.NewInstaller(a.Environ, a.printProgress)
			if err != nil {
				return err
			}
			if into != "" {
				if into, err = filepath.Abs(into); err != nil {
					return err
				}
				if err := fsx.CheckWritable(inFolder(a.dir, "."), into); err != nil {
					return usagef(fault.OutputPath, "--into: %w", err)
				}
				installer = tools.NewInstallerIn(into, a.Environ, a.printProgress)
			}
			return a.finish(installTools(cmd.Context(), installer, names, into))
		},
	}
	addPathFlag(cmd.Flags(), &into, "into", "install below this folder")
	cmd.Flags().BoolVar(&all, "all", false, "install every tool of the table")
	return cmd
}

func checkToolNames(names []string) error {
	known := tools.InstallableNames()
	if len(names) == 0 {
		return usagef(fault.FlagMissing, "which tools? Write --all, or some of %s", enumerate(known))
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return usagef(fault.UnknownName, "there is no tool %q to install; the tools are %s", name, enumerate(known))
		}
	}
	return nil
}

// installTools installs the tools in parallel. One that cannot be installed does not keep the others from it.
func installTools(ctx context.Context, installer *tools.Installer, names []string, into string) (result, error) {
	folders := make([]string, len(names))
	errs := make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { folders[i], errs[i] = installer.Install(ctx, name) })
	}
	group.Wait()
	installed := &message{}
	for i, name := range names {
		tool := pipeline.Tools[name]
		if errs[i] == nil && into != "" {
			errs[i] = linkPrograms(folders[i], filepath.Join(into, "bin"), tool.Names)
		}
		if errs[i] == nil {
			installed.addLinef("%s %s in %s", name, tool.Version, folders[i])
		}
	}
	return installed, errors.Join(errs...)
}

// installTool installs a tool, unless it is installed, and returns its folder.
func (a *app) installTool(ctx context.Context, name string) (string, error) {
	installer, err := tools.NewInstaller(a.Environ, a.printProgress)
	if err != nil {
		return "", err
	}
	return installer.Install(ctx, name)
}

// linkPrograms links a tool's programs into a folder.
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
