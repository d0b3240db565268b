package deploy

import (
	"crypto/rand"
	"strings"

	"lockstep/internal/deploy/digest"
)

// A RunInfo is one start of the program, as what it leaves behind tells of it.
type RunInfo struct {
	// ID is unique; it is part of the names of sessions and change sets, and holds the lock.
	ID string
	// Command is the command, for whoever meets the lock.
	Command string
	// Mode is rehearsal or live.
	Mode string
	// Commit is what was checked out; empty if that cannot be told.
	Commit string
}

// NewRunID is an id of twelve lower-case letters and digits.
func NewRunID() string { return strings.ToLower(rand.Text()[:12]) }

// Options are how a deployment is to go about it.
type Options struct {
	Run RunInfo
	// Progress is told of progress, a line at a time.
	Progress func(string)
	// ShowPlan, if not nil, is called with what is about to be executed.
	ShowPlan func(Record)
	// SynthDigest is the digest of the cloud assembly as it was synthesised, which a rehearsal's stand-ins change. Bundle is that of the assemblies of all
	// the environment's accounts together, and Beside those of the environments that come after it and were synthesised with it.
	SynthDigest       digest.Synth
	EnvironmentDigest digest.Environment
	SiblingDigests    map[string]digest.Environment
	// ConfigurationDigest is the digest of what the environment's configuration says.
	ConfigurationDigest digest.Configuration
	// RequiresApproval says that a person must have agreed to the plan.
	RequiresApproval bool
	Artifacts        Artifacts
	// Limiter is shared by all deployments of a run; nil for one alone.
	Limiter *Limiter
	// LivenessDir is the folder, on this machine, of the liveness files of runs; empty for none.
	LivenessDir string
}
