package gate

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// endlessFiles returns a finding for each pipe and device in the repository, links to them included, if the gate's
// program finds its files by itself. It would read them without end: a commit can hold a link to /dev/zero.
func (g Gate) endlessFiles() []findings.Finding {
	var found []findings.Finding
	if g.FilePatterns != nil {
		return nil
	}
	root := os.DirFS(g.Root)
	_ = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // whoever reads the folder says so
		case entry.IsDir() && slices.Contains(pipeline.SkippedDirs, path.Base(name)):
			return fs.SkipDir
		case entry.IsDir() || entry.Type().IsRegular():
			return nil
		}
		info, err := os.Stat(filepath.Join(g.Root, filepath.FromSlash(name)))
		if err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) != 0 {
			found = append(found, findings.Finding{
				Rule: "endless-file", Level: findings.Error, File: name,
				Message: "is a pipe or a device, or a link to one, which programs would read without end: remove it",
			})
		}
		return nil
	})
	return found
}
