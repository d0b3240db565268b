package repo

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// git runs Git in a folder and returns what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	options := []string{"-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}
	cmd := exec.Command("git", append(options, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// newRepository returns a folder with one commit that holds files, and the commit.
func newRepository(t *testing.T, files ...string) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range files {
		writeFile(t, dir, name, dir)
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "one")
	return dir, git(t, dir, "rev-parse", "HEAD")
}

func allFiles(string) bool { return true }

func commitOf(t *testing.T, dir string, environ ...string) string {
	t.Helper()
	commit, err := New(dir, append(os.Environ(), environ...)).Commit(context.Background(), allFiles)
	require.NoError(t, err)
	return commit
}

func TestCommit_IgnoresGitVariablesOfCaller(t *testing.T) {
	dir, want := newRepository(t, "a")
	other, otherCommit := newRepository(t, "b")
	require.NotEqual(t, want, otherCommit)
	for _, variables := range [][]string{
		{"GIT_DIR=" + filepath.Join(other, ".git")},
		{"GIT_DIR=" + filepath.Join(other, ".git"), "GIT_WORK_TREE=" + other},
		{"GIT_INDEX_FILE=" + filepath.Join(other, ".git", "index")},
	} {
		assert.Equal(t, want, commitOf(t, dir, variables...), variables)
	}
}

func TestCommit_ProjectInFolderOfRepository(t *testing.T) {
	dir, want := newRepository(t, "project/a", "other/b")
	project := filepath.Join(dir, "project")
	assert.Equal(t, want, commitOf(t, project))
	writeFile(t, dir, "other/new", "")
	assert.Equal(t, want, commitOf(t, project), "a new file outside of the project is no input")
	writeFile(t, dir, "other/b", "changed")
	assert.Equal(t, want+"+", commitOf(t, project), "the project may use what lies beside it")
}

func TestCommit_PlusMarksOtherFiles(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(dir string)
		want   string
	}{
		{"nothing", func(string) {}, ""},
		{"a changed file", func(dir string) { writeFile(t, dir, "a.go", "changed") }, "+"},
		{"a removed file", func(dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "a.go"))) }, "+"},
		{"a new input", func(dir string) { writeFile(t, dir, "sub/new file.go", "") }, "+"},
		{"a new file that is no input", func(dir string) { writeFile(t, dir, "notes.txt", "") }, ""},
		{"an ignored file", func(dir string) { writeFile(t, dir, "ignored.go", "") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, commit := newRepository(t, "a.go")
			writeFile(t, dir, ".git/info/exclude", "ignored.go\n")
			test.change(dir)
			got, err := New(dir, os.Environ()).Commit(context.Background(), func(name string) bool {
				return strings.HasSuffix(name, ".go")
			})
			require.NoError(t, err)
			assert.Equal(t, commit+test.want, got)
		})
	}
}

func TestCommit_WithoutCommit(t *testing.T) {
	_, err := New(t.TempDir(), os.Environ()).Commit(context.Background(), allFiles)
	require.ErrorIs(t, err, ErrNotRepository)
	_, err = New(t.TempDir(), []string{"PATH=" + t.TempDir()}).Commit(context.Background(), allFiles)
	require.ErrorIs(t, err, ErrNotRepository)
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	assert.Empty(t, commitOf(t, dir))
}

func TestCommit_SaysWhyGitRefuses(t *testing.T) {
	dir, _ := newRepository(t, "a")
	// The variable is of Git's own tests.
	environ := append(os.Environ(),
		"GIT_TEST_ASSUME_DIFFERENT_OWNER=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	_, err := New(dir, environ).Commit(context.Background(), allFiles)
	assert.ErrorContains(t, err, "detected dubious ownership")
	_, err = New(dir, environ).Files(context.Background())
	assert.ErrorContains(t, err, "git config --global --add safe.directory", "the remedy is Git's own")
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	listing, err := New(dir, os.Environ()).Files(context.Background())
	require.NoError(t, err)
	return listing.Files
}

func TestFiles(t *testing.T) {
	dir, _ := newRepository(t, "z", "a b", "ünï", "gone", "sub/c", ".gitignore")
	require.NoError(t, os.Remove(filepath.Join(dir, "gone")))
	writeFile(t, dir, ".gitignore", "ignored\n")
	for _, name := range []string{"ignored", "new", "node_modules/x", ".lockstep/x"} {
		writeFile(t, dir, name, "")
	}
	assert.Equal(t, []string{".gitignore", "a b", "new", "sub/c", "z", "ünï"}, files(t, dir))
	assert.Equal(t, []string{"c"}, files(t, filepath.Join(dir, "sub")), "paths are relative to the project")
}

func TestFiles_WithoutGitExcludesTheSameFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "sub/c", "node_modules/x", "sub/node_modules/x", ".lockstep/x"} {
		writeFile(t, dir, name, "")
	}
	assert.Equal(t, []string{"a", "b", "sub/c"}, files(t, dir))
}

