package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockstep/internal/fault"
)

// Lease is how long a lock is valid after its holder's last heartbeat.
const Lease = 60 * time.Second

// heartbeatInterval is the time between two heartbeats.
const heartbeatInterval = Lease / 4

// A Holder is a run that holds a lock.
type Holder struct {
	// ID is the run's id, which `unlock` asks for.
	ID string `json:"id"`
	// CallerARN is the caller as AWS knows it.
	CallerARN string `json:"by"`
	Command   string `json:"doing"`
	Host      string `json:"host"`
	PID       int    `json:"pid"`
	// LivenessFile is the path, on Host, of the run's liveness file; empty if it has none.
	LivenessFile string    `json:"pulse,omitempty"`
	Since        time.Time `json:"since"`
}

func (h Holder) String() string {
	return fmt.Sprintf("%s (%s, by %s on %s, process %d)", h.ID, h.Command, h.CallerARN, h.Host, h.PID)
}

// A lockDocument is the lock as it is stored. It stays when the lock is free, because the token must never decrease.
type lockDocument struct {
	// Token is the fencing token. It increases by one with each holder.
	Token  int64   `json:"token"`
	Holder *Holder `json:"holder,omitempty"`
	// Heartbeat is the number of the holder's last heartbeat.
	Heartbeat int64 `json:"beat"`
}

// A LockHeldError says that another run holds the lock. Its durations are by the store's clock.
type LockHeldError struct {
	Holder Holder
	// Age is the time since the holder took the lock.
	Age time.Duration
	// HeartbeatAge is the time since its last heartbeat.
	HeartbeatAge time.Duration
}

func (e *LockHeldError) Error() string {
	age := max(e.Age, 0).Round(time.Second) // the holder's clock may be ahead of the store's
	heartbeatAge := e.HeartbeatAge.Round(time.Second)
	return fmt.Sprintf("%s has held the lock for %v; its last heartbeat was %v ago", e.Holder, age, heartbeatAge)
}

// Code returns the code of the error.
func (e *LockHeldError) Code() fault.Code { return fault.LockHeld }

// A LockLostError says that this run no longer holds the lock.
type LockLostError struct{ Reason string }

func (e *LockLostError) Error() string { return "the lock was lost: " + e.Reason }

// Code returns the code of the error.
func (e *LockLostError) Code() fault.Code { return fault.LockLost }

// A Lock is the lock of an environment, held by this run.
type Lock struct {
	store ObjectReadWriter
	key   string
	// PreviousHolder is the dead holder whose lock was taken over; nil if the lock was free.
	PreviousHolder *Holder

	mu       sync.Mutex
	document lockDocument
	etag     string
	lostErr  error

	stopHeartbeat    context.CancelFunc
	heartbeatStopped chan struct{}
}

// Key returns the key of the object that holds the lock.
func (l *Lock) Key() string { return l.key }

// Token returns the fencing token.
func (l *Lock) Token() int64 { return l.document.Token }

func (l *Ledger) lockKey() string { return l.key("lock.json") }

