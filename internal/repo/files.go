package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// A Listing is the files of a project, by their slash-separated path in it, in alphabetical order.
type Listing struct {
	Files []string
	// Unreadable holds the folders that could not be read, with the reason. Their files are not listed.
	Unreadable map[string]error
}

// Match returns the files that the patterns take in. The error names a folder that could not be read and may have
// more of them.
func (l Listing) Match(patterns []string) ([]string, error) {
	for _, dir := range slices.Sorted(maps.Keys(l.Unreadable)) {
		if pipeline.CanMatchBelow(patterns, dir) {
			err := l.Unreadable[dir]
			var path *fs.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			return nil, fault.Errorf(fault.SourceUnreadable,
				"the folder %s may have files that this reads, and cannot be read: %w; make it readable, "+
					"or move it out of the project", dir, err)
		}
	}
	var files []string
	for _, name := range l.Files {
		if pipeline.Matches(patterns, name) {
			files = append(files, name)
		}
	}
	return files, nil
}

// Files lists the files that Git knows or would not ignore. Where there is no repository it lists as Walk does. The
// error says why Git refuses.
func (r *Repository) Files(ctx context.Context) (Listing, error) {
	if _, err := r.TopLevel(ctx); errors.Is(err, ErrNotRepository) {
		return Walk(r.dir)
	} else if err != nil {
		return Listing{}, err
	}
	names, err := r.list(ctx, "--cached", "--others")
	if err != nil {
		return Listing{}, err
	}
	dir := os.DirFS(r.dir)
	return Listing{Files: slices.DeleteFunc(names, func(name string) bool { return !isFile(dir, name) })}, nil
}

// list returns the files below the project's folder that `git ls-files` prints, without those in folders that no step
// reads.
func (r *Repository) list(ctx context.Context, which ...string) ([]string, error) {
	out, err := r.Git(ctx, "ls-files", append(which, "-z", "--exclude-standard")...)
	if err != nil {
		return nil, err
	}
	names := strings.FieldsFunc(out, func(c rune) bool { return c == 0 })
	names = slices.DeleteFunc(names, isSkipped)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// isSkipped reports whether a file lies in a folder that no step reads, such as node_modules.
func isSkipped(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(dir string) bool {
		return slices.Contains(pipeline.SkippedDirs, dir)
	})
}

// isFile reports whether name is a regular file or a link to one. It is false for a file that has just been removed.
func isFile(dir fs.FS, name string) bool {
	info, err := fs.Stat(dir, name)
	return err == nil && info.Mode().IsRegular()
}

// Walk lists all files below dir, ignored ones too, except those in folders that no step reads. A symbolic link to a
// file is a file; one to a folder is not followed. Pipes, sockets and devices are not files. The error says why dir
// cannot be read.
func Walk(dir string) (Listing, error) {
	listing, err := walk(os.DirFS(dir))
	if err != nil {
		return Listing{}, fmt.Errorf("the files of %s cannot be listed: %w", dir, err)
	}
	return listing, nil
}

func walk(dir fs.FS) (Listing, error) {
	listing := Listing{Unreadable: map[string]error{}}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != ".": // it was removed meanwhile
		case err != nil && name == ".":
			return err
		case err != nil:
			listing.Unreadable[name] = err
			return fs.SkipDir
		case entry.IsDir() && name != "." && slices.Contains(pipeline.SkippedDirs, path.Base(name)):
			return fs.SkipDir
		case entry.Type().IsRegular(), entry.Type()&fs.ModeSymlink != 0 && isFile(dir, name):
			listing.Files = append(listing.Files, name)
		}
		return nil
	})
	slices.Sort(listing.Files)
	return listing, err
}
