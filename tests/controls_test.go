package tests

import (
	"encoding/json"
	"go/ast"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
)

const (
	securityPage = "docs/security.md"
	goldenFolder = "infra/stages/testdata/golden"
)

// layers are the headings of the tables of controls, in their order.
var layers = []string{
	"Identity", "Infrastructure", "Data", "Detection", "Response", "The pipeline itself",
	"The machine of whoever runs this",
}

// An auditor reads the tables of controls by layer.
func TestDocument_ControlsHaveEveryLayer(t *testing.T) {
	var found []string
	p := readPage(t, os.DirFS(repository), securityPage)
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		table, isTable := n.(*tables.Table)
		heading, hasHeading := n.PreviousSibling().(*markdown.Heading)
		if isTable && hasHeading && p.plainText(table.FirstChild()) == "controlwheretest" {
			found = append(found, p.plainText(heading))
		}
	}
	assert.Equal(t, layers, found)
}

func TestDocument_MissingControlIsReported(t *testing.T) {
	const (
		inStages = "`TestKept` in `infra/stages`"
		inMain   = "`infra/main.go`"
	)
	for name, test := range map[string]struct{ where, tests, want string }{
		"everything exists": {"`AWS::S3::Bucket` in ENV/storage", inStages, ""},
		"a file":            {inMain, inStages, ""},
		"several of each": {
			"`AWS::S3::Bucket` `AWS::KMS::Key` in ENV/storage, tooling/pipeline; " + inMain,
			"`TestKept` `TestOther` in `infra/stages`; `TestMain` in `infra`", "",
		},
		"a resource of another stack": {"`AWS::KMS::Key` in ENV/storage", inStages, "no AWS::KMS::Key in ENV/storage"},
		"a resource in one environment only": {
			"`AWS::RDS::DBCluster` in ENV/storage", inStages, "no AWS::RDS::DBCluster in ENV/storage",
		},
		"a resource in no template": {
			"`AWS::WAFv2::WebACL` in ENV/storage", inStages, "no AWS::WAFv2::WebACL in ENV/storage",
		},
		"a resource without a stack": {"`AWS::S3::Bucket`", inStages, "no AWS::S3::Bucket in "},
		"a missing stack": {
			"`AWS::S3::Bucket` in ENV/storage, ENV/nothing", inStages, "there is no stack ENV/nothing",
		},
		"a missing file":      {"`infra/nothing.go`", inStages, "there is no file infra/nothing.go"},
		"neither":             {"everywhere", inStages, "it names neither a resource nor a file"},
		"a missing test":      {inMain, "`TestNothing` in `infra/stages`", "there is no TestNothing in infra/stages"},
		"a test elsewhere":    {inMain, "`TestMain` in `infra/stages`", "there is no TestMain in infra/stages"},
		"a test in no folder": {inMain, "`TestKept`", "it does not say where TestKept is"},
		"a method":            {inMain, "`TestMethod` in `infra/stages`", "there is no TestMethod in infra/stages"},
		"a test in a comment": {inMain, "`TestGone` in `infra/stages`", "there is no TestGone in infra/stages"},
		"a helper function":   {inMain, "`TestHelper` in `infra`", "there is no TestHelper in infra"},
		"no test":             {inMain, "none yet", "it names no test"},
		"a missing folder":    {inMain, "`TestKept` in `nothing`", "there is no TestKept in nothing"},
		"a second test that is missing": {
			inMain, "`TestKept` `TestNothing` in `infra/stages`", "there is no TestNothing in infra/stages",
		},
		"a property that is named like a resource": {
			"`AWS::KMS::Alias` in tooling/pipeline", inStages, "no AWS::KMS::Alias in tooling/pipeline",
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := controlFiles(test.where, test.tests)
			e := evidencePage{name: securityPage, column: "test", rowProblems: controlProblems}
			problems := evidenceProblems(t, files, readPage(t, files, securityPage), e)
			want := test.want
			if want != "" {
				want = "it is safe: " + want
			}
			assert.Equal(t, want, strings.Join(problems, "; "))
		})
	}
}

