package pipeline

import "lockstep/internal/fault"

// ExitNotRun is the exit code of the command `gate` when the gate could not run. The last line that it printed says
// why. Source of the number: EX_UNAVAILABLE of sysexits.h.
const ExitNotRun = 69

// A NotRunError is the error of a gate that could not work here, for a reason that lies outside of what it checks. It
// never counts as passed.
type NotRunError struct{ Reason string }

func (e *NotRunError) Error() string { return e.Reason }

// Code returns the code of the error.
func (e *NotRunError) Code() fault.Code { return fault.GateNotRun }

// ExitNothingToDo is the exit code of the command `gate` when the repository has nothing that the gate checks. The last
// line that it printed says what is not there. Source of the number: EX_NOINPUT of sysexits.h.
const ExitNothingToDo = 66

// A NothingToDoError is the error of a gate that applies to a repository which has nothing that the gate checks, such
// as tests. That is neither a failure nor a judgement that is missing.
type NothingToDoError struct{ Reason string }

func (e *NothingToDoError) Error() string { return e.Reason }

// Code returns the code of the error, which is none: nothing is wrong.
func (e *NothingToDoError) Code() fault.Code { return "" }
