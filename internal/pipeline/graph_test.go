package pipeline

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault/faulttest"
)

func newStep(name string, needs ...string) Step {
	return Step{Name: name, Stage: Test, Image: ImageGo, Command: []string{"true"}, Needs: needs}
}

func stepNames(g *Graph) []string {
	var out []string
	for _, s := range g.Steps() {
		out = append(out, s.Name)
	}
	return out
}

func TestNewGraph_ErrorNamesStep(t *testing.T) {
	printed := faulttest.Printed(t)
	withImage, withCache, withTool, noCommand := newStep("a"), newStep("b"), newStep("c"), newStep("d")
	withImage.Image, withCache.Caches, withTool.Tools, noCommand.Command = "none", []string{"none"}, []string{"none"}, nil
	outer, inner := newStep("outer"), newStep("inner")
	outer.Outputs, inner.Outputs = []string{"out"}, []string{"out/deep/file"}
	same := newStep("same")
	same.Outputs = []string{"./out/"}
	after := newStep("late")
	after.After = []string{"nobody"}
	for _, test := range []struct {
		name  string
		steps []Step
		want  []string
	}{
		{"a need that is not a step", []Step{newStep("a", "b")}, []string{`step "a" waits for "b", which is no step`}},
		{"an order after an unknown step", []Step{after}, []string{`step "late" waits for "nobody", which is no step`}},
		{
			"a name used twice",
			[]Step{newStep("a"), newStep("b"), newStep("a")},
			[]string{`step "a" stands in the table twice, as number 1 and 3`},
		},
		{
			"an output inside an earlier one",
			[]Step{outer, inner},
			[]string{`step "outer" writes out and step "inner" writes out/deep/file`},
		},
		{
			"an output around an earlier one",
			[]Step{inner, outer},
			[]string{`step "inner" writes out/deep/file and step "outer" writes out`},
		},
		{
			"an output that is another's",
			[]Step{outer, same},
			[]string{`step "outer" writes out and step "same" writes out`},
		},
		{
			"a cycle as its path",
			[]Step{newStep("a", "b"), newStep("b", "c"), newStep("c", "a")},
			[]string{"in a cycle: a -> b -> c -> a"},
		},
		{
			"a cycle without what leads to it",
			[]Step{newStep("x", "a"), newStep("a", "b"), newStep("b", "a")},
			[]string{"in a cycle: a -> b -> a"},
		},
		{"a step that needs itself", []Step{newStep("a", "a")}, []string{"in a cycle: a -> a"}},
		{"everything at once", []Step{withImage, withCache, withTool, noCommand}, []string{
			`step "a" runs in image "none"`, `step "b" uses cache "none"`, `step "c" uses tool "none"`,
			`step "d" has no command`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewGraph(test.steps)
			for _, want := range test.want {
				printed.Error(err)
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestGraph_KeepsTableOrder(t *testing.T) {
	late := newStep("late")
	late.After = []string{"z"}
	g, err := NewGraph([]Step{late, newStep("b", "c"), newStep("a"), newStep("c"), newStep("z")})
	require.NoError(t, err)
	assert.Equal(t, []string{"z", "late", "c", "b", "a"}, stepNames(g))
}

func TestGraph_SelectAddsNeedsOnly(t *testing.T) {
	deploy := newStep("deploy", "synth")
	deploy.After = []string{"vet"}
	g, err := NewGraph([]Step{newStep("vet"), newStep("config"), newStep("synth", "config"), deploy})
	require.NoError(t, err)

	alone := g.Select(func(s Step) bool { return s.Name == "deploy" })
	assert.Equal(t, []string{"config", "synth", "deploy"}, stepNames(alone))
	assert.Equal(t, []string{"synth"}, alone.Predecessors("deploy"))

	checked := g.Select(func(s Step) bool { return s.Name == "deploy" || s.Name == "vet" })
	assert.Equal(t, []string{"vet", "config", "synth", "deploy"}, stepNames(checked))
	assert.Equal(t, []string{"synth", "vet"}, checked.Predecessors("deploy"))
}

func TestGraph_WithoutDropsUnneededSteps(t *testing.T) {
	deploy, verify := newStep("deploy", "synth"), newStep("verify", "synth")
	verify.After = []string{"deploy", "synth"}
	g, err := NewGraph([]Step{newStep("config"), newStep("build", "config"), newStep("synth", "build"), deploy, verify})
	require.NoError(t, err)
	rest := g.Without(func(s Step) bool { return s.Name == "synth" })
	assert.Equal(t, []string{"deploy", "verify"}, stepNames(rest))
	assert.Empty(t, rest.Predecessors("deploy"))
	assert.Equal(t, []string{"deploy"}, rest.Predecessors("verify"))
	assert.Equal(t, stepNames(g), stepNames(g.Without(func(Step) bool { return false })))
}

func TestGraph_DigestChangesWithSteps(t *testing.T) {
	digest := func(change func(*Step)) string {
		s := Step{Name: "a", Stage: Test, Image: ImageGo, Command: []string{"go", "test"}, Env: map[string]string{"A": "1"}}
		change(&s)
		g, err := NewGraph([]Step{s})
		require.NoError(t, err)
		return g.Digest()
	}
	same := digest(func(*Step) {})
	assert.Equal(t, same, digest(func(*Step) {}))
	for name, change := range map[string]func(*Step){
		"command":     func(s *Step) { s.Command = []string{"go", "vet"} },
		"environment": func(s *Step) { s.Env = map[string]string{"A": "2"} },
		"inputs":      func(s *Step) { s.Inputs = []string{"x"} },
		"image":       func(s *Step) { s.Image = ImageNode },
		"effect":      func(s *Step) { s.Effect = AWS },
	} {
		assert.NotEqual(t, same, digest(change), name)
	}
}

func TestGraph_DigestChangesWithImage(t *testing.T) {
	steps := []Step{{Name: "a", Image: "x"}, {Name: "b", Image: "y"}}
	digest := digestSteps(steps, map[string]string{"x": "i@sha256:1", "y": "j@sha256:1"})
	assert.NotEqual(t, digest, digestSteps(steps, map[string]string{"x": "i@sha256:2", "y": "j@sha256:1"}))
	assert.NotEqual(t, digest, digestSteps(steps, map[string]string{"x": "i@sha256:1", "y": "j@sha256:2"}))
	assert.Equal(t, digest, digestSteps(steps, map[string]string{"x": "i@sha256:1", "y": "j@sha256:1", "z": "unused"}))

	g, err := NewGraph([]Step{newStep("a")})
	require.NoError(t, err)
	assert.Equal(t, digestSteps(g.Steps(), Images), g.Digest())
}

// Outputs whose names only begin alike do not overlap.
func TestNewGraph_AcceptsSimilarOutputs(t *testing.T) {
	a := newStep("a")
	b := newStep("b")
	a.Outputs = []string{"out"}
	b.Outputs = []string{"output", "out.txt"}
	_, err := NewGraph([]Step{a, b})
	assert.NoError(t, err)
}

var twoEnvironments = &config.Config{Environments: []config.Environment{{Name: "dev"}, {Name: "perf", After: "dev"}}}

func TestSteps_ValidForAnyEnvironments(t *testing.T) {
	g, err := NewGraph(Steps(twoEnvironments))
	require.NoError(t, err)
	for _, s := range g.Steps() {
		assert.NotEmpty(t, s.Summary, s.Name)
		assert.Contains(t, Stages, s.Stage, s.Name)
		assert.NotEmpty(t, s.Inputs, s.Name)
		if s.Effect == AWS {
			assert.NotEmpty(t, s.Secrets, s.Name)
		} else {
			assert.Empty(t, s.Secrets, "%s only computes and may see no credential", s.Name)
		}
	}
	assert.Contains(t, g.Predecessors("deploy:perf"), "verify:dev")
}

func TestStep_LiveFlagOnlyForAWSEffect(t *testing.T) {
	deploy := Step{Command: []string{Self, "deploy"}, Effect: AWS}
	assert.Equal(t, []string{Self, "deploy", "--live"}, deploy.Argv(true))
	assert.Equal(t, []string{Self, "deploy"}, deploy.Argv(false))
	assert.Equal(t, []string{"go"}, Step{Command: []string{"go"}, Effect: Compute}.Argv(true))
}