// controlFiles returns a repository whose page has one control.
func controlFiles(where, tests string) fstest.MapFS {
	row := "| it is safe | " + where + " | " + tests + " |\n"
	stages := "package stages\n\n// TestGone is not here.\nfunc TestKept() {}\n\n" +
		"func TestOther() {}\n\nfunc (s) TestMethod() {}\n"
	return fstest.MapFS{
		securityPage:                file("## Data\n\n| control | where | test |\n| -- | -- | -- |\n" + row),
		"infra/main.go":             file("package main\n\nfunc TestHelper() {}\n"),
		"infra/main_test.go":        file("package main\n\nfunc TestMain() {}\n"),
		"infra/stages/kept_test.go": file(stages),
		goldenFolder + "/shop-dev-storage.template.json": file(
			`{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}`),
		goldenFolder + "/shop-prod-storage.template.json": file(
			`{"Resources": {"B": {"Type": "AWS::S3::Bucket"}, "C": {"Type": "AWS::RDS::DBCluster"}}}`),
		goldenFolder + "/shop-tooling-pipeline.template.json": file(
			`{"Resources": {"K": {"Type": "AWS::KMS::Key", "Properties": {"Type": "AWS::KMS::Alias"}}}}`),
	}
}

// testReference is the name of a test and its folder, which is empty where the page does not give it.
type testReference struct{ test, folder string }

var stackName = regexp.MustCompile(`\b(?:ENV|tooling)/[a-z]+`)

// controlProblems returns the resources and files that the second cell of a row names and that do not exist. Each stack
// of the cell has all of the resources; ENV stands for every environment.
func controlProblems(t *testing.T, files fs.FS, p page, row *tables.TableRow) []string {
	t.Helper()
	where := row.FirstChild().NextSibling()
	stacks := stackName.FindAllString(p.plainText(where), -1)
	var problems []string
	existing := map[string]bool{}
	for _, stack := range stacks {
		types := stackResourceTypes(t, files, stack)
		if types == nil {
			problems = append(problems, "there is no stack "+stack)
		}
		maps.Copy(existing, types)
	}
	names := p.codeSpans(where)
	for _, name := range names {
		if isResource := strings.HasPrefix(name, "AWS::"); isResource && !existing[name] {
			problems = append(problems, "no "+name+" in "+strings.Join(stacks, ", "))
		} else if !isResource && !exists(files, name) {
			problems = append(problems, "there is no file "+name)
		}
	}
	if len(names) == 0 {
		problems = append(problems, "it names neither a resource nor a file")
	}
	return problems
}

// codeSpans returns the texts below a node that are marked as code.
func (p page) codeSpans(cell markdown.Node) []string {
	var names []string
	walkNodes(cell, func(code *markdown.CodeSpan) { names = append(names, p.plainText(code)) })
	return names
}

// testReferences returns the tests of a cell: one or several, followed by their folder.
func (p page) testReferences(cell markdown.Node) []testReference {
	var tests []testReference
	withoutFolder := 0
	for _, name := range p.codeSpans(cell) {
		if strings.HasPrefix(name, "Test") {
			tests = append(tests, testReference{test: name})
			continue
		}
		for ; withoutFolder < len(tests); withoutFolder++ {
			tests[withoutFolder].folder = name
		}
	}
	return tests
}

// stackResourceTypes returns the resource types of a stack, and nil for a missing stack. ENV/NAME has the types that
// the stack has in every environment.
func stackResourceTypes(t *testing.T, files fs.FS, stack string) map[string]bool {
	t.Helper()
	environment, name, _ := strings.Cut(stack, "/")
	pattern := strings.Replace(environment, "ENV", "*", 1)
	templates, err := fs.Glob(files, goldenFolder+"/*-"+pattern+"-"+name+".template.json")
	require.NoError(t, err)
	var common map[string]bool
	for _, file := range templates {
		types := map[string]bool{}
		for _, kind := range templateTypes(t, files, file) {
			if common == nil || common[kind] {
				types[kind] = true
			}
		}
		common = types
	}
	return common
}

// templateTypes returns the type of each resource of a template.
func templateTypes(t *testing.T, files fs.FS, name string) []string {
	t.Helper()
	var template struct {
		Resources map[string]struct{ Type string }
	}
	data, err := fs.ReadFile(files, name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &template))
	var types []string
	for _, resource := range template.Resources {
		types = append(types, resource.Type)
	}
	return types
}

// testNames returns the names of the functions in the test files of a folder.
func testNames(t *testing.T, files fs.FS, folder string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for name := range testFunctions(t, files, folder) {
		names[name] = true
	}
	return names
}

// testFunctions returns the functions in the test files of a folder, by name.
func testFunctions(t *testing.T, files fs.FS, folder string) map[string]*ast.FuncDecl {
	t.Helper()
	sources, err := fs.Glob(files, folder+"/*_test.go")
	require.NoError(t, err)
	found := map[string]*ast.FuncDecl{}
	for _, name := range sources {
		for _, declared := range parseGo(t, files, name).Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && function.Recv == nil {
				found[function.Name.Name] = function
			}
		}
	}
	return found
}
