package cfn

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestChangeSetNaming_RecognizesStaleNames(t *testing.T) {
	now := time.Now()
	fresh, old := Naming{now.Add(time.Hour), "runa"}.newName(), Naming{now.Add(-time.Hour), "runa"}.newName()
	assert.False(t, isStale(fresh, now, ""))
	assert.False(t, isStale(fresh, now, "runb"))
	assert.True(t, isStale(fresh, now, "runa"), "its run is dead")
	assert.True(t, isStale(old, now, ""), "its time is over")
	assert.False(t, isStale("cdk-deploy-change-set", now, "runa"), "it is not ours")
	assert.LessOrEqual(t, len(fresh), 128)
	assert.True(t, strings.HasPrefix(fresh, "lockstep-"))
}
