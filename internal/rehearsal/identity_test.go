package rehearsal

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProcessIdentity(t *testing.T) {
	own, err := processIdentity(os.Getpid())
	require.NoError(t, err)
	again, err := processIdentity(os.Getpid())
	require.NoError(t, err)
	assert.Equal(t, own, again)
	parent, err := processIdentity(os.Getppid())
	require.NoError(t, err)
	assert.NotEqual(t, own, parent)
}

func TestParseStartTime(t *testing.T) {
	const stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 2"
	started, err := parseStartTime(stat)
	require.NoError(t, err)
	assert.Equal(t, "4711", started)
	_, err = parseStartTime("7 (a) S 1")
	require.ErrorContains(t, err, "is not the content of /proc/PID/stat")
}

func TestParsePS(t *testing.T) {
	identity, err := parsePS("S    Sun Nov 29 05:00:00 2026 /opt/python -m hypercorn\n")
	require.NoError(t, err)
	assert.Equal(t, "Sun Nov 29 05:00:00 2026 -m hypercorn", identity)
	_, err = parsePS("Z Sun Nov 29 05:00:00 2026 (python)")
	require.ErrorIs(t, err, os.ErrProcessDone)
	_, err = parsePS("")
	require.ErrorContains(t, err, "is not a line of ps")
}
