package rollout

import (
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
func newCommittedProject(t *testing.T) (s *Session, commit string) {
	t.Helper()
	top := t.TempDir()
	s = &Session{
		Root: filepath.Join(top, "project"), Environ: []string{"PATH=" + os.Getenv("PATH")}, Progress: func(string) {},
	}
	require.NoError(t, os.Mkdir(s.Root, 0o755))
	var err error
	s.Config, err = config.Load(os.DirFS("../../config/testdata/platform"))
	require.NoError(t, err)
	git := func(args ...string) string {
		options := []string{"-C", s.Root, "-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}
		out, err := exec.Command("git", append(options, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", top)
	git("commit", "-q", "--allow-empty", "-m", "one")
	return s, git("rev-parse", "HEAD")
}

func TestCurrentCommit_PlusMarksNewInput(t *testing.T) {
	s, commit := newCommittedProject(t)
	assert.Equal(t, commit, s.currentCommit(context.Background()))
	require.NoError(t, os.WriteFile(filepath.Join(s.Root, "notes.txt"), nil, 0o644))
	assert.Equal(t, commit, s.currentCommit(context.Background()), "only gates read the file")
	require.NoError(t, os.MkdirAll(filepath.Join(s.Root, "infra"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(s.Root, "infra", "new.go"), nil, 0o644))
	assert.Equal(t, commit+"+", s.currentCommit(context.Background()))
}

func TestCurrentCommit_SaysWhyGitRefuses(t *testing.T) {
	s, _ := newCommittedProject(t)
	var progress []string
	s.Progress = func(line string) { progress = append(progress, line) }
	s.Environ = append(s.Environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER=1", "GIT_CONFIG_GLOBAL=/dev/null")
	assert.Empty(t, s.currentCommit(context.Background()))
	assert.Contains(t, strings.Join(progress, "\n"),
		"the commit is not recorded: git rev-parse: detected dubious ownership")
}
