package deploy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault/faulttest"
)

func TestRecovery_RebuildsFromRecordsAlone(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.deployRelease(topics(1))
	c.deployRelease(topics(2))
	deleted, err := c.openAccount().DeleteReleased(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"web"}, deleted)
	_, err = c.open(oneStack(t, topics(2))).Verify(t.Context())
	require.ErrorContains(t, printed.Error(err), "the stack is not there")

	assert.Equal(t, 2, c.rollBack(2), "the newest release, which docs/recovery.md says to name")
	assert.Equal(t, topics(2), c.stack("web").Body)
	_, err = c.open(oneStack(t, topics(2))).Verify(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "3 restores 2", c.releaseLines()[0], "nothing is withdrawn")
}

func TestRecovery_DeletesNothingInLiveRun(t *testing.T) {
	c := newCloud(t)
	c.deployRelease(topics(1))
	live := c.open(&assembly.Assembly{}, func(o *Options) { o.Run.Mode = Live })
	_, err := live.DeleteReleased(t.Context())
	requireRefused(t, err)
	assert.ErrorContains(t, err, RecoveryPage)
	assert.Equal(t, topics(1), c.stack("web").Body)
}

func TestRecovery_StoredDataIsOfTheNewestRelease(t *testing.T) {
	c := newCloud(t)
	data, err := c.openAccount().StoredData(t.Context())
	require.NoError(t, err)
	assert.Empty(t, data)
	c.deployRelease(`{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`)
	c.deployRelease(`{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"Data":{"Type":"AWS::S3::Bucket"}}}`)
	data, err = c.openAccount().StoredData(t.Context())
	require.NoError(t, err)
	require.Len(t, data, 1)
	assert.Equal(t, "Data", data[0].LogicalID)
	assert.Equal(t, "web", data[0].Stack)
}
