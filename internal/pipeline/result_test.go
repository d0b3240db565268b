package pipeline

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/fault"
)

func TestFailureCode_IsThatOfTheProgramOrTheStage(t *testing.T) {
	gate := func(stage Stage) Step { return Step{Name: "s", Stage: stage, Command: []string{Self, "gate", "s"}} }
	for name, test := range map[string]struct {
		step   Step
		output string
		want   fault.Code
	}{
		"a deployment's own code": {
			Step{Stage: Deploy, Command: []string{Self, "deploy"}}, "lockstep: LS-601: held\n", fault.LockHeld,
		},
		"another program's text": {
			Step{Stage: Deploy, Command: []string{"sh"}}, "lockstep: LS-601: held\n", fault.StepFailed,
		},
		"a quality gate":  {gate(Quality), "failed: 1 finding\n", fault.QualityFailed},
		"a test":          {gate(Test), "failed: 1 failing test\n", fault.TestsFailed},
		"a security scan": {gate(Security), "failed: 1 finding\n", fault.SecurityFailed},
		"the CDK app":     {Step{Name: "synth", Stage: Synth, Command: []string{"./app"}}, "", fault.SynthFailed},
		"the build":       {Step{Name: "build", Stage: Synth, Command: []string{"go", "build"}}, "", fault.StepFailed},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, test.step.FailureCode(test.output)) })
	}
}
