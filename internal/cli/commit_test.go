package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

// newCommittedProject returns a project in a folder of a Git repository with one commit, and the commit.
func newCommittedProject(t *testing.T) (p *project, commit string) {
	t.Helper()
	top := t.TempDir()
	p = &project{root: filepath.Join(top, "project")}
	require.NoError(t, os.Mkdir(p.root, 0o755))
	var err error
	p.config, err = config.Load(os.DirFS("../../config/testdata/platform"))
	require.NoError(t, err)
	git := func(args ...string) string {
		options := []string{"-C", p.root, "-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}
		out, err := exec.Command("git", append(options, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", top)
	git("commit", "-q", "--allow-empty", "-m", "one")
	return p, git("rev-parse", "HEAD")
}

func TestCurrentCommit_PlusMarksNewInput(t *testing.T) {
	p, commit := newCommittedProject(t)
	a := &app{Process: Process{Environ: []string{"PATH=" + os.Getenv("PATH")}, Stderr: &bytes.Buffer{}}}
	assert.Equal(t, commit, a.currentCommit(context.Background(), p))
	require.NoError(t, os.WriteFile(filepath.Join(p.root, "notes.txt"), nil, 0o644))
	assert.Equal(t, commit, a.currentCommit(context.Background(), p), "only gates read the file")
	require.NoError(t, os.MkdirAll(filepath.Join(p.root, "infra"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(p.root, "infra", "new.go"), nil, 0o644))
	assert.Equal(t, commit+"+", a.currentCommit(context.Background(), p))
}

func TestCurrentCommit_SaysWhyGitRefuses(t *testing.T) {
	p, _ := newCommittedProject(t)
	var stderr bytes.Buffer
	a := &app{Process: Process{Stderr: &stderr, Environ: []string{
		"PATH=" + os.Getenv("PATH"), "GIT_TEST_ASSUME_DIFFERENT_OWNER=1", "GIT_CONFIG_GLOBAL=/dev/null",
	}}}
	assert.Empty(t, a.currentCommit(context.Background(), p))
	assert.Contains(t, stderr.String(), "the commit is not recorded: git rev-parse: detected dubious ownership")
}
