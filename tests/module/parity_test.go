package module

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
	"lockstep/tests/harness"
	"lockstep/tests/module/recording"
)

// placeholder stands for the value of a secret.
const placeholder = "handed over"

// hostExecutions returns how the host would run every step, and what each of them waits for.
func hostExecutions(t *testing.T, repository string, g *pipeline.Graph) map[string]recording.Execution {
	t.Helper()
	listing, err := repo.Walk(repository)
	require.NoError(t, err)
	// Containers have neither the history nor generated bindings.
	all := slices.DeleteFunc(listing.Files, func(name string) bool {
		return name == pipeline.History || strings.HasPrefix(name, "ci/internal/") || name == "ci/dagger.gen.go"
	})
	out := map[string]recording.Execution{}
	for _, s := range g.Steps() {
		environ := []string{"UNRELATED=1"}
		for _, name := range s.Secrets {
			environ = append(environ, name+"="+placeholder)
		}
		invocation := host.NewInvocation(s, environ, true)
		one := recording.Execution{
			Argv: invocation.Argv, Env: map[string]string{}, Image: pipeline.Images[s.Image], Before: g.Predecessors(s.Name),
			Folder: ".", Expires: s.CacheTTL > 0, Tools: map[string][][]string{},
		}
		for _, name := range s.InstalledTools() {
			one.Tools[name] = pipeline.Tools[name].InstallCommands()
		}
		one.Files, err = repo.Listing{Files: all}.Match(s.Inputs)
		require.NoError(t, err)
		for _, pair := range invocation.Env {
			name, value, _ := strings.Cut(pair, "=")
			if value == placeholder {
				one.Secrets = append(one.Secrets, name)
				continue
			}
			one.Env[name] = value
		}
		slices.Sort(one.Files)
		out[s.Name] = one
	}
	return out
}

// isMachineSpecific reports whether a variable of a container is another one on the host: where programs and caches
// are, and which run it is.
func isMachineSpecific(name string) bool {
	for _, cache := range pipeline.Caches {
		if cache.Env == name {
			return true
		}
	}
	names := []string{
		"PATH", "NODE_EXTRA_CA_CERTS", "LOCKSTEP_RUN", "LOCKSTEP_SINCE", "LOCKSTEP_COMMIT",
		"LOCKSTEP_AUTHOR",
	}
	return slices.Contains(names, name)
}

// differences returns what differs between what two sides run: steps that only one of them has, and differences of a
// step. Steps for which mayLack is true may be missing in got.
func differences(want, got map[string]recording.Execution, mayLack func(step string) bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			out = append(out, name+" is not a step of the other side")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[name]
		switch {
		case ok:
			out = append(out, stepDifferences(name, want[name], g)...)
			out = append(out, orderDifferences(name, want[name].Before, got)...)
		case !mayLack(name):
			out = append(out, name+" is missing")
		}
	}
	return out
}

// stepDifferences returns what differs between two executions of a step, but for the order.
func stepDifferences(name string, want, got recording.Execution) []string {
	var out []string
	report := func(format string, args ...any) { out = append(out, name+fmt.Sprintf(format, args...)) }
	if !slices.Equal(want.Argv, got.Argv) {
		report(": command %q, not %q", got.Argv, want.Argv)
	}
	env := maps.Clone(got.Env)
	maps.DeleteFunc(env, func(name, _ string) bool { return isMachineSpecific(name) })
	if !maps.Equal(want.Env, env) {
		report(": environment %v, not %v", env, want.Env)
	}
	for _, variable := range got.Secrets {
		if !slices.Contains(want.Secrets, variable) {
			report(" is handed %s", variable)
		}
	}
	if !slices.Equal(want.Files, got.Files) {
		report(": inputs differ: %v", symmetricDifference(want.Files, got.Files))
	}
	if want.Image != got.Image {
		report(": image %s, not %s", got.Image, want.Image)
	}
	if !reflect.DeepEqual(want.Tools, got.Tools) {
		report(": tools are installed by %q, not by %q", got.Tools, want.Tools)
	}
	if want.Folder != got.Folder {
		report(": runs in %s, not %s", got.Folder, want.Folder)
	}
	if want.Expires != got.Expires {
		report(": result expires: %v, not %v", got.Expires, want.Expires)
	}
	return out
}

// orderDifferences returns the steps of before that the side runs, but not before the named step.
func orderDifferences(name string, before []string, side map[string]recording.Execution) []string {
	var out []string
	for _, other := range before {
		if _, runs := side[other]; runs && !slices.Contains(side[name].Before, other) {
			out = append(out, fmt.Sprintf("%s began before %s had ended", name, other))
		}
	}
	return out
}

