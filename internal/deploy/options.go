package deploy

import (
	"crypto/rand"
	"strings"

	"lockstep/internal/awsclient"
)

// A RunInfo describes one run of the program, for the locks, sessions and records that it leaves in an account.
type RunInfo struct {
	// ID is unique. It is part of the names of sessions and change sets, and holds the lock.
	ID string
	// Command is the command that was run, shown to whoever is refused the lock.
	Command string
	// Mode is Rehearsal or Live.
	Mode string
	// Commit is what was checked out; empty if that is not known.
	Commit string
}

// NewRunID returns a random id of twelve lower-case letters and digits.
func NewRunID() string { return strings.ToLower(rand.Text()[:12]) }

// Options are what a deployment needs besides its target and assembly.
type Options struct {
	Run RunInfo
	// Progress is called with each line of progress.
	Progress func(string)
	// SynthDigest is the digest of the cloud assembly as it was synthesised, which a rehearsal's stand-ins change.
	SynthDigest string
	// EnvironmentDigest is that of the assemblies of all the environment's accounts together.
	EnvironmentDigest string
	// SiblingDigests are those of the later environments that were synthesised together with this one, by name.
	SiblingDigests map[string]string
	// ConfigurationDigest is the digest of the environment's configuration.
	ConfigurationDigest string
	// RequiresApproval says that a person must have approved the plan.
	RequiresApproval bool
	Artifacts        Artifacts
	// Limiter is shared by all deployments of a run; nil for one alone.
	Limiter *awsclient.Limiter
	// HeartbeatDir is the folder of this machine's heartbeat files; empty for none.
	HeartbeatDir string
}
