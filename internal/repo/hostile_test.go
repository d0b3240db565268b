package repo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A hostileRepository is a repository whose own configuration names a program, which leaves a mark where it runs.
type hostileRepository struct {
	dir, program, mark string
}

func newHostileRepository(t *testing.T) hostileRepository {
	t.Helper()
	dir, _ := newRepository(t, "a", "b", ".gitattributes")
	outside := t.TempDir()
	h := hostileRepository{dir: dir, program: filepath.Join(outside, "program"), mark: filepath.Join(outside, "mark")}
	script := "#!/bin/sh\necho \"$0 $*\" >> " + h.mark + "\n"
	require.NoError(t, os.WriteFile(h.program, []byte(script), 0o755))
	return h
}

// set writes settings into the repository's own configuration, each a name and a value.
func (h hostileRepository) set(t *testing.T, settings ...string) {
	t.Helper()
	for i := 0; i < len(settings); i += 2 {
		git(t, h.dir, "config", settings[i], settings[i+1])
	}
}

// commitAttributes commits attributes for all files, and leaves a file whose content Git has to read again.
func (h hostileRepository) commitAttributes(t *testing.T, attributes string) {
	t.Helper()
	writeFile(t, h.dir, ".gitattributes", attributes+"\n")
	git(t, h.dir, "add", ".gitattributes")
	git(t, h.dir, "commit", "-qm", "attributes")
	writeFile(t, h.dir, "a", strings.Repeat("x", len(h.dir))) // the same length: only the content says that it differs
}

// sign replaces the head by a commit that has a signature of a kind.
func (h hostileRepository) sign(t *testing.T, kind string) {
	t.Helper()
	text := git(t, h.dir, "cat-file", "commit", "HEAD")
	header, message, _ := strings.Cut(text, "\n\n")
	signature := "\ngpgsig -----BEGIN " + kind + " SIGNATURE-----\n \n aGVsbG8=\n -----END " + kind + " SIGNATURE-----"
	file := filepath.Join(filepath.Dir(h.mark), "commit")
	require.NoError(t, os.WriteFile(file, []byte(header+signature+"\n\n"+message+"\n"), 0o600))
	signed := git(t, h.dir, "hash-object", "-t", "commit", "-w", file)
	git(t, h.dir, "update-ref", "HEAD", signed)
}

// loseTree removes the tree of the head, which a partial clone would fetch.
func (h hostileRepository) loseTree(t *testing.T) {
	t.Helper()
	tree := git(t, h.dir, "rev-parse", "HEAD^{tree}")
	require.NoError(t, os.Remove(filepath.Join(h.dir, ".git", "objects", tree[:2], tree[2:])))
	h.set(t, "core.repositoryFormatVersion", "1", "extensions.partialClone", "origin", "remote.origin.promisor", "true",
		"remote.origin.partialCloneFilter", "blob:none")
}

// askEverything asks all that this package asks of Git. What Git answers does not matter here.
func askEverything(t *testing.T, dir string) {
	t.Helper()
	ctx := context.Background()
	r := New(dir, os.Environ())
	commit, err := r.Commit(ctx, allFiles)
	if err != nil || commit == "" {
		commit = "HEAD"
	}
	_, _ = r.CommitTime(ctx, strings.TrimSuffix(commit, "+"))
	_, _ = r.Author(ctx, strings.TrimSuffix(commit, "+"))
	_, _ = r.Files(ctx)
	_, _ = r.History(ctx)
	_, _ = r.CommittedState(ctx)
	_, _ = r.HooksDir(ctx)
	_, _ = r.Git(ctx, "show", "HEAD:a")
	_, _ = r.Git(ctx, "show", "HEAD")
	_, _ = r.Git(ctx, "diff")
}

