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
	// By is the caller as AWS knows it.
	By string `json:"by"`
	// Doing is the command.
	Doing string `json:"doing"`
	Host  string `json:"host"`
	PID   int    `json:"pid"`
	// Pulse is the file on Host that is locked for as long as the holder lives; empty if there was no place for one.
	Pulse string    `json:"pulse,omitempty"`
	Since time.Time `json:"since"`
}

func (h Holder) String() string {
	return fmt.Sprintf("%s (%s, by %s on %s, process %d)", h.ID, h.Doing, h.By, h.Host, h.PID)
}

// document is the lock as it is stored. It stays when the lock is free, because the token must never count backwards.
type document struct {
	// Token is greater by one with each holder: whoever comes with a smaller one is late.
	Token  int64   `json:"token"`
	Holder *Holder `json:"holder,omitempty"`
	// Beat is the number of the holder's last sign of life.
	Beat int64 `json:"beat"`
}

// A HeldError is a lock that somebody else holds.
type HeldError struct {
	Holder Holder
	// Age is since when, Quiet how long since the last sign of life, by the store's clock.
	Age, Quiet time.Duration
}

func (e *HeldError) Error() string {
	age := max(e.Age, 0).Round(time.Second) // the holder's clock may be ahead of the store's
	return fmt.Sprintf("%s holds the lock since %v ago, with a sign of life %v ago", e.Holder, age, e.Quiet.Round(time.Second))
}

// A LostError is a lock that is no longer ours.
type LostError struct{ Why string }

func (e *LostError) Error() string { return "the lock was lost: " + e.Why }

// A Lock is held by this run.
type Lock struct {
	store Store
	key   string
	// Before is the holder from whom it was taken over; nil if it was free.
	Before *Holder

	mu   sync.Mutex
	mine document
	etag string
	lost error
	// confirmed is when the store last said that the lock is ours, by this machine's monotonic clock.
	confirmed time.Time
	stop      context.CancelFunc
	stopped   chan struct{}
}

// Token is the fencing token.
func (l *Lock) Token() int64 { return l.mine.Token }

// Acquire takes the environment's lock for a holder. One whose holder is known to be dead on this machine, or whose lease has ended, is taken
// over. The error is a *HeldError when it is somebody else's. The lock sends signs of life until it is released.
func (l *Ledger) Acquire(ctx context.Context, h Holder) (*Lock, error) {
	lock := &Lock{store: l.shelf, key: l.key("lock.json"), stopped: make(chan struct{})}
	const tries = 5 // each further one means that somebody came in between
	for range tries {
		err := lock.take(ctx, h)
		if errors.Is(err, ErrChanged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		beating, stop := context.WithCancel(context.WithoutCancel(ctx))
		lock.stop = stop
		go lock.live(beating)
		return lock, nil
	}
	return nil, fmt.Errorf("the lock changes hands faster than it can be taken: %w", ErrChanged)
}

// take tries once.
func (l *Lock) take(ctx context.Context, h Holder) error {
	var now document
	object, err := read(ctx, l.store, l.key, &now)
	only := Condition{ETag: object.ETag}
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrAbsent):
		only = Condition{Absent: true}
	case errors.As(err, &damaged): // nobody can hold it; its token is not known, and the next one has to be greater
		now = document{Token: object.Now.Unix()}
	case err != nil:
		return err
	}
	if held := now.Holder; held != nil && held.ID != h.ID {
		quiet := object.Now.Sub(object.Modified)
		if quiet < Lease && !dead(*held) {
			return &HeldError{Holder: *held, Age: object.Now.Sub(held.Since), Quiet: quiet}
		}
		l.Before = held
	}
	l.mine = document{Token: now.Token + 1, Holder: &h}
	written, err := write(ctx, l.store, l.key, l.mine, only)
	if err != nil {
		return err
	}
	l.etag, l.confirmed = written.ETag, time.Now()
	if l.Before != nil {
		forget(*l.Before)
	}
	return nil
}

// live sends signs of life until the lock is released or lost.
func (l *Lock) live(ctx context.Context) {
	defer close(l.stopped)
	ticker := time.NewTicker(Lease / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		l.beat(ctx)
	}
}

// beat sends one sign of life. An endpoint that does not answer is no reason to give up: Check will ask again.
func (l *Lock) beat(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil || ctx.Err() != nil {
		return
	}
	next := l.mine
	next.Beat++
	written, err := write(ctx, l.store, l.key, next, Condition{ETag: l.etag})
	switch {
	case errors.Is(err, ErrChanged), errors.Is(err, ErrAbsent):
		l.lost = l.whoHas(ctx)
	case err == nil:
		l.mine, l.etag, l.confirmed = next, written.ETag, time.Now()
	}
}

