package module

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// ran is what a step runs as somewhere, as far as it must be the same everywhere.
type ran struct {
	Argv    []string          `json:"argv"`
	Env     map[string]string `json:"env"`
	Secrets []string          `json:"secrets"`
	Files   []string          `json:"files"`
	Image   string            `json:"image"`
	Before  []string          `json:"before"`
}

// recorded is what the module's functions, and the buildspecs that call them, ask Dagger to run.
type recorded struct {
	Module map[string]ran            `json:"module"`
	Lines  map[string]map[string]ran `json:"lines"`
}

// handed is what stands in for what nobody may see.
const handed = "handed over"

// onHost is every step as a person's machine would run it, with the steps that it waits for.
func onHost(t *testing.T, repository string, g *pipeline.Graph) map[string]ran {
	t.Helper()
	all, err := host.Files(repository)
	require.NoError(t, err)
	// What only this machine has is no part of the repository: a container is never given it.
	all = slices.DeleteFunc(all, func(name string) bool {
		return name == pipeline.History || strings.HasPrefix(name, "ci/internal/") || name == "ci/dagger.gen.go"
	})
	out := map[string]ran{}
	for _, s := range g.Steps() {
		environ := []string{"UNRELATED=1"}
		for _, name := range s.Secrets {
			environ = append(environ, name+"="+handed)
		}
		invocation := host.Invoke(s, environ, true)
		one := ran{Argv: invocation.Argv, Env: map[string]string{}, Files: host.Inputs(s, all), Image: pipeline.Images[s.Image], Before: g.WaitsFor(s.Name)}
		for _, pair := range invocation.Env {
			name, value, _ := strings.Cut(pair, "=")
			if value == handed {
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

// ambient are variables of a container that a person's machine has in its own way: where programs and caches are, and which run it is.
func ambient(name string) bool {
	for _, cache := range pipeline.Caches {
		if cache.Env == name {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "NODE_EXTRA_CA_CERTS", "LOCKSTEP_RUN", "LOCKSTEP_SINCE", "LOCKSTEP_COMMIT"}, name)
}

// differences are in what two sides run. Steps that only one of them has are told; the order counts as far as both have the steps.
func differences(want, got map[string]ran, mayLack func(step string) bool) []string {
	var out []string
	tell := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			tell("%s is no step of the other side", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w, ok := want[name], false
		g, ok := got[name]
		if !ok {
			if !mayLack(name) {
				tell("%s is missing", name)
			}
			continue
		}
		if !slices.Equal(w.Argv, g.Argv) {
			tell("%s: command %q, not %q", name, g.Argv, w.Argv)
		}
		env := maps.Clone(g.Env)
		maps.DeleteFunc(env, func(name, _ string) bool { return ambient(name) })
		if !maps.Equal(w.Env, env) {
			tell("%s: environment %v, not %v", name, env, w.Env)
		}
		for _, confidential := range g.Secrets {
			if !slices.Contains(w.Secrets, confidential) {
				tell("%s: it is not given %s", name, confidential)
			}
		}
		if !slices.Equal(w.Files, g.Files) {
			tell("%s: inputs differ: %v", name, apart(w.Files, g.Files))
		}
		if w.Image != g.Image {
			tell("%s: image %s, not %s", name, g.Image, w.Image)
		}
		for _, before := range w.Before {
			if _, runs := got[before]; runs && !slices.Contains(g.Before, before) {
				tell("%s began before %s had ended", name, before)
			}
		}
	}
	return out
}

func apart(a, b []string) []string {
	var out []string
	for _, name := range append(slices.Clone(a), b...) {
		if slices.Contains(a, name) != slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out
}

func TestTheHostDaggerAndTheBuildspecsRunTheSame(t *testing.T) {
	repository, err := filepath.Abs("../..")
	require.NoError(t, err)
	c, err := config.Load(os.DirFS(filepath.Join(repository, "config")))
	require.NoError(t, err)
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
	person, got := onHost(t, repository, g), record(t, repository)
	noFiles := func(name string) bool {
		s, _ := g.Step(name)
		return len(s.Subject) > 0 && len(person[name].Files) <= 1
	}

	assert.Empty(t, differences(person, got.Module, noFiles), "the module")
	for line, steps := range got.Lines {
		// A line runs the gates, the synthesis, and what reaches its own environments.
		elsewhere := func(name string) bool { s, _ := g.Step(name); return noFiles(name) || s.Effect == pipeline.AWS }
		assert.Empty(t, differences(inRehearsalToo(person, steps), steps, elsewhere), "the buildspecs of "+line)
		t.Logf("%s: %d steps", line, len(steps))
	}
	deployed := map[string]bool{}
	for _, line := range []string{"main", "release"} {
		for name := range got.Lines[line] {
			deployed[name] = true
		}
	}
	for _, env := range c.Environments {
		assert.True(t, deployed["deploy:"+env.Name] && deployed["verify:"+env.Name], env.Name)
	}
}

// inRehearsalToo is what the host would run where a line hands over no credentials: the same without --live, and told where the accounts are.
func inRehearsalToo(person, steps map[string]ran) map[string]ran {
	out := maps.Clone(person)
	for name, one := range steps {
		where, ok := one.Env["LOCKSTEP_REHEARSAL_ENDPOINT"]
		if w := out[name]; ok && where != "" {
			w.Argv = slices.DeleteFunc(slices.Clone(w.Argv), func(word string) bool { return word == "--live" })
			w.Env = maps.Clone(w.Env)
			for _, name := range []string{"LOCKSTEP_REHEARSAL_ENDPOINT", "LOCKSTEP_REHEARSAL_CA", "LOCKSTEP_TOOLS"} {
				w.Env[name] = one.Env[name]
			}
			out[name] = w
		}
	}
	return out
}

// record is what the module asks for, noted by its own tests.
func record(t *testing.T, repository string) recorded {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ci")
	require.NoError(t, Compose(repository, dir))
	file := filepath.Join(t.TempDir(), "record.json")
	t.Setenv("LOCKSTEP_REPOSITORY", repository)
	t.Setenv("LOCKSTEP_RECORD", file)
	_, err := run(dir, "go", "test", "-count=1", "-run", "TestEveryStepIsAskedForAsTheTableHasIt", ".")
	require.NoError(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var got recorded
	require.NoError(t, json.Unmarshal(text, &got))
	return got
}

// The twin of the test above: whatever is changed on one side only is noticed.
func TestAChangeOnOneSideOnlyIsNoticed(t *testing.T) {
	side := func(change func(map[string]ran)) map[string]ran {
		steps := map[string]ran{
			"build": {Argv: []string{"go", "build"}, Env: map[string]string{"A": "1"}, Files: []string{"go.mod"}, Image: "golang@1"},
			"synth": {Argv: []string{"infra"}, Env: map[string]string{}, Files: []string{"config"}, Image: "node@1", Before: []string{"build"}},
		}
		change(steps)
		return steps
	}
	with := func(name string, change func(*ran)) func(map[string]ran) {
		return func(steps map[string]ran) { one := steps[name]; change(&one); steps[name] = one }
	}
	never := func(string) bool { return false }
	same := func(map[string]ran) {}
	assert.Empty(t, differences(side(same), side(same), never))
	for name, test := range map[string]struct {
		change func(map[string]ran)
		want   string
	}{
		"a step more":       {func(steps map[string]ran) { steps["extra"] = ran{} }, "extra is no step of the other side"},
		"a step less":       {func(steps map[string]ran) { delete(steps, "build") }, "build is missing"},
		"another command":   {with("build", func(r *ran) { r.Argv = []string{"go", "vet"} }), `build: command ["go" "vet"], not ["go" "build"]`},
		"another variable":  {with("build", func(r *ran) { r.Env = map[string]string{"A": "2"} }), "build: environment map[A:2], not map[A:1]"},
		"a variable more":   {with("synth", func(r *ran) { r.Env = map[string]string{"B": "1"} }), "synth: environment"},
		"a secret":          {with("synth", func(r *ran) { r.Secrets = []string{"TOKEN"} }), "synth: it is not given TOKEN"},
		"another input":     {with("build", func(r *ran) { r.Files = []string{"go.mod", "docs/a.md"} }), "build: inputs differ: [docs/a.md]"},
		"another image":     {with("synth", func(r *ran) { r.Image = "node@2" }), "synth: image node@2, not node@1"},
		"another order":     {with("synth", func(r *ran) { r.Before = nil }), "synth began before build had ended"},
		"no order to break": {with("build", func(r *ran) { r.Before = []string{"synth"} }), ""},
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
