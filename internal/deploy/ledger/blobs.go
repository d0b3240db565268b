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

// KeepBlob keeps bytes under a name that is unique for their content, as far as they are not there.
func (l *Ledger) KeepBlob(ctx context.Context, name string, data []byte) error {
	_, err := l.shelf.Put(ctx, l.BlobKey(name), data, Condition{Absent: true})
	if errors.Is(err, ErrChanged) {
		return nil // it is there
	}
	return err
}

// Blob reads what was kept under a name.
func (l *Ledger) Blob(ctx context.Context, name string) ([]byte, error) {
	object, err := l.shelf.Get(ctx, l.BlobKey(name))
	if errors.Is(err, ErrAbsent) {
		return nil, fmt.Errorf("%s is gone: %w", l.BlobKey(name), err)
	}
	return object.Data, err
}

// SumOf is the SHA-256 of bytes, in hexadecimal.
func SumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
