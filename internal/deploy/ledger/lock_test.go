package ledger

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/attest"
	"lockstep/internal/fault/faulttest"
)

// A memoryStore is a store in memory with a clock of its own. The answer to a write can be lost after the write was
// done.
type memoryStore struct {
	mu      sync.Mutex
	objects map[string]Object
	writes  int
	// losesAnswer reports whether the answer to a write, counted from 1, is lost; nil for none.
	losesAnswer func(write int) bool
	now         time.Time
}

// testScope is what the ledgers of the tests are of.
var testScope = attest.Scope{Project: "shop", Environment: "acc", Account: "444455556666", Region: "eu-west-1"}

func newMemoryStore() *memoryStore {
	return &memoryStore{objects: map[string]Object{}, now: time.Now()}
}

func (m *memoryStore) Get(ctx context.Context, key string) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return Object{}, ErrNotFound
	}
	o.ServerTime = m.now
	return o, ctx.Err()
}

func (m *memoryStore) Put(_ context.Context, key string, data []byte, only Condition) (Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	existing, ok := m.objects[key]
	if only.Absent && ok || only.ETag != "" && only.ETag != existing.ETag {
		return Object{}, ErrPreconditionFailed
	}
	o := Object{Data: data, ETag: SHA256Hex(data), Modified: m.now, ServerTime: m.now}
	m.objects[key] = o
	m.writes++
	if m.losesAnswer != nil && m.losesAnswer(m.writes) {
		return Object{}, context.Canceled
	}
	return o, nil
}

func (m *memoryStore) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (m *memoryStore) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func TestLock_ReleaseAfterLostHeartbeatAnswer(t *testing.T) {
	m := newMemoryStore()
	ledger := Open(m, testScope, Signing{})
	lock, err := ledger.AcquireLock(t.Context(), Holder{ID: "one"})
	require.NoError(t, err)
	m.losesAnswer = func(write int) bool { return write == 2 }
	lock.sendHeartbeat(t.Context())
	require.NoError(t, lock.Release(t.Context()))
	held, err := ledger.LockStatus(t.Context())
	require.NoError(t, err)
	assert.Nil(t, held)
}

func TestLock_LostIsNoticedAndNotReleased(t *testing.T) {
	m := newMemoryStore()
	ledger := Open(m, testScope, Signing{})
	first, err := ledger.AcquireLock(t.Context(), Holder{ID: "one", Host: "another"})
	require.NoError(t, err)
	_, err = ledger.AcquireLock(t.Context(), Holder{ID: "two"})
	var held *LockHeldError
	require.ErrorAs(t, err, &held)

	m.now = m.now.Add(Lease + time.Second)
	second, err := ledger.AcquireLock(t.Context(), Holder{ID: "two"})
	require.NoError(t, err)
	assert.Equal(t, "one", second.PreviousHolder.ID)
	assert.Greater(t, second.Token(), first.Token())
	var lost *LockLostError
	require.ErrorAs(t, first.Check(t.Context()), &lost)
	require.NoError(t, first.Release(t.Context()))
	require.NoError(t, second.Check(t.Context()), "the first one's release took nothing away")
	require.NoError(t, second.Release(t.Context()))

	third, err := ledger.AcquireLock(t.Context(), Holder{ID: "three"})
	require.NoError(t, err)
	assert.Greater(t, third.Token(), second.Token(), "tokens grow through a lock that was free")
	require.NoError(t, third.Release(t.Context()))
}

func TestLock_CheckRenewsExpiringLease(t *testing.T) {
	m := newMemoryStore()
	ledger := Open(m, testScope, Signing{})
	lock, err := ledger.AcquireLock(t.Context(), Holder{ID: "one", Host: "another"})
	require.NoError(t, err)
	m.now = m.now.Add(Lease - time.Second) // its machine slept
	require.NoError(t, lock.Check(t.Context()))
	_, err = ledger.AcquireLock(t.Context(), Holder{ID: "two"})
	var held *LockHeldError
	require.ErrorAs(t, err, &held)
	assert.Zero(t, held.HeartbeatAge)
	require.NoError(t, lock.Release(t.Context()))
}

