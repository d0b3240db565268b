package tests

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	markdown "github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
)

const reportsPage = "docs/reports.md"

// The page on reports says what holds, so every row has to name a public report and the tests that hold it.
func TestDocument_ReportsNameExistingTests(t *testing.T) {
	files := os.DirFS(repository)
	rows := tableRows(readPage(t, files, reportsPage).root)
	for _, problem := range reportProblems(t, files, readPage(t, files, reportsPage)) {
		assert.Fail(t, problem)
	}
	assert.Greater(t, len(rows), 20, "rows are not found")
}

func TestDocument_ReportProblemIsReported(t *testing.T) {
	const report = "[a/b#1](https://github.com/a/b/issues/1)"
	for name, test := range map[string]struct{ row, want string }{
		"all exist":   {report + " | x | y | `TestX`, `TestY` in `a`", ""},
		"no link":     {"a/b#1 | x | y | `TestX` in `a`", "a/b#1: it links no report"},
		"no test":     {report + " | x | y | by hand", "a/b#1: it names no test"},
		"no folder":   {report + " | x | y | `TestX`", "a/b#1: it does not say where TestX is"},
		"no function": {report + " | x | y | `TestZ` in `a`", "a/b#1: there is no TestZ in a"},
		"a test of another folder": {
			report + " | x | y | `TestX` in `c`", "a/b#1: there is no TestX in c",
		},
		"the link of another report": {
			"[a/b#2](https://github.com/a/b/issues/1) | x | y | `TestX` in `a`", "a/b#2: the link leads to a/b#1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"page.md":     file("| report | tried | holds | test |\n| -- | -- | -- | -- |\n| " + test.row + " |\n"),
				"a/x_test.go": file("package a\n\nfunc TestX() {}\n\nfunc TestY() {}\n"),
			}
			assert.Equal(t, test.want, strings.Join(reportProblems(t, files, readPage(t, files, "page.md")), "; "))
		})
	}
}

// reportProblems returns what is wrong with the rows of a page's tables of reports.
func reportProblems(t *testing.T, files fs.FS, p page) []string {
	t.Helper()
	var problems []string
	for _, row := range tableRows(p.root) {
		reports := row.FirstChild()
		name := p.plainText(reports)
		links := 0
		walkNodes(reports, func(link *markdown.Link) {
			links++
			_, path, _ := strings.Cut(string(link.Destination), "https://github.com/")
			if report := strings.Replace(path, "/issues/", "#", 1); report != p.plainText(link) {
				problems = append(problems, name+": the link leads to "+report)
			}
		})
		if links == 0 {
			problems = append(problems, name+": it links no report")
		}
		tests := p.testReferences(row.LastChild())
		if len(tests) == 0 {
			problems = append(problems, name+": it names no test")
		}
		for _, reference := range tests {
			if reference.folder == "" {
				problems = append(problems, name+": it does not say where "+reference.test+" is")
			} else if !testNames(t, files, reference.folder)[reference.test] {
				problems = append(problems, name+": there is no "+reference.test+" in "+reference.folder)
			}
		}
	}
	return problems
}

// tableRows returns the rows of all tables below a node, without their headers.
func tableRows(root markdown.Node) []*tables.TableRow {
	var rows []*tables.TableRow
	walkNodes(root, func(row *tables.TableRow) { rows = append(rows, row) })
	return rows
}
