package gate

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/internal/project"
)

func TestMissingPackages_AreFindings(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"web/node_modules/a", "web/node_modules/@scope/b"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.FromSlash(name)), 0o700))
	}
	text := "{\n\"devDependencies\": {\n\"typescript\": \"5.9.3\"}}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "web", "package.json"), []byte(text), 0o600))
	tree := project.Tree{FS: os.DirFS(dir), Files: []string{"web/package.json", "web/package-lock.json"}}
	packages, problems := project.FindNode(tree)
	require.Empty(t, problems)
	packages[0].Dependencies = append(packages[0].Dependencies, "a", "@scope/b", "../../web")
	packages = append(packages, project.NodePackage{Folder: "web/part", Lock: "web", Dependencies: []string{"c"}})

	missing := missingPackages(dir, "web", packages)
	require.Len(t, missing, 1)
	assert.Equal(t, "not-installed", missing[0].Rule)
	assert.Equal(t, "web/package.json:3", missing[0].Location())
	assert.Contains(t, missing[0].Message, "typescript was not installed")
}

// A check that no package is configured for has not passed: it had nothing to do.
func TestNodeChecks_NotConfiguredHaveNothingToDo(t *testing.T) {
	dir := t.TempDir()
	text := `{"name": "shop", "dependencies": {}}` + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(text), 0o600))
	for name, test := range map[string]struct {
		check  func(context.Context, Gate) (outcome, error)
		reason string
	}{
		"node-types":  {checkNodeTypes, "tsconfig.json"},
		"node-lint":   {checkNodeLint, "script lint"},
		"node-format": {checkNodeFormat, "script format:check or "},
		"node-tests":  {checkNodeTests, "script test"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.check(t.Context(), Gate{Name: name, Root: dir})
			var nothing *pipeline.NothingToDoError
			require.ErrorAs(t, err, &nothing)
			assert.Contains(t, nothing.Reason, test.reason)
		})
	}
}
