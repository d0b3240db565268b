package pipeline

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

func tableOf(t *testing.T) []Step {
	t.Helper()
	g, err := NewGraph(Steps(twoEnvironments))
	require.NoError(t, err)
	return g.Steps()
}

func isGate(s Step) bool { return slices.Contains(Gates, s.Stage) }

func TestEachGateLeavesAReportAndReadsTheWaivers(t *testing.T) {
	for _, s := range tableOf(t) {
		if !isGate(s) {
			continue
		}
		assert.Equal(t, []string{Self, "gate", s.Name}, s.Command[:3])
		reads := Format(s.Command[slices.Index(s.Command, "--reads")+1])
		assert.Contains(t, s.Outputs, ReportFile(s.Name, reads))
		assert.True(t, s.About(config.WaiversFile), s.Name)
		assert.Equal(t, Compute, s.Effect)
	}
}

func TestWhatTheConfigurationMayCallAbsentIsExactlyTheGates(t *testing.T) {
	var schema struct {
		Properties struct {
			Gates struct {
				Properties struct {
					MayBeAbsent struct{ Items struct{ Enum []string } }
				}
			}
		}
	}
	text, err := config.Schema("environment")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &schema))
	names := map[string]bool{}
	for _, s := range tableOf(t) {
		if isGate(s) {
			name, _, _ := strings.Cut(s.Name, ":")
			names[name] = true
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(names)), schema.Properties.Gates.Properties.MayBeAbsent.Items.Enum)
}

// about are the gates, other than tests, that an edit of the file runs again.
func about(t *testing.T, file string) []string {
	var names []string
	for _, s := range tableOf(t) {
		if isGate(s) && s.About(file) {
			names = append(names, s.Name)
		}
	}
	return names
}

func TestEditRunsNoGateThatDoesNotReadTheFile(t *testing.T) {
	for file, want := range map[string][]string{
		"docs/gates.md":               {"markdown", "documentation", "secrets", "baseline"},
		"CHANGELOG.md":                {"markdown", "secrets", "baseline"},
		"internal/deploy/plan.go":     {"format", "lint", "tidy", "unit", "scripts", "documentation", "gosec", "govulncheck", "secrets", "baseline"},
		"infra/stacks/storage.go":     {"format", "lint", "tidy", "infrastructure", "scripts", "documentation", "gosec", "govulncheck", "secrets", "baseline"},
		"tools/cdk/package-lock.json": {"lint", "tidy", "unit", "scripts", "documentation", "gosec", "govulncheck", "osv", "secrets"},
		".github/workflows/ci.yml":    {"workflows", "secrets", "baseline", "images"},
		"Dockerfile":                  {"dockerfiles", "secrets", "baseline", "images"},
	} {
		assert.Equal(t, want, about(t, file), file)
	}
}

func TestEachToolOfTheTableIsCalledByAStepOrNamesWhoElseNeedsIt(t *testing.T) {
	elsewhere := []string{ToolMinistack, ToolCDK, ToolPreCommit, ToolGit, ToolC}
	called := map[string]bool{}
	for _, s := range tableOf(t) {
		for _, tool := range s.Tools {
			called[tool] = true
		}
	}
	for name := range Tools {
		assert.True(t, called[name] || slices.Contains(elsewhere, name), "no step calls %s", name)
	}
}

func TestGateReadsWhatItsToolWrites(t *testing.T) {
	for _, s := range tableOf(t) {
		at := slices.Index(s.Command, "--")
		if !isGate(s) || at < 0 {
			continue
		}
		if tool, ok := Tools[s.Command[at+1]]; ok && tool.Kind != Machine {
			assert.Equal(t, string(tool.Report), s.Command[slices.Index(s.Command, "--reads")+1], s.Name)
		}
	}
}

func TestFixesComeOneAfterTheOther(t *testing.T) {
	for _, steps := range [][]Step{Fixes(), Rebase()} {
		g, err := NewGraph(steps)
		require.NoError(t, err)
		for i, s := range g.Steps() {
			assert.Equal(t, Files, s.Effect)
			assert.Equal(t, i > 0, len(s.After) == 1)
		}
	}
}

func TestInstallationsAreDataForContainersToo(t *testing.T) {
	for name, tool := range Tools {
		commands := tool.InstallCommands()
		assert.Equal(t, tool.Kind != Machine, len(commands) > 0, name)
		for _, need := range tool.Needs() {
			assert.Equal(t, Machine, Tools[need].Kind)
		}
	}
}
