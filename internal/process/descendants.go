package process

// Variable is the environment variable that marks the processes of a step. A process inherits it from the one that
// started it.
const Variable = "LOCKSTEP_STARTED_BY"

// Kept is the value of Variable in a process that may outlive the run that started it.
const Kept = "nobody"
