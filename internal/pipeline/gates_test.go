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

func testSteps(t *testing.T) []Step {
	t.Helper()
	g, err := NewGraph(Steps(twoEnvironments))
	require.NoError(t, err)
	return g.Steps()
}

func isGate(s Step) bool { return slices.Contains(GateStages, s.Stage) }

func TestGates_WriteReportAndReadWaivers(t *testing.T) {
	for _, s := range testSteps(t) {
		if !isGate(s) {
			continue
		}
		require.Equal(t, []string{Self, "gate", s.Name}, s.Command[:min(3, len(s.Command))])
		reads := Format(s.Command[slices.Index(s.Command, "--reads")+1])
		assert.Contains(t, s.Outputs, ReportFile(s.Name, reads))
		assert.True(t, s.DependsOn(config.WaiversFile), s.Name)
		assert.Equal(t, Compute, s.Effect)
	}
}

func TestGates_MatchMayBeAbsentSchema(t *testing.T) {
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
	for _, s := range testSteps(t) {
		if isGate(s) {
			name, _, _ := strings.Cut(s.Name, ":")
			names[name] = true
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(names)), schema.Properties.Gates.Properties.MayBeAbsent.Items.Enum)
}

// gatesDependingOn returns the names of the gates that run again when the file changes.
func gatesDependingOn(t *testing.T, file string) []string {
	var names []string
	for _, s := range testSteps(t) {
		if isGate(s) && s.DependsOn(file) {
			names = append(names, s.Name)
		}
	}
	return names
}

func TestGates_RerunOnlyForTheirInputs(t *testing.T) {
	for file, want := range map[string][]string{
		"docs/gates.md": {"markdown", "prose", "site", "documentation", "secrets", "baseline"},
		"CHANGELOG.md":  {"markdown", "secrets", "baseline"},
		"internal/deploy/plan.go": {
			"format", "lint", "tidy", "unit", "scripts", "documentation", "gosec", "govulncheck",
			"secrets", "baseline",
		},
		"infra/stacks/storage.go": {
			"format", "lint", "tidy", "infrastructure", "scripts", "documentation", "gosec",
			"govulncheck", "secrets", "baseline",
		},
		"tools/cdk/package-lock.json": {
			"lint", "tidy", "unit", "scripts", "documentation", "gosec", "govulncheck", "osv",
			"secrets",
		},
		".github/workflows/ci.yml": {"workflows", "secrets", "baseline", "images"},
		"Dockerfile":               {"dockerfiles", "secrets", "baseline", "images"},
	} {
		got := slices.DeleteFunc(gatesDependingOn(t, file), isOfProject) // they read any file of a repository that has one
		assert.Equal(t, want, got, file)
	}
}

// isOfProject reports whether a gate is about a project of Python's, Node's or Java's, which this repository is not.
func isOfProject(name string) bool {
	gates := slices.Concat(pythonGates, nodeGates, javaGates)
	return slices.ContainsFunc(gates, func(g gate) bool { return g.name == name })
}

// A manifest that pins nothing is nothing that osv-scanner can look up.
func TestGates_OSVAppliesWhereLockFileIs(t *testing.T) {
	i := slices.IndexFunc(testSteps(t), func(s Step) bool { return s.Name == "osv" })
	osv := testSteps(t)[i]
	applies := func(file string) bool {
		return Matches(osv.TriggerPaths, file)
	}
	for file, want := range map[string]bool{
		"package.json": false, "app/tsconfig.json": false, "osv-scanner.toml": false, "README.md": false,
		"package-lock.json": true, "app/yarn.lock": true, "pom.xml": true, "go.mod": true, "Gemfile.lock": true,
		"requirements/dev.txt": false, "requirements-dev.txt": true,
	} {
		assert.Equal(t, want, applies(file), file)
	}
	assert.Contains(t, osv.Command, "--allow-no-lockfiles", "requirements.txt may name nothing but the folder itself")
}

func TestTools_EachIsUsed(t *testing.T) {
	usedOutside := []string{ToolMinistack, ToolCDK, ToolPreCommit, ToolGit, ToolCCompiler, ToolJava, ToolMaven}
	called := map[string]bool{}
	for _, s := range testSteps(t) {
		for _, tool := range s.Tools {
			called[tool] = true
		}
	}
	for name := range Tools {
		assert.True(t, called[name] || slices.Contains(usedOutside, name), "no step calls %s", name)
	}
}

func TestGates_ReadToolReportFormat(t *testing.T) {
	for _, s := range testSteps(t) {
		at := slices.Index(s.Command, "--")
		if !isGate(s) || at < 0 {
			continue
		}
		if s.Name == "python-format" {
			continue // ruff has two commands, each with a format of its own
		}
		if tool, ok := Tools[s.Command[at+1]]; ok && tool.Kind != Preinstalled {
			assert.Equal(t, string(tool.ReportFormat), s.Command[slices.Index(s.Command, "--reads")+1], s.Name)
		}
	}
}

// There may be code of Python without a project of Python's: the reason is what the condition asks for.
func TestStep_NothingReasonNamesTheCondition(t *testing.T) {
	for want, s := range map[string]Step{
		"the repository has no file such as pyproject.toml or setup.py": {TriggerPaths: pythonProject},
		"the repository has no file such as go.mod":                     {TriggerPaths: goModule},
		"the repository has no file such as a.txt":                      {TriggerPaths: []string{"!b/**", "a.txt"}},
		"no file such as tox.ini is for it": {
			TriggerPaths: []string{"tox.ini"}, TriggerText: "shed",
		},
	} {
		assert.Equal(t, want, s.NothingReason())
	}
}

// A repository in another language has no files that a fix is for.
func TestFixSteps_SayWhichFilesTheyAreFor(t *testing.T) {
	for _, s := range FixSteps() {
		assert.NotEmpty(t, s.TriggerPaths, s.Name)
		assert.False(t, Matches(s.TriggerPaths, "app.py"), s.Name)
	}
}

func TestFixSteps_RunSequentially(t *testing.T) {
	for _, steps := range [][]Step{FixSteps(), UpdateBaselineSteps()} {
		g, err := NewGraph(steps)
		require.NoError(t, err)
		for i, s := range g.Steps() {
			assert.Equal(t, EditFiles, s.Effect)
			assert.Equal(t, i > 0, len(s.After) == 1)
		}
	}
}

func TestTools_InstallCommandsMatchKind(t *testing.T) {
	for name, tool := range Tools {
		commands := tool.InstallCommands()
		assert.Equal(t, tool.Kind != Preinstalled, len(commands) > 0, name)
		for _, need := range tool.InstallNeeds() {
			assert.Equal(t, Preinstalled, Tools[need].Kind)
		}
	}
}
