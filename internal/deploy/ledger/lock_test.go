package ledger

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memory is a store whose answers can be lost after the write was carried out.
type memory struct {
	mu      sync.Mutex
	objects map[string]Object
	writes  int
	// lose says whether the answer to a write is lost.
	lose func(write int) bool
	now  time.Time
}

func newMemory() *memory { return &memory{objects: map[string]Object{}, now: time.Now()} }

func (m *memory) Get(ctx context.Context, key string) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return Object{}, ErrAbsent
	}
	o.Now = m.now
	return o, ctx.Err()
}

func (m *memory) Put(_ context.Context, key string, data []byte, only Condition) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	there, ok := m.objects[key]
	if only.Absent && ok || only.ETag != "" && only.ETag != there.ETag {
		return Object{}, ErrChanged
	}
	o := Object{Data: data, ETag: SumOf(data), Modified: m.now, Now: m.now}
	m.objects[key] = o
	m.writes++
	if m.lose != nil && m.lose(m.writes) {
		return Object{}, context.Canceled
	}
	return o, nil
}

func (m *memory) List(context.Context, string) ([]string, error) { return nil, nil }

func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func TestALockIsGivenBackAlthoughTheAnswerToItsLastSignOfLifeWasLost(t *testing.T) {
	m := newMemory()
	book := Open(m, "shop", "acc")
	lock, err := book.Acquire(t.Context(), Holder{ID: "one"})
	require.NoError(t, err)
	m.lose = func(write int) bool { return write == 2 }
	lock.beat(t.Context())
	require.NoError(t, lock.Release(t.Context()))
	held, err := book.HeldBy(t.Context())
	require.NoError(t, err)
	assert.Nil(t, held)
}

func TestALostLockIsNoticedAndNotGivenBack(t *testing.T) {
	m := newMemory()
	book := Open(m, "shop", "acc")
	first, err := book.Acquire(t.Context(), Holder{ID: "one", Host: "elsewhere"})
	require.NoError(t, err)
	_, err = book.Acquire(t.Context(), Holder{ID: "two"})
	var held *HeldError
	require.ErrorAs(t, err, &held)

	m.now = m.now.Add(Lease + time.Second)
	second, err := book.Acquire(t.Context(), Holder{ID: "two"})
	require.NoError(t, err)
	assert.Equal(t, "one", second.Before.ID)
	assert.Greater(t, second.Token(), first.Token())
	var lost *LostError
	require.ErrorAs(t, first.Check(t.Context()), &lost)
	require.NoError(t, first.Release(t.Context()))
	require.NoError(t, second.Check(t.Context()), "the first one's release took nothing away")
	require.NoError(t, second.Release(t.Context()))

	third, err := book.Acquire(t.Context(), Holder{ID: "three"})
	require.NoError(t, err)
	assert.Greater(t, third.Token(), second.Token(), "tokens grow through a lock that was free")
	require.NoError(t, third.Release(t.Context()))
}

func TestAQuietHolderThatLivesRenewsItsLeaseBeforeItWrites(t *testing.T) {
	m := newMemory()
	book := Open(m, "shop", "acc")
	lock, err := book.Acquire(t.Context(), Holder{ID: "one", Host: "elsewhere"})
	require.NoError(t, err)
	m.now = m.now.Add(Lease - time.Second) // its machine slept
	require.NoError(t, lock.Check(t.Context()))
	_, err = book.Acquire(t.Context(), Holder{ID: "two"})
	var held *HeldError
	require.ErrorAs(t, err, &held)
	assert.Zero(t, held.Quiet)
	require.NoError(t, lock.Release(t.Context()))
}

func TestAPulseEndsWithItsRun(t *testing.T) {
	dir := t.TempDir()
	pulse, err := NewPulse(dir, "one")
	require.NoError(t, err)
	h := Holder{ID: "one", Host: Host(), Pulse: pulse.Path()}
	assert.False(t, dead(h), "it lives")
	require.NoError(t, pulse.lock.Close()) // as when the process is killed: the file stays
	assert.True(t, dead(h))
	assert.False(t, dead(Holder{ID: "one", Host: "elsewhere", Pulse: pulse.Path()}), "another machine's file proves nothing here")

	// A lock may name any file; none but a run's own is ever removed.
	precious := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("one"), 0o644))
	forget(Holder{ID: "one", Host: Host(), Pulse: precious})
	assert.FileExists(t, precious)
	forget(h)
	assert.NoFileExists(t, pulse.Path())
}

func TestAJournalIsNotWrittenOverByARunThatIsLate(t *testing.T) {
	m := newMemory()
	book := Open(m, "shop", "acc")
	late, _, err := book.Begin(t.Context(), Journal{Run: "one", Token: 1})
	require.NoError(t, err)
	_, before, err := book.Begin(t.Context(), Journal{Run: "two", Token: 2})
	require.NoError(t, err)
	assert.True(t, before.CutOff())
	var lost *LostError
	require.ErrorAs(t, late.Note(t.Context(), "web", Entry{State: Begun}), &lost)
	_, _, err = book.Begin(t.Context(), Journal{Run: "one", Token: 1})
	require.ErrorAs(t, err, &lost)
	last, err := book.Journal(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "two", last.Run)
}

func TestADamagedJournalStopsNobody(t *testing.T) {
	m := newMemory()
	book := Open(m, "shop", "acc")
	m.objects["lockstep/shop/acc/journal.json"] = Object{Data: []byte(`{"run":`), ETag: "x"}
	_, before, err := book.Begin(t.Context(), Journal{Run: "two", Token: 2})
	require.NoError(t, err)
	assert.False(t, before.CutOff())
}

func TestADamagedLockIsNobodys(t *testing.T) {
	m := newMemory()
	book := Open(m, "shop", "acc")
	m.objects["lockstep/shop/acc/lock.json"] = Object{Data: []byte(`{"token":`), ETag: "x"}
	lock, err := book.Acquire(t.Context(), Holder{ID: "one"})
	require.NoError(t, err)
	assert.Greater(t, lock.Token(), int64(1_000_000))
	require.NoError(t, lock.Release(t.Context()))
}

func TestAHolderWhoseClockIsAheadHasHeldTheLockForNoTime(t *testing.T) {
	err := &HeldError{Holder: Holder{ID: "a1"}, Age: -800 * time.Millisecond}
	assert.Contains(t, err.Error(), "holds the lock since 0s ago, with a sign of life 0s ago")
}
