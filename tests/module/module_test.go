package module

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

// The module is a part of this repository though no engine is here to load it: it is vetted, and its tests run, like
// every other package.
func TestModule_VetAndTestsPass(t *testing.T) {
	project, _, _ := newProject(t)
	dir := filepath.Join(t.TempDir(), "ci")
	require.NoError(t, Compose(harness.Repository(), dir))
	t.Setenv(ProjectVariable, project)
	for _, argv := range [][]string{{"go", "mod", "tidy", "-diff"}, {"go", "vet", "."}, {"go", "test", "-count=1", "."}} {
		_, err := runCommand(dir, argv...)
		require.NoError(t, err)
	}
}

// An engine loads of this repository only what dagger.json includes, so that has to be all that the module is compiled
// from.
func TestModule_IncludesWhatItImports(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ci")
	require.NoError(t, Compose(harness.Repository(), dir))
	var settings struct{ Include []string }
	text, err := os.ReadFile(filepath.Join(harness.Repository(), "dagger.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &settings))
	const format = `{{if and .Module (eq .Module.Path "lockstep")}}{{range .GoFiles}}{{$.ImportPath}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$.ImportPath}}/{{.}}
{{end}}{{end}}`
	listed, err := runCommand(dir, "go", "list", "-deps", "-f", format, ".")
	require.NoError(t, err)
	files := strings.Fields(listed)
	assert.Greater(t, len(files), 20)
	for _, file := range append(files, "lockstep/go.mod", "lockstep/go.sum") {
		file = strings.TrimPrefix(file, "lockstep/")
		assert.True(t, pipeline.Matches(settings.Include, file), "dagger.json does not include %s", file)
	}
}
