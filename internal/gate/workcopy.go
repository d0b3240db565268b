package gate

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/project"
	"lockstep/internal/repo"
)

// A workCopy is a copy of the repository's files in which the programs of its packages run: they may write what they
// want, and find no packages but the installed ones.
type workCopy struct {
	gate Gate
	// dir is the folder of the copy, and parent that which is removed with it. Both are absolute paths without links.
	dir, parent string
	tree        project.Tree
}

// listTree returns the files of the repository that Git knows or would not ignore, links too.
func (g Gate) listTree(ctx context.Context) (project.Tree, error) {
	listing, err := repo.New(g.Root, os.Environ()).Files(ctx)
	if err != nil {
		return project.Tree{}, err
	}
	if _, err := listing.Match([]string{"**"}); err != nil {
		return project.Tree{}, err
	}
	return project.Tree{Files: listing.Files, FS: os.DirFS(g.Root)}, nil
}

// newWorkCopy copies those of the repository's files that match; all of them if match is nil. The copy is in a folder
// of the repository's name, which some programs take for that of the package.
func (g Gate) newWorkCopy(ctx context.Context, match func(name string) bool) (*workCopy, error) {
	tree, err := g.listTree(ctx)
	if err != nil {
		return nil, err
	}
	parent, err := os.MkdirTemp("", "lockstep-"+g.Name+"-")
	if err != nil {
		return nil, err
	}
	w := &workCopy{gate: g, parent: parent, tree: tree}
	if real, err := filepath.EvalSymlinks(parent); err == nil {
		parent = real
	}
	w.dir = filepath.Join(parent, filepath.Base(g.Root))
	if err := os.Mkdir(w.dir, fsx.PrivateDir); err != nil {
		return nil, errors.Join(err, w.remove())
	}
	for _, name := range tree.Files {
		if match != nil && !match(name) {
			continue
		}
		if err := copyEntry(filepath.Join(g.Root, filepath.FromSlash(name)), w.path(name)); err != nil {
			return nil, errors.Join(err, w.remove())
		}
	}
	return w, nil
}

// remove removes the copy.
func (w *workCopy) remove() error { return os.RemoveAll(w.parent) }

// path returns the path of a file of the copy by its slash-separated name.
func (w *workCopy) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

// copyEntry copies a file, or a link as it is. A file that has just been removed is left out.
func copyEntry(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), fsx.PrivateDir)
	}
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	source, err := fsx.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	copied, err := fsx.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source)
	return errors.Join(err, copied.Close())
}

// linkPackages makes the packages of Node that are installed in the folder available in the copy. A link to a package
// of the repository's own leads to the copy's.
func (w *workCopy) linkPackages(folder string) error {
	return filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == folder:
			return nil
		case err != nil:
			return err
		case entry.Name() != nodeModules || !entry.IsDir():
			return nil
		}
		relative, err := filepath.Rel(folder, name)
		if err == nil {
			err = linkEntries(folder, name, filepath.Join(w.dir, relative))
		}
		if err == nil {
			err = fs.SkipDir
		}
		return err
	})
}

// nodeModules is the folder of installed packages of Node.
const nodeModules = "node_modules"

// linkEntries links the entries of a folder of packages, and of the scopes in it, into another folder. The packages are
// installed below root.
func linkEntries(root, from, to string) error {
	if err := os.MkdirAll(to, fsx.PrivateDir); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		switch {
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "@"):
			err = linkEntries(root, source, target)
		case entry.Type()&fs.ModeSymlink != 0:
			err = os.Symlink(ownOr(root, source), target)
		default:
			err = os.Symlink(source, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ownOr returns where a link leads if that is a package of the repository's own, relative as it is, and otherwise the
// link itself.
func ownOr(root, link string) string {
	target, err := os.Readlink(link)
	if err != nil || filepath.IsAbs(target) {
		return link
	}
	inside, err := filepath.Rel(root, filepath.Join(filepath.Dir(link), target))
	folders := strings.Split(filepath.ToSlash(inside), "/")
	if err != nil || !filepath.IsLocal(inside) || slices.Contains(folders, nodeModules) {
		return link
	}
	return target
}

// program returns the path of a program of the packages that are installed for a folder of the copy; empty if they have
// none of that name.
func (w *workCopy) program(folder, name string) string {
	for dir := folder; ; dir = path.Dir(dir) {
		file := filepath.Join(w.path(dir), nodeModules, ".bin", name)
		if _, err := os.Stat(file); err == nil {
			return file
		}
		if dir == "." {
			return ""
		}
	}
}

// run runs a command in the copy, with the programs of its packages first on the PATH. The findings' files are relative
// to the repository.
func (w *workCopy) run(ctx context.Context, c project.Command, reader reader) (outcome, error) {
	var folders []string
	for dir := c.Folder; ; dir = path.Dir(dir) {
		folders = append(folders, filepath.Join(w.path(dir), nodeModules, ".bin"))
		if dir == "." {
			break
		}
	}
	folders = append(folders, os.Getenv("PATH"))
	env := append(slices.Clone(c.Env), "PATH="+strings.Join(folders, string(os.PathListSeparator)))
	dir := w.path(c.Folder)
	stderr, runErr := w.gate.execute(ctx, program{argv: c.Argv, dir: dir, env: env}, reader)
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	result, readErr := reader.result(dir)
	for i := range result.report.Findings {
		f := &result.report.Findings[i]
		if filepath.IsAbs(f.File) {
			continue // it lies outside of the copy
		}
		f.File = findings.RelativePath(w.dir, filepath.ToSlash(filepath.Join(dir, f.File)))
	}
	// What a program of the repository's own prints about the network says nothing: it has none.
	reason, err := judge(result, readErr, runErr)
	if reason != "" {
		err = failure(reason, readErr, stderr)
	}
	return result, err
}
