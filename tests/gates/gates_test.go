// Package gates proves the gates whose programs build quickly. It also tests that every gate has a proof, and that a
// program that always ends with status 0 is noticed.
package gates

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/gate"
	"lockstep/internal/pipeline"
	"lockstep/tests/gates/proof"
)

func TestMain(m *testing.M) { proof.Main(m) }

// slowGates have a package each, because their programs take minutes to build. Together they would exceed the time that
// `go test` gives one package.
var slowGates = []string{"lint", "gosec", "osv"}

func TestGates_FindDefectAndPassCleanTwin(t *testing.T) {
	var gates []string
	for _, row := range proof.Rows {
		if !slices.Contains(slowGates, row.Gate) {
			gates = append(gates, row.Gate)
		}
	}
	proof.Run(t, gates...)
}

func TestGates_RepositoryDecidesOnlyWhatTheReportNames(t *testing.T) {
	proof.RunOverrides(t, "bandit", "secrets", "baseline", "templates:dev", "python-lint", "python-types", "dockerfiles",
		"workflows", "prose")
}

func TestGates_EachHasProof(t *testing.T) {
	proven := map[string]bool{}
	for _, row := range proof.Rows {
		proven[row.Gate] = true
	}
	for _, s := range slices.Concat(pythonSeeds, nodeSeeds, javaSeeds) {
		proven[s.gate] = true
	}
	for _, step := range proof.NewProject(t).Graph.Steps() {
		if slices.Contains(pipeline.GateStages, step.Stage) {
			assert.True(t, proven[step.Name], "%s has no proof: seed a defect that it must find", step.Name)
		}
	}
}

// emptyReports are the reports of programs that found nothing, by format. Programs of other formats print nothing then.
var emptyReports = map[pipeline.Format]string{
	pipeline.SARIF:         `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "fake"}}, "results": []}]}`,
	pipeline.Vale:          `{}`,
	pipeline.DetectSecrets: `{"version": "1.5.0", "results": {}}`,
	pipeline.GoTest:        `{"Action": "pass", "Package": "x", "Test": "TestX"}`,
}

// fakeProgram is a script that prints a report and ends with status 0, whatever it is called with. It answers
// `go version`, which is run before Go is used.
const fakeProgram = `#!/bin/sh
[ "$1" = version ] && echo go version go1.26.8 && exit
cat <<'END'
%s
END
exit 0
`

func TestGates_ProgramThatAlwaysPassesIsNoticed(t *testing.T) {
	graph := proof.NewProject(t).Graph
	for _, row := range proof.Rows {
		step, ok := graph.Step(row.Gate)
		require.True(t, ok)
		program := proof.ProgramOf(step)
		if program == "" || row.FoundByLockstep {
			continue
		}
		name := strings.ReplaceAll(row.Gate, ":", "-") + "/" + row.Name
		emptyReport, hasReport := emptyReports[formatOf(step)]
		t.Run(name+"/empty report", func(t *testing.T) {
			t.Parallel()
			bin := writeFakeProgram(t, program, emptyReport)
			assert.ErrorContains(t, row.Prove(t, bin), "the seeded defect was not found")
		})
		t.Run(name+"/no output", func(t *testing.T) {
			t.Parallel()
			bin := writeFakeProgram(t, program, "")
			assert.ErrorContains(t, row.Prove(t, bin), "the seeded defect was not found")
			if !hasReport {
				return
			}
			p := row.Clean(t)
			p.Path = bin
			result, _, err := p.Run(row.Gate)
			require.NoError(t, err)
			assert.Equal(t, pipeline.Failed, result.Status, "a program that prints no report must not pass")
		})
	}
}

// writeFakeProgram writes the fake program into a folder and returns the folder.
func writeFakeProgram(t *testing.T, program, report string) string {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, program), fmt.Appendf(nil, fakeProgram, report), 0o755))
	return bin
}

// formatOf returns the format that a gate reads.
func formatOf(s pipeline.Step) pipeline.Format {
	return pipeline.Format(s.Command[slices.Index(s.Command, "--reads")+1])
}

func TestWaivers_MatchFiles(t *testing.T) {
	waivers, err := config.LoadWaivers(os.DirFS(filepath.Join(proof.Repository(), "config")))
	require.NoError(t, err)
	for _, w := range waivers {
		if strings.HasPrefix(w.Path, pipeline.StateDir+"/") {
			continue // files that synthesis generates
		}
		files, err := gate.ListFiles(proof.Repository(), []string{w.Path})
		require.NoError(t, err)
		assert.NotEmpty(t, files, "the waiver of %s matches no file: delete it", w.Rule)
	}
}

func TestHistoryGate_NotRunWithoutFullHistory(t *testing.T) {
	t.Run("no repository", func(t *testing.T) {
		result, _, err := proof.NewProject(t).Run("history")
		require.NoError(t, err)
		assert.Equal(t, pipeline.NotRun, result.Status)
		assert.Equal(t, "this is no Git repository, so there is no history to check", result.Reason)
	})
	t.Run("no commit", func(t *testing.T) {
		p := proof.NewProject(t)
		p.Git(t, "init", "-q")
		result, _, err := p.Run("history")
		require.NoError(t, err)
		assert.Equal(t, pipeline.Ran, result.Status, "a repository without a commit has no secret in its history")
	})
	t.Run("shallow clone", func(t *testing.T) {
		original := proof.NewProject(t)
		proof.CommitVersions(t, original, "a\n", "b\n")
		p := proof.NewProject(t)
		p.Git(t, "clone", "-q", "--depth", "1", "file://"+original.Root, "clone")
		p.Root = filepath.Join(p.Root, "clone")
		result, _, err := p.Run("history")
		require.NoError(t, err)
		assert.Equal(t, pipeline.NotRun, result.Status)
		assert.Contains(t, result.Reason, "this is a shallow clone")
	})
}
