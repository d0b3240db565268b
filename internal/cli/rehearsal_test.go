package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/rehearsal"
)

func TestEmulatorStatus_SaysUntilWhen(t *testing.T) {
	for _, test := range []struct {
		name   string
		status rehearsal.Status
		want   string
	}{
		{"a run uses them", rehearsal.Status{InUse: true}, ", until the run that uses them ends\n"},
		{"the run was killed", rehearsal.Status{}, ", and are about to end, because no run uses them any more\n"},
		{"they were started to stay", rehearsal.Status{RunsUntilStopped: true}, ", until `lockstep rehearsal stop`\n"},
		{
			"they were started to stay, and are used",
			rehearsal.Status{RunsUntilStopped: true, InUse: true},
			", until `lockstep rehearsal stop`\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			status := &emulatorStatus{Status: test.status}
			status.Running, status.Since = true, fixedTime()
			require.NoError(t, status.WriteText(&out))
			assert.Contains(t, out.String(), "since 2026-03-01 12:00:00 UTC"+test.want)
		})
	}
}