func TestGit_RunsNothingThatTheRepositoryNames(t *testing.T) {
	tests := map[string]func(*testing.T, hostileRepository){
		"a monitor of the file system": func(t *testing.T, h hostileRepository) { h.set(t, "core.fsmonitor", h.program) },
		"hooks": func(t *testing.T, h hostileRepository) {
			text, err := os.ReadFile(h.program)
			require.NoError(t, err)
			for _, name := range []string{"post-index-change", "reference-transaction", "fsmonitor-watchman"} {
				writeFile(t, h.dir, ".git/hooks/"+name, string(text))
				require.NoError(t, os.Chmod(filepath.Join(h.dir, ".git/hooks", name), 0o755))
			}
			h.set(t, "core.fsmonitor", ".git/hooks/fsmonitor-watchman")
		},
		"signatures of OpenPGP": func(t *testing.T, h hostileRepository) {
			h.sign(t, "PGP")
			h.set(t, "log.showSignature", "true", "gpg.program", h.program)
		},
		"signatures of SSH": func(t *testing.T, h hostileRepository) {
			h.sign(t, "SSH")
			h.set(t, "log.showSignature", "true", "gpg.ssh.program", h.program, "gpg.ssh.allowedSignersFile", h.program)
		},
		"a filter": func(t *testing.T, h hostileRepository) {
			h.commitAttributes(t, "* filter=own")
			h.set(t, "filter.own.clean", h.program, "filter.own.required", "true")
		},
		"a filter that stays": func(t *testing.T, h hostileRepository) {
			h.commitAttributes(t, "* filter=Own.Name")
			h.set(t, "filter.Own.Name.process", h.program)
		},
		"a filter of an included file": func(t *testing.T, h hostileRepository) {
			h.commitAttributes(t, "* filter=own")
			writeFile(t, h.dir, "more", "[filter \"own\"]\n\tclean = "+h.program+"\n")
			h.set(t, "include.path", "../more", "includeIf.gitdir:/.path", "../more")
		},
		"a filter of one work tree": func(t *testing.T, h hostileRepository) {
			h.commitAttributes(t, "* filter=own")
			h.set(t, "extensions.worktreeConfig", "true")
			git(t, h.dir, "config", "--worktree", "filter.own.clean", h.program)
		},
		"programs that show a difference": func(t *testing.T, h hostileRepository) {
			h.commitAttributes(t, "* diff=own")
			h.set(t, "diff.own.textconv", h.program, "diff.own.command", h.program, "diff.external", h.program)
		},
		"a pager, an editor and aliases": func(t *testing.T, h hostileRepository) {
			h.set(t, "core.pager", h.program, "pager.log", "true", "pager.status", h.program, "core.editor", h.program,
				"core.askPass", h.program, "alias.status", "!"+h.program, "alias.ls-files", "!"+h.program)
		},
		"a submodule": func(t *testing.T, h hostileRepository) {
			inner := newSubmodule(t, h.dir)
			git(t, inner, "config", "core.fsmonitor", h.program)
			git(t, inner, "config", "filter.own.clean", h.program)
			writeFile(t, inner, ".gitattributes", "* filter=own\n")
			writeFile(t, inner, "a", "y")
		},
		"a remote that is a program": func(t *testing.T, h hostileRepository) {
			h.loseTree(t)
			h.set(t, "remote.origin.url", "ext::"+h.program, "protocol.ext.allow", "always")
		},
		"a remote that is reached by a program": func(t *testing.T, h hostileRepository) {
			h.loseTree(t)
			h.set(t, "remote.origin.url", "ssh://example.invalid/x", "core.sshCommand", h.program,
				"protocol.ssh.allow", "always")
		},
		"a remote that is a folder": func(t *testing.T, h hostileRepository) {
			h.loseTree(t)
			h.set(t, "remote.origin.url", h.dir, "remote.origin.uploadpack", h.program, "protocol.file.allow", "always")
		},
	}
	for name, attack := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHostileRepository(t)
			attack(t, h)
			_ = os.Remove(h.mark) // setting it up may have run it
			askEverything(t, h.dir)
			text, err := os.ReadFile(h.mark)
			assert.ErrorIs(t, err, os.ErrNotExist, "ran: %s", text)
		})
	}
}

func TestGit_FolderOfTheProjectIsNoBareRepository(t *testing.T) {
	h := newHostileRepository(t)
	for _, name := range []string{"HEAD", "config"} { // whatever lies in a commit, beside the project's own files
		text, err := os.ReadFile(filepath.Join(h.dir, ".git", name))
		require.NoError(t, err)
		writeFile(t, h.dir, "fixture/"+name, string(text))
	}
	bare := filepath.Join(h.dir, "fixture")
	for _, name := range []string{"objects", "refs"} {
		require.NoError(t, os.Mkdir(filepath.Join(bare, name), 0o755))
	}
	git(t, bare, "--git-dir=.", "config", "core.bare", "false")
	git(t, bare, "--git-dir=.", "config", "core.worktree", bare)
	git(t, bare, "--git-dir=.", "config", "core.fsmonitor", h.program)
	askEverything(t, bare)
	text, err := os.ReadFile(h.mark)
	assert.ErrorIs(t, err, os.ErrNotExist, "ran: %s", text)
	_, err = New(bare, os.Environ()).TopLevel(context.Background())
	var refused *GitError
	assert.ErrorAs(t, err, &refused)
	assert.False(t, errors.Is(err, ErrNotRepository))
}

