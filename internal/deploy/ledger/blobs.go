package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// BlobKey returns the key of a blob.
func (l *Ledger) BlobKey(name string) string { return l.key("blobs/" + name) }

// SaveBlob writes a blob unless it exists, and returns the SHA-256 of what is kept, in hexadecimal. An existing one
// with another content is replaced, unless isSame says that it stands for the same; isSame may be nil.
func (l *Ledger) SaveBlob(
	ctx context.Context, name string, data []byte, isSame func(existing []byte) bool,
) (string, error) {
	_, err := l.store.Put(ctx, l.BlobKey(name), data, Condition{Absent: true})
	if !errors.Is(err, ErrPreconditionFailed) {
		return SHA256Hex(data), err
	}
	existing, err := l.store.Get(ctx, l.BlobKey(name))
	switch {
	case err != nil:
		return "", err
	case bytes.Equal(existing.Data, data), isSame != nil && isSame(existing.Data):
		return SHA256Hex(existing.Data), nil
	}
	_, err = l.store.Put(ctx, l.BlobKey(name), data, Condition{ETag: existing.ETag})
	return SHA256Hex(data), err
}

// Blob reads a blob. The error wraps ErrNotFound if there is none.
func (l *Ledger) Blob(ctx context.Context, name string) ([]byte, error) {
	object, err := l.store.Get(ctx, l.BlobKey(name))
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%s does not exist: %w", l.BlobKey(name), err)
	}
	return object.Data, err
}

// SHA256Hex returns the SHA-256 of data, in hexadecimal.
func SHA256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
