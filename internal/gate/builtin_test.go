package gate

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// runBuiltin runs a built-in gate and returns its findings as lines, or its error if it has none.
func runBuiltin(t *testing.T, name, root string, settings ...string) []string {
	t.Helper()
	g := Gate{Name: name, Root: root, Format: pipeline.SARIF, Settings: settings, Log: &bytes.Buffer{}, Now: now}
	runErr := g.Run(t.Context())
	text, err := os.ReadFile(filepath.Join(root, pipeline.ReportFile(name, pipeline.SARIF)))
	require.NoError(t, err)
	r, err := findings.ReadSARIF(text, root)
	require.NoError(t, err)
	if len(r.Findings) == 0 && runErr != nil {
		return []string{runErr.Error()}
	}
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, f.Location()+" "+f.Rule)
	}
	return lines
}

func TestCoverage_WithoutProfileOrFloorIsNotCompared(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, files := range []map[string]string{
		{pipeline.CoverageProfile: "garbage", pipeline.CoverageFloor: "0\n"},
		{pipeline.CoverageProfile: "mode: set\nlockstep/x/x.go:1.1,2.2 3 1\n"},
	} {
		g := Gate{
			Name: "coverage", Root: newRepository(t, files), Format: pipeline.SARIF, Log: &bytes.Buffer{}, Now: now,
		}
		err := g.Run(t.Context())
		assert.Equal(t, fault.CoverageFloor, fault.CodeOf(printed.Error(err)), "%v", err)
	}
}

const pinnedDigest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestBuiltinGates_MatchTableOfSteps(t *testing.T) {
	c, err := config.Load(os.DirFS("../../config"))
	require.NoError(t, err)
	want := map[string]bool{}
	for _, step := range pipeline.Steps(c) {
		if step.IsGate() && !slices.Contains(step.Command, "--") {
			want[withoutEnvironment(step.Name)] = true
		}
	}
	got := slices.Sorted(maps.Keys(builtinGates))
	got = append(got, slices.Collect(maps.Keys(projectGates))...)
	slices.Sort(got)
	assert.Equal(t, slices.Sorted(maps.Keys(want)), got, "a gate without a program needs a function in builtinGates")
}

func TestImages_DockerfilesAndManifests(t *testing.T) {
	const pinned = "FROM debian" + pinnedDigest
	for _, test := range []struct {
		name, file, text string
		want             []string
	}{
		{
			"pinned image and user", "Dockerfile",
			"# syntax\nFROM debian:12" + pinnedDigest + " AS build\nRUN make \\\n  all\nFROM build\nUSER app:app\n", nil,
		},
		{
			"platform and stage", "Dockerfile",
			"FROM --platform=linux/amd64 debian" + pinnedDigest + " AS b\nFROM scratch\nCOPY --from=b / /\nUSER 10001\n", nil,
		},
		{"no digest", "x.Dockerfile", "FROM debian:12\nUSER app\n", []string{"x.Dockerfile:1 image-digest"}},
		{"short digest", "Dockerfile", "FROM debian@sha256:12\nUSER app\n", []string{"Dockerfile:1 image-digest"}},
		{
			"argument", "Dockerfile",
			"ARG BASE=debian\nFROM ${BASE}\nUSER app\n",
			[]string{"Dockerfile:2 image-digest"},
		},
		{
			"other registry", "Dockerfile",
			"FROM registry.example.com/debian" + pinnedDigest + "\nUSER app\n",
			[]string{"Dockerfile:1 image-registry"},
		},
		{
			"registry whose name begins like an allowed one", "Dockerfile",
			"FROM docker.io.example.com/debian" + pinnedDigest + "\nUSER app\n",
			[]string{"Dockerfile:1 image-registry"},
		},
		{
			"path that is allowed of a registry", "Dockerfile",
			"FROM quay.io/team/app" + pinnedDigest + "\nUSER app\n", nil,
		},
		{
			"path that begins like an allowed one", "Dockerfile",
			"FROM quay.io/team2/app" + pinnedDigest + "\nUSER app\n",
			[]string{"Dockerfile:1 image-registry"},
		},
		{"root by name", "Dockerfile", pinned + "\nUSER root\n", []string{"Dockerfile:2 image-user"}},
		{"root by number and group", "Dockerfile", pinned + "\nUSER 0:0\n", []string{"Dockerfile:2 image-user"}},
		{
			"root in the last stage", "Dockerfile",
			pinned + "\nUSER app\n" + pinned + "\n",
			[]string{"Dockerfile:3 image-user"},
		},
		{"no FROM", "Dockerfile", "RUN true\n", []string{"Dockerfile:1 image-digest"}},
		{
			"manifest", "k8s/engine.yaml",
			"spec:\n  - name: e\n    image: \"debian:12\" # no digest\n" +
				"  - image: docker.io/library/debian" + pinnedDigest + "\n",
			[]string{"k8s/engine.yaml:3 image-digest"},
		},
		{"template of a manifest", "k8s/chart.yaml", "image: {{ .Values.image }}\n", nil},
		{"test data", "testdata/Dockerfile", "FROM debian\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRepository(t, map[string]string{test.file: test.text})
			assert.Equal(t, test.want, runBuiltin(t, "images", root, "registry=docker.io", "registry=quay.io/team"))
		})
	}
}

