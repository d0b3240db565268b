package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failedRun returns the journal of a run that began to change a stack and failed.
func failedRun(t *testing.T, l *Ledger, run string, token int64) {
	t.Helper()
	w, _, err := l.BeginJournal(t.Context(), Journal{RunID: run, Token: token})
	require.NoError(t, err)
	require.NoError(t, w.RecordStack(t.Context(), "web", JournalEntry{State: Failed}))
	require.NoError(t, w.Fail(t.Context(), time.Now(), "failed", errors.New("web: no")))
}

func TestJournal_CarriesFailedRunsUpToTheNextRelease(t *testing.T) {
	l := Open(newMemoryStore(), testScope, Signing{})
	failedRun(t, l, "one", 1)
	failedRun(t, l, "two", 2)
	w, _, err := l.BeginJournal(t.Context(), Journal{RunID: "three", Token: 3})
	require.NoError(t, err)
	require.Len(t, w.FailedRuns(), 2)
	assert.Equal(t, "one", w.FailedRuns()[0].RunID)
	require.NoError(t, w.RecordRelease(t.Context(), ReleaseSummary{Number: 1}))
	assert.Empty(t, w.FailedRuns())
	require.NoError(t, w.RecordRelease(t.Context(), ReleaseSummary{Number: 1}))
	require.NoError(t, w.End(t.Context(), time.Now(), "created"))
}

func TestJournal_ReleaseThatWasRecordedBeforeACutListsThem(t *testing.T) {
	l := Open(newMemoryStore(), testScope, Signing{})
	failedRun(t, l, "one", 1)
	// The run two recorded release 1 and was cut off before the journal had its number.
	_, _, err := l.BeginJournal(t.Context(), Journal{RunID: "two", Token: 2})
	require.NoError(t, err)
	w, _, err := l.BeginJournal(t.Context(),
		Journal{RunID: "three", Token: 3, LatestRelease: ReleaseSummary{Number: 1}})
	require.NoError(t, err)
	assert.Empty(t, w.FailedRuns(), "they would be listed twice")
}

func TestJournal_RunThatChangedNothingIsNoFailedRun(t *testing.T) {
	l := Open(newMemoryStore(), testScope, Signing{})
	w, _, err := l.BeginJournal(t.Context(), Journal{RunID: "one", Token: 1})
	require.NoError(t, err)
	require.NoError(t, w.Fail(t.Context(), time.Now(), "failed", errors.New("web: no")))
	w, _, err = l.BeginJournal(t.Context(), Journal{RunID: "two", Token: 2})
	require.NoError(t, err)
	assert.Empty(t, w.FailedRuns())
}
