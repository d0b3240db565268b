package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// BlobKey returns the key of a blob.
func (l *Ledger) BlobKey(name string) string { return l.key("blobs/" + name) }

// SaveBlob writes a small blob unless it exists. An existing one with another content is replaced.
func (l *Ledger) SaveBlob(ctx context.Context, name string, data []byte) error {
	_, err := l.store.Put(ctx, l.BlobKey(name), data, Condition{Absent: true})
	if !errors.Is(err, ErrPreconditionFailed) {
		return err
	}
	existing, err := l.store.Get(ctx, l.BlobKey(name))
	if err != nil || bytes.Equal(existing.Data, data) {
		return err
	}
	_, err = l.store.Put(ctx, l.BlobKey(name), data, Condition{ETag: existing.ETag})
	return err
}

// SHA256Hex returns the SHA-256 of data, in hexadecimal.
func SHA256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
