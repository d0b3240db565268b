package repo

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"lockstep/internal/pipeline"
)

// dotenv is the name of the file that gives arguments of the Dagger functions their values. Dagger looks for it beside
// the module and in every folder above (https://docs.dagger.io/features/local-defaults).
const dotenv = ".env"

// CommittedState returns what Git keeps of the project's own state: a file below pipeline.StateDir, or a .env that
// Dagger reads. Whoever clones the repository would take it for his own. It is empty where there is no repository.
func (r *Repository) CommittedState(ctx context.Context) ([]string, error) {
	out, err := r.Git(ctx, "ls-files", "-z", "--",
		":(icase)"+pipeline.StateDir, ":(icase)"+pipeline.ModuleDir+"/"+dotenv, ":(top,icase,glob)**/"+dotenv)
	if errors.Is(err, ErrNotRepository) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := strings.FieldsFunc(out, func(c rune) bool { return c == 0 })
	names = slices.DeleteFunc(names, func(name string) bool { return !isState(name) })
	slices.Sort(names)
	return slices.Compact(names), nil
}

// isState reports whether a file is of the project's own state, by its path relative to the project's folder.
func isState(name string) bool {
	if top, _, _ := strings.Cut(name, "/"); strings.EqualFold(top, pipeline.StateDir) {
		return true
	}
	dir := path.Dir(name)
	isAbove := strings.Trim(dir, "./") == "" // the project's folder, or one above it
	return strings.EqualFold(path.Base(name), dotenv) && (isAbove || strings.EqualFold(dir, pipeline.ModuleDir))
}
