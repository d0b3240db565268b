package cli

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/maintain"
	"lockstep/internal/pipeline"
)

// newMaintenance returns the maintenance of a project on March 1, 2026.
func newMaintenance(t *testing.T) maintenance {
	t.Helper()
	a := &app{Process: Process{Environ: os.Environ(), Now: fixedTime}, dir: newProject(t)}
	p, err := a.loadProject()
	require.NoError(t, err)
	return maintenance{app: a, project: p, environments: p.config.Environments}
}

func TestMaintain_EveryTaskHasACheck(t *testing.T) {
	checks := newMaintenance(t).checks()
	scheduled := map[maintain.CheckID]bool{maintain.Architecture: true}
	for _, task := range maintain.Schedule() {
		scheduled[task.Check] = true
		assert.True(t, checks[task.Check] != nil || task.Check == maintain.Architecture, "%s", task.Check)
	}
	for check := range checks {
		assert.True(t, scheduled[check], "no task has the check %s", check)
	}
}

func TestMaintain_TasksOfAccountsAreNotRunWithoutLive(t *testing.T) {
	printed := faulttest.Printed(t)
	checks := newMaintenance(t).checks()
	for _, id := range []maintain.CheckID{maintain.Drift, maintain.OldReleases, maintain.Cost, maintain.Unused} {
		t.Run(string(id), func(t *testing.T) {
			found, err := checks[id](t.Context())
			assert.Empty(t, found)
			printed.Error(err)
			assert.ErrorContains(t, err, "write --live")
		})
	}
}

func TestMaintain_ModulesAreNotRunWithoutNetwork(t *testing.T) {
	m := newMaintenance(t)
	check := m.checks()[maintain.Modules]
	_, err := check(t.Context())
	assert.ErrorContains(t, err, "the project requires no Go module")
	require.NoError(t, os.WriteFile(m.project.path("go.mod"),
		[]byte("module m\n\ngo 1.26\n\nrequire example.com/nowhere v1.0.0\n"), 0o644))
	m.app.Environ = append(m.app.Environ, "GOPROXY=off", "GOFLAGS=-mod=mod")
	found, err := m.checks()[maintain.Modules](t.Context())
	assert.Empty(t, found)
	assert.ErrorContains(t, err, "example.com/nowhere")
	assert.ErrorContains(t, err, "GOPROXY=off")
}

func TestMaintain_NewerModules(t *testing.T) {
	failed := goModule{Path: "example.com/c", Error: &struct{ Err string }{"cannot be reached"}}
	found, err := moduleLines(map[string]string{"example.com/a": "v1.9.0", "example.com/b": "v2.0.0"}, []goModule{
		{Path: "example.com/a", Version: "v1.10.0"}, {Path: "example.com/b", Version: "v1.9.9"}, failed,
	})
	assert.Equal(t, []string{"example.com/a v1.9.0: the latest is v1.10.0"}, found)
	assert.EqualError(t, err, "cannot be reached")
}

func TestMaintain_WaiversAboutToEnd(t *testing.T) {
	m := newMaintenance(t)
	text := "waivers:\n"
	for _, w := range [][2]string{
		{"EXPIRED", "2026-02-28"}, {"TODAY", "2026-03-01"}, {"SOON", "2026-03-31"}, {"LATER", "2026-04-01"},
	} {
		text += "  - {rule: " + w[0] +
			", gate: gosec, path: a.go, reason: it is checked by hand, owner: a@example.com, until: \"" +
			w[1] + "\"}\n"
	}
	file := filepath.Join(m.project.root, "config", "waivers.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	found, err := m.waivers(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{
		"the waiver of EXPIRED in a.go ended on 2026-02-28; its owner is a@example.com",
		"the waiver of TODAY in a.go ends on 2026-03-01; its owner is a@example.com",
		"the waiver of SOON in a.go ends on 2026-03-31; its owner is a@example.com",
	}, found)
	require.NoError(t, os.WriteFile(file, []byte("waivers: 3\n"), 0o644))
	_, err = m.waivers(t.Context())
	assert.Error(t, err, "a file that cannot be read is not run")
}