func TestImages_ChecksImagesOfSteps(t *testing.T) {
	table := "package pipeline\n\n// " + pipeline.Images[pipeline.ImageGo] + "\n"
	root := newRepository(t, map[string]string{pipeline.ImagesFile: table})
	assert.Contains(t, runBuiltin(t, "images", root, "registry=registry.example.com"),
		pipeline.ImagesFile+":3 image-registry")
}

func TestCoverage_Floor(t *testing.T) {
	const profile = "mode: set\nlockstep/x/x.go:1.1,2.2 3 1\nlockstep/x/x.go:3.1,4.2 1 0\n"
	for _, test := range []struct{ name, profile, floor, want string }{
		{"enough", profile, "75.0\n# a comment\n", ""},
		{"too little", profile, "75.1\n", "tests/coverage.floor:1 coverage-floor"},
		{"no number", profile, "much\n", "tests/coverage.floor:1 coverage-floor"},
		{"more than 100", profile, "101\n", "tests/coverage.floor:1 coverage-floor"},
		{"no statement", "mode: set\n", "0\n", "the repository has no tests, and its floor is 0"},
		{"no statement, but a floor", "mode: set\n", "0.1\n", "tests/coverage.floor:1 coverage-floor"},
		{"invalid profile", "garbage", "0\n", "the coverage profile cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRepository(t, map[string]string{
				pipeline.CoverageProfile: test.profile, pipeline.CoverageFloor: test.floor,
			})
			got := runBuiltin(t, "coverage", root)
			if test.want == "" {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Contains(t, got[0], test.want)
		})
	}
	t.Run("no profile", func(t *testing.T) {
		for floor, want := range map[string]string{
			"0": "the repository has no tests, and its floor is 0", "50": "tests/coverage.floor:1 coverage-floor",
		} {
			got := runBuiltin(t, "coverage", newRepository(t, map[string]string{pipeline.CoverageFloor: floor + "\n"}))
			require.Len(t, got, 1)
			assert.Contains(t, got[0], want)
		}
	})

	t.Run("what the scripts ran counts once", func(t *testing.T) {
		root := newRepository(t, map[string]string{
			pipeline.CoverageProfile: profile, pipeline.CoverageFloor: "80\n",
			pipeline.ScriptsCoverageDir + "/tests.out": "mode: atomic\nlockstep/x/x.go:1.1,2.2 3 7\n" +
				"lockstep/x/x.go:3.1,4.2 1 0\nlockstep/y/y.go:1.1,2.2 4 1\nlockstep/y/y.go:3.1,4.2 2 0\n",
			pipeline.ScriptsCoverageDir + "/faults.out": "mode: atomic\nlockstep/x/x.go:3.1,4.2 1 1\n",
		})
		assert.Empty(t, runBuiltin(t, "coverage", root), "8 of 10 statements")
		require.NoError(t, os.Remove(filepath.Join(root, filepath.FromSlash(pipeline.ScriptsCoverageDir), "faults.out")))
		assert.NotEmpty(t, runBuiltin(t, "coverage", root), "7 of 10 statements")
	})
}

func TestGate_UnknownBuiltinFails(t *testing.T) {
	assert.Equal(t, []string{`there is no built-in gate "nonsense": name a program after --`},
		runBuiltin(t, "nonsense", newRepository(t, nil)))
}

func TestVersion_IsStable(t *testing.T) {
	assert.Equal(t, Version(), Version())
	assert.Regexp(t, "^gate [0-9a-f]{64}$", Version())
}

func TestRunOnFiles_PassesFiles(t *testing.T) {
	root := newRepository(t, map[string]string{"a.md": "1", "b b.md": "2", "c.txt": "3"})
	g := Gate{
		Root: root, FilePatterns: []string{"**/*.md"}, Log: &bytes.Buffer{},
		Argv: []string{"sh", "-c", `for f in "$@"; do echo "fixed $f"; done`, "sh"},
	}
	var out bytes.Buffer
	require.NoError(t, g.RunOnFiles(t.Context(), &out))
	assert.Equal(t, "fixed a.md\nfixed b b.md\n", out.String())
	g.Argv = []string{"sh", "-c", "exit 3"}
	assert.EqualError(t, g.RunOnFiles(t.Context(), &out), "sh: its program ended with status 3")
}

// What a link leads to may be the person's.
func TestRunOnFiles_LeavesLinksAlone(t *testing.T) {
	root := newRepository(t, map[string]string{"a.md": "1"})
	outside := filepath.Join(t.TempDir(), "notes.md")
	require.NoError(t, os.WriteFile(outside, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(root, "b.md")))
	require.NoError(t, os.Symlink("a.md", filepath.Join(root, "c.md")))
	g := Gate{
		Root: root, FilePatterns: []string{"**/*.md"}, Log: &bytes.Buffer{},
		Argv: []string{"sh", "-c", `for f in "$@"; do echo fixed > "$f"; done`, "sh"},
	}
	require.NoError(t, g.RunOnFiles(t.Context(), &bytes.Buffer{}))
	for file, want := range map[string]string{outside: "kept", filepath.Join(root, "a.md"): "fixed\n"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
}
