package cli

import (
	"regexp"

	"github.com/spf13/pflag"

	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// A digestValue is the value of a flag that names a digest; empty if the flag is not written. An empty text on the
// command line is an error: a variable that was never set must not stand for anything.
type digestValue string

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// String implements pflag.Value.
func (d *digestValue) String() string { return string(*d) }

// Type implements pflag.Value.
func (*digestValue) Type() string { return "digest" }

// Set implements pflag.Value.
func (d *digestValue) Set(text string) error {
	if !digestPattern.MatchString(text) {
		return fault.New(fault.FlagValue, "write all 64 characters of the digest")
	}
	*d = digestValue(text)
	return nil
}

func (f *rolloutFlags) addExpectAssemblyFlag(flags *pflag.FlagSet) {
	flags.Var(&f.expectAssembly, "expect-assembly", "refuse any other cloud assembly of the environment than the one "+
		"with this digest")
}

func (f *rolloutFlags) addExpectPlanFlag(flags *pflag.FlagSet) {
	flags.Var(&f.expectPlan, "expect-plan", "refuse any other plan than the one with this digest")
}

// checkExpectedPlan returns a *refusal.Error if a plan is not the one that the caller expects.
func (f *rolloutFlags) checkExpectedPlan(plan planfile.File) error {
	if f.expectPlan == "" || string(plan.Digest) == string(f.expectPlan) {
		return nil
	}
	return refusal.Newf(fault.NotExpected, nil,
		"the plan of %s is %.12s, and %.12s is expected: nothing was done with it; see who has "+
			"exchanged the file", plan.Environment, plan.Digest, f.expectPlan)
}
