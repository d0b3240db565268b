package tests

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
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
	"Identity", "Infrastructure", "Data", "Detection", "Response", "The pipeline itself", "The machine of whoever runs this",
}

// An auditor relies on the tables of controls, so the files, resources and tests that they name have to exist.
func TestDocument_ControlsExist(t *testing.T) {
	files := os.DirFS(repository)
	controls := parseControls(readPage(t, files, securityPage))
	var found []string
	for _, c := range controls {
		found = append(found, c.layer)
		for _, wrong := range missingReferences(t, files, c) {
			assert.Fail(t, c.layer+", "+c.name+": "+wrong)
		}
	}
	assert.Equal(t, layers, slices.Compact(found))
	assert.Greater(t, len(controls), 30, "rows are not found")
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
		"no test":             {inMain, "none yet", "no test shows it"},
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
			controls := parseControls(readPage(t, files, securityPage))
			require.Len(t, controls, 1)
			assert.Equal(t, "Data", controls[0].layer)
			assert.Equal(t, "it is safe", controls[0].name)
			assert.Equal(t, test.want, strings.Join(missingReferences(t, files, controls[0]), "; "))
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

// A control is a row of a table of controls.
type control struct {
	layer, name string
	// resources are CloudFormation types. Each stack in stacks has all of them; ENV stands for every environment.
	resources, stacks, files []string
	tests                    []testReference
}

// testReference is the name of a test and its folder, which is empty where the page does not give it.
type testReference struct{ test, folder string }

var stackName = regexp.MustCompile(`\b(?:ENV|tooling)/[a-z]+`)

// parseControls returns the rows of a page's tables of controls, each with the heading above it.
func parseControls(p page) []control {
	var rows []control
	layer := ""
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *markdown.Heading:
			layer = p.plainText(n)
		case *tables.Table:
			if p.plainText(n.FirstChild()) != "controlwheretest" {
				continue
			}
			for row := n.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
				where := row.FirstChild().NextSibling()
				c := control{
					layer: layer, name: p.plainText(row.FirstChild()),
					stacks: stackName.FindAllString(p.plainText(where), -1), tests: p.testReferences(where.NextSibling()),
				}
				for _, name := range p.codeSpans(where) {
					if strings.HasPrefix(name, "AWS::") {
						c.resources = append(c.resources, name)
					} else {
						c.files = append(c.files, name)
					}
				}
				rows = append(rows, c)
			}
		}
	}
	return rows
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

// missingReferences returns what a control names and does not exist.
func missingReferences(t *testing.T, files fs.FS, c control) []string {
	t.Helper()
	var problems []string
	addProblem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	existing := map[string]bool{}
	for _, stack := range c.stacks {
		types := stackResourceTypes(t, files, stack)
		if types == nil {
			addProblem("there is no stack %s", stack)
		}
		maps.Copy(existing, types)
	}
	for _, kind := range c.resources {
		if !existing[kind] {
			addProblem("no %s in %s", kind, strings.Join(c.stacks, ", "))
		}
	}
	for _, name := range c.files {
		if _, err := fs.Stat(files, name); err != nil {
			addProblem("there is no file %s", name)
		}
	}
	if len(c.resources)+len(c.files) == 0 {
		addProblem("it names neither a resource nor a file")
	}
	if len(c.tests) == 0 {
		addProblem("no test shows it")
	}
	for _, s := range c.tests {
		if s.folder == "" {
			addProblem("it does not say where %s is", s.test)
		} else if !testNames(t, files, s.folder)[s.test] {
			addProblem("there is no %s in %s", s.test, s.folder)
		}
	}
	return problems
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
		var template struct {
			Resources map[string]struct{ Type string }
		}
		data, err := fs.ReadFile(files, file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &template))
		types := map[string]bool{}
		for _, r := range template.Resources {
			if common == nil || common[r.Type] {
				types[r.Type] = true
			}
		}
		common = types
	}
	return common
}

// testNames returns the names of the functions in the test files of a folder.
func testNames(t *testing.T, files fs.FS, folder string) map[string]bool {
	t.Helper()
	sources, err := fs.Glob(files, folder+"/*_test.go")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, name := range sources {
		source, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declared := range parsed.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok && function.Recv == nil {
				found[function.Name.Name] = true
			}
		}
	}
	return found
}
