package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/repo"
	"lockstep/tools"
)

func (a *app) hooksCommand() *cobra.Command {
	return newCommandGroup(
		&cobra.Command{Use: "hooks", Short: "Install or remove the hook that runs the gates before a commit"},
		a.hooksAction("install",
			"Run the gates that read a changed file before every commit", "the gates run before every commit now"),
		a.hooksAction("uninstall",
			"Remove the hook", "the gates do not run before a commit any more"),
	)
}

// checkHookable returns an error if the project is not the top folder of a Git repository, where pre-commit looks for
// its configuration.
func checkHookable(ctx context.Context, repository *repo.Repository, root string) error {
	top, err := repository.TopLevel(ctx)
	switch {
	case errors.Is(err, repo.ErrNotRepository):
		return fault.New(fault.NoRepository,
			"this is no Git repository, so there is nothing to hook into: `git init` makes one")
	case err != nil:
		return err
	case top != root:
		return fault.Errorf(fault.HooksNotInstalled,
			"the project is a folder of the repository %s: add its gates to the hooks of that repository", top)
	}
	return nil
}

// preCommitFile is the configuration of pre-commit. With its hook and without this file, every commit would fail.
const preCommitFile = ".pre-commit-config.yaml"

// hooksAction returns a command that runs a command of the pinned pre-commit, which keeps a hook that exists already.
// A repository that has no configuration of pre-commit gets a hook of this program's own.
func (a *app) hooksAction(action, short, done string) *cobra.Command {
	return &cobra.Command{
		Use: action, Short: short, Args: noArgs,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			repository := repo.New(p.root, a.Environ)
			if err := checkHookable(ctx, repository, p.root); err != nil {
				return nil, err
			}
			if _, err := os.Stat(p.path(preCommitFile)); errors.Is(err, fs.ErrNotExist) {
				if err := a.ownHook(ctx, repository, p.root, action); err != nil {
					return nil, err
				}
				return messagef("%s", done), nil
			}
			dir, err := a.installTool(ctx, pipeline.ToolPreCommit)
			if err != nil {
				return nil, err
			}
			hook := process.Command(ctx, filepath.Join(dir, "bin", pipeline.ToolPreCommit), action)
			hook.Dir, hook.Env = p.root, a.Environ
			if out, err := hook.CombinedOutput(); err != nil {
				return nil, fault.Errorf(fault.StepFailed, "pre-commit %s: %w\n%s", action, err, tools.LastLines(string(out), 6))
			}
			return messagef("%s", done), nil
		}),
	}
}
