package main

import (
	"context"
	"errors"
	"path"

	"lockstep/ci/internal/dagger"
)

// programFolder is the folder, relative to this repository's root, of the module that holds this program's sources.
const programFolder = "ci/program"

// programSource returns the sources of this program and the lock files of its tools. They are those of the module that
// runs, wherever it was installed from, and never the caller's. A module sees only its own folder by itself, so the
// sources are the context of a module without functions that it depends on.
func programSource(ctx context.Context) (*dagger.Directory, error) {
	dependencies, err := dag.CurrentModule().Dependencies(ctx)
	if err != nil {
		return nil, messageError("the module's own sources cannot be read", err)
	}
	if len(dependencies) != 1 {
		return nil, errors.New("the module's own sources cannot be found: dagger.json has to name " + programFolder +
			" as its only dependency")
	}
	source := dependencies[0].Source()
	folder, err := source.SourceRootSubpath(ctx)
	if err != nil {
		return nil, messageError("the module's own sources cannot be read", err)
	}
	root := path.Join(folder, "..", "..") // this module may itself be a folder of a repository
	if root == "." {
		return source.ContextDirectory(), nil
	}
	return source.ContextDirectory().Directory(root), nil
}
