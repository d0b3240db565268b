// Package refusal owns the error of a guard: nothing was written, because something is not as it was configured,
// reviewed or permitted. It knows nothing of who refuses what.
package refusal

import (
	"fmt"

	"lockstep/internal/fault"
)

// An Error says why nothing was written. The command line exits with 3 on it.
type Error struct {
	code fault.Code
	// Reason says what is wrong and what to do about it.
	Reason string
	// Err is what AWS said, nil when nothing was asked.
	Err error
}

func (r *Error) Error() string { return r.Reason }

// Unwrap returns what AWS said.
func (r *Error) Unwrap() error { return r.Err }

// Code returns the code of the refusal.
func (r *Error) Code() fault.Code { return r.code }

// Newf returns an *Error with a code and a formatted reason. The error err is what AWS said; it may be nil.
func Newf(code fault.Code, err error, format string, args ...any) error {
	return &Error{code: code, Reason: fmt.Sprintf(format, args...), Err: err}
}
