package app

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault"
)

// The code of a failure is found at the beginning of a line, and programs leave one without an end.
func TestSynth_MessageBeginsOnALineOfItsOwn(t *testing.T) {
	for name, command := range map[string]string{
		"a line without its end": "printf 'no end' && exit 1",
		"a colour is reset":      `printf 'an error\n\033[0m' && exit 1`,
		"a whole line":           "echo whole && exit 1",
		"nothing":                "exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			a := App{Root: t.TempDir(), Command: command, Environ: os.Environ(), Log: &log}
			err := a.Preview(t.Context(), filepath.Join(t.TempDir(), "out"), config.Account{})
			require.Error(t, err)
			printed := log.String() + "lockstep: " + fault.CodeOf(err).Prefix(err.Error())
			assert.Equal(t, fault.SynthFailed, fault.Printed(printed), "%q", printed)
			assert.NotContains(t, printed, "\n\n")
		})
	}
}

// A build that lacks a program may end with any status.
func TestSynth_MissingProgramIsNamedOnce(t *testing.T) {
	for command, want := range map[string]string{
		"no-such-program": "ended with status 127: a program that it runs is not on the PATH; install the program that was " +
			"not found; see what it printed",
		"no-such-program || exit 2": "ended with status 2; install the program that was not found; see what it printed",
	} {
		a := App{Root: t.TempDir(), Command: command, Environ: os.Environ(), Log: io.Discard}
		err := a.Preview(t.Context(), filepath.Join(t.TempDir(), "out"), config.Account{})
		assert.ErrorContains(t, err, want)
	}
}
