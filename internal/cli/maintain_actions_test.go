package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/maintain"
	"lockstep/internal/workflows"
)

// gitHubOn returns a check of the actions of a project with workflows of GitHub, whose repositories are in a folder.
func gitHubOn(folder string) maintain.Check {
	environ := append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+folder+"/.insteadOf",
		"GIT_CONFIG_VALUE_0=https://github.com/")
	c := &config.Config{Pipeline: config.Pipeline{Workflows: &config.Workflows{Service: config.GitHub}}}
	m := maintenance{app: &app{Process: Process{Environ: environ}}, project: &project{config: c}}
	return m.checks()[maintain.Actions]
}

// tagged makes a repository with a commit that has tags, and returns the commit.
func tagged(t *testing.T, folder string, tags ...string) string {
	t.Helper()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com"},
			args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "x")
	for _, tag := range tags {
		git("tag", "-a", "-m", "x", tag)
	}
	return git("rev-parse", "HEAD")
}

func TestMaintain_ActionsThatAreOutdatedOrWereMoved(t *testing.T) {
	folder := t.TempDir()
	first := workflows.Actions()[0]
	commit := tagged(t, filepath.Join(folder, first.Repository()), first.Version, "v99.0.1", "v99", "v100.0.0-beta.1")
	found, err := gitHubOn(folder)(t.Context())
	assert.ErrorContains(t, err, workflows.Actions()[1].Repository(), "one that cannot be asked is named")
	assert.Equal(t, []string{
		first.Name + ": the tag " + first.Version + " is " + commit + " now, and pinned is " + first.Commit +
			": find out why it was moved",
		first.Name + " " + first.Version + ": the latest is v99.0.1, which is the commit " + commit,
	}, found)
}

func TestMaintain_CurrentActionIsClear(t *testing.T) {
	action := workflows.Actions()[0]
	assert.Empty(t, actionLines(action, map[string]string{action.Version: action.Commit, "v0.1.0": "x"}))
}

func TestMaintain_NoActionsWithoutWorkflowsOfGitHub(t *testing.T) {
	m := maintenance{app: &app{}, project: &project{config: &config.Config{}}}
	found, err := m.checks()[maintain.Actions](t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
}
