// Package lint proves the gate lint. It is a package of its own because golangci-lint takes minutes to build.
package lint

import (
	"testing"

	"lockstep/tests/gates/proof"
)

func TestMain(m *testing.M) { proof.Main(m) }

func TestGate_FindsDefectAndPassesCleanTwin(t *testing.T) { proof.Run(t, "lint") }

func TestGate_RepositoryDecidesOnlyWhatTheReportNames(t *testing.T) { proof.RunOverrides(t, "lint") }
