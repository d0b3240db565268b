// Package osv proves the gate osv. It is a package of its own because osv-scanner takes minutes to build.
package osv

import (
	"testing"

	"lockstep/tests/gates/proof"
)

func TestMain(m *testing.M) { proof.Main(m) }

func TestGate_FindsDefectAndPassesCleanTwin(t *testing.T) { proof.Run(t, "osv") }

func TestGate_RepositoryDecidesOnlyWhatTheReportNames(t *testing.T) { proof.RunOverrides(t, "osv") }