// Check asks the store whether the lock is still ours. It comes before every write: what has been lost must not be written to.
func (l *Lock) Check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	var now document
	object, err := read(ctx, l.store, l.key, &now)
	if errors.Is(err, ErrAbsent) {
		l.lost = &LostError{"it was removed"}
		return l.lost
	}
	if err != nil {
		return err
	}
	if !l.ours(now) {
		l.lost = lostTo(now)
		return l.lost
	}
	l.etag, l.confirmed = object.ETag, time.Now()
	if object.Now.Sub(object.Modified) < Lease/2 {
		return nil
	}
	// Signs of life went missing. The lease has to last for as long as the write takes that comes next.
	next := l.mine
	next.Beat++
	written, err := write(ctx, l.store, l.key, next, Condition{ETag: l.etag})
	if errors.Is(err, ErrChanged) {
		l.lost = l.whoHas(ctx)
		return l.lost
	}
	if err == nil {
		l.mine, l.etag = next, written.ETag
	}
	return err
}

func (l *Lock) whoHas(ctx context.Context) error {
	var now document
	if _, err := read(ctx, l.store, l.key, &now); err != nil {
		return &LostError{"it was changed by somebody else"}
	}
	return lostTo(now)
}

func lostTo(now document) error {
	if now.Holder == nil {
		return &LostError{"somebody unlocked it"}
	}
	return &LostError{now.Holder.String() + " has it now"}
}

// Release gives the lock back. What cannot be given back ends by itself: this process is gone then, or its lease ends.
func (l *Lock) Release(ctx context.Context) error {
	l.stop()
	<-l.stopped
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return nil //nolint:nilerr // whoever has it now gives it back
	}
	const tries = 3
	for range tries {
		_, err := write(ctx, l.store, l.key, document{Token: l.mine.Token}, Condition{ETag: l.etag})
		if !errors.Is(err, ErrChanged) {
			return err
		}
		// The last sign of life may have been written although its answer was not waited for.
		var now document
		object, err := read(ctx, l.store, l.key, &now)
		if err != nil {
			return err
		}
		if !l.ours(now) {
			return nil
		}
		l.etag = object.ETag
	}
	return ErrChanged
}

// ours says whether a lock as it is stored is this one.
func (l *Lock) ours(now document) bool {
	return now.Token == l.mine.Token && now.Holder != nil && now.Holder.ID == l.mine.Holder.ID
}

// A Held is who holds the lock at this moment.
type Held struct {
	Holder Holder `json:"holder"`
	// AgeSeconds is since when, QuietSeconds how long since the last sign of life.
	AgeSeconds   int64 `json:"ageSeconds"`
	QuietSeconds int64 `json:"quietSeconds"`
	// Dead says that the next run takes it over.
	Dead bool `json:"dead"`
}

// HeldBy is who holds the lock; nil if nobody does.
func (l *Ledger) HeldBy(ctx context.Context) (*Held, error) {
	var now document
	object, err := read(ctx, l.shelf, l.key("lock.json"), &now)
	if errors.Is(err, ErrAbsent) || err == nil && now.Holder == nil {
		return nil, nil //nolint:nilnil // nobody is an answer
	}
	if err != nil {
		return nil, err
	}
	quiet := object.Now.Sub(object.Modified)
	return &Held{
		Holder: *now.Holder, AgeSeconds: int64(object.Now.Sub(now.Holder.Since).Seconds()), QuietSeconds: int64(quiet.Seconds()),
		Dead: quiet >= Lease || dead(*now.Holder),
	}, nil
}

// A WrongHolderError is an unlock that names another holder than there is.
type WrongHolderError struct {
	Named string
	// Holder is who holds the lock; nil if nobody does.
	Holder *Holder
}

func (e *WrongHolderError) Error() string {
	if e.Holder == nil {
		return "nobody holds the lock"
	}
	return fmt.Sprintf("the lock is not held by %q but by %s", e.Named, e.Holder)
}

// Unlock takes the lock away from a holder, who notices before its next write. The error is a *WrongHolderError unless it is that very holder's.
func (l *Ledger) Unlock(ctx context.Context, holder string) error {
	var now document
	key := l.key("lock.json")
	object, err := read(ctx, l.shelf, key, &now)
	if errors.Is(err, ErrAbsent) {
		return &WrongHolderError{Named: holder}
	}
	if err != nil {
		return err
	}
	if now.Holder == nil || now.Holder.ID != holder {
		return &WrongHolderError{Named: holder, Holder: now.Holder}
	}
	_, err = write(ctx, l.shelf, key, document{Token: now.Token + 1}, Condition{ETag: object.ETag})
	return err
}
