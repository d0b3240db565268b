package cli

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/report"
	"lockstep/internal/workflows"
)

// A workflowList is the result of workflows.
type workflowList struct {
	report.Envelope
	Files []workflowState `json:"files"`
}

// A workflowState is a file of a service, and how it differed from what would be written.
type workflowState struct {
	Path string `json:"path"`
	// State is how the file was before it was written.
	State workflows.State `json:"state"`

	service string
}

func (l *workflowList) WriteText(w io.Writer) error {
	var rows [][]string
	for _, file := range l.Files {
		rows = append(rows, []string{string(file.State), file.Path})
	}
	return writeLines(w, rows)
}

func (a *app) workflowsCommand() *cobra.Command {
	write := false
	services := strings.Join(workflows.Services(), "|")
	cmd := &cobra.Command{
		Use: "workflows [" + services + "]", Short: "Write the pipelines for GitHub Actions, GitLab CI or CodeBuild",
		Args: numberOfArgs(cobra.MaximumNArgs(1)),
		Long: `Compare the pipeline files of a service in this repository with what the configuration and the table of
steps say, and end with 1 if one is missing or differs. --write writes them. They have the jobs of the pipelines in
CodePipeline: checks of pull requests without rights, and promotion through protected environments.

github and gitlab need ` + "`workflows`" + ` in config/pipeline.yaml. codebuild writes the build specifications that
the jobs in the tooling account have. Without a service the command is about each of which files are there.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !slices.Contains(workflows.Services(), args[0]) {
				return usagef(fault.UnknownName, "there are no workflows for %q: write one of %s",
					args[0], enumerate(workflows.Services()))
			}
			return a.inProject(func(_ context.Context, p *project) (result, error) {
				return writeWorkflows(p, args, write)
			})(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "write the files, and remove those that are no more")
	return cmd
}

// writeWorkflows compares the files of services with what they should be, and writes them if that is wanted. Without
// services it takes those whose files are in the repository.
func writeWorkflows(p *project, services []string, write bool) (result, error) {
	list := &workflowList{}
	var err error
	if len(services) == 0 {
		if services, err = workflows.CommittedServices(fsx.Dir(p.root)); err != nil {
			return nil, err
		}
	}
	for _, service := range services {
		if err := list.add(p, service, write); err != nil {
			return list, err
		}
	}
	return list, list.outdated(write)
}

// add adds the files of a service, after it has written them if that is wanted.
func (l *workflowList) add(p *project, service string, write bool) error {
	files, err := workflows.Files(p.config, service)
	if err != nil {
		return &UsageError{err}
	}
	if err := workflows.CheckProgram(fsx.Dir(p.root), p.config, service); err != nil {
		return &UsageError{err}
	}
	states, err := workflows.Compare(fsx.Dir(p.root), service, files)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		l.Files = append(l.Files, workflowState{name, states[name], service})
	}
	if err := l.refuseForeign(); err != nil {
		return err
	}
	if write {
		return replaceFiles(p.root, files, states)
	}
	return nil
}

// refuseForeign returns an error that names the first file that somebody else has written in the place of a generated
// one.
func (l *workflowList) refuseForeign() error {
	for _, file := range l.Files {
		if file.State == workflows.Foreign {
			return fault.Errorf(fault.WorkflowOutdated, "%s was not written by `lockstep workflows`, which would have to "+
				"replace it, so nothing was written: move what you need of it to another file, and remove it", file.Path)
		}
	}
	return nil
}

// outdated returns an error that names the first file that is out of date, unless all have just been written.
func (l *workflowList) outdated(written bool) error {
	for _, file := range l.Files {
		if !written && file.State != workflows.Current {
			return fault.Errorf(fault.WorkflowOutdated, "%s is not what the configuration says: write it with "+
				"`lockstep workflows %s --write`", file.Path, file.service)
		}
	}
	return nil
}

// replaceFiles writes files and removes those that are obsolete.
func replaceFiles(root string, files []workflows.File, states map[string]workflows.State) error {
	for _, file := range files {
		if err := fsx.WriteBelow(root, file.Path, []byte(file.Text), fsx.PublicFile); err != nil {
			return err
		}
	}
	for name, state := range states {
		if state != workflows.Obsolete {
			continue
		}
		if err := fsx.RemoveBelow(root, name); err != nil {
			return err
		}
	}
	return nil
}
