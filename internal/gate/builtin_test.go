package gate

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// runBuiltin runs one of this program's own gates, and returns what it found as lines.
func runBuiltin(t *testing.T, name, root string, settings ...string) []string {
	t.Helper()
	g := Gate{Name: name, Root: root, Format: pipeline.SARIF, Settings: settings, Log: &bytes.Buffer{}, Now: func() time.Time { return testDay }}
	err := g.Run(context.Background())
	text, reading := os.ReadFile(filepath.Join(root, pipeline.ReportFile(name, pipeline.SARIF)))
	require.NoError(t, reading)
	r, reading := findings.ReadSARIF(text, root)
	require.NoError(t, reading)
	if len(r.Findings) == 0 && err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, f.Location()+" "+f.Rule)
	}
	return lines
}

const pinnedDigest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestImages_DockerfilesAndManifests(t *testing.T) {
	for _, test := range []struct {
		name, file, text string
		want             []string
	}{
		{"a good one", "Dockerfile", "# syntax\nFROM debian:12" + pinnedDigest + " AS build\nRUN make \\\n  all\nFROM build\nUSER app:app\n", nil},
		{"a platform and an own stage", "Dockerfile", "FROM --platform=linux/amd64 debian" + pinnedDigest + " AS b\nFROM scratch\nCOPY --from=b / /\nUSER 10001\n", nil},
		{"no digest", "x.Dockerfile", "FROM debian:12\nUSER app\n", []string{"x.Dockerfile:1 image-digest"}},
		{"an argument", "Dockerfile", "ARG BASE=debian\nFROM ${BASE}\nUSER app\n", []string{"Dockerfile:2 image-digest"}},
		{"another registry", "Dockerfile", "FROM registry.example.com/debian" + pinnedDigest + "\nUSER app\n", []string{"Dockerfile:1 image-registry"}},
		{"a registry whose name only begins alike", "Dockerfile", "FROM docker.io.example.com/debian" + pinnedDigest + "\nUSER app\n", []string{"Dockerfile:1 image-registry"}},
		{"root by name", "Dockerfile", "FROM debian" + pinnedDigest + "\nUSER root\n", []string{"Dockerfile:2 image-user"}},
		{"root by number and group", "Dockerfile", "FROM debian" + pinnedDigest + "\nUSER 0:0\n", []string{"Dockerfile:2 image-user"}},
		{"root because a later stage begins anew", "Dockerfile", "FROM debian" + pinnedDigest + "\nUSER app\nFROM debian" + pinnedDigest + "\n", []string{"Dockerfile:3 image-user"}},
		{"nothing to build on", "Dockerfile", "RUN true\n", []string{"Dockerfile:1 image-digest"}},
		{"a manifest", "k8s/engine.yaml", "spec:\n  - name: e\n    image: \"debian:12\" # no digest\n  - image: docker.io/library/debian" + pinnedDigest + "\n", []string{"k8s/engine.yaml:3 image-digest"}},
		{"a manifest's template", "k8s/chart.yaml", "image: {{ .Values.image }}\n", nil},
		{"test data", "testdata/Dockerfile", "FROM debian\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{test.file: test.text})
			assert.Equal(t, test.want, runBuiltin(t, "images", root, "registry=docker.io"))
		})
	}
}

func TestImages_ChecksImagesOfSteps(t *testing.T) {
	root := repository(t, map[string]string{pipeline.ImagesFile: "package pipeline\n\n// " + pipeline.Images[pipeline.ImageGo] + "\n"})
	assert.Contains(t, runBuiltin(t, "images", root, "registry=registry.example.com"), pipeline.ImagesFile+":3 image-registry")
}

func TestCoverage_Floor(t *testing.T) {
	const profile = "mode: set\nlockstep/x/x.go:1.1,2.2 3 1\nlockstep/x/x.go:3.1,4.2 1 0\n"
	for _, test := range []struct{ name, profile, floor, want string }{
		{"enough", profile, "75.0\n# what was reached\n", ""},
		{"too little", profile, "75.1\n", "tests/coverage.floor:1 coverage-floor"},
		{"no number", profile, "much\n", "tests/coverage.floor:1 coverage-floor"},
		{"more than all", profile, "101\n", "tests/coverage.floor:1 coverage-floor"},
		{"nothing covered", "mode: set\n", "0\n", "covers no statement"},
		{"garbage", "garbage", "0\n", "there is no coverage to look at"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{pipeline.CoverageProfile: test.profile, pipeline.CoverageFloor: test.floor})
			got := runBuiltin(t, "coverage", root)
			if test.want == "" {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			assert.Contains(t, got[0], test.want)
		})
	}
	assert.Contains(t, runBuiltin(t, "coverage", repository(t, nil))[0], "there is no coverage to look at")

	t.Run("what the scripts ran counts once", func(t *testing.T) {
		root := repository(t, map[string]string{
			pipeline.CoverageProfile: profile, pipeline.CoverageFloor: "80\n",
			pipeline.ScriptsCoverageDir + "/tests.out":  "mode: atomic\nlockstep/x/x.go:1.1,2.2 3 7\nlockstep/x/x.go:3.1,4.2 1 0\nlockstep/y/y.go:1.1,2.2 4 1\nlockstep/y/y.go:3.1,4.2 2 0\n",
			pipeline.ScriptsCoverageDir + "/faults.out": "mode: atomic\nlockstep/x/x.go:3.1,4.2 1 1\n",
		})
		assert.Empty(t, runBuiltin(t, "coverage", root), "8 of 10 statements")
		require.NoError(t, os.Remove(filepath.Join(root, filepath.FromSlash(pipeline.ScriptsCoverageDir), "faults.out")))
		assert.NotEmpty(t, runBuiltin(t, "coverage", root), "7 of 10 statements")
	})
}

func TestGate_UnknownBuiltinFails(t *testing.T) {
	assert.Equal(t, []string{`there is no gate "nonsense" in this program`}, runBuiltin(t, "nonsense", repository(t, nil)))
}

func TestVersion_IsStable(t *testing.T) {
	assert.Equal(t, Version(), Version())
	assert.Regexp(t, "^gate [0-9a-f]{64}$", Version())
}

func TestRunOnFiles_PassesFiles(t *testing.T) {
	root := repository(t, map[string]string{"a.md": "1", "b b.md": "2", "c.txt": "3"})
	g := Gate{Root: root, FilePatterns: []string{"**/*.md"}, Argv: []string{"sh", "-c", `for f in "$@"; do echo "mended $f"; done`, "sh"}, Log: &bytes.Buffer{}}
	var out bytes.Buffer
	require.NoError(t, g.RunOnFiles(context.Background(), &out))
	assert.Equal(t, "mended a.md\nmended b b.md\n", out.String())
	g.Argv = []string{"sh", "-c", "exit 3"}
	assert.EqualError(t, g.RunOnFiles(context.Background(), &out), "sh: its program ended with status 3")
}