// AcquireLock takes the environment's lock for a holder, and sends heartbeats until it is released. It takes over the
// lock of a holder whose process is known to be dead, or whose lease has ended. The error is a *LockHeldError if
// another run holds it.
func (l *Ledger) AcquireLock(ctx context.Context, h Holder) (*Lock, error) {
	lock := &Lock{store: l.store, key: l.lockKey(), heartbeatStopped: make(chan struct{})}
	const attempts = 5 // each further one means that another run has written the lock meanwhile
	for range attempts {
		err := lock.tryAcquire(ctx, h)
		if errors.Is(err, ErrPreconditionFailed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		heartbeats, stop := context.WithCancel(context.WithoutCancel(ctx))
		lock.stopHeartbeat = stop
		go lock.sendHeartbeats(heartbeats)
		return lock, nil
	}
	return nil, fmt.Errorf("the lock cannot be taken in %d attempts: %w", attempts, ErrPreconditionFailed)
}

// tryAcquire tries once to take the lock. The error is ErrPreconditionFailed if another run has written it meanwhile.
func (l *Lock) tryAcquire(ctx context.Context, h Holder) error {
	var stored lockDocument
	object, err := read(ctx, l.store, l.key, &stored)
	only := Condition{ETag: object.ETag}
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrNotFound):
		only = Condition{Absent: true}
	case errors.As(err, &damaged): // nobody can hold it; the new token has to be greater than its unknown token
		stored = lockDocument{Token: object.ServerTime.Unix()}
	case err != nil:
		return err
	}
	if holder := stored.Holder; holder != nil && holder.ID != h.ID {
		heartbeatAge := object.ServerTime.Sub(object.Modified)
		if heartbeatAge < Lease && !isDead(*holder) {
			return &LockHeldError{Holder: *holder, Age: object.ServerTime.Sub(holder.Since), HeartbeatAge: heartbeatAge}
		}
		l.PreviousHolder = holder
	}
	l.document = lockDocument{Token: stored.Token + 1, Holder: &h}
	writing, cancel := withGrace(ctx)
	defer cancel()
	written, err := write(writing, l.store, l.key, l.document, only)
	if err != nil {
		return err
	}
	l.etag = written.ETag
	if l.PreviousHolder != nil {
		removeLivenessFile(*l.PreviousHolder)
	}
	return nil
}

// answerGrace is how long the answer to the write of a lock is waited for after an interrupt. Without the answer,
// nobody knows whether there is a lock to release.
const answerGrace = time.Second

// withGrace returns a context that is cancelled answerGrace after ctx is.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(answerGrace, cancel) })
	return late, func() { stop(); cancel() }
}

// sendHeartbeats sends heartbeats until ctx is done.
func (l *Lock) sendHeartbeats(ctx context.Context) {
	defer close(l.heartbeatStopped)
	ticker := time.NewTicker(heartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.sendHeartbeat(ctx)
	}
}

// sendHeartbeat sends one heartbeat, unless the lock is lost. It ignores a store that does not answer: Check asks
// again.
func (l *Lock) sendHeartbeat(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lostErr == nil && ctx.Err() == nil {
		_ = l.renew(ctx)
	}
}

// renew writes the next heartbeat. The error is a *LockLostError if another run has written the lock. The caller holds
// mu.
func (l *Lock) renew(ctx context.Context) error {
	next := l.document
	next.Heartbeat++
	written, err := write(ctx, l.store, l.key, next, Condition{ETag: l.etag})
	switch {
	case errors.Is(err, ErrPreconditionFailed), errors.Is(err, ErrNotFound):
		return l.readAfterRefusal(ctx)
	case err == nil:
		l.document = next
		l.etag = written.ETag
	}
	return err
}

// Check asks the store whether this run still holds the lock, and renews a lease that is half over, so that it lasts
// for the write that follows. It comes before every write to the account. The error is a *LockLostError if the lock is
// lost.
func (l *Lock) Check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lostErr != nil {
		return l.lostErr
	}
	var stored lockDocument
	object, err := read(ctx, l.store, l.key, &stored)
	switch {
	case errors.Is(err, ErrNotFound):
		l.lostErr = &LockLostError{"it was deleted"}
		return l.lostErr
	case err != nil:
		return err
	case !l.owns(stored):
		l.lostErr = newLockLostError(stored)
		return l.lostErr
	}
	l.etag = object.ETag
	if object.ServerTime.Sub(object.Modified) < Lease/2 {
		return nil
	}
	return l.renew(ctx)
}

// readAfterRefusal reads the lock after its renewal was refused. The lock is not lost if the renewal has written it and
// only the answer was lost. The error is a *LockLostError that says who holds the lock now. The caller holds mu.
func (l *Lock) readAfterRefusal(ctx context.Context) error {
	var stored lockDocument
	object, err := read(ctx, l.store, l.key, &stored)
	switch {
	case err != nil:
		l.lostErr = &LockLostError{"another run has changed it"}
	case !l.owns(stored):
		l.lostErr = newLockLostError(stored)
	default:
		l.document, l.etag = stored, object.ETag
	}
	return l.lostErr
}

