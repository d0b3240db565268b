package fsx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"lockstep/internal/fault"
)

// An ExplainedError is an error of a file that says what to do about it.
type ExplainedError struct {
	code    fault.Code
	Message string
	Err     error
}

// NewExplainedError returns an ExplainedError with that code.
func NewExplainedError(code fault.Code, message string, err error) *ExplainedError {
	return &ExplainedError{code, message, err}
}

func (e *ExplainedError) Error() string { return e.Message }
func (e *ExplainedError) Unwrap() error { return e.Err }

// Code returns the code of the error.
func (e *ExplainedError) Code() fault.Code { return e.code }

// Explain adds to an error of a file what to do about it. Any other error, and one that says so already, is returned as
// it is.
func Explain(err error) error {
	var explained *ExplainedError
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &explained) {
		return err
	}
	name, ok := FileOf(err)
	if !ok && !IsDescriptorLimit(err) {
		return err
	}
	for _, row := range remedies {
		if errors.Is(err, row.errno) {
			return &ExplainedError{fault.CodeOf(err), fmt.Sprintf("%v: %s", err, row.remedy(name)), err}
		}
	}
	return err
}

// IsDescriptorLimit reports whether an error, of a file or of a socket, says that too many of them are open.
func IsDescriptorLimit(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// FileOf returns the path of the file that an error is of; ok is false if it is of none.
func FileOf(err error) (name string, ok bool) {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Path, true
	case errors.As(err, &link):
		return link.New, true
	}
	return "", false
}

// A remedy returns what to do about the error of a file.
type remedy func(name string) string

// remedies are what to do about each error, the first that fits.
var remedies = []struct {
	errno  syscall.Errno
	remedy remedy
}{
	{syscall.ENOSPC, fullDisk},
	{syscall.EDQUOT, fullDisk},
	{
		syscall.EMFILE,
		fixed("too many files are open: raise the limit with `ulimit -n`, then run this again"),
	},
	{
		syscall.ENFILE,
		fixed("the machine has too many open files: close other programs, then run this again"),
	},
	{syscall.EROFS, fixed("its disk is mounted read-only: use another folder, or mount it writable")},
	{syscall.ELOOP, fixed("the links go in a circle: fix or remove them")},
	{syscall.EACCES, fixed(notAllowed)},
	{syscall.EPERM, fixed(notAllowed)},
	{syscall.ENOTDIR, fixed("a part of its path is a file where a folder is expected: fix the path")},
	{syscall.EISDIR, fixed("it is a folder where a file is expected: fix the path")},
	{syscall.ENAMETOOLONG, fixed("its name is too long for the disk: use a shorter path")},
	{syscall.ETXTBSY, fixed("the program runs at this moment: end it, then run this again")},
	{syscall.EIO, fixed("the disk could not be read or written: check it, then run this again")},
	{
		syscall.ESTALE,
		fixed("the network drive no longer knows it: mount the drive again, then run this again"),
	},
	{syscall.EPIPE, fixed("whoever read the output has ended")},
	{syscall.ENOENT, fixed("see that it exists and, if it is a link, that its target does")},
}

// notAllowed is what to do about a file that this user may not use.
const notAllowed = "this user may not use it: change its owner or mode, or that of a folder above it"

func fixed(text string) remedy { return func(string) string { return text } }

func fullDisk(name string) string {
	return fmt.Sprintf("the disk that holds %s is full: make room there, then run this again", filepath.Dir(name))
}
