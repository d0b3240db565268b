package repo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Commit returns the commit that is checked out, with a plus sign if the files are not those of the commit: a file
// that Git knows was changed, or the project has a new file that isInput accepts, by its slash-separated path in the
// project. It is empty before the first commit. The error is ErrNotRepository or says why Git refuses.
func (r *Repository) Commit(ctx context.Context, isInput func(name string) bool) (string, error) {
	top, err := r.TopLevel(ctx)
	if err != nil {
		return "", err
	}
	head, err := r.head(ctx)
	if err != nil || head == "" {
		return "", err
	}
	isChanged, err := r.isChanged(ctx, top)
	if err != nil {
		return "", err
	}
	untracked, err := r.list(ctx, "--others")
	if err != nil {
		return "", err
	}
	if isChanged || slices.ContainsFunc(untracked, isInput) {
		head += "+"
	}
	return head, nil
}

// isChanged reports whether a file of the repository with the folder top, or of a submodule, is not as it was
// committed.
func (r *Repository) isChanged(ctx context.Context, top string) (bool, error) {
	changed, err := r.Git(ctx, "status", "--porcelain", "--untracked-files=no")
	if err != nil || changed != "" {
		return changed != "", err
	}
	entries, err := r.index(ctx)
	if err != nil {
		return false, err
	}
	var hidden []indexEntry
	for _, e := range entries {
		switch info, err := os.Lstat(filepath.Join(top, filepath.FromSlash(e.path))); {
		case e.isSubmodule:
			if isChanged, err := r.isSubmoduleChanged(ctx, filepath.Join(top, e.path), e.id); err != nil || isChanged {
				return isChanged, err
			}
		case errors.Is(err, fs.ErrNotExist): // as in a sparse checkout
		case err != nil || !info.Mode().IsRegular():
			return true, nil
		default:
			hidden = append(hidden, e)
		}
	}
	return r.differ(ctx, top, hidden)
}

// An indexEntry is a submodule, or a file that Git does not compare with what was committed.
type indexEntry struct {
	// path is relative to the top of the repository.
	path, id    string
	isSubmodule bool
}

// submoduleMode is the mode of a submodule in the index.
const submoduleMode = "160000"

// index returns the submodules of the repository, and the files that Git does not look at.
func (r *Repository) index(ctx context.Context) ([]indexEntry, error) {
	out, err := r.Git(ctx, "ls-files", "-v", "--stage", "--full-name", "-z", ":/")
	if err != nil {
		return nil, err
	}
	var entries []indexEntry
	for line := range strings.SplitSeq(out, "\x00") {
		about, path, _ := strings.Cut(line, "\t")
		fields := strings.Fields(about) // a letter, the mode, the id, the stage
		if len(fields) != 4 {
			continue
		}
		isHidden := fields[0] == "S" || unicode.IsLower(rune(fields[0][0]))
		isSubmodule := fields[1] == submoduleMode
		if isHidden || isSubmodule {
			entries = append(entries, indexEntry{path: path, id: fields[2], isSubmodule: isSubmodule})
		}
	}
	return entries, nil
}

// isSubmoduleChanged reports whether a submodule has another commit than id checked out, or other files.
func (r *Repository) isSubmoduleChanged(ctx context.Context, dir, id string) (bool, error) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return true, nil
	}
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil { // it was not fetched
		return false, nil
	}
	inner := &Repository{dir: dir, environ: r.environ}
	head, err := inner.head(ctx)
	if err != nil || head != id {
		return head != id, err
	}
	return inner.isChanged(ctx, dir)
}

// maxArguments is how many files one command is given.
const maxArguments = 256

// differ reports whether the content of any file is another than that of the index.
func (r *Repository) differ(ctx context.Context, top string, entries []indexEntry) (bool, error) {
	for some := range slices.Chunk(entries, maxArguments) {
		args := []string{"--no-filters", "--"}
		for _, e := range some {
			args = append(args, filepath.Join(top, filepath.FromSlash(e.path)))
		}
		out, err := r.Git(ctx, "hash-object", args...)
		if err != nil {
			return false, err
		}
		isSame := func(id string, e indexEntry) bool { return id == e.id }
		if !slices.EqualFunc(strings.Fields(out), some, isSame) {
			return true, nil
		}
	}
	return false, nil
}
