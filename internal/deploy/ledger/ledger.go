// Package ledger owns what is kept in a target account between runs: the lock, the journal of the run at work, the plans that may be
// applied, the approvals, and the chain of release records. It knows keys and documents, and nothing of CloudFormation or of how an object is
// stored.
package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNotFound says that there is no object under a key.
	ErrNotFound = errors.New("there is no such object")
	// ErrPreconditionFailed says that an object is not as the condition of a write wants it: somebody else was faster.
	ErrPreconditionFailed = errors.New("the object was changed by somebody else")
)

// An Object is what a store holds under a key. Its times are of the store's own clock, so that a wrong clock on this machine does no harm.
type Object struct {
	Data []byte
	// ETag changes with every write that changes the content.
	ETag string
	// Modified is when it was last written, Now when it was asked for; both by the store.
	Modified, ServerTime time.Time
}

// A Condition is what must hold for a write to happen; the zero one holds always.
type Condition struct {
	// Absent wants that there is no object yet.
	Absent bool
	// ETag wants that the object is still the one that was read.
	ETag string
}

// A ObjectReadWriter keeps objects. Get answers with ErrAbsent, and Put with ErrChanged where the condition does not hold.
type ObjectReadWriter interface {
	Get(ctx context.Context, key string) (Object, error)
	Put(ctx context.Context, key string, data []byte, only Condition) (Object, error)
}

// A ObjectStore is a store that can be looked through and cleared.
type ObjectStore interface {
	ObjectReadWriter
	// List are the keys that begin with a prefix, in order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes an object; one that is not there is removed already.
	Delete(ctx context.Context, key string) error
}

// A Ledger is what is kept of one environment in one account and region.
type Ledger struct {
	store  ObjectStore
	prefix string
}

// KeyPrefix is what all keys begin with, so that nothing else in the store is touched.
const KeyPrefix = "lockstep/"

// Open is the ledger of a project's environment.
func Open(shelf ObjectStore, project, environment string) *Ledger {
	return &Ledger{store: shelf, prefix: KeyPrefix + project + "/" + environment + "/"}
}

func (l *Ledger) key(name string) string { return l.prefix + name }

// A DamagedError is a document that cannot be what this program wrote.
type DamagedError struct {
	Key string
	Err error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Key, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// read reads a document. The error is ErrAbsent when there is none and a *DamagedError when it is no document.
func read(ctx context.Context, s ObjectReadWriter, key string, into any) (Object, error) {
	object, err := s.Get(ctx, key)
	if err != nil {
		return object, err
	}
	if err := json.Unmarshal(object.Data, into); err != nil {
		return object, &DamagedError{key, err}
	}
	return object, nil
}

// write writes a document under a condition. A write that was repeated because its answer was lost finds its own object there: that is success.
func write(ctx context.Context, s ObjectReadWriter, key string, document any, only Condition) (Object, error) {
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return Object{}, err
	}
	object, err := s.Put(ctx, key, data, only)
	if !errors.Is(err, ErrPreconditionFailed) {
		return object, err
	}
	there, reading := s.Get(ctx, key)
	if reading == nil && bytes.Equal(there.Data, data) {
		return there, nil
	}
	return Object{}, err
}