func TestCommit_HiddenChangesAreSeen(t *testing.T) {
	changeFile := func(t *testing.T, dir string) { // to another file of the same length and time
		path, other := filepath.Join(dir, "a"), filepath.Join(dir, ".git", "other")
		info, err := os.Stat(path)
		require.NoError(t, err)
		writeFile(t, dir, ".git/other", strings.Repeat("x", int(info.Size())))
		require.NoError(t, os.Chtimes(other, info.ModTime(), info.ModTime()))
		require.NoError(t, os.Rename(other, path))
	}
	tests := map[string]func(t *testing.T, dir string){
		"files that are taken for unchanged": func(t *testing.T, dir string) {
			git(t, dir, "update-index", "--assume-unchanged", "a")
			changeFile(t, dir)
		},
		"files outside of a sparse checkout": func(t *testing.T, dir string) {
			git(t, dir, "update-index", "--skip-worktree", "a")
			changeFile(t, dir)
		},
		"a link in the place of a file": func(t *testing.T, dir string) {
			git(t, dir, "update-index", "--skip-worktree", "a")
			require.NoError(t, os.Remove(filepath.Join(dir, "a")))
			require.NoError(t, os.Symlink("b", filepath.Join(dir, "a")))
		},
		"settings that look at no times": func(t *testing.T, dir string) {
			old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
			require.NoError(t, os.Chtimes(filepath.Join(dir, "a"), old, old))
			git(t, dir, "update-index", "--refresh")
			git(t, dir, "config", "core.trustctime", "false")
			git(t, dir, "config", "core.checkStat", "minimal")
			changeFile(t, dir)
		},
		"a tree in the place of another": func(t *testing.T, dir string) {
			before := git(t, dir, "rev-parse", "HEAD^{tree}")
			changeFile(t, dir)
			git(t, dir, "add", "a")
			git(t, dir, "replace", before, git(t, dir, "write-tree"))
		},
		"a submodule that is not looked into": func(t *testing.T, dir string) {
			inner := newSubmodule(t, dir)
			git(t, dir, "config", "diff.ignoreSubmodules", "all")
			writeFile(t, inner, "a", "y")
		},
		"a submodule with another commit": func(t *testing.T, dir string) {
			inner := newSubmodule(t, dir)
			git(t, inner, "commit", "-q", "--allow-empty", "-m", "two")
		},
		"no folder in the place of a submodule": func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(newSubmodule(t, dir)))
		},
	}
	for name, hide := range tests {
		t.Run(name, func(t *testing.T) {
			dir, _ := newRepository(t, "a", "b")
			hide(t, dir)
			assert.True(t, strings.HasSuffix(commitOf(t, dir), "+"), "the change is not seen")
		})
	}
}

// newSubmodule commits a submodule, and returns its folder.
func newSubmodule(t *testing.T, dir string) string {
	t.Helper()
	inner := filepath.Join(dir, "sub")
	writeFile(t, inner, "a", "x")
	git(t, inner, "init", "-q")
	git(t, inner, "add", ".")
	git(t, inner, "commit", "-qm", "one")
	git(t, dir, "add", "sub")
	git(t, dir, "commit", "-qm", "sub")
	return inner
}

func TestCommit_UnchangedSubmoduleAndSparseFile(t *testing.T) {
	dir, _ := newRepository(t, "a", "b", "c")
	newSubmodule(t, dir)
	git(t, dir, "update-index", "--skip-worktree", "a")
	git(t, dir, "update-index", "--assume-unchanged", "c")
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	head := git(t, dir, "rev-parse", "HEAD")
	assert.Equal(t, head, commitOf(t, dir))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "sub")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	assert.Equal(t, head, commitOf(t, dir), "a submodule that was not fetched is no change")
}

func TestGit_RefusesOtherCommands(t *testing.T) {
	dir, _ := newRepository(t, "a")
	_, err := New(dir, os.Environ()).Git(context.Background(), "fetch")
	assert.ErrorContains(t, err, "git fetch is not among the commands")
}
