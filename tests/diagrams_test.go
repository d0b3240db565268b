package tests

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	var files []string
	for _, d := range drawn {
		file := filepath.Join(repository, diagramsDir, d.Name+".svg")
		files = append(files, file)
		if *update {
			drawDiagram(t, file, d)
		}
		svg, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.True(t, diagram.IsDrawingOf(svg, d),
			"%s/%s.svg is out of date: run `go test ./tests -run TestDocument_Diagrams -update`", diagramsDir, d.Name)
	}
	existing, err := filepath.Glob(filepath.Join(repository, diagramsDir, "*.svg"))
	require.NoError(t, err)
	assert.ElementsMatch(t, files, existing, "a diagram is no longer drawn: remove its file")
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
