package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockstep/internal/fsx"
)

// outNames are names that a user may give.
var outNames = []string{"plan.json", "plan", "plan.md", "a b.json", "-x", "é.json", "[a].json", "plan.json.md", "%s"}

// drawEntry puts something under a name of a folder: nothing, a file of some kind, a link or a folder.
func drawEntry(r *rapid.T, dir, name string) {
	path := filepath.Join(dir, name)
	switch rapid.SampledFrom([]string{"nothing", "plan", "other", "empty", "link", "folder"}).Draw(r, "entry") {
	case "plan":
		require.NoError(r, os.WriteFile(path, []byte(`{"schema":"lockstep/plan/1"}`), 0o600))
	case "other":
		require.NoError(r, os.WriteFile(path, []byte("package main\n"), 0o600))
	case "empty":
		require.NoError(r, os.WriteFile(path, nil, 0o600))
	case "link":
		require.NoError(r, os.Symlink(rapid.SampledFrom(outNames).Draw(r, "target"), path))
	case "folder":
		require.NoError(r, os.Mkdir(path, 0o700))
	}
}

// drawSpelling returns a name in one of the ways in which it can be written.
func drawSpelling(r *rapid.T, dir string) string {
	name := rapid.SampledFrom(outNames).Draw(r, "name")
	prefix := rapid.SampledFrom([]string{"", "./", "folder/../", "here/", "folder/../here/", dir + "/"}).Draw(r, "prefix")
	return prefix + name
}

// describe returns what is under each name of a folder.
func describe(r *rapid.T, dir string) map[string]string {
	found := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(r, err)
	for _, e := range entries {
		found[e.Name()] = e.Type().String()
		if e.Type().IsRegular() {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(r, err)
			found[e.Name()] += " " + string(text)
		}
	}
	return found
}

// TestOutFiles_DrawnPathsReplaceNothingElse draws what is in a folder and the names that two results are written to.
// Whatever is accepted is written, both can be read afterwards, and nothing else has changed.
func TestOutFiles_DrawnPathsReplaceNothingElse(t *testing.T) {
	root, run := t.TempDir(), 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		dir := filepath.Join(root, strconv.Itoa(run))
		require.NoError(r, os.MkdirAll(filepath.Join(dir, "folder"), 0o700))
		require.NoError(r, os.Symlink(".", filepath.Join(dir, "here")))
		for _, name := range outNames {
			drawEntry(r, dir, name)
		}
		t.Chdir(dir)
		files := []outFile{{"--out", drawSpelling(r, dir), planOut, ""}, {"--record", drawSpelling(r, dir), recordOut, ""}}
		texts := []string{`{"schema":"lockstep/plan/1","a":1}`, `{"assemblyDigest":"a"}`}
		before := describe(r, dir)
		if err := checkOutFiles(files...); err != nil {
			require.Equal(r, before, describe(r, dir), "a refusal touches nothing")
			return
		}
		written := map[string]bool{}
		for i, f := range files {
			if fsx.WriteFile("", f.path, []byte(texts[i]), fsx.PrivateFile) != nil {
				continue // a folder, or a link that leads nowhere or to itself
			}
			target, err := filepath.EvalSymlinks(f.path)
			require.NoError(r, err)
			require.False(r, written[filepath.Base(target)], "both are one file")
			written[filepath.Base(target)] = true
		}
		for i, f := range files {
			if text, err := os.ReadFile(f.path); err == nil && written[filepath.Base(realPath(f.path))] {
				require.Equal(r, texts[i], string(text))
			}
		}
		after := describe(r, dir)
		for name, was := range before {
			if written[name] {
				require.NotContains(r, was, "package main", "only files of its kind are replaced")
				require.NotContains(r, was, fs.ModeSymlink.String()[:1]+"---------", "links are followed")
				continue
			}
			require.Equal(r, was, after[name], name)
		}
	})
}
