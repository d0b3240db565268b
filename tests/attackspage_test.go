package tests

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tables "github.com/yuin/goldmark/extension/ast"

	"lockstep/config"
	"lockstep/internal/diagram"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

const (
	attacksPage = "docs/attacks.md"
	// kindsOfAttacks and successfulAttacks are how many there are.
	kindsOfAttacks, successfulAttacks = 11, 26
	// furtherTests is how many tests each kind has at least, beside those of the attacks that were successful.
	furtherTests = 3
)

// An attack that was successful once has a test, and each kind of attack has further ones.
func TestDocument_EveryAttackHasItsTest(t *testing.T) {
	files := os.DirFS(repository)
	p := readPage(t, files, attacksPage)
	kinds := p.tableOf(t, "kindthe mistake behind itwhere it is decided")
	require.Len(t, kinds, kindsOfAttacks)
	for i, row := range kinds {
		assert.Equal(t, fmt.Sprintf("K%d", i+1), p.plainText(row.FirstChild()))
		for _, file := range p.codeSpans(row.LastChild()) {
			assert.True(t, exists(files, file), "there is no file %s", file)
		}
	}
	attacked := map[string]bool{}
	attacks := p.tableOf(t, "attackkindtest")
	require.Len(t, attacks, successfulAttacks)
	for _, row := range attacks {
		for kind := range strings.FieldsSeq(p.plainText(row.FirstChild().NextSibling())) {
			attacked[kind] = true
		}
		assert.NotEmpty(t, p.existingTests(t, row), p.plainText(row.FirstChild()))
	}
	assert.Len(t, attacked, kindsOfAttacks)
	further := p.tableOf(t, "kindattackstest")
	require.Len(t, further, kindsOfAttacks)
	for i, row := range further {
		assert.Equal(t, fmt.Sprintf("K%d", i+1), p.plainText(row.FirstChild()))
		assert.GreaterOrEqual(t, len(p.existingTests(t, row)), furtherTests, p.plainText(row.FirstChild()))
	}
}

// The boundaries of the table are those that are drawn from the configuration.
func TestDocument_TrustBoundariesAreDrawn(t *testing.T) {
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
	pictures, _ := diagram.Draw(diagram.Platform{Config: c, Graph: g})
	drawn := map[string]bool{}
	for _, d := range pictures {
		for _, arrow := range d.Arrows {
			if d.Name == "trust" && arrow.Label != "" {
				drawn[arrow.Label] = true
			}
		}
	}
	p := readPage(t, os.DirFS(repository), securityPage)
	boundaries := map[string]bool{}
	for _, row := range p.tableOf(t, "boundaryoutside of itwhat crosseswhere that is decided") {
		boundaries[p.plainText(row.FirstChild())] = true
	}
	assert.Equal(t, boundaries, drawn)
}

// Every test of the attacks is on the page.
func TestDocument_EveryTestOfAttacksIsListed(t *testing.T) {
	files := os.DirFS(repository)
	p := readPage(t, files, attacksPage)
	var listed []string
	for _, r := range p.testsByBlock() {
		listed = append(listed, r.test)
	}
	for name := range testNames(t, files, "tests/attacks") {
		if strings.HasPrefix(name, "Test") && !slices.Contains(cleanTwins, name) {
			assert.Contains(t, listed, name)
		}
	}
}

// cleanTwins are the tests that show that what is no attack is not refused.
var cleanTwins = []string{
	"TestEmulator_AnswersItsOwner", "TestEmulator_AnswersPythonSDK", "TestKept_ArchiveThatWasThereIsReplaced",
	"TestRecords_UnsignedOnesAreAcceptedUpToTheConfiguredNumber", "TestStaged_SameContentOfAnotherProgramIsTaken",
}

// tableOf returns the rows of the table with a heading, without that.
func (p page) tableOf(t *testing.T, heading string) []*tables.TableRow {
	t.Helper()
	var rows []*tables.TableRow
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		if table, ok := n.(*tables.Table); ok && p.plainText(table.FirstChild()) == heading {
			for row := table.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
				rows = append(rows, row.(*tables.TableRow))
			}
		}
	}
	require.NotEmpty(t, rows, "no table has the heading %s", heading)
	return rows
}

// existingTests returns the tests in the last cell of a row, each once. Each has to be where the page says.
func (p page) existingTests(t *testing.T, row *tables.TableRow) []string {
	t.Helper()
	var names []string
	for _, r := range p.testReferences(row.LastChild()) {
		assert.True(t, testNames(t, os.DirFS(repository), r.folder)[r.test], "there is no %s in %s", r.test, r.folder)
		names = append(names, r.test)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
