package fsx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"lockstep/internal/fault"
)

// newNotFileError returns an error that says what there is under the name instead of a regular file.
func newNotFileError(op, name string, mode fs.FileMode) error {
	return &fs.PathError{Op: op, Path: name, Err: fault.NotFile(mode)}
}

// A TooLargeError is a file that has more bytes than its reader accepts.
type TooLargeError struct {
	Name string
	// Limit is the largest size that is accepted, in bytes.
	Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.Name, e.Limit)
}

// Code returns the code of the error.
func (e *TooLargeError) Code() fault.Code { return fault.FileTooLarge }

// Open opens the named file for reading, as OpenFile does.
func Open(name string) (*os.File, error) { return OpenFile(name, os.O_RDONLY, 0) }

// OpenSized opens the named file for reading, as Open does, and returns its size in bytes too.
func OpenSized(name string) (file *os.File, size int64, err error) {
	file, info, err := WithInfo(Open(name))
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// WithInfo takes what opening a file has returned, and adds the result of its Stat. If that fails, it closes the file.
func WithInfo[F fs.File](file F, err error) (F, fs.FileInfo, error) {
	var none F
	if err != nil {
		return none, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return none, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// MaxText is the size in bytes of the largest text that is read whole, where no format or writer sets a smaller one.
const MaxText = 64 << 20

// ReadFile returns what the named file holds. The error is a *TooLargeError if that is more than limit bytes.
func ReadFile(name string, limit int64) ([]byte, error) {
	file, size, err := OpenSized(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readSized(file, name, size, limit)
}

// readSized is ReadAll of a file that says how large it is. One that says that it is too large is not read.
func readSized(reader io.Reader, name string, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, &TooLargeError{Name: name, Limit: limit}
	}
	return ReadAll(reader, name, limit)
}

// ReadFileFS is ReadFile for a file of a tree of files.
func ReadFileFS(files fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(files, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a device may have effects
		return nil, newNotFileError("open", name, info.Mode())
	}
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readSized(file, name, info.Size(), limit)
}

// ReadAll returns what a reader yields, of which it reads no more than one byte over the limit. The error is a
// *TooLargeError with the name if that is too much.
func ReadAll(reader io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &TooLargeError{Name: name, Limit: limit}
	}
	return data, nil
}

// Hash returns the SHA-256 of what the named file holds, in hexadecimal.
func Hash(name string) (string, error) {
	file, err := Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
