// Package gates proves the gates whose tools are quickly made, that no gate is without a proof, and that a tool which always ends well is noticed.
package gates

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tests/gates/proof"
)

func TestMain(m *testing.M) { proof.Main(m) }

// slowGates are the gates whose tools take minutes to build, with a package for each: all of them together would take longer than `go test` allows one package.
var slowGates = []string{"lint", "gosec", "osv"}

func TestGates_FindDefectAndPassCleanTwin(t *testing.T) {
	var here []string
	for _, row := range proof.Rows {
		if !slices.Contains(slowGates, row.Gate) {
			here = append(here, row.Gate)
		}
	}
	proof.Run(t, here...)
}

func TestGates_EachHasProof(t *testing.T) {
	proven := map[string]bool{}
	for _, row := range proof.Rows {
		proven[row.Gate] = true
	}
	for _, step := range proof.NewProject(t).Graph.Steps() {
		if slices.Contains(pipeline.GateStages, step.Stage) {
			assert.True(t, proven[step.Name], "%s has no row in the table of proofs: seed a defect that it must find", step.Name)
		}
	}
}

// emptyReports is what a program that has nothing to say prints, by the format that its gate reads.
var emptyReports = map[pipeline.Format]string{
	pipeline.SARIF:         `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "liar"}}, "results": []}]}`,
	pipeline.DetectSecrets: `{"version": "1.5.0", "results": {}}`,
	pipeline.GoTest:        `{"Action": "pass", "Package": "x", "Test": "TestX"}`,
}

func TestGates_ToolThatAlwaysPassesIsReported(t *testing.T) {
	for _, row := range proof.Rows {
		step, ok := proof.NewProject(t).Graph.Step(row.Gate)
		require.True(t, ok)
		program := proof.ProgramOf(step)
		if program == "" || row.FoundByLockstep {
			continue // this very program finds it
		}
		for kind, says := range map[string]string{"silent": "", "lying": emptyReports[formatOf(step)]} {
			t.Run(strings.ReplaceAll(row.Gate, ":", "-")+"/"+row.Name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				bin := t.TempDir()
				script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = version ] && echo go version go1.26.8 && exit\ncat <<'END'\n%s\nEND\nexit 0\n", says)
				require.NoError(t, os.WriteFile(filepath.Join(bin, program), []byte(script), 0o755))
				err := row.Prove(t, bin)
				assert.ErrorContains(t, err, "the seeded defect was not found")
				if kind == "silent" && !isLineFormat(formatOf(step)) {
					p := row.Clean(t)
					p.Path = bin
					result, _, err := p.Run(row.Gate)
					require.NoError(t, err)
					assert.Equal(t, pipeline.Failed, result.Status, "a program that prints no report must not pass")
				}
			})
		}
	}
}

// isLineFormat says whether findings come a line each, so that a program without any prints nothing.
func isLineFormat(reads pipeline.Format) bool {
	return !slices.Contains(slices.Collect(maps.Keys(emptyReports)), reads)
}

func formatOf(s pipeline.Step) pipeline.Format {
	return pipeline.Format(s.Command[slices.Index(s.Command, "--reads")+1])
}

func TestHistoryGate_NotRunWithoutFullHistory(t *testing.T) {
	p := proof.NewProject(t)
	result, _, err := p.Run("history")
	require.NoError(t, err)
	assert.Equal(t, pipeline.NotRun, result.Status)
	assert.Equal(t, "this is no Git repository, so there is no history to check", result.Reason)

	p.Git(t, "init", "-q")
	result, _, err = p.Run("history")
	require.NoError(t, err)
	assert.Equal(t, pipeline.Ran, result.Status, "a repository without a commit holds no secret in its history")

	whole := proof.NewProject(t)
	proof.CommitVersions(t, whole, "a\n", "b\n")
	part := proof.NewProject(t)
	part.Git(t, "clone", "-q", "--depth", "1", "file://"+whole.Root, "part")
	part.Root = filepath.Join(part.Root, "part")
	result, _, err = part.Run("history")
	require.NoError(t, err)
	assert.Equal(t, pipeline.NotRun, result.Status)
	assert.Contains(t, result.Reason, "this is a shallow clone")
}
