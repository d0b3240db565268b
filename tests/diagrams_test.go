package tests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"

	"lockstep/config"
	"lockstep/infra/stages"
	"lockstep/internal/diagram"
	"lockstep/internal/drawing"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
	"lockstep/tools"
)

// diagramsDir is the folder of the diagrams that pages show.
const diagramsDir = "docs/diagrams"

// The diagrams of the documentation are those of the platform that the tests are about.
func TestDocument_DiagramsAreCurrent(t *testing.T) {
	drawn := documentedDiagrams(t)
	var names []string
	for _, d := range drawn {
		file := filepath.Join(repository, diagramsDir, d.Name+".svg")
		names = append(names, d.Name+".svg")
		if *update {
			drawDiagram(t, file, d)
		}
		svg, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.True(t, diagram.IsDrawingOf(svg, d),
			"%s/%s.svg is out of date: run `go test ./tests -run TestDocument_Diagrams -update`", diagramsDir, d.Name)
	}
	assert.ElementsMatch(t, names, documentedNames(t), "a diagram is no longer drawn: remove its file")
}

// A reader who does not see a diagram needs its alternative text, and every diagram is on the page about them.
func TestDocument_DiagramsHaveAlternativeText(t *testing.T) {
	files := os.DirFS(repository)
	shown := map[string]bool{}
	for _, p := range pages(t, files) {
		walkNodes(p.root, func(image *markdown.Image) {
			assert.Greater(t, len(p.plainText(image)), 30, "%s: %s has no alternative text", p.name, image.Destination)
			if p.name == diagramsDir+"/README.md" {
				shown[string(image.Destination)] = true
			}
		})
	}
	for _, d := range documentedNames(t) {
		assert.True(t, shown[d], "%s/README.md does not show %s", diagramsDir, d)
	}
}

// documentedNames returns the names of the files of the diagrams.
func documentedNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, diagramsDir, "*.svg"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, file := range files {
		files[i] = filepath.Base(file)
	}
	return files
}

// documentedDiagrams returns the diagrams of the fixture platform, which it synthesises.
func documentedDiagrams(t *testing.T) []diagram.Diagram {
	t.Helper()
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
	dir := t.TempDir()
	t.Cleanup(jsii.Close)
	for _, env := range c.Targets() {
		_, err := stages.Synth(c, env, filepath.Join(dir, env.Name))
		require.NoError(t, err)
	}
	last := c.Environments[len(c.Environments)-1].Name
	assemblies, err := drawing.FindAssemblies(dir, last, c.Targets())
	require.NoError(t, err)
	drawn, omitted := diagram.Draw(diagram.Platform{Config: c, Graph: g, Assemblies: assemblies, Detailed: last})
	require.Empty(t, omitted)
	return drawn
}

// drawDiagram draws a diagram into a file.
func drawDiagram(t *testing.T, file string, d diagram.Diagram) {
	t.Helper()
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { t.Log(line) })
	require.NoError(t, err)
	dir, err := installer.Install(t.Context(), pipeline.ToolD2)
	require.NoError(t, err)
	svg, err := drawing.SVG(t.Context(), filepath.Join(dir, "bin", pipeline.ToolD2), d)
	require.NoError(t, err)
	harness.MustWriteFile(t, file, string(svg))
}
