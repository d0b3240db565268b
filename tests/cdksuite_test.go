package tests

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// A suiteVerdict says how Lockstep stands to a behaviour that the CDK's own command line is tested for.
type suiteVerdict string

const (
	same      suiteVerdict = "same"
	better    suiteVerdict = "better"
	different suiteVerdict = "different on purpose"
	notYet    suiteVerdict = "not yet"
	notOurs   suiteVerdict = "not ours"
)

// A suiteRow is a behaviour that the CDK's own command line is tested for.
type suiteRow struct {
	// name is the path of its test below packages/@aws-cdk-testing/cli-integ/tests, without cli-integ-tests and
	// .integtest.ts.
	name    string
	verdict suiteVerdict
	// text is our case in our own words, or the reason why there is none.
	text string
	// test is the test of our case, as FOLDER.TEST, or a script of the command line; empty for what is not ours.
	test string
}

// suiteRows returns all behaviours, in the order of their names.
func suiteRows() []suiteRow {
	rows := slices.Concat(
		suiteBootstrapRows(), suiteBootstrapDeployRows(), suiteAssetRows(), suiteOrderRows(), suiteDeployRows(),
		suiteAssetDeployRows(), suiteApprovalRows(), suiteTopicAndParameterRows(), suiteNestedAndRestRows(),
		suiteDiagnoseRows(), suiteDiffRows(), suiteSecurityDiffRows(), suiteOtherDiffRows(), suiteDriftRows(),
		suiteGarbageRows(), suiteHotswapRows(), suiteImportAndListRows(), suiteMigrateRows(), suiteOutputRows(),
		suitePublishRows(), suiteRollbackRows(), suiteSynthRows(), suiteValidateRows(), suiteInitRows(),
		suiteTelemetryRows(), suiteToolkitRows(),
	)
	slices.SortFunc(rows, func(a, b suiteRow) int { return strings.Compare(a.name, b.name) })
	return rows
}

// The number of the suite's tests, and the SHA-256 of their sorted names, one a line. Source: `git ls-tree -r
// --name-only` of https://github.com/aws/aws-cdk-cli at 7ff50e77f314548128df33ec9042c17fa0da6c1c.
const (
	suiteTests = 234
	suiteNames = "030ad5d1edf87f7c558a868f65356b57d18694ec5bf401bd1bb34e683e784af6"
)

// The page on the CDK's suite has every behaviour that it tests, with a case of ours or a reason, and how many there
// are of each kind.
func TestDocument_CDKSuiteIsCurrent(t *testing.T) {
	rows := suiteRows()
	require.Len(t, rows, suiteTests)
	var names, table strings.Builder
	counts := map[suiteVerdict]int{}
	for i, row := range rows {
		require.True(t, i == 0 || rows[i-1].name != row.name, "two rows are called %s", row.name)
		names.WriteString(row.name + "\n")
		counts[row.verdict]++
		assert.NotEmpty(t, row.text, row.name)
		assert.Equal(t, row.verdict == notOurs, row.test == "", "%s: a case has a test, and what is not ours a reason alone",
			row.name)
		table.WriteString(tableRow("`"+row.name+"`", string(row.verdict), row.text, suiteTestText(t, row)))
	}
	assert.Equal(t, suiteNames, fmt.Sprintf("%x", sha256.Sum256([]byte(names.String()))))
	section := "\n\n| how we stand to it | behaviours |\n| -- | -- |\n"
	for _, verdict := range []suiteVerdict{same, better, different, notYet, notOurs} {
		section += tableRow(string(verdict), fmt.Sprint(counts[verdict]))
	}
	section += tableRow("all", fmt.Sprint(len(rows))) +
		"\n| behaviour of the CDK's command line | how we stand to it | our case, or the reason | our test |\n" +
		"| -- | -- | -- | -- |\n" + table.String() + "\n"
	file := filepath.Join(repository, "docs", "cdk-suite.md")
	require.NoError(t, harness.CheckSection(file, "<!-- behaviours: written by the tests -->",
		"<!-- end of behaviours -->", section, *update))
}

// suiteTestText returns the test of a row as the page names it. TestDocument_NamedTestsExist holds that a function
// exists; a script has to be there.
func suiteTestText(t *testing.T, row suiteRow) string {
	t.Helper()
	switch {
	case row.test == "":
		return ""
	case path.Ext(row.test) == ".txtar":
		assert.FileExists(t, filepath.Join(repository, row.test), row.name)
		return "`" + row.test + "`"
	}
	dot := strings.LastIndex(row.test, ".")
	folder, name := row.test[:dot], row.test[dot+1:]
	assert.True(t, testNames(t, os.DirFS(repository), folder)[name], "%s: there is no %s in %s", row.name, name, folder)
	return "`" + name + "` in `" + folder + "`"
}

// The areas in which every behaviour of the CDK's command line is a case of ours: what a deployment does to an account.
func TestCDKSuite_WhatConcernsDeploymentsIsACase(t *testing.T) {
	allowed := map[string]string{}
	for _, name := range suiteWithoutCase() {
		allowed[name] = ""
	}
	for _, row := range suiteRows() {
		folder, _, _ := strings.Cut(row.name, "/")
		_, isAllowed := allowed[row.name]
		switch folder {
		case "bootstrap", "deploy", "diagnose", "drift", "gc", "rollback", "diff":
			assert.Equal(t, isAllowed, row.verdict == notOurs, "%s", row.name)
		default:
			assert.False(t, isAllowed, "%s is of no such area", row.name)
		}
	}
}

// suiteWithoutCase returns the behaviours in the areas of deployments that are not ours all the same: they are about
// the legacy bootstrap, and about flags of the CDK's command line.
func suiteWithoutCase() []string {
	return []string{
		"bootstrap/cdk-bootstrap-can-create-a-legacy-bootstrap-stack-with---public-access-block-configuration-false",
		"bootstrap/cdk-bootstrap-can-create-multiple-legacy-bootstrap-stacks",
		"bootstrap/cdk-bootstrap-upgrade-legacy-bootstrap-stack-to-new-bootstrap-stack-while-in-use",
		"deploy/cdk-deploy-with-method-direct-and-import-existing-resources-fails",
	}
}
