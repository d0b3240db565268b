// Package proc finds and ends the processes that a run has started, in whatever process group and session they are. It
// knows nothing of steps. Only Linux says enough of processes: elsewhere every function finds none.
package proc

// Variable is the environment variable that marks the processes of a step. A process inherits it from the one that
// started it.
const Variable = "LOCKSTEP_STARTED_BY"

// Kept is the value of Variable in a process that may outlive the run that started it.
const Kept = "nobody"
