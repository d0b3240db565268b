package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lockstep/config"
	"lockstep/internal/diagram"
	"lockstep/internal/drawing"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/tools"
)

// A diagramList is the result of diagrams.
type diagramList struct {
	report.Envelope
	Files   []string           `json:"files"`
	Omitted []diagram.Omission `json:"omitted,omitempty"`
}

func (l *diagramList) WriteText(w io.Writer) error {
	var rows [][]string
	for _, file := range l.Files {
		rows = append(rows, []string{"drawn", file})
	}
	for _, omitted := range l.Omitted {
		rows = append(rows, []string{"not drawn", omitted.Name + ": " + omitted.Reason})
	}
	return writeLines(w, rows)
}

// diagramFlags are the flags of diagrams.
type diagramFlags struct {
	out, assembly string
	png           bool
}

func (a *app) diagramsCommand() *cobra.Command {
	f := &diagramFlags{}
	cmd := &cobra.Command{
		Use: "diagrams", Short: "Draw the pipelines, the steps, the accounts and the stacks as SVG or PNG", Args: noArgs,
		Long: `Draw diagrams from the configuration, the graph of steps and the synthesised templates. The stacks
are synthesised first, unless --assembly names what was synthesised before. --assembly takes any cloud
assembly, also outside of a project: then the stacks, their databases, and the accounts are drawn.

The SVGs follow the reader's choice of a light or dark screen. D2, which lays them out, is one of the pinned
tools and is installed when it is first needed. --png also installs resvg, which Node.js runs.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.finish(a.drawDiagrams(cmd.Context(), f)) },
	}
	flags := cmd.Flags()
	addPathFlag(flags, &f.out, "out", "write the files to this folder; .lockstep/diagrams by default, "+
		"and diagrams outside of a project")
	addPathFlag(flags, &f.assembly, "assembly", "draw the cloud assembly in this folder, or those in its subfolders, "+
		"instead of synthesising")
	flags.StringVar(&a.env, "env", "", "the environment whose stacks are drawn with what is in them; "+
		"the last in promotion order by default, all for each")
	flags.BoolVar(&f.png, "png", false, "write each diagram as a PNG too")
	return cmd
}

// drawDiagrams draws everything that there is to draw and writes the files.
func (a *app) drawDiagrams(ctx context.Context, f *diagramFlags) (result, error) {
	project, err := a.projectOfDiagrams(f)
	if err != nil {
		return nil, err
	}
	platform, err := a.platformOfDiagrams(ctx, project, f)
	if err != nil {
		return nil, err
	}
	diagrams, omitted := diagram.Draw(platform)
	list := &diagramList{Omitted: omitted}
	pictures := make([]picture, len(diagrams))
	for i, d := range diagrams {
		pictures[i] = picture{Diagram: d, path: filepath.Join(f.out, d.Name+".svg")}
		if err := checkOutFiles(outFile{"--out", pictures[i].path, diagramOut, project.folder()}); err != nil {
			return nil, err
		}
	}
	if err := a.renderDiagrams(ctx, pictures, f.png); err != nil {
		return nil, err
	}
	for _, p := range pictures {
		files, err := p.write(project)
		if list.Files = append(list.Files, files...); err != nil {
			return list, err
		}
	}
	return list, nil
}

// projectOfDiagrams returns the project; nil outside of one, which --assembly allows. It sets the default of --out.
func (a *app) projectOfDiagrams(f *diagramFlags) (*project, error) {
	p, err := a.loadProject()
	var outside *noProjectError
	switch {
	case err == nil && f.out == "":
		f.out = p.statePath("diagrams")
	case err == nil:
	case f.assembly == "" || !errors.As(err, &outside):
		return nil, err
	case a.env != "":
		return nil, usagef(fault.FlagValue,
			"--env %s names an environment of a project, and there is none: leave it out", a.env)
	case f.out == "":
		f.out = inFolder(a.dir, "diagrams")
	}
	return p, nil
}

// platformOfDiagrams returns what to draw. In a project without --assembly it synthesises first.
func (a *app) platformOfDiagrams(ctx context.Context, p *project, f *diagramFlags) (diagram.Platform, error) {
	if p == nil {
		assemblies, err := drawing.FindAssemblies(f.assembly, "", nil)
		return diagram.Platform{Assemblies: assemblies}, err
	}
	g, err := p.graph()
	if err != nil {
		return diagram.Platform{}, err
	}
	platform := diagram.Platform{Config: p.config, Graph: g}
	if platform.Detailed, err = detailedEnvironment(p.config, a.env); err != nil {
		return platform, err
	}
	dir := f.assembly
	if dir == "" {
		dir = p.path(pipeline.AssembliesDir)
		if _, err := a.runJob(ctx, job{
			command: "diagrams", mode: report.Local, project: p, environments: p.config.Environments,
			graph: selectSteps(g, []pipeline.Stage{pipeline.Synth}, p.config.Targets()),
		}); err != nil {
			return platform, err
		}
	}
	platform.Assemblies, err = drawing.FindAssemblies(dir, platform.Detailed, p.config.Targets())
	return platform, err
}

// detailedEnvironment returns the name of the environment that --env names, the last one without it, and none for all.
func detailedEnvironment(c *config.Config, name string) (string, error) {
	switch name {
	case "":
		return c.Environments[len(c.Environments)-1].Name, nil
	case config.AllEnvironments:
		return "", nil
	}
	_, err := c.Select(name)
	return name, err
}

// A picture is a diagram with its files: the SVG, and the PNG if there is one.
type picture struct {
	diagram.Diagram
	path     string
	svg, png []byte
}

// renderDiagrams draws the pictures as SVG and, if asked to, as PNG.
func (a *app) renderDiagrams(ctx context.Context, pictures []picture, png bool) error {
	installer, err := tools.NewInstaller(a.Environ, a.printProgress)
	if err != nil {
		return err
	}
	dir, err := installer.Install(ctx, pipeline.ToolD2)
	if err != nil {
		return err
	}
	var rasterizer *drawing.Rasterizer
	if png {
		if rasterizer, err = drawing.NewRasterizer(ctx, installer, a.Environ); err != nil {
			return fmt.Errorf("--png: %w", err)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(a.jobs)
	for i := range pictures {
		group.Go(func() (err error) {
			p := &pictures[i]
			if p.svg, err = drawing.SVG(ctx, filepath.Join(dir, "bin", pipeline.ToolD2), p.Diagram); err != nil {
				return err
			}
			if rasterizer != nil {
				p.png, err = rasterizer.PNG(ctx, p.svg)
			}
			return err
		})
	}
	return group.Wait()
}

// write writes the files of the picture and returns their paths.
func (p picture) write(project *project) ([]string, error) {
	root := project.folder()
	if err := fsx.WriteFile(root, p.path, p.svg, fsx.PublicFile); err != nil {
		return nil, fmt.Errorf("diagram %s: %w", p.Name, err)
	}
	if p.png == nil {
		return []string{p.path}, nil
	}
	path := p.path[:len(p.path)-len(".svg")] + ".png"
	if err := fsx.WriteFile(root, path, p.png, fsx.PublicFile); err != nil {
		return []string{p.path}, fmt.Errorf("diagram %s: %w", p.Name, err)
	}
	return []string{p.path, path}, nil
}
