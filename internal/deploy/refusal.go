package deploy

import "fmt"

// A Refusal is an error of the guard: nothing was written, because this caller, account, region or role is not the one
// that was configured. The command line exits with 3 on it.
type Refusal struct {
	// Reason says what is wrong and what to do about it.
	Reason string
	// Err is what AWS said, nil when nothing was asked.
	Err error
}

func (r *Refusal) Error() string { return r.Reason }

// Unwrap gives what AWS said.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(err error, format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...), Err: err}
}
