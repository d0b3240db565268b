package deploy

import (
	"context"
	"crypto/rand"
	"io/fs"
	"strings"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
)

// A RunInfo describes one run of the program, for the locks, sessions and records that it leaves in an account.
type RunInfo struct {
	// ID is unique. It is part of the names of sessions and change sets, and holds the lock.
	ID string
	// Command is the command that was run, shown to whoever is refused the lock.
	Command string
	// Mode is Rehearsal or Live.
	Mode string
	// Endpoint is the endpoint that takes the place of AWS in a live run; empty for AWS itself.
	Endpoint string
	// Commit is what was checked out, and Author the e-mail address of who has written it; empty if that is not known.
	Commit string
	// Committed is when that commit was made; zero if that is not known.
	Committed time.Time
	Author    string
}

// NewRunID returns a random id of twelve lower-case letters and digits.
func NewRunID() string { return strings.ToLower(rand.Text()[:12]) }

// Options are what a deployment needs besides its target and assembly.
type Options struct {
	Run RunInfo
	// Access is what the run needs to do; ReadAccess by default.
	Access Access
	// Progress is called with each line of progress.
	Progress func(string)
	// ShowPlan, if not nil, is called with what is about to be executed.
	ShowPlan func(Record)
	// SynthDigest is the digest of the cloud assembly as it was synthesised, which a rehearsal's stand-ins change.
	SynthDigest digest.Synth
	// EnvironmentDigest is that of the assemblies of all the environment's accounts together.
	EnvironmentDigest digest.Environment
	// SiblingDigests are those of the later environments that were synthesised together with this one, by name.
	SiblingDigests map[string]digest.Environment
	// EarlierDigests returns the digests of the assembly and of its siblings as earlier versions of this program recorded
	// them; nil if there are none.
	EarlierDigests func() (digest.Synth, map[string]digest.Environment, error)
	// Places are the accounts and regions, besides the target's own, that stacks of the assembly may be in.
	Places []assembly.Place
	// SharesAccount says that other environments have stacks in the target's account.
	SharesAccount bool
	// Selection selects the stacks that are deployed. Its places are those of the deployment.
	Selection assembly.Selection
	// ConfigurationDigest is the digest of the environment's configuration.
	ConfigurationDigest digest.Configuration
	// ProjectAccounts are the ids of all accounts of the project. Access that a new stack gives to others has to be
	// allowed by name; empty if the accounts are not known.
	ProjectAccounts []string
	// RequiresApproval says that a person must have approved the plan.
	RequiresApproval bool
	// RequiresOtherApprover says that the person must be another one than those who have made the plan and written its
	// commit.
	RequiresOtherApprover bool
	// AllowsPlaceholders says that an assembly may hold placeholders for look-ups without an answer.
	AllowsPlaceholders bool
	// AdaptAssembly returns a release's cloud assembly in the form in which it is deployed; nil if that is the same.
	AdaptAssembly func(fs.FS) (fs.FS, error)
	// RequiresCompletePlan says that a reviewed plan may not touch a stack whose changes it does not show.
	RequiresCompletePlan bool
	// ImportsExisting says that new resources which exist already, and belong to no stack, are taken over as they are.
	ImportsExisting bool
	Artifacts       Artifacts
	// Images makes the container images of the assembly; nil if nothing does.
	Images ImageBuilder
	// Signing says how records, approvals and plans are signed; the zero Signing that they are not.
	Signing Signing
	// Limiter is shared by all deployments of a run; nil for one alone.
	Limiter *awsclient.Limiter
	// Pause waits between two questions whether AWS has ended its work, as cfn.Client.Pause; nil for a real pause.
	Pause func(context.Context, time.Duration) error
	// LivenessDir is the folder, on this machine, of the liveness files of runs; empty for none.
	LivenessDir string
}