func TestFiles_IgnoredFolderIsNoRepository(t *testing.T) {
	dir, _ := newRepository(t, ".gitignore")
	writeFile(t, dir, ".gitignore", "build/\n")
	writeFile(t, dir, "build/project/a", "")
	assert.Equal(t, []string{"a"}, files(t, filepath.Join(dir, "build/project")))
}

func TestWalk_ListsFilesAndLinksToFiles(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "sub/file", "")
	for link, target := range map[string]string{
		"link": "sub/file", "folder": "sub", "loop": ".", "dangling": "nowhere", "pipe link": "pipe",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	listing, err := Walk(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"link", "sub/file"}, listing.Files)
}

// lockedFS is a file system with a folder that cannot be read, and one that was removed after it was listed.
type lockedFS struct{ fstest.MapFS }

func (f lockedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	switch name {
	case "locked":
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	case "removed":
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f.MapFS.ReadDir(name)
}

func TestWalk_ReportsUnreadableFolder(t *testing.T) {
	printed := faulttest.Printed(t)
	listing, err := walk(lockedFS{fstest.MapFS{"a": {}, "locked/b": {}, "removed/c": {}, "z/d": {}}})
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "z/d"}, listing.Files)
	_, err = listing.Match([]string{"**", "!a"})
	printed.Error(err)
	require.EqualError(t, err, "the folder locked may have files that this reads, and cannot be read: "+
		"permission denied; make it readable, or move it out of the project")
	matching, err := listing.Match([]string{"*", "z/**", "!a"})
	require.NoError(t, err, "these patterns match nothing in the folder")
	assert.Equal(t, []string{"z/d"}, matching)
	_, err = Walk(filepath.Join(t.TempDir(), "missing"))
	printed.Error(err)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestHistory_ChangesWithCommitsAndTags(t *testing.T) {
	dir, _ := newRepository(t, "a")
	history := func() string {
		text, err := New(dir, os.Environ()).History(context.Background())
		require.NoError(t, err)
		return text
	}
	first := history()
	git(t, dir, "tag", "v1")
	second := history()
	assert.NotEqual(t, first, second)
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "two")
	assert.NotEqual(t, second, history())
	text, err := New(t.TempDir(), os.Environ()).History(context.Background())
	require.NoError(t, err)
	assert.Empty(t, text)
}

func TestCommitTime(t *testing.T) {
	dir, commit := newRepository(t, "a.txt")
	r := New(dir, os.Environ())
	at, err := r.CommitTime(t.Context(), commit)
	require.NoError(t, err)
	assert.Equal(t, git(t, dir, "show", "--no-patch", "--format=%ct", commit), strconv.FormatInt(at.Unix(), 10))
	for name, text := range map[string]string{
		"files that are of no commit": commit + "+",
		"another repository's commit": strings.Repeat("0", len(commit)),
		"an option":                   "--output=file",
		"a branch":                    "HEAD",
		"nothing":                     "",
	} {
		t.Run(name, func(t *testing.T) {
			at, err := r.CommitTime(t.Context(), text)
			require.Error(t, err)
			assert.True(t, at.IsZero())
		})
	}
}

func TestCommitsBetween_NewestFirst(t *testing.T) {
	dir, first := newRepository(t, "a.txt")
	git(t, dir, "commit", "--allow-empty", "--message", "second <b>")
	git(t, dir, "commit", "--allow-empty", "--message", "third")
	last := git(t, dir, "rev-parse", "HEAD")
	r := New(dir, os.Environ())
	commits, err := r.CommitsBetween(t.Context(), first, last, 10)
	require.NoError(t, err)
	require.Len(t, commits, 2)
	assert.Equal(t, CommitSummary{last, "third"}, commits[0])
	assert.Equal(t, "second <b>", commits[1].Subject)

	commits, err = r.CommitsBetween(t.Context(), first, last, 1)
	require.NoError(t, err)
	assert.Len(t, commits, 1)
	for _, text := range []string{first + "+", strings.Repeat("0", len(first)), "--output=file", "HEAD", ""} {
		_, err := r.CommitsBetween(t.Context(), text, last, 10)
		require.Error(t, err, text)
	}
}

func TestOriginName_IsTheEndOfTheAddress(t *testing.T) {
	dir, _ := newRepository(t, "app/a")
	name := func(dir string) string { return New(dir, os.Environ()).OriginName(t.Context()) }
	assert.Empty(t, name(dir), "there is no origin")
	assert.Empty(t, name(t.TempDir()), "there is no repository")
	git(t, dir, "remote", "add", "origin", "none")
	for address, want := range map[string]string{
		"https://example.com/team/shop.git":   "shop",
		"git@example.com:team/shop":           "shop",
		"git@example.com:shop.git":            "shop",
		"ssh://git@example.com:22/team/shop/": "shop",
		"../shop":                             "shop",
	} {
		git(t, dir, "remote", "set-url", "origin", address)
		assert.Equal(t, want, name(dir), address)
	}
	assert.Empty(t, name(filepath.Join(dir, "app")), "other projects may be in the repository")
}
