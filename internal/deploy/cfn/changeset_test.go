package cfn

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDisplayValue_HidesSecrets(t *testing.T) {
	for name, c := range map[string]struct{ property, value, want string }{
		"an ordinary value":          {"DelaySeconds", "7", "7"},
		"a password by its name":     {"MasterUserPassword", "hunter2", "(hidden)"},
		"a password within a value":  {"Environment", `{"DB_PASSWORD":"hunter2"}`, "(hidden)"},
		"a value longer than a page": {"Policy", strings.Repeat("x", 500), strings.Repeat("x", maxValueLength) + "..."},
		"no value":                   {"Policy", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, displayValue(c.property, &c.value))
		})
	}
	assert.Empty(t, displayValue("a", nil))
}

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
