package pipeline

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

// foreign returns the configuration of a repository with an app and steps.
func foreign(a config.App, steps ...config.Step) *config.Config {
	return &config.Config{
		Pipeline:     config.Pipeline{Project: "orders", App: a, Steps: steps},
		Environments: []config.Environment{{Name: "dev"}, {Name: "prod", After: "dev"}},
	}
}

func stepOf(t *testing.T, c *config.Config, name string) Step {
	t.Helper()
	g, err := NewGraph(Steps(c))
	require.NoError(t, err)
	step, ok := g.Step(name)
	require.True(t, ok, name)
	return step
}

// Where the files of a step are copied, a module below the root is none without its go.mod, and ./... goes into it.
func TestSteps_ReadModulesBelowWithTheirSources(t *testing.T) {
	const source, module = "services/orders/main.go", "services/orders/go.mod"
	found := 0
	for _, s := range Steps(foreign(config.App{})) {
		if len(s.Command) > 0 && Matches(s.Inputs, source) && Matches(s.Inputs, "go.mod") {
			found++
			assert.True(t, Matches(s.Inputs, module), s.Name)
		}
	}
	assert.Positive(t, found)
}

func TestSynth_ReadsEverySourceOfTheApp(t *testing.T) {
	s := stepOf(t, foreign(config.App{Language: "python"}), "synth")
	for name, want := range map[string]bool{
		"app.py": true, "src/orders/stack.py": true, "lambda/index.js": true, "cdk.json": true, "uv.lock": true,
		"assets/page.html": true, "config/pipeline.yaml": true, "target/classes/data.json": true,
		"cdk.out/manifest.json": false, ".venv/lib/x.py": false, "src/__pycache__/a.pyc": false,
	} {
		assert.Equal(t, want, Matches(s.Inputs, name), name)
		assert.Equal(t, want, s.SourceFiles().includes(name), name)
	}
	java := stepOf(t, foreign(config.App{Language: "java"}), "synth")
	assert.False(t, Matches(java.Inputs, "target/classes/data.json"))
}

func TestSynth_SaysWhatRunsTheApp(t *testing.T) {
	s := stepOf(t, foreign(config.App{
		Language: "typescript", Folder: "infra", Command: "npx tsx app.ts", Install: "npm ci",
	}), "synth")
	assert.Equal(t, []string{
		Self, "gate", "synth", "--reads", "nag", "--", Self, "run-app", "--out", ".lockstep/assembly", "--folder", "infra",
		"--language", "typescript", "--install", "npm ci", "--", "npx tsx app.ts",
	}, s.Command)
	assert.Equal(t, []string{"config"}, s.Needs)
	assert.Equal(t, []string{ReportFile("synth", CDKNag), AssemblyDir("dev"), AssemblyDir("prod")}, s.Outputs)
}

// A container of a Java app has a JDK, Maven, and Node for the CDK library.
func TestJava_RunsInContainers(t *testing.T) {
	s := stepOf(t, foreign(config.App{Language: "java"}), "synth")
	extra, err := s.ExtraFiles()
	require.NoError(t, err)
	folders := map[string]string{}
	for _, from := range extra {
		folders[from.Folder] = from.Image
	}
	assert.Equal(t, map[string]string{
		"/opt/java/openjdk": ImageJava, "/usr/share/maven": ImageJava, "/usr/local": ImageNode,
	}, folders)
	for folder := range folders {
		assert.Contains(t, filepath.SplitList(s.SearchPath()), folder+"/bin")
	}
	assert.Contains(t, s.Caches, CacheMaven)
	assert.Equal(t, "-Dmaven.repo.local=/cache/maven", Caches[CacheMaven].Value())
}

// The CDK's template of an app in TypeScript is run by npx.
func TestTypeScript_HasNpxInContainers(t *testing.T) {
	s := stepOf(t, foreign(config.App{Language: "typescript"}), "synth")
	extra, err := s.ExtraFiles()
	require.NoError(t, err)
	hasProgram := func(name string) bool {
		return slices.ContainsFunc(extra, func(from ExtraFiles) bool {
			return from.Image == ImageNode && slices.Contains(from.Patterns, name)
		})
	}
	for _, name := range []string{"bin/node", "bin/npm", "bin/npx"} {
		assert.True(t, hasProgram(name), name)
	}
}

func TestOwnSteps_StandInTheGraph(t *testing.T) {
	own := config.Step{
		Name: "contracts", Stage: "test", Image: "node", Command: "node contracts.js", Inputs: []string{"contracts/**"},
		Outputs: []string{".lockstep/contracts"}, Needs: []string{"synth"}, Caches: []string{"npm"},
	}
	with, without := foreign(config.App{}, own), foreign(config.App{})
	s := stepOf(t, with, "contracts")
	assert.Equal(t, Step{
		Name: "contracts", Stage: Test, Summary: "node contracts.js", Image: ImageNode,
		Command: []string{"sh", "-c", "node contracts.js"}, Inputs: own.Inputs, Outputs: own.Outputs, Needs: own.Needs,
		Caches: own.Caches, Effect: Compute,
	}, s)
	assert.Contains(t, stepOf(t, with, "deploy:dev").After, "contracts", "a live deployment waits for it")
	graphs := [2]*Graph{}
	for i, c := range []*config.Config{with, without} {
		g, err := NewGraph(Steps(c))
		require.NoError(t, err)
		graphs[i] = g
	}
	assert.NotEqual(t, graphs[0].Digest(), graphs[1].Digest())

	own.Name = "lint"
	_, err := NewGraph(Steps(foreign(config.App{}, own)))
	assert.ErrorContains(t, err, `step "lint" stands in the table twice`)
	own.Name, own.Needs = "contracts", []string{"nothing"}
	_, err = NewGraph(Steps(foreign(config.App{}, own)))
	assert.ErrorContains(t, err, `step "contracts" waits for "nothing", which is no step`)
}

func TestGates_OffHasReason(t *testing.T) {
	c := foreign(config.App{})
	c.Pipeline.Gates.Off = map[string]string{
		"markdown": "the pages are written elsewhere", "templates": "they are trusted",
	}
	assert.Equal(t, "off in config/pipeline.yaml: the pages are written elsewhere", stepOf(t, c, "markdown").OffReason())
	assert.Equal(t, "they are trusted", stepOf(t, c, "templates:dev").Off)
	assert.Empty(t, stepOf(t, c, "secrets").Off)
}

// A repository without Go has nothing that the gates for Go look at.
func TestGates_ApplyWhereTheirFilesAre(t *testing.T) {
	c := foreign(config.App{})
	c.Pipeline.Gates.GoPackages = []string{"./..."}
	for name, want := range map[string]struct{ file, other string }{
		"lint": {"go.mod", "package.json"}, "tidy": {"go.mod", "infra/go.mod"}, "unit": {"go.mod", "a.py"},
		"gosec": {"go.mod", "a.py"}, "govulncheck": {"go.mod", "a.py"}, "format": {"a/b.go", "a/b.ts"},
		"scripts": {"tests/scripts/a.txtar", "tests/a_test.go"}, "coverage": {CoverageFloor, "tests/a_test.go"},
		"documentation": {"tests/documentation_test.go", "docs/a.md"}, "python-lint": {"pyproject.toml", "a.py"},
		"bandit": {"infra/requirements.txt", "tools/ruff/requirements.txt"},
	} {
		s := stepOf(t, c, name)
		assert.True(t, Matches(s.TriggerPaths, want.file), name)
		assert.False(t, Matches(s.TriggerPaths, want.other), name)
	}
}