func TestLivenessFile_EndsWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	file, err := CreateLivenessFile(dir, "one")
	require.NoError(t, err)
	h := Holder{ID: "one", Host: Host(), LivenessFile: file.Path()}
	assert.False(t, isDead(h), "it lives")
	require.NoError(t, file.lock.Close()) // as when the process is killed: the file stays
	assert.True(t, isDead(h))
	remote := Holder{ID: "one", Host: "another", LivenessFile: file.Path()}
	assert.False(t, isDead(remote), "another machine's file proves nothing here")

	// A lock may name any file; none but a run's own is ever removed.
	precious := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("one"), 0o644))
	removeLivenessFile(Holder{ID: "one", Host: Host(), LivenessFile: precious})
	assert.FileExists(t, precious)
	removeLivenessFile(h)
	assert.NoFileExists(t, file.Path())
}

func TestJournal_LateRunCannotOverwrite(t *testing.T) {
	printed := faulttest.Printed(t)
	m := newMemoryStore()
	ledger := Open(m, testScope, Signing{})
	late, _, err := ledger.BeginJournal(t.Context(), Journal{RunID: "one", Token: 1})
	require.NoError(t, err)
	_, before, err := ledger.BeginJournal(t.Context(), Journal{RunID: "two", Token: 2})
	require.NoError(t, err)
	assert.True(t, before.IsInterrupted())
	var lost *LockLostError
	require.ErrorAs(t, printed.Error(late.RecordStack(t.Context(), "web", JournalEntry{State: Begun})), &lost)
	_, _, err = ledger.BeginJournal(t.Context(), Journal{RunID: "one", Token: 1})
	require.ErrorAs(t, printed.Error(err), &lost)
	last, err := ledger.Journal(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "two", last.RunID)
}

func TestJournal_DamagedIsReplaced(t *testing.T) {
	m := newMemoryStore()
	ledger := Open(m, testScope, Signing{})
	m.objects["lockstep/shop/acc/journal.json"] = Object{Data: []byte(`{"run":`), ETag: "x"}
	_, before, err := ledger.BeginJournal(t.Context(), Journal{RunID: "two", Token: 2})
	require.NoError(t, err)
	assert.False(t, before.IsInterrupted())
}

func TestLock_DamagedIsFree(t *testing.T) {
	m := newMemoryStore()
	ledger := Open(m, testScope, Signing{})
	m.objects["lockstep/shop/acc/lock.json"] = Object{Data: []byte(`{"token":`), ETag: "x"}
	lock, err := ledger.AcquireLock(t.Context(), Holder{ID: "one"})
	require.NoError(t, err)
	assert.Greater(t, lock.Token(), int64(1_000_000))
	require.NoError(t, lock.Release(t.Context()))
}

func TestLockHeldError_HolderClockAhead(t *testing.T) {
	err := &LockHeldError{Holder: Holder{ID: "a1"}, Age: -800 * time.Millisecond}
	assert.Contains(t, err.Error(), "has held the lock for 0s; its last heartbeat was 0s ago")
}

// interruptedStore is a store that cancels a context while it writes, and does not answer once its own is cancelled.
type interruptedStore struct {
	*memoryStore
	interrupt func()
}

func (s *interruptedStore) Put(ctx context.Context, key string, data []byte, only Condition) (Object, error) {
	s.interrupt()
	if err := ctx.Err(); err != nil {
		_, _ = s.memoryStore.Put(ctx, key, data, only) // it is carried out, but its answer is not waited for
		return Object{}, err
	}
	return s.memoryStore.Put(ctx, key, data, only)
}

func TestLock_InterruptWhileItIsWritten(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	store := &interruptedStore{newMemoryStore(), interrupt}
	l := Open(store, testScope, Signing{})
	lock, err := l.AcquireLock(ctx, Holder{ID: "run"})
	require.NoError(t, err, "the answer is waited for, so that the lock can be released")
	require.NoError(t, lock.Release(context.WithoutCancel(ctx)))
	status, err := l.LockStatus(t.Context())
	require.NoError(t, err)
	assert.Nil(t, status)
}
