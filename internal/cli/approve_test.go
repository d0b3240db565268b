package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

func TestApprove_AsksForDigest(t *testing.T) {
	plan := planfile.File{Environment: "prod"}
	require.NoError(t, plan.SetDigest())
	var shown bytes.Buffer
	a := &app{Process: Process{Stdin: strings.NewReader(string(plan.Digest)), Stderr: &shown}}
	err := a.confirmDigest(plan, "")
	var usage *UsageError
	require.ErrorAs(t, err, &usage, "a pipe is nobody who reads")
	assert.Contains(t, shown.String(), "Plan for prod")
	assert.Contains(t, shown.String(), "digest "+string(plan.Digest))
	require.NoError(t, a.confirmDigest(plan, string(plan.Digest)))
}

func TestApprove_TypedDigestIsThatOfPlan(t *testing.T) {
	printed := faulttest.Printed(t)
	plan := planfile.File{Digest: "0123456789abcdef"}
	for typed, want := range map[string]bool{
		"0123456789ab": true, "0123456789abcdef": true,
		"": false, "0": false, "0123456789a": false, "0123456789abcdef0": false, "y": false, "1123456789ab": false,
	} {
		err := checkTyped(typed, plan)
		printed.Error(err)
		var refused *refusal.Error
		assert.Equal(t, !want, errors.As(err, &refused), typed)
	}
}

// A variable that was never set must not stand for anything.
func TestDigestValue_TakesWholeDigestsOnly(t *testing.T) {
	var d digestValue
	require.NoError(t, d.Set(strings.Repeat("a", 64)))
	for _, text := range []string{
		"", "a", strings.Repeat("a", 63), strings.Repeat("A", 64), strings.Repeat("a", 65), "$DIGEST",
	} {
		require.Error(t, d.Set(text), text)
	}
}
