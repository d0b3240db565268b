package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goFiles returns the Go files below a folder, without tests, and without what folders of the names of except hold.
func goFiles(t *testing.T, files fs.FS, folder string, except ...string) []string {
	t.Helper()
	var names []string
	require.NoError(t, fs.WalkDir(files, folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(except, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			names = append(names, name)
		}
		return nil
	}))
	return names
}

// parseGo returns the syntax tree of a Go file, without comments.
func parseGo(t *testing.T, files fs.FS, name string) *ast.File {
	t.Helper()
	source, err := fs.ReadFile(files, name)
	require.NoError(t, err)
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	return file
}
