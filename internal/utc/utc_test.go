package utc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFormat_SaysItsZone(t *testing.T) {
	kolkata := time.FixedZone("IST", 5*60*60+30*60)
	assert.Equal(t, "2026-03-01 12:00:00 UTC", Format(time.Date(2026, time.March, 1, 12, 0, 0, 9, time.UTC)))
	assert.Equal(t, "2026-02-28 20:30:00 UTC", Format(time.Date(2026, time.March, 1, 2, 0, 0, 0, kolkata)))
}
