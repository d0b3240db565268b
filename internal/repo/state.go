package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
)

// ignoreAll are the lines of a .gitignore that hides its folder from Git, itself included.
const ignoreAll = "# What Lockstep keeps here is of this machine alone. The folder can be removed at any time.\n*\n"

// MakeState makes the project's state folder, in which Git ignores everything: whatever the repository's own .gitignore
// says, nothing of it is committed by mistake.
func MakeState(root string) error {
	dir := filepath.Join(root, pipeline.StateDir)
	if err := os.MkdirAll(dir, fsx.PrivateDir); err != nil {
		return err
	}
	return GuardState(root)
}

// GuardState lets only the owner enter the project's state folder, and makes Git ignore what is in it. A folder that
// does not exist is no error.
func GuardState(root string) error {
	dir := filepath.Join(root, pipeline.StateDir)
	if err := fsx.MakePrivate(dir); err != nil {
		return err
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil //nolint:nilerr // it does not exist, or is for another one to refuse
	}
	const name = ".gitignore"
	if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fsx.WriteBelow(dir, name, []byte(ignoreAll), fsx.PrivateFile)
}
