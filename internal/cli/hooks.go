package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
	"lockstep/tools"
)

func (a *app) hooksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hooks", Short: "Install or remove the hook that runs the gates before a commit",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("hooks has no command %q; write install or uninstall", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.hooksAction("install", "Run the gates that read a changed file before every commit", "the gates run before every commit now"),
		a.hooksAction("uninstall", "Take the hook away again", "the gates do not run before a commit any more"),
	)
	return cmd
}

// checkHookable returns an error if the project is not the top folder of a Git repository, where pre-commit looks for its
// configuration.
func checkHookable(ctx context.Context, repository *repo.Repository, root string) error {
	top, err := repository.TopLevel(ctx)
	switch {
	case errors.Is(err, repo.ErrNotRepository):
		return errors.New("this is no Git repository, so there is nothing to hook into: `git init` makes one")
	case err != nil:
		return err
	case top != root:
		return fmt.Errorf("the project is a folder of the repository %s: add its gates to the hooks of that repository", top)
	}
	return nil
}

// hooksAction has the pinned pre-commit do it, which keeps a hook that is there already.
func (a *app) hooksAction(action, short, done string) *cobra.Command {
	return &cobra.Command{
		Use: action, Short: short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			if err := checkHookable(cmd.Context(), repo.New(p.root, a.Environ), p.root); err != nil {
				return err
			}
			installer, err := tools.NewInstaller(a.Environ, a.printProgress)
			if err != nil {
				return err
			}
			dir, err := installer.Install(cmd.Context(), pipeline.ToolPreCommit)
			if err != nil {
				return err
			}
			hook := exec.CommandContext(cmd.Context(), filepath.Join(dir, "bin", pipeline.ToolPreCommit), action)
			hook.Dir, hook.Env = p.root, a.Environ
			if out, err := hook.CombinedOutput(); err != nil {
				return fmt.Errorf("pre-commit %s: %w\n%s", action, err, tools.LastLines(string(out), 6))
			}
			return a.printResult(done)
		},
	}
}
