package faulttest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
)

func TestMessages_WholePartsOfALine(t *testing.T) {
	const message = "… has held the lock for …"
	for name, test := range map[string]struct {
		code fault.Code
		line string
		want []string
	}{
		"the whole line":      {fault.LockHeld, "ann has held the lock for 3 s", []string{message}},
		"with context":        {fault.LockHeld, "acc: ann has held the lock for 3 s; wait", []string{message}},
		"another code":        {fault.LockLost, "ann has held the lock for 3 s", nil},
		"other words":         {fault.LockHeld, "ann holds the lock for 3 s", nil},
		"nothing that varies": {fault.LockHeld, " has held the lock for ", nil},
		"the end of a word":   {fault.DiskFailed, "odisk: undone: the disk could not be read or writtenly", nil},
		"the middle of words": {fault.DiskFailed, "perhaps the disk could not be read or written", nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, nilIfEmpty(Messages(test.code, test.line)))
		})
	}
}

func nilIfEmpty(messages []string) []string {
	if len(messages) == 0 {
		return nil
	}
	return messages
}

func TestRecord_ErrorsAndTexts(t *testing.T) {
	r := Printed(t)
	r.Error(nil)
	r.Error(fault.New(fault.LockHeld, "acc: ann has held the lock for 3 s"))
	r.Text("config/a.yaml: LS-203: unknown key \"x\"; did you mean y?\n" +
		"lockstep: LS-817: the disk could not be read or written\n")
	r.Text("LS-601: in words of its own")
}

func TestRecord_DifferenceIsReported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "testdata", "printed.golden")
	record := func(test string, codes ...fault.Code) *Record {
		r := &Record{test: test, file: file, lines: map[string]bool{}}
		for _, code := range codes {
			r.Error(fault.New(code, map[fault.Code]string{
				fault.LockHeld: "ann has held the lock for 3 s", fault.DiskFailed: "the disk could not be read or written",
			}[code]))
		}
		return r
	}
	require.ErrorContains(t, record("TestA").finish(true), "printed no message")
	require.NoError(t, record("TestB", fault.LockHeld).finish(true))
	require.NoError(t, record("TestA", fault.LockHeld, fault.DiskFailed).finish(true))
	require.NoError(t, record("TestA", fault.DiskFailed, fault.LockHeld).finish(false))
	require.ErrorContains(t, record("TestA", fault.LockHeld).finish(false), "LS-817", "a message less")
	require.ErrorContains(t, record("TestB", fault.LockHeld, fault.DiskFailed).finish(false), "LS-817", "one more")
	require.NoError(t, record("TestA", fault.LockHeld).finish(true))
	require.NoError(t, record("TestA", fault.LockHeld).finish(false))
	require.NoError(t, record("TestB", fault.LockHeld).finish(false), "the notes of other tests stay")
}

func TestNotes_AreReadAsWritten(t *testing.T) {
	note := Note{"TestX", fault.ConfigKey, "unknown key …"}
	assert.Equal(t, []Note{note, {Test: "nonsense"}}, ParseNotes(note.String()+"\nnonsense\n"))
}
