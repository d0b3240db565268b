package cli

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
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
	Path  string          `json:"path"`
	State workflows.State `json:"state"`
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
		Use: "workflows " + services, Short: "Write the pipelines for GitHub Actions, GitLab CI or CodeBuild",
		Args: numberOfArgs(cobra.ExactArgs(1)),
		Long: `Compare the pipeline files of a service in this repository with what the configuration and the table of
steps say, and end with 1 if one is missing or differs. --write writes them. They have the jobs of the pipelines in
CodePipeline: checks of pull requests without rights, and promotion through protected environments.

github and gitlab need ` + "`workflows`" + ` in config/pipeline.yaml. codebuild writes the build specifications that
the jobs in the tooling account have.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			service := args[0]
			if !slices.Contains(workflows.Services(), service) {
				return usagef(fault.UnknownName, "there are no workflows for %q: write one of %s",
					service, enumerate(workflows.Services()))
			}
			return a.inProject(func(_ context.Context, p *project) (result, error) {
				return writeWorkflows(p, service, write)
			})(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "write the files, and remove those that are no more")
	return cmd
}

// writeWorkflows compares the files of a service with what they should be, and writes them if that is wanted.
func writeWorkflows(p *project, service string, write bool) (result, error) {
	files, err := workflows.Files(p.config, service)
	if err != nil {
		return nil, &UsageError{err}
	}
	states, err := workflows.Compare(fsx.Dir(p.root), service, files)
	if err != nil {
		return nil, err
	}
	list := &workflowList{}
	outdated := ""
	for _, name := range slices.Sorted(maps.Keys(states)) {
		list.Files = append(list.Files, workflowState{name, states[name]})
		if states[name] != workflows.Current {
			outdated = name
		}
	}
	if !write && outdated != "" {
		return list, fault.Errorf(fault.WorkflowOutdated, "%s is not what the configuration says: write it with "+
			"`lockstep workflows %s --write`", outdated, service)
	}
	if write {
		err = replaceFiles(p.root, files, states)
	}
	return list, err
}

// replaceFiles writes files and removes those that are obsolete.
func replaceFiles(root string, files []workflows.File, states map[string]workflows.State) error {
	for _, file := range files {
		name := filepath.Join(root, filepath.FromSlash(file.Path))
		if err := fsx.WriteFile(name, []byte(file.Text), fsx.PublicFile); err != nil {
			return err
		}
	}
	for name, state := range states {
		if state != workflows.Obsolete {
			continue
		}
		if err := os.Remove(filepath.Join(root, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}
