package fault

import (
	"fmt"
	"io/fs"
)

// ErrNotFile is the error that the errors of NotFile wrap.
var ErrNotFile = New(FileKind, "is not a regular file")

// NotFile returns an error that says what a mode stands for instead of a regular file.
func NotFile(mode fs.FileMode) error { return fmt.Errorf("%w but %s", ErrNotFile, kind(mode)) }

// kind returns in words what a mode stands for, with its article.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}
