package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Lease is how long a lock stays good without a sign of life from its holder.
const Lease = 60 * time.Second

// A Holder is who holds a lock.
type Holder struct {
	// ID is the run's own, which `unlock` asks for.
	ID string `json:"id"`
	// CallerARN is the caller as AWS knows it.
	CallerARN string `json:"by"`
	// Command is the command.
	Command string `json:"doing"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	// HeartbeatFile is the file on Host that is locked for as long as the holder lives; empty if there was no place for one.
	HeartbeatFile string    `json:"pulse,omitempty"`
	Since         time.Time `json:"since"`
}

func (h Holder) String() string {
	return fmt.Sprintf("%s (%s, by %s on %s, process %d)", h.ID, h.Command, h.CallerARN, h.Host, h.PID)
}

// lockDocument is the lock as it is stored. It stays when the lock is free, because the token must never count backwards.
type lockDocument struct {
	// Token is greater by one with each holder: whoever comes with a smaller one is late.
	Token  int64   `json:"token"`
	Holder *Holder `json:"holder,omitempty"`
	// Heartbeat is the number of the holder's last sign of life.
	Heartbeat int64 `json:"beat"`
}

// A LockHeldError is a lock that somebody else holds.
type LockHeldError struct {
	Holder Holder
	// Age is since when, Quiet how long since the last sign of life, by the store's clock.
	Age, HeartbeatAge time.Duration
}

func (e *LockHeldError) Error() string {
	age := max(e.Age, 0).Round(time.Second) // the holder's clock may be ahead of the store's
	return fmt.Sprintf("%s holds the lock since %v ago, with a sign of life %v ago", e.Holder, age, e.HeartbeatAge.Round(time.Second))
}

// A LockLostError is a lock that is no longer ours.
type LockLostError struct{ Reason string }

func (e *LockLostError) Error() string { return "the lock was lost: " + e.Reason }

// A Lock is held by this run.
type Lock struct {
	store ObjectReadWriter
	key   string
	// PreviousHolder is the holder from whom it was taken over; nil if it was free.
	PreviousHolder *Holder

	mu       sync.Mutex
	document lockDocument
	etag     string
	lostErr  error
	// confirmed is when the store last said that the lock is ours, by this machine's monotonic clock.
	confirmed        time.Time
	stopHeartbeat    context.CancelFunc
	heartbeatStopped chan struct{}
}

// Token is the fencing token.
func (l *Lock) Token() int64 { return l.document.Token }

// AcquireLock takes the environment's lock for a holder. One whose holder is known to be dead on this machine, or whose lease has ended, is taken
// over. The error is a *HeldError when it is somebody else's. The lock sends signs of life until it is released.
func (l *Ledger) AcquireLock(ctx context.Context, h Holder) (*Lock, error) {
	lock := &Lock{store: l.store, key: l.key("lock.json"), heartbeatStopped: make(chan struct{})}
	const tries = 5 // each further one means that somebody came in between
	for range tries {
		err := lock.tryAcquire(ctx, h)
		if errors.Is(err, ErrPreconditionFailed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		beating, stop := context.WithCancel(context.WithoutCancel(ctx))
		lock.stopHeartbeat = stop
		go lock.sendHeartbeats(beating)
		return lock, nil
	}
	return nil, fmt.Errorf("the lock changes hands faster than it can be taken: %w", ErrPreconditionFailed)
}

// tryAcquire tries once.
func (l *Lock) tryAcquire(ctx context.Context, h Holder) error {
	var now lockDocument
	object, err := read(ctx, l.store, l.key, &now)
	only := Condition{ETag: object.ETag}
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrNotFound):
		only = Condition{Absent: true}
	case errors.As(err, &damaged): // nobody can hold it; its token is not known, and the next one has to be greater
		now = lockDocument{Token: object.ServerTime.Unix()}
	case err != nil:
		return err
	}
	if held := now.Holder; held != nil && held.ID != h.ID {
		quiet := object.ServerTime.Sub(object.Modified)
		if quiet < Lease && !isDead(*held) {
			return &LockHeldError{Holder: *held, Age: object.ServerTime.Sub(held.Since), HeartbeatAge: quiet}
		}
		l.PreviousHolder = held
	}
	l.document = lockDocument{Token: now.Token + 1, Holder: &h}
	writing, cancel := withGrace(ctx)
	defer cancel()
	written, err := write(writing, l.store, l.key, l.document, only)
	if err != nil {
		return err
	}
	l.etag, l.confirmed = written.ETag, time.Now()
	if l.PreviousHolder != nil {
		removeHeartbeatFile(*l.PreviousHolder)
	}
	return nil
}

// answerGrace is how long the answer to the write of a lock is waited for after an interrupt. Without the answer, nobody
// knows whether there is a lock to release.
const answerGrace = time.Second

// withGrace returns a context that is cancelled answerGrace after ctx is.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(answerGrace, cancel) })
	return late, func() { stop(); cancel() }
}

// sendHeartbeats sends signs of life until the lock is released or lost.
func (l *Lock) sendHeartbeats(ctx context.Context) {
	defer close(l.heartbeatStopped)
	ticker := time.NewTicker(Lease / 4)
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

// sendHeartbeat sends one sign of life. An endpoint that does not answer is no reason to give up: Check will ask again.
func (l *Lock) sendHeartbeat(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lostErr != nil || ctx.Err() != nil {
		return
	}
	next := l.document
	next.Heartbeat++
	written, err := write(ctx, l.store, l.key, next, Condition{ETag: l.etag})
	switch {
	case errors.Is(err, ErrPreconditionFailed), errors.Is(err, ErrNotFound):
		l.lostErr = l.readLockLostError(ctx)
	case err == nil:
		l.document, l.etag, l.confirmed = next, written.ETag, time.Now()
	}
}

// Check asks the store whether the lock is still ours. It comes before every write: what has been lost must not be written to.
func (l *Lock) Check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lostErr != nil {
		return l.lostErr
	}
	var now lockDocument
	object, err := read(ctx, l.store, l.key, &now)
	if errors.Is(err, ErrNotFound) {
		l.lostErr = &LockLostError{"it was removed"}
		return l.lostErr
	}
	if err != nil {
		return err
	}
	if !l.owns(now) {
		l.lostErr = newLockLostError(now)
		return l.lostErr
	}
	l.etag, l.confirmed = object.ETag, time.Now()
	if object.ServerTime.Sub(object.Modified) < Lease/2 {
		return nil
	}
	// Signs of life went missing. The lease has to last for as long as the write takes that comes next.
	next := l.document
	next.Heartbeat++
	written, err := write(ctx, l.store, l.key, next, Condition{ETag: l.etag})
	if errors.Is(err, ErrPreconditionFailed) {
		l.lostErr = l.readLockLostError(ctx)
		return l.lostErr
	}
	if err == nil {
		l.document, l.etag = next, written.ETag
	}
	return err
}

func (l *Lock) readLockLostError(ctx context.Context) error {
	var now lockDocument
	if _, err := read(ctx, l.store, l.key, &now); err != nil {
		return &LockLostError{"it was changed by somebody else"}
	}
	return newLockLostError(now)
}

func newLockLostError(now lockDocument) error {
	if now.Holder == nil {
		return &LockLostError{"somebody unlocked it"}
	}
	return &LockLostError{now.Holder.String() + " has it now"}
}

// Release gives the lock back. What cannot be given back ends by itself: this process is gone then, or its lease ends.
func (l *Lock) Release(ctx context.Context) error {
	l.stopHeartbeat()
	<-l.heartbeatStopped
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lostErr != nil {
		return nil //nolint:nilerr // whoever has it now gives it back
	}
	const tries = 3
	for range tries {
		_, err := write(ctx, l.store, l.key, lockDocument{Token: l.document.Token}, Condition{ETag: l.etag})
		if !errors.Is(err, ErrPreconditionFailed) {
			return err
		}
		// The last sign of life may have been written although its answer was not waited for.
		var now lockDocument
		object, err := read(ctx, l.store, l.key, &now)
		if err != nil {
			return err
		}
		if !l.owns(now) {
			return nil
		}
		l.etag = object.ETag
	}
	return ErrPreconditionFailed
}

// owns says whether a lock as it is stored is this one.
func (l *Lock) owns(now lockDocument) bool {
	return now.Token == l.document.Token && now.Holder != nil && now.Holder.ID == l.document.Holder.ID
}

// A LockStatus is who holds the lock at this moment.
type LockStatus struct {
	Holder Holder `json:"holder"`
	// AgeSeconds is since when, QuietSeconds how long since the last sign of life.
	AgeSeconds          int64 `json:"ageSeconds"`
	HeartbeatAgeSeconds int64 `json:"quietSeconds"`
	// Abandoned says that the next run takes it over.
	Abandoned bool `json:"dead"`
}

// LockStatus is who holds the lock; nil if nobody does.
func (l *Ledger) LockStatus(ctx context.Context) (*LockStatus, error) {
	var now lockDocument
	object, err := read(ctx, l.store, l.key("lock.json"), &now)
	if errors.Is(err, ErrNotFound) || err == nil && now.Holder == nil {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err
	}
	quiet := object.ServerTime.Sub(object.Modified)
	return &LockStatus{
		Holder: *now.Holder, AgeSeconds: int64(object.ServerTime.Sub(now.Holder.Since).Seconds()), HeartbeatAgeSeconds: int64(quiet.Seconds()),
		Abandoned: quiet >= Lease || isDead(*now.Holder),
	}, nil
}

// A WrongHolderError is an unlock that names another holder than there is.
type WrongHolderError struct {
	Requested string
	// Holder is who holds the lock; nil if nobody does.
	Holder *Holder
}

func (e *WrongHolderError) Error() string {
	if e.Holder == nil {
		return "nobody holds the lock"
	}
	return fmt.Sprintf("the lock is not held by %q but by %s", e.Requested, e.Holder)
}

// Unlock takes the lock away from a holder, who notices before its next write. The error is a *WrongHolderError unless it is that very holder's.
func (l *Ledger) Unlock(ctx context.Context, holder string) error {
	var now lockDocument
	key := l.key("lock.json")
	object, err := read(ctx, l.store, key, &now)
	if errors.Is(err, ErrNotFound) {
		return &WrongHolderError{Requested: holder}
	}
	if err != nil {
		return err
	}
	if now.Holder == nil || now.Holder.ID != holder {
		return &WrongHolderError{Requested: holder, Holder: now.Holder}
	}
	_, err = write(ctx, l.store, key, lockDocument{Token: now.Token + 1}, Condition{ETag: object.ETag})
	return err
}