func TestMaintain_GateThatIsNotRunIsNoPass(t *testing.T) {
	found, err := gateLines([]pipeline.Result{
		{Step: "govulncheck", Status: pipeline.Failed, Reason: "exit status 1"},
		{Step: "osv", Status: pipeline.NotRun, Reason: "it could not reach what it needs", Tolerated: true},
		{Step: "other", Status: pipeline.Skipped},
		{Step: "build", Status: pipeline.Cached},
	})
	assert.Equal(t, []string{"govulncheck: exit status 1; `lockstep report` shows what it found"}, found)
	assert.EqualError(t, err, "osv: it could not reach what it needs (not run); other (skipped)")
}

func TestMaintain_CostAgainstBudget(t *testing.T) {
	env := config.Environment{Name: "acc", Budget: &config.Budget{Monthly: 200, WarningPercent: 80}}
	noon := func(day int) time.Time { return time.Date(2026, 4, day, 12, 0, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		total float64
		now   time.Time
		want  string
	}{
		"less than the month has passed": {90, noon(15), ""},
		"more than the month has passed": {
			100, noon(1), "acc has cost 100.00 US dollars this month, 50 % of its budget, with 2 % of the month passed",
		},
		"as much as is warned of": {
			160, noon(30), "acc has cost 160.00 US dollars this month, 80 % of its budget, with 98 % of the month passed",
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, costLine(env, test.total, test.now)) })
	}
}

func TestMaintain_WritesRecord(t *testing.T) {
	printed := faulttest.Printed(t)
	root := newProject(t)
	records := filepath.Join(t.TempDir(), "records")
	for _, name := range []string{"2026-03-01-half-yearly.json", "2026-03-01-half-yearly-2.json"} {
		out, err := runCommand(t, "-C", root, "maintain", "half-yearly", "--record", records)
		var incomplete *maintain.IncompleteError
		require.ErrorAs(t, printed.Error(err), &incomplete, "the accounts are not looked into without --live")
		assert.Contains(t, out, "architecture: for a person")
		assert.Contains(t, out, "unused roles and parameters: not run")
		assert.Contains(t, out, filepath.Join(records, name))
		text, err := os.ReadFile(filepath.Join(records, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), `"done": ""`)
	}
	_, err := runCommand(t, "-C", root, "maintain", "daily")
	var usage *UsageError
	require.ErrorAs(t, printed.Error(err), &usage)
	assert.ErrorContains(t, printed.Error(err), "write weekly, monthly, quarterly, half-yearly or yearly")
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o644))
	_, err = runCommand(t, "-C", root, "maintain", "half-yearly", "--record", blocked)
	assert.ErrorContains(t, printed.Error(err), "the record cannot be written")
}

func TestMaintain_RequiredModules(t *testing.T) {
	required, err := requiredModules(fstest.MapFS{
		"go.mod": {Data: []byte("module m\n\nrequire (\n\texample.com/a v1.2.0\n\texample.com/b v1.0.0 // indirect\n" +
			"\texample.com/local v0.0.0\n)\n\nreplace example.com/local => ./local\n")},
		"ci/go.mod": {Data: []byte("module m/ci\n\nrequire example.com/a v1.1.0\n")},
		"tools/x/tool.mod": {Data: []byte("module m/tools/x\n\ntool example.com/x/cmd/x\n\n" +
			"require (\n\texample.com/x v1.3.0 // indirect\n\texample.com/y v1.0.0 // indirect\n)\n")},
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"example.com/a": "v1.1.0", "example.com/x": "v1.3.0"}, required)
	_, err = requiredModules(fstest.MapFS{"go.mod": {Data: []byte("require\n")}})
	assert.Error(t, err)
}
