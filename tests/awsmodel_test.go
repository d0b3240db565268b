package tests

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// The committed model of AWS's resource types is what its generator makes of the pinned sources. Nothing is installed
// for this test.
func TestAWSModel_IsAsGenerated(t *testing.T) {
	installer, err := tools.NewInstaller(os.Environ(), func(string) {})
	require.NoError(t, err)
	state, _ := installer.State(pipeline.ToolCfnLint)
	if state != tools.Installed || !installer.HasData(tools.AWSServiceSpec) {
		t.Skip("the sources are not installed: `go generate ./internal/awsmodel` installs them")
	}
	want := unzip(t, generate(t, "internal/awsmodel"))
	got := unzip(t, filepath.Join(repository, "internal", "awsmodel", "types.zip"))
	assert.Len(t, got, len(want))
	for name, text := range want {
		if got[name] != text {
			assert.Fail(t, "not as generated: run `go generate ./internal/awsmodel`", name)
		}
	}
}

// The committed names of cloud assemblies are what their generator makes of the pinned schema.
func TestAssemblyNames_AreAsGenerated(t *testing.T) {
	installer, err := tools.NewInstaller(os.Environ(), func(string) {})
	require.NoError(t, err)
	if !installer.HasData(tools.CloudAssemblySchema) {
		t.Skip("the schema is not installed: `go generate ./internal/deploy/assembly` installs it")
	}
	want, err := os.ReadFile(generate(t, "internal/deploy/assembly"))
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(repository, "internal", "deploy", "assembly", "names.json"))
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "not as generated: run `go generate ./internal/deploy/assembly`")
}

// generate runs the generator of a package's file. It returns the file that it has written.
func generate(t *testing.T, pkg string) string {
	t.Helper()
	fresh := filepath.Join(t.TempDir(), "generated")
	generator := exec.Command("go", "run", "./"+pkg+"/generate", "-out", fresh)
	generator.Dir = repository
	out, err := generator.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return fresh
}

// unzip returns the files of an archive.
func unzip(t *testing.T, file string) map[string]string {
	t.Helper()
	archive, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer archive.Close()
	files := map[string]string{}
	for _, entry := range archive.File {
		r, err := entry.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		files[entry.Name] = string(text)
	}
	return files
}
