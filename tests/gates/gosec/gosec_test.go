// Package gosec proves the gate gosec. It is a package of its own because gosec takes minutes to build.
package gosec

import (
	"testing"

	"lockstep/tests/gates/proof"
)

func TestMain(m *testing.M) { proof.Main(m) }

func TestGate_FindsDefectAndPassesCleanTwin(t *testing.T) { proof.Run(t, "gosec") }
