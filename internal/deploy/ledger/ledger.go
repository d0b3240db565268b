// Package ledger owns what is kept in a target account between runs: the lock, the journal of the current run, the
// plans that may be applied, their approvals, and the chain of release records. It knows keys and documents. It knows
// nothing about CloudFormation, nor about how an object is stored.
package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lockstep/internal/attest"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

var (
	// ErrNotFound says that there is no object under a key.
	ErrNotFound = fault.New(fault.RecordMissing, "there is no such object")
	// ErrPreconditionFailed says that the condition of a write does not hold: another run has written the object.
	ErrPreconditionFailed = fault.New(fault.RecordContention, "another run has changed the object")
)

// An Object is what a store holds under a key. Its times are of the store's own clock, so that a wrong clock on this
// machine does no harm.
type Object struct {
	Data []byte
	// ETag changes with every write that changes the content.
	ETag string
	// Modified is when the object was last written.
	Modified time.Time
	// ServerTime is when the store answered.
	ServerTime time.Time
}

// A Condition must hold for a write to happen. The zero value always holds.
type Condition struct {
	// Absent holds if there is no object yet.
	Absent bool
	// ETag holds if the object still has it; empty for any.
	ETag string
}

// An ObjectReadWriter reads and writes objects. Get returns ErrNotFound if there is no object, and Put returns
// ErrPreconditionFailed if the condition does not hold.
type ObjectReadWriter interface {
	Get(ctx context.Context, key string) (Object, error)
	Put(ctx context.Context, key string, data []byte, only Condition) (Object, error)
}

// An ObjectStore can list and delete its objects too.
type ObjectStore interface {
	ObjectReadWriter
	// List returns the keys that begin with a prefix, in order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete deletes an object. It is no error if there is none.
	Delete(ctx context.Context, key string) error
}

// A Ledger is what is kept about one environment in one account and region.
type Ledger struct {
	store   ObjectStore
	prefix  string
	scope   attest.Scope
	signing Signing
}

// KeyPrefix begins all keys: nothing else in the store is touched. Earlier versions shared a bucket with the CDK.
const KeyPrefix = "lockstep/"

// Open returns the ledger of a project's environment in the account and region that the store is of.
func Open(store ObjectStore, scope attest.Scope, signing Signing) *Ledger {
	return &Ledger{
		store: store, prefix: KeyPrefix + scope.Project + "/" + scope.Environment + "/", scope: scope, signing: signing,
	}
}

// All returns the ledgers of all projects and environments that the store holds, in the order of their keys. Whose
// signatures count in another one is not known here.
func (l *Ledger) All(ctx context.Context) ([]*Ledger, error) {
	keys, err := l.store.List(ctx, KeyPrefix)
	if err != nil {
		return nil, err
	}
	var all []*Ledger
	for _, key := range keys {
		parts := strings.SplitN(strings.TrimPrefix(key, KeyPrefix), "/", 3)
		if len(parts) < 3 {
			continue
		}
		scope := l.scope
		scope.Project, scope.Environment = parts[0], parts[1]
		other := l
		if scope != l.scope {
			other = Open(l.store, scope, Signing{})
		}
		if len(all) == 0 || all[len(all)-1].prefix != other.prefix {
			all = append(all, other)
		}
	}
	return all, nil
}

// Name returns the project and the environment that the ledger is of, as PROJECT/ENVIRONMENT.
func (l *Ledger) Name() string { return strings.Trim(strings.TrimPrefix(l.prefix, KeyPrefix), "/") }

func (l *Ledger) key(name string) string { return l.prefix + name }

// A DamagedError says that a document is not what this program writes.
type DamagedError struct {
	Key string
	Err error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Key, e.Err) }

// Code returns the code of the error.
func (e *DamagedError) Code() fault.Code { return fault.RecordDamaged }

// Unwrap returns the reason.
func (e *DamagedError) Unwrap() error { return e.Err }

// A NewerError says that a document has names that this version of Lockstep does not know. A newer version may have
// written it, so it is neither believed nor replaced.
type NewerError struct {
	Key string
	Err error
}

// Code returns the code of the error.
func (e *NewerError) Code() fault.Code { return fault.RecordNewer }

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s is not as this version of Lockstep writes it (%v): use the version that wrote it, or a newer "+
		"one; if nobody uses one, it was edited", e.Key, e.Err)
}

// Unwrap returns the reason.
func (e *NewerError) Unwrap() error { return e.Err }

// read reads a document. The error is ErrNotFound if there is none, a *NewerError if it has names that are not known,
// and a *DamagedError if it is otherwise not what this program writes.
func read(ctx context.Context, s ObjectReadWriter, key string, into any) (Object, error) {
	object, err := s.Get(ctx, key)
	if err != nil {
		return object, err
	}
	err = jsonx.Unmarshal(object.Data, into)
	switch {
	case errors.Is(err, jsonx.ErrUnknownName):
		return object, &NewerError{key, err}
	case err != nil:
		return object, &DamagedError{key, err}
	}
	return object, nil
}

// write writes a document under a condition. A write that is repeated because its answer was lost finds its own object:
// that is success.
func write(ctx context.Context, s ObjectReadWriter, key string, document any, only Condition) (Object, error) {
	data, err := Format(document)
	if err != nil {
		return Object{}, err
	}
	return writeData(ctx, s, key, data, only)
}

// writeData is write for a document that Format has returned.
func writeData(ctx context.Context, s ObjectReadWriter, key string, data []byte, only Condition) (Object, error) {
	object, err := s.Put(ctx, key, data, only)
	if !errors.Is(err, ErrPreconditionFailed) {
		return object, err
	}
	existing, readErr := s.Get(ctx, key)
	if readErr == nil && bytes.Equal(existing.Data, data) {
		return existing, nil
	}
	return Object{}, err
}