// symmetricDifference returns what only one of two lists has.
func symmetricDifference(a, b []string) []string {
	var out []string
	for _, name := range append(slices.Clone(a), b...) {
		if slices.Contains(a, name) != slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out
}

// newProject copies the repository as a project of the fixture platform, and returns its folder with its configuration
// and table of steps.
func newProject(t *testing.T) (string, *config.Config, []pipeline.Step) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	require.NoError(t, CopyProject(dir))
	c, err := config.Load(os.DirFS(filepath.Join(dir, "config")))
	require.NoError(t, err)
	return dir, c, pipeline.Steps(c)
}

// newGraph returns the graph of the steps.
func newGraph(t *testing.T, steps []pipeline.Step) *pipeline.Graph {
	t.Helper()
	g, err := pipeline.NewGraph(steps)
	require.NoError(t, err)
	return g
}

// allDifferences returns what differs between what the host would run and what the module and the buildspecs ask for,
// and the environments that no pipeline deploys to.
func allDifferences(
	t *testing.T, repository string, c *config.Config, g *pipeline.Graph, got recording.Recording,
) []string {
	t.Helper()
	onHost := hostExecutions(t, repository, g)
	listing, err := repo.Walk(repository)
	require.NoError(t, err)
	noFiles := func(name string) bool {
		s, _ := g.Step(name)
		triggers := func(file string) bool { return pipeline.Matches(s.TriggerPaths, file) }
		// Whether a file has a text is not looked at here.
		return s.TriggerText != "" || len(s.TriggerPaths) > 0 && !slices.ContainsFunc(listing.Files, triggers)
	}
	out := prefixEach("the module", differences(onHost, got.Module, noFiles))
	for _, name := range slices.Sorted(maps.Keys(got.Pipelines)) {
		steps := got.Pipelines[name]
		// A pipeline runs the gates, the synthesis, and the steps that reach its own environments.
		mayLack := func(name string) bool { s, _ := g.Step(name); return noFiles(name) || s.Effect == pipeline.AWS }
		found := differences(rehearsedExecutions(onHost, steps), steps, mayLack)
		out = append(out, prefixEach("the buildspecs of "+name, found)...)
	}
	for _, env := range c.Environments {
		for _, stage := range []pipeline.Stage{pipeline.Deploy, pipeline.Verify} {
			name := fmt.Sprintf("%s:%s", stage, env.Name)
			if got.Pipelines["main"][name].Argv == nil && got.Pipelines["release"][name].Argv == nil {
				out = append(out, "no pipeline runs "+name)
			}
		}
	}
	return out
}

// prefixEach writes whose differences they are in front of each.
func prefixEach(side string, differences []string) []string {
	for i := range differences {
		differences[i] = side + ": " + differences[i]
	}
	return differences
}

func TestParity_HostDaggerAndBuildspecsRunSame(t *testing.T) {
	project, c, steps := newProject(t)
	got, err := recordModule(t, project)
	require.NoError(t, err)
	assert.Empty(t, allDifferences(t, project, c, newGraph(t, steps), got))
	assert.Greater(t, len(got.Module), 20)
	for line, steps := range got.Pipelines {
		assert.Greater(t, len(steps), 10, line)
	}

	// The twin: the real module and buildspecs, with a table that differs from theirs.
	const otherCommand = `command ["lockstep" "config" "validate"], not ["lockstep" "config" "validate" "--quick"]`
	for name, test := range map[string]struct {
		change func([]pipeline.Step) []pipeline.Step
		want   []string
	}{
		"a step that only the host has": {
			func(steps []pipeline.Step) []pipeline.Step {
				extra := pipeline.Step{Name: "extra", Stage: pipeline.Test, Image: pipeline.ImageGo, Command: []string{"true"}}
				return append(steps, extra)
			},
			[]string{
				"the module: extra is missing", "the buildspecs of main: extra is missing",
				"the buildspecs of pull-request: extra is missing", "the buildspecs of release: extra is missing",
			},
		},
		"a command that only the host has": {
			func(steps []pipeline.Step) []pipeline.Step {
				steps[0].Command = append(slices.Clone(steps[0].Command), "--quick")
				return steps
			},
			[]string{
				`the module: config: ` + otherCommand, `the buildspecs of main: config: ` + otherCommand,
				`the buildspecs of pull-request: config: ` + otherCommand, `the buildspecs of release: config: ` + otherCommand,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, allDifferences(t, project, c, newGraph(t, test.change(slices.Clone(steps))), got))
		})
	}
}

