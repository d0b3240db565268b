package osv

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tests/gates/proof"
)

// lockFiles has, for each kind of lock file, one that names VERSION of a package which the database knows. The hashes
// are those of nothing.
var lockFiles = map[string]string{
	"npm/package-lock.json": `{"name": "a", "lockfileVersion": 3, "packages": {"node_modules/unsafe-thing": ` +
		`{"version": "VERSION"}}}`,
	"pnpm/pnpm-lock.yaml": "lockfileVersion: '9.0'\n\npackages:\n\n  unsafe-thing@VERSION:\n    resolution: {integrity: " +
		"sha512-AA==}\n\nsnapshots:\n\n  unsafe-thing@VERSION: {}\n",
	"yarn/yarn.lock": "# yarn lockfile v1\n\n\nunsafe-thing@^1.0.0:\n  version \"VERSION\"\n  integrity sha512-AA==\n",
	"poetry/poetry.lock": "[[package]]\nname = \"unsafe-thing\"\nversion = \"VERSION\"\noptional = false\nfiles = []\n\n" +
		"[metadata]\nlock-version = \"2.0\"\n",
	"uv/uv.lock": "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"unsafe-thing\"\n" +
		"version = \"VERSION\"\nsource = { registry = \"index\" }\n",
	"pip/requirements.txt":     "unsafe-thing==VERSION\n",
	"pip/requirements-dev.txt": "unsafe-thing==VERSION\n",
	"pipenv/Pipfile.lock":      `{"default": {"unsafe-thing": {"version": "==VERSION", "hashes": []}}, "develop": {}}`,
	"maven/pom.xml": "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>a</artifactId>" +
		"<version>1</version><dependencies><dependency><groupId>com.example</groupId><artifactId>unsafe-thing</artifactId>" +
		"<version>VERSION</version></dependency></dependencies></project>",
	"gradle/gradle.lockfile": "com.example:unsafe-thing:VERSION=compileClasspath\nempty=\n",
	"go/go.mod":              "module a\n\ngo 1.26.0\n\nrequire example.com/unsafe-thing vVERSION\n",
	"cargo/Cargo.lock":       "version = 3\n\n[[package]]\nname = \"unsafe-thing\"\nversion = \"VERSION\"\n",
}

func TestOSV_ReadsEveryKindOfLockFile(t *testing.T) {
	run := func(version string) (pipeline.Result, []string) {
		files := map[string]string{}
		for name, text := range lockFiles {
			files[name] = strings.ReplaceAll(text, "VERSION", version)
		}
		p := proof.NewProject(t, files)
		p.WriteOSVDatabase(t)
		step, ok := p.Graph.Step("osv")
		require.True(t, ok)
		for name := range files {
			assert.True(t, step.DependsOn(name), "%s: a change of it does not run the gate", name)
		}
		result, report, err := p.Run("osv")
		require.NoError(t, err)
		var found []string
		for _, f := range report.Findings {
			found = append(found, f.File)
		}
		return result, found
	}
	result, found := run("1.0.0")
	assert.Equal(t, pipeline.Failed, result.Status, result.Reason)
	for name := range lockFiles {
		assert.Contains(t, found, name)
	}
	result, found = run("1.9.0")
	assert.Equal(t, pipeline.Ran, result.Status, result.Reason)
	assert.Empty(t, found)
}
