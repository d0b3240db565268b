package mutants

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

var update = flag.Bool("update", false, "write the mutants into the pages on reports, attacks and AWS")

// A kind is a kind of fault that people have reported of other programs, with mutants that bring it back.
type kind struct {
	name    string
	mutants []Mutant
}

// kinds returns all kinds, with a mutant for each package whose tests have to fail.
func kinds() []kind {
	all := slices.Concat(deploymentKinds, inputKinds, outputKinds)
	for i, k := range all {
		all[i].mutants = nil
		for _, m := range k.mutants {
			all[i].mutants = append(all[i].mutants, m.perPackage()...)
		}
	}
	return all
}

var reportsPage = filepath.Join(harness.Repository(), "docs", "reports.md")

// The comments around the section of the page that this package writes.
const (
	sectionBegin = "<!-- mutants: written by the tests -->\n"
	sectionEnd   = "<!-- end of mutants -->"
)

// Each kind has its first case and others of its tests fail. So the page can say how each test was seen to fail.
func TestDocument_ReportsPageShowsMutants(t *testing.T) {
	var b strings.Builder
	for _, k := range kinds() {
		fmt.Fprintf(&b, "\n**%s.**\n\n| what is wrong with the mutant | its file | what fails |\n| -- | -- | -- |\n", k.name)
		for _, m := range k.mutants {
			fmt.Fprintf(&b, "| %s | `%s` | %s in `%s` |\n", m.Fault, m.File, failsText(m), folderOf(m))
		}
	}
	b.WriteString("\n")
	require.NoError(t, harness.CheckSection(reportsPage, sectionBegin, sectionEnd, b.String(), *update))
}

// failsText returns the tests that fail with a mutant, each with its cases.
func failsText(m Mutant) string {
	var texts []string
	last := ""
	for _, name := range m.Fails {
		test, name, isCase := strings.Cut(name, "/")
		if test != last {
			texts = append(texts, "`"+test+"`")
		}
		if isCase {
			separator := ", "
			if test != last {
				separator = ": "
			}
			texts[len(texts)-1] += separator + "*" + escaper.Replace(strings.TrimSpace(name)) + "*"
		}
		last = test
	}
	return strings.Join(texts, "; ")
}

// escaper escapes what Markdown would take for markup.
var escaper = strings.NewReplacer("*", `\*`, "|", `\|`, "`", "\\`", "<", `\<`)

// folderOf returns the folder of a mutant's tests.
func folderOf(m Mutant) string { return filepath.ToSlash(filepath.Clean(m.Package)) }

func TestKinds_HaveMutantsThatSayWhatFails(t *testing.T) {
	all := kinds()
	assert.Len(t, all, 14)
	for _, k := range all {
		cases := 0
		for _, m := range k.mutants {
			assert.NotEmpty(t, m.Fault, m.String())
			assert.NotEmpty(t, m.Fails, m.String())
			cases += len(m.Fails)
		}
		assert.GreaterOrEqual(t, cases, 4, k.name)
	}
}

// A test of the page that no mutant makes fail may be one that cannot fail.
func TestReports_EveryTestFailsWithAMutant(t *testing.T) {
	page, err := os.ReadFile(reportsPage)
	require.NoError(t, err)
	tests := testsOfReports(string(page))
	assert.Greater(t, len(tests), 80)
	assert.Empty(t, withoutMutant(tests, kinds()))
}

func TestReports_TestWithoutMutantIsReported(t *testing.T) {
	const page = "| report | test |\n| -- | -- |\n" +
		"| [a/b#1](x) of `c` | `TestA`, `TestB` in `one`; `TestA` in `two` |\n| [a/b#2](x) | `TestC` in `.` |\n"
	tests := testsOfReports(page)
	assert.Equal(t, []string{"TestA in one", "TestB in one", "TestA in two", "TestC in ."}, tests)
	all := []kind{{mutants: []Mutant{
		{Package: "./one", Fails: []string{"TestA/a case"}}, {Package: ".", Fails: []string{"TestC"}},
	}}}
	assert.Equal(t, []string{"TestB in one", "TestA in two"}, withoutMutant(tests, all))
}

var codePattern = regexp.MustCompile("`([^`]+)`")

// testsOfReports returns the tests that the rows of a page name for reports, each with its folder.
func testsOfReports(page string) []string {
	var tests []string
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 3 || !strings.HasPrefix(cells[1], " [") {
			continue
		}
		tests = append(tests, testsOfCell(cells[len(cells)-2])...)
	}
	return tests
}

// testsOfCell returns the tests that a cell of a table names, each with its folder, as TEST in FOLDER.
func testsOfCell(cell string) []string {
	var names, tests []string
	for _, code := range codePattern.FindAllStringSubmatch(cell, -1) {
		if strings.HasPrefix(code[1], "Test") {
			names = append(names, code[1])
			continue
		}
		for _, name := range names {
			tests = append(tests, name+" in "+code[1])
		}
		names = nil
	}
	return tests
}

// withoutMutant returns the tests that fail with no mutant of the kinds.
func withoutMutant(tests []string, kinds []kind) []string {
	failing := map[string]bool{}
	for _, k := range kinds {
		for _, m := range k.mutants {
			for _, test := range failingTests(m) {
				failing[test] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(tests), func(name string) bool { return failing[name] })
}

// failingTests returns the tests that have to fail with a mutant, as TEST in FOLDER, each once.
func failingTests(m Mutant) []string {
	var tests []string
	for _, name := range m.Fails {
		test, _, _ := strings.Cut(name, "/")
		tests = append(tests, test+" in "+folderOf(m))
	}
	return slices.Compact(tests)
}
