package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// workflowProject returns the folder of a project whose pipelines GitHub or GitLab runs, with those settings. Its
// repository is not this project's own.
func workflowProject(t *testing.T, settings string) string {
	t.Helper()
	root := newProject(t)
	appendFile(t, filepath.Join(root, "config", "pipeline.yaml"),
		"workflows: {repository: example/shop, "+settings+"}\n")
	return root
}

// appendFile adds text to a file.
func appendFile(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

const jobImage = "example.com/jobs@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestWorkflows_FileOfAnotherIsNotReplaced(t *testing.T) {
	printed := faulttest.Printed(t)
	root := workflowProject(t, "service: gitlab, module: github.com/example/lockstep@v1.0.0, image: '"+jobImage+"'")
	own := filepath.Join(root, ".gitlab-ci.yml")
	require.NoError(t, os.WriteFile(own, []byte("mine: {script: [make]}\n"), 0o600))
	for _, arguments := range [][]string{{"workflows", "gitlab", "--write"}, {"workflows", "gitlab"}} {
		out, err := runCommand(t, append([]string{"-C", root}, arguments...)...)
		assert.Equal(t, fault.WorkflowOutdated, fault.CodeOf(printed.Error(err)), "%v", err)
		assert.ErrorContains(t, err, ".gitlab-ci.yml was not written by `lockstep workflows`")
		assert.Contains(t, out, "foreign  .gitlab-ci.yml")
	}
	text, err := os.ReadFile(own)
	require.NoError(t, err)
	assert.Equal(t, "mine: {script: [make]}\n", string(text))
	assert.NoDirExists(t, filepath.Join(root, ".gitlab"))

	require.NoError(t, os.Remove(own))
	_, err = runCommand(t, "-C", root, "workflows", "gitlab", "--write")
	require.NoError(t, err)
	_, err = runCommand(t, "-C", root, "workflows", "gitlab")
	require.NoError(t, err)
}

// Jobs of a repository that has neither the module nor the program would fail at their first call.
func TestWorkflows_JobsWithoutAProgramAreRefused(t *testing.T) {
	const module = "module: github.com/example/lockstep@v1.0.0"
	program := "program: {url: 'https://example.com/lockstep.tar.gz', sha256: '" + strings.Repeat("0", 64) + "'}"
	for _, test := range []struct{ service, settings, missing string }{
		{"github", "service: github", "workflows.module"},
		{"github", "service: github, " + module, ""},
		{"github", "service: github, runner: host", "workflows.program"},
		{"github", "service: github, runner: host, " + program, ""},
		{"codebuild", "service: github, " + module, "source.module"},
	} {
		root := workflowProject(t, test.settings)
		_, err := runCommand(t, "-C", root, "workflows", test.service, "--write")
		if test.missing == "" {
			require.NoError(t, err, test.settings)
			continue
		}
		assert.Equal(t, fault.ConfigMissing, fault.CodeOf(err), "%v", err)
		assert.ErrorContains(t, err, "has no `"+test.missing+"`")
		assert.NoDirExists(t, filepath.Join(root, ".github"))
		assert.NoDirExists(t, filepath.Join(root, "buildspecs"))

		appendFile(t, filepath.Join(root, "go.mod"), "module lockstep\n")
		_, err = runCommand(t, "-C", root, "workflows", test.service, "--write")
		require.NoError(t, err, "%s in this project's own repository", test.settings)
	}
}
