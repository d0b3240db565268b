package deploy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/ledger"
)

// failedCommits returns the commits of failed runs, in order.
func failedCommits(runs []ledger.FailedRun) []string {
	var out []string
	for _, r := range runs {
		out = append(out, r.Commit)
	}
	return out
}

// releaseHistory returns the releases of the account, the newest first, and the failed runs since the newest one.
func (c *cloud) releaseHistory() ([]ledger.Release, []ledger.FailedRun) {
	c.t.Helper()
	h, err := c.openAccount().ReleaseHistory(c.t.Context())
	require.NoError(c.t, err)
	return h.Releases, h.FailedRuns
}

func TestRelease_ListsTheRunsThatFailedBeforeIt(t *testing.T) {
	c := newCloud(t)
	withCommit := func(commit string) func(*Options) {
		return func(o *Options) { o.Run.Commit = commit }
	}
	c.deployRelease(topics(1))
	for _, commit := range []string{"first", "second"} {
		_, err := c.deploy(oneStack(t, failingTemplate), DeployRequest{}, withCommit(commit))
		require.Error(t, err)
	}
	releases, failed := c.releaseHistory()
	assert.Len(t, releases, 1)
	assert.Equal(t, []string{"first", "second"}, failedCommits(failed), "no release lists them yet")
	for _, run := range failed {
		assert.False(t, run.Ended.Before(run.Started))
	}

	c.deployRelease(topics(2))
	releases, failed = c.releaseHistory()
	assert.Empty(t, failed)
	require.Len(t, releases, 2)
	assert.Equal(t, []string{"first", "second"}, failedCommits(releases[0].FailedRuns))
	assert.Empty(t, releases[1].FailedRuns)
	assert.True(t, releases[0].ListsFailedRuns())

	c.deployRelease(topics(3))
	releases, _ = c.releaseHistory()
	assert.Empty(t, releases[0].FailedRuns, "they are listed once")
}

func TestRelease_RefusedRunIsNoFailedRun(t *testing.T) {
	c := newCloud(t)
	c.deployRelease(topics(2))
	withBucket := `{"Resources":{"Data":{"Type":"AWS::S3::Bucket"},"Topic":{"Type":"AWS::SNS::Topic"}}}`
	_, err := c.deploy(oneStack(t, withBucket), DeployRequest{})
	require.NoError(t, err)
	_, err = c.deploy(oneStack(t, topics(1)), DeployRequest{}) // it removes the bucket, which nobody has allowed
	require.Error(t, err)
	_, failed := c.releaseHistory()
	assert.Empty(t, failed)
}

func TestRelease_RecordsWhenItsCommitWasMade(t *testing.T) {
	c := newCloud(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{}, func(o *Options) { o.Run.Committed = at })
	require.NoError(t, err)
	releases, _ := c.releaseHistory()
	assert.Equal(t, at, releases[0].Committed)
}
