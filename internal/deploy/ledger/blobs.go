package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// BlobKey is where bytes of a name are kept.
func (l *Ledger) BlobKey(name string) string { return l.key("blobs/" + name) }

// SaveBlob keeps bytes under a name that is unique for their content, as far as they are not there.
func (l *Ledger) SaveBlob(ctx context.Context, name string, data []byte) error {
	_, err := l.store.Put(ctx, l.BlobKey(name), data, Condition{Absent: true})
	if errors.Is(err, ErrPreconditionFailed) {
		return nil // it is there
	}
	return err
}

// Blob reads what was kept under a name.
func (l *Ledger) Blob(ctx context.Context, name string) ([]byte, error) {
	object, err := l.store.Get(ctx, l.BlobKey(name))
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%s is gone: %w", l.BlobKey(name), err)
	}
	return object.Data, err
}

// SHA256Hex is the SHA-256 of bytes, in hexadecimal.
func SHA256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