// rehearsedExecutions returns what the host would run where a pipeline rehearses: without --live, with the address of
// the emulated accounts and with their files.
func rehearsedExecutions(onHost, steps map[string]recording.Execution) map[string]recording.Execution {
	out := maps.Clone(onHost)
	for name, one := range steps {
		where, ok := one.Env["LOCKSTEP_REHEARSAL_ENDPOINT"]
		if w := out[name]; ok && where != "" {
			w.Argv = slices.DeleteFunc(slices.Clone(w.Argv), func(word string) bool { return word == "--live" })
			w.Env = maps.Clone(w.Env)
			for _, name := range []string{
				"LOCKSTEP_REHEARSAL_ENDPOINT", "LOCKSTEP_REHEARSAL_CA", "LOCKSTEP_REHEARSAL_SECRET", "LOCKSTEP_TOOLS",
			} {
				w.Env[name] = one.Env[name]
			}
			w.Tools = maps.Clone(w.Tools)
			w.Tools[pipeline.ToolMinistack] = pipeline.Tools[pipeline.ToolMinistack].InstallCommands()
			out[name] = w
		}
	}
	return out
}

// A sourceChange replaces a text of a file before it is compiled. The file itself stays as it is.
type sourceChange struct{ file, from, to string }

// recordModule runs the module's own tests with the changed sources on a project, and returns what the module asked
// for. The error is that of those tests, which compare it with the table themselves.
func recordModule(t *testing.T, project string, changes ...sourceChange) (recording.Recording, error) {
	t.Helper()
	work := t.TempDir()
	dir := filepath.Join(work, "ci")
	require.NoError(t, Compose(harness.Repository(), dir))
	texts := map[string]string{}
	for _, c := range changes {
		file := filepath.Join(harness.Repository(), filepath.FromSlash(c.file))
		if rest, ok := strings.CutPrefix(c.file, "ci/"); ok {
			file = filepath.Join(dir, rest)
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[file], err = harness.ReplaceOnce(string(text), c.from, c.to)
		require.NoError(t, err, c.file)
	}
	overlay, err := harness.WriteOverlay(work, texts)
	require.NoError(t, err)
	file := filepath.Join(work, "record.json")
	t.Setenv(ProjectVariable, project)
	t.Setenv("LOCKSTEP_RECORD", file)
	argv := []string{"go", "test", "-count=1", "-overlay", overlay, "-run", "^TestModule_RunsStepsOfTable$", "."}
	_, failed := runCommand(dir, argv...)
	var got recording.Recording
	if text, err := os.ReadFile(file); err == nil {
		require.NoError(t, json.Unmarshal(text, &got))
	}
	return got, failed
}

// The other twin: the real table, with a change in the module or in the buildspecs alone.
func TestParity_SourceChangeIsReported(t *testing.T) {
	project, c, steps := newProject(t)
	const extraStep = `pipeline.Step{` +
		`Name: "extra", Stage: pipeline.Test, Image: pipeline.ImageGo, Command: []string{"extra"}}`
	for name, test := range map[string]struct {
		change sourceChange
		want   string
	}{
		"a step that only the module has": {
			sourceChange{
				"ci/project.go", "pipeline.NewGraph(pipeline.Steps(c))",
				"pipeline.NewGraph(append(pipeline.Steps(c), " + extraStep + "))",
			},
			"extra is neither a step of the table nor an operation",
		},
		"a stage that the module leaves out": {
			sourceChange{
				"ci/deploy.go", "m.runStagesToText(ctx, q, pipeline.Deploy, pipeline.Verify)",
				"m.runStagesToText(ctx, q, pipeline.Deploy)",
			},
			"the module: verify:acc is missing",
		},
		"an argument of the module's own": {
			sourceChange{
				"ci/run.go", "o.prepared.WithExec(o.step.Argv(p.live != nil),",
				`o.prepared.WithExec(append(o.step.Argv(p.live != nil), "--quick"),`,
			},
			`the module: format: command`,
		},
		"a variable of the module's own": {
			sourceChange{
				"ci/container.go", "ctr = ctr.WithEnvVariable(name, env[name])\n",
				`ctr = ctr.WithEnvVariable(name, env[name]).WithEnvVariable("QUICK", "1")` + "\n",
			},
			"the module: unit: environment",
		},
		"files that the step does not declare": {
			sourceChange{
				"ci/container.go", "dir := copySelected(dag.Directory(), p.source, s.SourceFiles())",
				"dir := copySelected(dag.Directory(), p.source, " +
					`append(s.SourceFiles(), pipeline.Selection{Include: []string{"tests/**"}}))`,
			},
			"the module: build: inputs differ: [tests/",
		},
		"another image": {
			sourceChange{"ci/container.go", "ctr := p.image(s.Image)\n", "ctr := p.image(pipeline.ImageGo)\n"},
			"the module: baseline: image golang",
		},
		"a tool that is not installed as a whole": {
			sourceChange{
				"ci/container.go", "range pipeline.Tools[name].InstallCommands() {",
				"range pipeline.Tools[name].InstallCommands()[:1] {",
			},
			"the module: lint: tools are installed by",
		},
		"a step that does not wait": {
			sourceChange{
				"ci/run.go", "	pipeline.NewScheduler(g, 0).Run(",
				"	for _, o := range slices.Backward(r.outcomes) {\n\t\trun(o.step)\n\t}\n\tpipeline.NewScheduler(g, 0).Run(",
			},
			" began before ",
		},
		"a job that calls one stage less": {
			sourceChange{"internal/pipeline/pipelines.go", "range GateStages {", "range GateStages[:2] {"},
			"the buildspecs of main: gosec is missing",
		},
		"a job that does not deploy": {
			sourceChange{
				"internal/pipeline/pipelines.go", "Function: string(Deploy), Arguments: append(",
				"Function: string(Plan), Arguments: append(",
			},
			"no pipeline runs deploy:acc",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, failed := recordModule(t, project, test.change)
			noticed := allDifferences(t, project, c, newGraph(t, steps), got)
			if failed != nil {
				noticed = append(noticed, failed.Error())
			}
			assert.Contains(t, strings.Join(noticed, "\n"), test.want)
		})
	}
}

