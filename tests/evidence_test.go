package tests

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	markdown "github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
)

// An evidencePage is a page with tables whose last column names the tests that show what a row says.
type evidencePage struct {
	name string
	// column is the header of that last column. Tables with another one are left out.
	column string
	// atLeast is how many rows there are at least, so that the test notices when it finds none.
	atLeast int
	// open is what the first cell of a row begins with that may be open, instead of being shown; empty for none.
	open string
	// rowProblems returns what else is wrong with a row; nil for nothing.
	rowProblems func(t *testing.T, files fs.FS, p page, row *tables.TableRow) []string
}

var evidencePages = []evidencePage{
	{name: "docs/reports.md", column: "test", atLeast: 20, rowProblems: reportProblems},
	{name: securityPage, column: "test", atLeast: 30, rowProblems: controlProblems},
	{name: requirementsPage, column: "shown by", atLeast: 60, open: "I", rowProblems: pathProblems},
	{name: "docs/stories.md", column: "test", atLeast: 20, rowProblems: pathProblems},
	{name: "docs/availability.md", column: "test", atLeast: 10, rowProblems: pathProblems},
	{name: "docs/observability.md", column: "test", atLeast: 8, rowProblems: pathProblems},
	{name: "docs/backup.md", column: "test", atLeast: 8, rowProblems: pathProblems},
	{name: "docs/architecture.md", column: "held by", atLeast: 8},
	{name: "docs/pipelines.md", column: "held by", atLeast: 3},
	{name: "docs/upkeep.md", column: "test", atLeast: 10},
}

// A page that says what holds is believed, so the tests, files and resources that it names have to exist.
func TestDocument_EvidenceExists(t *testing.T) {
	files := os.DirFS(repository)
	for _, e := range evidencePages {
		t.Run(e.name, func(t *testing.T) {
			p := readPage(t, files, e.name)
			for _, problem := range evidenceProblems(t, files, p, e) {
				assert.Fail(t, problem)
			}
			assert.GreaterOrEqual(t, len(evidenceRows(p, e.column)), e.atLeast, "rows are not found")
		})
	}
}

func TestDocument_MissingEvidenceIsReported(t *testing.T) {
	for name, test := range map[string]struct{ row, want string }{
		"a test":                    {"it holds | `TestX` in `a`", ""},
		"two tests of one folder":   {"it holds | `TestX`, `TestY` in `a`", ""},
		"a script":                  {"it holds | `tests/x.txtar`", ""},
		"a test and a script":       {"it holds | `TestX` in `a`; `tests/x.txtar`", ""},
		"nothing":                   {"it holds | by hand", "it holds: it names no test"},
		"a folder alone":            {"it holds | `a`", "it holds: it names no test"},
		"no folder":                 {"it holds | `TestX`", "it holds: it does not say where TestX is"},
		"a missing test":            {"it holds | `TestZ` in `a`", "it holds: there is no TestZ in a"},
		"a test of another folder":  {"it holds | `TestX` in `c`", "it holds: there is no TestX in c"},
		"a missing script":          {"it holds | `tests/y.txtar`", "it holds: there is no file tests/y.txtar"},
		"a second one that is not":  {"it holds | `TestX`, `TestZ` in `a`", "it holds: there is no TestZ in a"},
		"open where that may be":    {"I1 | open: signatures", ""},
		"open, with a missing test": {"I1 | open; `TestZ` in `a`", "I1: there is no TestZ in a"},
		"open where it may not be":  {"it holds | open", "it holds: it names no test"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"page.md": file("| row | shown by |\n| -- | -- |\n| " + test.row + " |\n\n" +
					"| row | other |\n| -- | -- |\n| b | c |\n"),
				"a/x_test.go":   file("package a\n\nfunc TestX() {}\n\nfunc TestY() {}\n"),
				"tests/x.txtar": file("exec lockstep\n"),
			}
			e := evidencePage{name: "page.md", column: "shown by", open: "I"}
			assert.Equal(t, test.want, strings.Join(evidenceProblems(t, files, readPage(t, files, e.name), e), "; "))
		})
	}
}

// evidenceProblems returns what is wrong with the rows of a page, each with the text of its first cell.
func evidenceProblems(t *testing.T, files fs.FS, p page, e evidencePage) []string {
	t.Helper()
	var problems []string
	for _, row := range evidenceRows(p, e.column) {
		name := p.plainText(row.FirstChild())
		var found []string
		if e.rowProblems != nil {
			found = e.rowProblems(t, files, p, row)
		}
		mayBeOpen := e.open != "" && strings.HasPrefix(name, e.open)
		found = append(found, testProblems(t, files, p, row.LastChild(), mayBeOpen)...)
		for _, problem := range found {
			problems = append(problems, name+": "+problem)
		}
	}
	return problems
}

// evidenceRows returns the rows of the tables whose last column has a header.
func evidenceRows(p page, header string) []*tables.TableRow {
	var rows []*tables.TableRow
	for _, row := range tableRows(p.root) {
		if p.plainText(row.Parent().FirstChild().LastChild()) == header {
			rows = append(rows, row)
		}
	}
	return rows
}

