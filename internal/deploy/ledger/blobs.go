package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Blobs are kept under the hash of what they say, for all environments of the account together.
const blobs = Root + "blobs/"

// KeepBlob keeps bytes under a name that is unique for their content, as far as they are not there.
func (l *Ledger) KeepBlob(ctx context.Context, name string, data []byte) error {
	_, err := l.shelf.Put(ctx, blobs+name, data, Condition{Absent: true})
	if errors.Is(err, ErrChanged) {
		return nil // it is there
	}
	return err
}

// Blob reads what was kept under a name.
func (l *Ledger) Blob(ctx context.Context, name string) ([]byte, error) {
	object, err := l.shelf.Get(ctx, blobs+name)
	if errors.Is(err, ErrAbsent) {
		return nil, fmt.Errorf("%s%s is gone: %w", blobs, name, err)
	}
	return object.Data, err
}

// SumOf is the SHA-256 of bytes, in hexadecimal.
func SumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
