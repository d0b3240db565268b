package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goyek/goyek/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
)

func TestProber_ProgramThatPrintsNoVersionDoesNotWork(t *testing.T) {
	printed := faulttest.Printed(t)
	node := filepath.Join(t.TempDir(), "node")
	require.NoError(t, os.WriteFile(node, []byte("#!/bin/sh\nexit 127\n"), 0o755))
	_, err := newProber(nil).printedVersion(t.Context(), pipeline.ToolNode, node)
	assert.Equal(t, fault.ToolBroken, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestStep_PanicOfItsRunnerIsAResult(t *testing.T) {
	printed := faulttest.Printed(t)
	g, err := pipeline.NewGraph([]pipeline.Step{shellStep("a", "true")})
	require.NoError(t, err)
	r := &graphRun{
		Runner: &Runner{}, graph: g, now: time.Now, results: map[string]*pipeline.Result{"a": {}},
	}
	r.emitEvents(func(goyek.Input) goyek.Result {
		return goyek.Result{Status: goyek.StatusFailed, PanicValue: "a switch without its case"}
	})(goyek.Input{Context: t.Context(), TaskName: "a"})
	result := r.result("a")
	printed.Text(result.Message())
	assert.Equal(t, fault.Panicked, result.Code)
}

func TestStep_CommandThatFailsHasItsStatus(t *testing.T) {
	printed := faulttest.Printed(t)
	result := runSteps(t, &Runner{Root: repository(t, nil)}, shellStep("a", "exit 3"))["a"]
	printed.Text(result.Message())
	assert.Equal(t, fault.StepFailed, result.Code)
}