// The comparison alone, with one difference at a time.
func TestParity_EachDifferenceIsReported(t *testing.T) {
	side := func(change func(map[string]recording.Execution)) map[string]recording.Execution {
		steps := map[string]recording.Execution{
			"build": {Argv: []string{"go", "build"}, Env: map[string]string{"A": "1"}, Files: []string{"go.mod"}, Image: "go@1"},
			"synth": {Argv: []string{"infra"}, Env: map[string]string{}, Files: []string{"config"}, Image: "node@1"},
		}
		synth := steps["synth"]
		synth.Before = []string{"build"}
		steps["synth"] = synth
		change(steps)
		return steps
	}
	with := func(name string, change func(*recording.Execution)) func(map[string]recording.Execution) {
		return func(steps map[string]recording.Execution) {
			one := steps[name]
			change(&one)
			steps[name] = one
		}
	}
	never := func(string) bool { return false }
	same := func(map[string]recording.Execution) {}
	assert.Empty(t, differences(side(same), side(same), never))
	for name, test := range map[string]struct {
		change func(map[string]recording.Execution)
		want   string
	}{
		"a step more": {
			func(steps map[string]recording.Execution) { steps["extra"] = recording.Execution{} },
			"extra is not a step of the other side",
		},
		"a step less": {func(steps map[string]recording.Execution) { delete(steps, "build") }, "build is missing"},
		"another command": {
			with("build", func(r *recording.Execution) { r.Argv = []string{"go", "vet"} }),
			`build: command ["go" "vet"], not ["go" "build"]`,
		},
		"another variable": {
			with("build", func(r *recording.Execution) { r.Env = map[string]string{"A": "2"} }),
			"build: environment map[A:2], not map[A:1]",
		},
		"a variable more": {
			with("synth", func(r *recording.Execution) { r.Env = map[string]string{"B": "1"} }), "synth: environment",
		},
		"a secret": {
			with("synth", func(r *recording.Execution) { r.Secrets = []string{"TOKEN"} }), "synth is handed TOKEN",
		},
		"another input": {
			with("build", func(r *recording.Execution) { r.Files = []string{"go.mod", "docs/a.md"} }),
			"build: inputs differ: [docs/a.md]",
		},
		"another image": {
			with("synth", func(r *recording.Execution) { r.Image = "node@2" }), "synth: image node@2, not node@1",
		},
		"another folder": {
			with("synth", func(r *recording.Execution) { r.Folder = "/" }), "synth: runs in /, not ",
		},
		"a result for ever": {
			with("synth", func(r *recording.Execution) { r.Expires = true }), "synth: result expires: true, not false",
		},
		"another order": {
			with("synth", func(r *recording.Execution) { r.Before = nil }), "synth began before build had ended",
		},
		"no order to break": {with("build", func(r *recording.Execution) { r.Before = []string{"synth"} }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(differences(side(same), side(test.change), never), "\n")
			if test.want == "" {
				assert.Empty(t, got)
				return
			}
			assert.Contains(t, got, test.want)
		})
	}
}
