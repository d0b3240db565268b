package mutants

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

var attacksPage = filepath.Join(harness.Repository(), "docs", "attacks.md")

// An attackRow is a row of the page on attacks: an attack that worked once, or the further ones of a kind.
type attackRow struct {
	attack, kind string
	// tests are the row's tests: TEST in FOLDER.
	tests []string
}

// rowsOfAttacks returns the rows of a page. They have three cells, and the last one names tests.
func rowsOfAttacks(page string) []attackRow {
	page, _, _ = strings.Cut(page, sectionBegin)
	var rows []attackRow
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || !strings.Contains(cells[3], "`Test") {
			continue
		}
		r := attackRow{attack: strings.TrimSpace(cells[1]), kind: strings.TrimSpace(cells[2]), tests: testsOfCell(cells[3])}
		if strings.HasPrefix(r.attack, "K") && len(r.attack) <= len("K11") {
			r.attack, r.kind = "further ones", r.attack
		}
		rows = append(rows, r)
	}
	return rows
}

// mutantsByTest returns what is wrong with the mutants that make a test fail, by TEST in FOLDER.
func mutantsByTest(mutants []Mutant) map[string][]string {
	byTest := map[string][]string{}
	for _, m := range mutants {
		for _, name := range m.Fails {
			test, _, _ := strings.Cut(name, "/")
			key := test + " in " + folderOf(m)
			text := fmt.Sprintf("%s (`%s`)", m.Fault, m.File)
			if m.Fault != "" && !slices.Contains(byTest[key], text) {
				byTest[key] = append(byTest[key], text)
			}
		}
	}
	return byTest
}

// faultsOfAttacks returns what is wrong with the mutants that make the tests of attacks fail. Those that are about
// attacks come first: another one counts only for a test without.
func faultsOfAttacks() map[string][]string {
	byTest := mutantsByTest(all())
	maps.Copy(byTest, mutantsByTest(slices.Concat(table, attackMutants())))
	return byTest
}

// The page says with which mutants the test of each attack was seen to fail.
func TestDocument_AttacksPageShowsMutants(t *testing.T) {
	page, err := os.ReadFile(attacksPage)
	require.NoError(t, err)
	byTest := faultsOfAttacks()
	var b strings.Builder
	b.WriteString("\n| attack | kind | test | what is wrong with the mutant |\n| -- | -- | -- | -- |\n")
	for _, r := range rowsOfAttacks(string(page)) {
		for _, test := range r.tests {
			name, folder, _ := strings.Cut(test, " in ")
			fmt.Fprintf(&b, "| %s | %s | `%s` in `%s` | %s |\n",
				r.attack, r.kind, name, folder, strings.Join(byTest[test], "; "))
		}
	}
	b.WriteString("\n")
	require.NoError(t, harness.CheckSection(attacksPage, sectionBegin, sectionEnd, b.String(), *update))
}

// A test of an attack that no mutant makes fail may be one that cannot fail.
func TestAttacks_EveryTestFailsWithAMutant(t *testing.T) {
	page, err := os.ReadFile(attacksPage)
	require.NoError(t, err)
	rows := rowsOfAttacks(string(page))
	assert.Greater(t, len(rows), 35)
	byTest := faultsOfAttacks()
	for _, r := range rows {
		for _, test := range r.tests {
			assert.NotEmpty(t, byTest[test], "%s: no mutant makes it fail", test)
		}
	}
}

func TestAttacks_RowsAreRead(t *testing.T) {
	const page = "| attack | kind | test |\n| -- | -- | -- |\n" +
		"| a link | K1 K2 | `TestA` `TestB` in `one`; `TestA` in `two` |\n" +
		"| K7 | others | `TestC` in `.` |\n" + sectionBegin + "| x | K1 | `TestD` in `one` |\n"
	assert.Equal(t, []attackRow{
		{"a link", "K1 K2", []string{"TestA in one", "TestB in one", "TestA in two"}},
		{"further ones", "K7", []string{"TestC in ."}},
	}, rowsOfAttacks(page))
	byTest := mutantsByTest([]Mutant{
		{File: "a.go", Fault: "wrong", Package: "./one", Fails: []string{"TestA/a case", "TestA/another"}},
	})
	assert.Equal(t, map[string][]string{"TestA in one": {"wrong (`a.go`)"}}, byTest)
}