// testProblems returns what is wrong with the tests and scripts that a cell names.
func testProblems(t *testing.T, files fs.FS, p page, cell markdown.Node, mayBeOpen bool) []string {
	t.Helper()
	var problems []string
	named := p.testReferences(cell)
	for _, reference := range named {
		if reference.folder == "" {
			problems = append(problems, "it does not say where "+reference.test+" is")
		} else if !testNames(t, files, reference.folder)[reference.test] {
			problems = append(problems, "there is no "+reference.test+" in "+reference.folder)
		}
	}
	scripts := 0
	for _, name := range p.codeSpans(cell) {
		if strings.HasSuffix(name, ".txtar") {
			scripts++
			if !exists(files, name) {
				problems = append(problems, "there is no file "+name)
			}
		}
	}
	isOpen := mayBeOpen && strings.HasPrefix(p.plainText(cell), "open")
	if len(named)+scripts == 0 && !isOpen {
		problems = append(problems, "it names no test")
	}
	return problems
}

// reportProblems returns what is wrong with the public reports in the first cell of a row.
func reportProblems(_ *testing.T, _ fs.FS, p page, row *tables.TableRow) []string {
	var problems []string
	links := 0
	walkNodes(row.FirstChild(), func(link *markdown.Link) {
		links++
		_, path, _ := strings.Cut(string(link.Destination), "https://github.com/")
		if report := strings.Replace(path, "/issues/", "#", 1); report != p.plainText(link) {
			problems = append(problems, "the link leads to "+report)
		}
	})
	if links == 0 {
		problems = append(problems, "it links no report")
	}
	return problems
}

func TestDocument_ReportProblemIsReported(t *testing.T) {
	assertRowProblems(t, "| report | test |\n| -- | -- |\n| %s | x |\n", map[string]rowCase{
		"a report":                   {"[a/b#1](https://github.com/a/b/issues/1)", ""},
		"no link":                    {"a/b#1", "it links no report"},
		"the link of another report": {"[a/b#2](https://github.com/a/b/issues/1)", "the link leads to a/b#1"},
	}, func(p page, row *tables.TableRow) string { return strings.Join(reportProblems(t, nil, p, row), "; ") })
}

// A rowCase is what a row of a table says, and the problem of that.
type rowCase struct{ text, want string }

// assertRowProblems asserts the problem of the first row of a table for each case. The table has %s for its text.
func assertRowProblems(
	t *testing.T, table string, cases map[string]rowCase, problem func(p page, row *tables.TableRow) string,
) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			p := parsePage("page.md", fmt.Sprintf(table, test.text))
			assert.Equal(t, test.want, problem(p, tableRows(p.root)[0]))
		})
	}
}

const requirementsPage = "docs/requirements.md"

// requirementRows are the rows that the page on requirements has to have: the letter of a section, and its last number.
var requirementRows = map[string]int{"A": 5, "B": 7, "C": 11, "D": 4, "E": 1, "F": 6, "G": 6, "H": 4, "I": 7, "N": 10}

func TestDocument_RequirementsAreComplete(t *testing.T) {
	var want, found []string
	for section, last := range requirementRows {
		for i := range last {
			want = append(want, fmt.Sprintf("%s%d", section, i+1))
		}
	}
	p := readPage(t, os.DirFS(repository), requirementsPage)
	isRow := regexp.MustCompile(`^[A-Z]\d+$`)
	for _, row := range evidenceRows(p, "shown by") {
		if name := p.plainText(row.FirstChild()); isRow.MatchString(name) {
			found = append(found, name)
		}
	}
	slices.Sort(want)
	slices.Sort(found)
	assert.Equal(t, want, found)
}

// A requirement that is open is work to do, and work that is done is open no longer.
func TestDocument_BacklogHasOpenRequirements(t *testing.T) {
	files := os.DirFS(repository)
	p := readPage(t, files, requirementsPage)
	var open, listed []string
	for _, row := range evidenceRows(p, "shown by") {
		if strings.HasPrefix(p.plainText(row.LastChild()), "open") {
			open = append(open, p.plainText(row.FirstChild()))
		}
	}
	backlog := readPage(t, files, "docs/backlog.md")
	for _, row := range tableRows(backlog.root) {
		if backlog.plainText(row.Parent().FirstChild().FirstChild()) == "open row" {
			listed = append(listed, backlog.plainText(row.FirstChild()))
		}
	}
	assert.Equal(t, open, listed)
}

// pathProblems returns the files and folders that a row names before its tests and that do not exist.
func pathProblems(_ *testing.T, files fs.FS, p page, row *tables.TableRow) []string {
	var problems []string
	for cell := row.FirstChild(); cell != row.LastChild(); cell = cell.NextSibling() {
		for _, name := range p.codeSpans(cell) {
			if repositoryPath.MatchString(name) && !exists(files, name) {
				problems = append(problems, "there is no file "+name)
			}
		}
	}
	return problems
}

func TestDocument_MissingPathIsReported(t *testing.T) {
	files := fstest.MapFS{"infra/main.go": file("package main\n"), "infra/stacks/a.go": file("package stacks\n")}
	assertRowProblems(t, "| row | where | shown by |\n| -- | -- | -- |\n| A1 | %s | x |\n", map[string]rowCase{
		"a file":           {"`infra/main.go`", ""},
		"a folder":         {"`infra/stacks`", ""},
		"a missing file":   {"`infra/nothing.go`", "there is no file infra/nothing.go"},
		"a missing folder": {"`tests/nothing`", "there is no file tests/nothing"},
		"another code":     {"`go run . deploy --env acc`, `maxACU`", ""},
	}, func(p page, row *tables.TableRow) string { return strings.Join(pathProblems(t, files, p, row), "; ") })
}

// tableRows returns the rows of all tables below a node, without their headers.
func tableRows(root markdown.Node) []*tables.TableRow {
	var rows []*tables.TableRow
	walkNodes(root, func(row *tables.TableRow) { rows = append(rows, row) })
	return rows
}
