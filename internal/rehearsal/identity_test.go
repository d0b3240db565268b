package rehearsal

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadIdentity(t *testing.T) {
	own, err := readIdentity(os.Getpid())
	require.NoError(t, err)
	assert.NotEmpty(t, own.StartTime)
	assert.Equal(t, joinWords(os.Args[1:]...), own.Arguments)
	parent, err := readIdentity(os.Getppid())
	require.NoError(t, err)
	assert.False(t, own.matches(parent))
}

func TestProcessIdentity_Matches(t *testing.T) {
	emulator := processIdentity{"1", "-m hypercorn"}
	assert.True(t, emulator.matches(processIdentity{"1", "-m hypercorn"}))
	assert.True(t, emulator.matches(processIdentity{"1", ""}), "a process that is just being started or ended")
	assert.False(t, emulator.matches(processIdentity{"2", "-m hypercorn"}))
	assert.False(t, emulator.matches(processIdentity{"1", "-m other"}))
}

func TestParseStat(t *testing.T) {
	state, startTime, err := parseStat("7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 2")
	require.NoError(t, err)
	assert.Equal(t, "S", state)
	assert.Equal(t, "4711", startTime)
	_, _, err = parseStat("7 (a) S 1")
	require.ErrorContains(t, err, "is not the content of /proc/PID/stat")
}

func TestParsePS(t *testing.T) {
	identity, err := parsePS("S    Sun Nov 29 05:00:00 2026 /opt/python -m hypercorn\n")
	require.NoError(t, err)
	assert.Equal(t, processIdentity{"Sun Nov 29 05:00:00 2026", "-m hypercorn"}, identity)
	_, err = parsePS("Z Sun Nov 29 05:00:00 2026 (python)")
	require.ErrorIs(t, err, os.ErrProcessDone)
	_, err = parsePS("")
	require.ErrorContains(t, err, "is not a line of ps")
}
