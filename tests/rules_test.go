package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blockingReads are the functions that wait for the writer of a pipe. The command line and a deployment read what a
// user names, so they use internal/fsx.
var blockingReads = regexp.MustCompile(`\bos\.(ReadFile|Open|OpenFile|DirFS|OpenInRoot)\(`)

func TestCode_DeploymentNeverWaitsForAPipe(t *testing.T) {
	forEachSource(t, func(file, text string) {
		for _, dir := range []string{"internal/cli/", "internal/rollout/", "internal/report/", "internal/deploy/"} {
			if strings.HasPrefix(file, dir) {
				assert.NotRegexp(t, blockingReads, text, "%s: read it with internal/fsx", file)
			}
		}
	})
}

// zonelessLayout is a layout of a time of day that does not say its zone.
var zonelessLayout = regexp.MustCompile(`\btime\.(DateTime|TimeOnly|Kitchen|Stamp\w*|ANSIC)\b|` +
	`"[^"]*\b(15|03):04[^"ZM]*"`)

func TestCode_TimesAreShownWithTheirZone(t *testing.T) {
	for text, want := range map[string]bool{
		`t.Format(time.DateTime)`: true, `t.Format("2006-01-02 15:04")`: true, `t.Format("15:04:05")`: true,
		`utc.Format(t)`: false, `t.Format("2006-01-02 15:04 MST")`: false, `t.Format("2006-01-02T15:04:05.000Z")`: false,
		`t.Format(time.DateOnly)`: false,
	} {
		assert.Equal(t, want, zonelessLayout.MatchString(text), text)
	}
	forEachSource(t, func(file, text string) {
		if file != "internal/utc/utc.go" {
			assert.NotRegexp(t, zonelessLayout, text, "%s: show the time with internal/utc", file)
		}
	})
}

// forEachSource calls check with the name and the text, without comments, of each Go file of the product.
func forEachSource(t *testing.T, check func(file, text string)) {
	t.Helper()
	for dir := range packageImports(t) {
		if strings.HasPrefix(dir, "tests") || strings.HasPrefix(dir, "bench") {
			continue
		}
		entries, err := os.ReadDir(path.Join(repository, dir))
		require.NoError(t, err)
		for _, entry := range entries {
			if strings.HasSuffix(entry.Name(), ".go") && !strings.HasSuffix(entry.Name(), "_test.go") {
				file := path.Join(dir, entry.Name())
				check(file, sourceWithoutComments(t, path.Join(repository, file)))
			}
		}
	}
}

// sourceWithoutComments returns the text of a Go file with its comments blanked out.
func sourceWithoutComments(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, group := range parsed.Comments {
		blank(text, files, group)
	}
	return string(text)
}

func blank(text []byte, files *token.FileSet, node ast.Node) {
	for i := files.Position(node.Pos()).Offset; i < files.Position(node.End()).Offset; i++ {
		text[i] = ' '
	}
}
