package repo

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"unicode"

	"lockstep/internal/pipeline"
)

// dotenv is the name of the file that gives arguments of the Dagger functions their values. Dagger looks for it beside
// the module and in every folder above (https://docs.dagger.io/features/local-defaults).
const dotenv = ".env"

// statePatterns match what a file system may take for the state folder or for dotenv, and more. The file systems of
// macOS take letters for the same that Git does not, two of them in the name of the folder, and one passes over
// characters that nobody sees. No pattern has many stars: Git takes minutes for a name that nearly matches one.
var statePatterns = []string{
	":(icase)" + pipeline.StateDir, ":(icase)" + pipeline.ModuleDir + "/" + dotenv, ":(top,icase,glob)**/" + dotenv,
	":(icase,glob).loc*tep", ":(icase,glob).loc*tep/**",
	// The beginnings of such characters. Source: next_hfs_char in Git's utf8.c.
	":(top)*\xe2\x80*", ":(top)*\xe2\x81*", ":(top)*\xef\xbb\xbf*",
}

// CommittedState returns what Git keeps of the project's own state: a file below pipeline.StateDir, or a .env that
// Dagger reads. Whoever clones the repository would take it for his own. It is empty where there is no repository.
func (r *Repository) CommittedState(ctx context.Context) ([]string, error) {
	out, err := r.Git(ctx, "ls-files", append([]string{"-z", "--"}, statePatterns...)...)
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

// isSame reports whether a file system may take a name for another one.
func isSame(name, other string) bool {
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, name)
	return strings.EqualFold(visible, other)
}

// isState reports whether a file is of the project's own state, by its path relative to the project's folder.
func isState(name string) bool {
	if top, _, _ := strings.Cut(name, "/"); isSame(top, pipeline.StateDir) {
		return true
	}
	dir := path.Dir(name)
	isAbove := strings.Trim(dir, "./") == "" // the project's folder, or one above it
	return isSame(path.Base(name), dotenv) && (isAbove || isSame(dir, pipeline.ModuleDir))
}