func newLockLostError(stored lockDocument) error {
	if stored.Holder == nil {
		return &LockLostError{"somebody unlocked it"}
	}
	return &LockLostError{stored.Holder.String() + " holds it now"}
}

// Release releases the lock. A lock that cannot be released is free when this process or its lease has ended.
func (l *Lock) Release(ctx context.Context) error {
	l.stopHeartbeat()
	<-l.heartbeatStopped
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lostErr != nil {
		return nil //nolint:nilerr // the run that holds it now releases it
	}
	const attempts = 3
	for range attempts {
		_, err := write(ctx, l.store, l.key, lockDocument{Token: l.document.Token}, Condition{ETag: l.etag})
		if !errors.Is(err, ErrPreconditionFailed) {
			return err
		}
		// The last heartbeat may have been written although its answer was lost.
		var stored lockDocument
		object, err := read(ctx, l.store, l.key, &stored)
		if err != nil {
			return err
		}
		if !l.owns(stored) {
			return nil
		}
		l.etag = object.ETag
	}
	return ErrPreconditionFailed
}

// owns reports whether a stored lock is this one.
func (l *Lock) owns(stored lockDocument) bool {
	return stored.Token == l.document.Token && stored.Holder != nil && stored.Holder.ID == l.document.Holder.ID
}

// A LockStatus is a lock that a run holds. Its ages are in seconds, by the store's clock.
type LockStatus struct {
	Holder Holder `json:"holder"`
	// AgeSeconds is the time since the holder took the lock.
	AgeSeconds int64 `json:"ageSeconds"`
	// HeartbeatAgeSeconds is the time since its last heartbeat.
	HeartbeatAgeSeconds int64 `json:"quietSeconds"`
	// Abandoned says that the holder is dead or its lease has ended: the next run takes the lock over.
	Abandoned bool `json:"dead"`
}

// LockStatus returns the status of the environment's lock, or nil if nobody holds it.
func (l *Ledger) LockStatus(ctx context.Context) (*LockStatus, error) {
	var stored lockDocument
	object, err := read(ctx, l.store, l.lockKey(), &stored)
	if errors.Is(err, ErrNotFound) || err == nil && stored.Holder == nil {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err
	}
	age := object.ServerTime.Sub(stored.Holder.Since)
	heartbeatAge := object.ServerTime.Sub(object.Modified)
	return &LockStatus{
		Holder:              *stored.Holder,
		AgeSeconds:          int64(age.Seconds()),
		HeartbeatAgeSeconds: int64(heartbeatAge.Seconds()),
		Abandoned:           heartbeatAge >= Lease || isDead(*stored.Holder),
	}, nil
}

// A WrongHolderError says that the run named in an unlock does not hold the lock.
type WrongHolderError struct {
	Requested string
	// Holder is the run that holds the lock; nil if none does.
	Holder *Holder
}

func (e *WrongHolderError) Error() string {
	if e.Holder == nil {
		return "nobody holds the lock"
	}
	return fmt.Sprintf("the lock is not held by %q but by %s", e.Requested, e.Holder)
}

// Code returns the code of the error.
func (e *WrongHolderError) Code() fault.Code { return fault.LockOtherHolder }

// Unlock takes the lock away from a run, which notices before its next write. The error is a *WrongHolderError if that
// run does not hold it.
func (l *Ledger) Unlock(ctx context.Context, runID string) error {
	var stored lockDocument
	object, err := read(ctx, l.store, l.lockKey(), &stored)
	if errors.Is(err, ErrNotFound) {
		return &WrongHolderError{Requested: runID}
	}
	if err != nil {
		return err
	}
	if stored.Holder == nil || stored.Holder.ID != runID {
		return &WrongHolderError{Requested: runID, Holder: stored.Holder}
	}
	_, err = write(ctx, l.store, l.lockKey(), lockDocument{Token: stored.Token + 1}, Condition{ETag: object.ETag})
	return err
}
