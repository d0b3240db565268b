package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/config"
	"lockstep/internal/cli"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

func TestExitCode_EachKindOfError(t *testing.T) {
	refusal := refusal.Newf(fault.LockHeld, nil, "no")
	for _, test := range []struct {
		name        string
		err         error
		interrupted bool
		want        int
	}{
		{"no error", nil, false, 0},
		{"no error although interrupted", nil, true, 0},
		{"an error", errors.New("fault"), false, 1},
		{"a usage error", &cli.UsageError{Err: errors.New("fault")}, false, 2},
		{"a configuration with problems", config.ValidationErrors{}, false, 2},
		{"an unknown environment", &config.UnknownEnvironmentError{}, false, 2},
		{"a refusal", fmt.Errorf("acc: %w", refusal), false, 3},
		{"a refusal among other errors", errors.Join(errors.New("fault"), refusal), false, 3},
		{"an interrupt", context.Canceled, true, 130},
		{"a refusal after an interrupt", refusal, true, 130},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, exitCode(test.err, test.interrupted)) })
	}
}

func TestStepsExitCode_PassesOnUsageAndRefusal(t *testing.T) {
	for status, want := range map[int]int{1: 1, 2: 2, 3: 3, 69: 1, 137: 1} {
		assert.Equal(t, want, stepsExitCode(status))
	}
}

func TestMessageFor_ConfigurationProblemsHaveNoPrefix(t *testing.T) {
	problems := config.ValidationErrors{}
	assert.Equal(t, problems.Error(), messageFor(problems))
	assert.Equal(t, "lockstep: LS-901: fault", messageFor(errors.New("fault")))
	refused := refusal.Newf(fault.LockHeld, nil, "no")
	assert.Equal(t, "lockstep: LS-601: acc: no", messageFor(fmt.Errorf("acc: %w", refused)))
}
