package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"al.essio.dev/pkg/shellescape"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/repo"
)

// hookMark is a line of the hook that this program writes.
const hookMark = "# Written by `lockstep hooks install`; `lockstep hooks uninstall` removes it."

// hookMode lets Git run a hook, for whoever commits.
const hookMode fs.FileMode = 0o755

// hookText returns a hook that runs the gates on the files of a commit with the program at path. Where there is no such
// program any more, and none on the PATH, it says so and lets the commit pass.
func hookText(path string) string {
	return "#!/bin/sh\n" + hookMark + "\n" +
		"lockstep=" + shellescape.Quote(path) + "\n" +
		`[ -x "$lockstep" ] || lockstep=$(command -v lockstep) || {` + "\n" +
		"\techo 'lockstep is not here any more, so its gates did not run' >&2\n\texit 0\n}\n" +
		`git diff --cached --name-only -z --diff-filter=ACMR | xargs -0 -r "$lockstep" check --` + "\n"
}

// ownHook installs or removes the hook of a repository that does without pre-commit.
func (a *app) ownHook(ctx context.Context, repository *repo.Repository, root, action string) error {
	hooks, err := repository.HooksDir(ctx)
	if err != nil {
		return err
	}
	name := filepath.Join(hooks, "pre-commit")
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	text, err := fsx.ReadFile(name, fsx.MaxText)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && !bytes.Contains(text, []byte(hookMark)):
		return fault.Errorf(fault.HooksNotInstalled,
			"the repository has a hook already, %s: add `lockstep check` with the changed files to it", name)
	case action == "uninstall" && err == nil:
		return removeHook(root, name)
	case action == "uninstall":
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return writeHook(root, name, []byte(hookText(program)))
}

// hookBelow returns a hook's slash-separated name below the repository's folder, and false for one that is elsewhere,
// as in a work tree whose repository is another's, or with hooks for all repositories.
func hookBelow(root, name string) (string, bool) {
	relative, err := filepath.Rel(root, name)
	return filepath.ToSlash(relative), err == nil && filepath.IsLocal(relative)
}

// writeHook writes a hook. Where the repository has the folder of its hooks, a link of it leads nowhere else.
func writeHook(root, name string, text []byte) error {
	if below, ok := hookBelow(root, name); ok {
		return fsx.WriteBelow(root, below, text, hookMode)
	}
	return fsx.Replace(name, text, hookMode)
}

// removeHook removes a hook, as writeHook writes it.
func removeHook(root, name string) error {
	if below, ok := hookBelow(root, name); ok {
		return fsx.RemoveBelow(root, below)
	}
	return os.Remove(name)
}
