package gate_test

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/gate"
	"lockstep/internal/pipeline"
)

// A row of the table of gates without a command is a function of this program, which has to exist.
func TestBuiltinGates_MatchTable(t *testing.T) {
	c, err := config.Load(os.DirFS("../../config"))
	require.NoError(t, err)
	builtin := 0
	for _, step := range pipeline.Steps(c) {
		if !step.IsGate() || slices.Contains(step.Command, "--") {
			continue
		}
		builtin++
		g := gate.Gate{Name: step.Name, Format: pipeline.SARIF, Root: t.TempDir(), Log: &bytes.Buffer{}, Now: time.Now}
		if err := g.Run(t.Context()); err != nil {
			assert.NotContains(t, err.Error(), "there is no gate", "%s has neither a command nor a function", step.Name)
		}
	}
	assert.Positive(t, builtin)

	g := gate.Gate{Name: "nonsense", Format: pipeline.SARIF, Root: t.TempDir(), Log: &bytes.Buffer{}, Now: time.Now}
	assert.ErrorContains(t, g.Run(t.Context()), "there is no gate", "the message that this test looks for")
}
