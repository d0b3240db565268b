// Package lint proves the gate of golangci-lint, which takes minutes to build when it is not there yet.
package lint

import (
	"testing"

	"lockstep/tests/gates/proof"
)

func TestMain(m *testing.M) { proof.Main(m) }

func TestGate_FindsDefectAndPassesCleanTwin(t *testing.T) { proof.Run(t, "lint") }
