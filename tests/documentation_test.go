package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	markdown "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

const (
	securityPage = "docs/security.md"
	goldenFolder = "infra/stages/testdata/golden"
)

func TestDocument_LinksResolve(t *testing.T) {
	files := os.DirFS(repository)
	links := 0
	for _, name := range documents(t, files) {
		p := readPage(t, files, name)
		links += len(linksOf(p))
		for _, broken := range brokenLinks(t, files, p) {
			assert.Fail(t, name+": "+broken)
		}
	}
	assert.Greater(t, links, 10, "links are not seen")
}

func TestDocument_BrokenLinkIsReported(t *testing.T) {
	for name, test := range map[string]struct{ page, want string }{
		"a file that is there":                 {"[a](other.md)", ""},
		"a folder that is there":               {"[a](decisions)", ""},
		"a file above":                         {"[a](../README.md)", ""},
		"a heading that is there":              {"[a](other.md#one-two)", ""},
		"a heading of the page itself":         {"# Here\n\n[a](#here)", ""},
		"a heading with code and punctuation":  {"[a](other.md#run-go-test-what-else)", ""},
		"the second heading of one name":       {"[a](other.md#one-two-1)", ""},
		"a page elsewhere":                     {"[a](https://example.com/nothing.md#nothing)", ""},
		"what only looks like a link":          {"`[a](nothing.md)`\n\n```text\n[a](nothing.md)\n```", ""},
		"a file that is not there":             {"[a](nothing.md)", "nothing.md leads to no file"},
		"a file above that is not there":       {"[a](../other.md)", "../other.md leads to no file"},
		"a file outside of the repository":     {"[a](../../etc/passwd)", "../../etc/passwd leads to no file"},
		"a file by its place on a machine":     {"[a](/etc/passwd)", "/etc/passwd leads to no file"},
		"a heading that is not there":          {"[a](other.md#three)", "other.md#three leads to no heading"},
		"a third heading of which are two":     {"[a](other.md#one-two-2)", "other.md#one-two-2 leads to no heading"},
		"no heading of the page itself":        {"# Here\n\n[a](#there)", "#there leads to no heading"},
		"a heading of what has none":           {"[a](../main.go#L3)", "../main.go#L3 leads to no heading"},
		"a link in a table":                    {"| a |\n| -- |\n| [a](nothing.md) |", "nothing.md leads to no file"},
		"a link by reference":                  {"[a]\n\n[a]: nothing.md", "nothing.md leads to no file"},
		"a picture":                            {"![a](nothing.svg)", "nothing.svg leads to no file"},
		"a file whose name differs in letters": {"[a](Other.md)", "Other.md leads to no file"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"README.md": file("# All"), "main.go": file("package main"), "docs/page.md": file(test.page), "docs/decisions/1.md": file("# 1"),
				"docs/other.md": file("# Other\n\n## One two\n\n## One two\n\n## Run `go test`: what else?\n"),
			}
			assert.Equal(t, test.want, strings.Join(brokenLinks(t, files, readPage(t, files, "docs/page.md")), "; "))
		})
	}
}

func TestDocument_HeadingsHaveContent(t *testing.T) {
	files := os.DirFS(repository)
	headings := 0
	for _, name := range documents(t, files) {
		p := readPage(t, files, name)
		headings += len(anchors(p))
		for _, empty := range emptyHeadings(p) {
			assert.Fail(t, name+": nothing stands under "+empty)
		}
	}
	assert.Greater(t, headings, 50, "headings are not seen")
}

func TestDocument_EmptyHeadingIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		page string
		want []string
	}{
		"text":                                     {"# A\n\ntext\n", nil},
		"a table":                                  {"# A\n\n| a |\n| -- |\n| b |\n", nil},
		"text of a heading below":                  {"# A\n\n## B\n\ntext\n", nil},
		"nothing before the next":                  {"# A\n\ntext\n\n## B\n\n## C\n\ntext\n", []string{"B"}},
		"nothing before a higher one":              {"# A\n\ntext\n\n## B\n\n# C\n\ntext\n", []string{"B"}},
		"nothing to the end":                       {"# A\n\ntext\n\n## B\n", []string{"B"}},
		"headings alone":                           {"# A\n\n## B\n", []string{"A", "B"}},
		"a remark that nobody sees":                {"# A\n\n<!-- later -->\n", []string{"A"}},
		"text that begins at the heading after it": {"# A\n# B\ntext\n", []string{"A"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, emptyHeadings(readPage(t, fstest.MapFS{"a.md": file(test.page)}, "a.md")))
		})
	}
}

// The controls matrix is what an auditor asks for, so what it names has to be there: files, resources and tests.
func TestDocument_ControlsExist(t *testing.T) {
	files := os.DirFS(repository)
	controls := parseControls(readPage(t, files, securityPage))
	var layers []string
	for _, c := range controls {
		layers = append(layers, c.layer)
		for _, wrong := range missingReferences(t, files, c) {
			assert.Fail(t, c.layer+", "+c.name+": "+wrong)
		}
	}
	assert.Equal(t, []string{"Identity", "Infrastructure", "Data", "Detection", "Response", "The pipeline itself"}, slices.Compact(layers))
	assert.Greater(t, len(controls), 30, "rows are not seen")
}

func TestDocument_MissingControlIsReported(t *testing.T) {
	const shown = "`TestKept` in `infra/stages`"
	for name, test := range map[string]struct{ where, tests, want string }{
		"all that it names is there":         {"`AWS::S3::Bucket` in ENV/storage", shown, ""},
		"a file":                             {"`infra/main.go`", shown, ""},
		"several of each":                    {"`AWS::S3::Bucket` `AWS::KMS::Key` in ENV/storage, tooling/pipeline; `infra/main.go`", "`TestKept` `TestOther` in `infra/stages`; `TestMain` in `infra`", ""},
		"a resource of another stack":        {"`AWS::KMS::Key` in ENV/storage", shown, "no AWS::KMS::Key in ENV/storage"},
		"a resource in one environment":      {"`AWS::RDS::DBCluster` in ENV/storage", shown, "no AWS::RDS::DBCluster in ENV/storage"},
		"a resource that there is nowhere":   {"`AWS::WAFv2::WebACL` in ENV/storage", shown, "no AWS::WAFv2::WebACL in ENV/storage"},
		"a resource in no stack":             {"`AWS::S3::Bucket`", shown, "no AWS::S3::Bucket in "},
		"a stack that is not there":          {"`AWS::S3::Bucket` in ENV/storage, ENV/nothing", shown, "there is no stack ENV/nothing"},
		"a file that is not there":           {"`infra/nothing.go`", shown, "there is no file infra/nothing.go"},
		"nothing":                            {"everywhere", shown, "it names neither a resource nor a file"},
		"a test that is not there":           {"`infra/main.go`", "`TestNothing` in `infra/stages`", "there is no TestNothing in infra/stages"},
		"a test of another folder":           {"`infra/main.go`", "`TestMain` in `infra/stages`", "there is no TestMain in infra/stages"},
		"a test in no folder":                {"`infra/main.go`", "`TestKept`", "it does not say where TestKept is"},
		"a method that is called like one":   {"`infra/main.go`", "`TestMethod` in `infra/stages`", "there is no TestMethod in infra/stages"},
		"a test that only a comment names":   {"`infra/main.go`", "`TestGone` in `infra/stages`", "there is no TestGone in infra/stages"},
		"a function that is no test's":       {"`infra/main.go`", "`TestHelper` in `infra`", "there is no TestHelper in infra"},
		"a row that nothing shows":           {"`infra/main.go`", "none yet", "no test shows it"},
		"a folder that is not there":         {"`infra/main.go`", "`TestKept` in `nothing`", "there is no TestKept in nothing"},
		"a second test that is not there":    {"`infra/main.go`", "`TestKept` `TestNothing` in `infra/stages`", "there is no TestNothing in infra/stages"},
		"a resource that is a mere property": {"`AWS::KMS::Alias` in tooling/pipeline", shown, "no AWS::KMS::Alias in tooling/pipeline"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"docs/security.md":                                    file("## Data\n\n| control | where | test |\n| -- | -- | -- |\n| it is safe | " + test.where + " | " + test.tests + " |\n"),
				"infra/main.go":                                       file("package main\n\nfunc TestHelper() {}\n"),
				"infra/main_test.go":                                  file("package main\n\nfunc TestMain() {}\n"),
				"infra/stages/kept_test.go":                           file("package stages\n\n// TestGone is not here.\nfunc TestKept() {}\n\nfunc TestOther() {}\n\nfunc (s) TestMethod() {}\n"),
				goldenFolder + "/shop-dev-storage.template.json":      file(`{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}`),
				goldenFolder + "/shop-prod-storage.template.json":     file(`{"Resources": {"B": {"Type": "AWS::S3::Bucket"}, "C": {"Type": "AWS::RDS::DBCluster"}}}`),
				goldenFolder + "/shop-tooling-pipeline.template.json": file(`{"Resources": {"K": {"Type": "AWS::KMS::Key", "Properties": {"Type": "AWS::KMS::Alias"}}}}`),
			}
			controls := parseControls(readPage(t, files, "docs/security.md"))
			require.Len(t, controls, 1)
			assert.Equal(t, "Data", controls[0].layer)
			assert.Equal(t, "it is safe", controls[0].name)
			assert.Equal(t, test.want, strings.Join(missingReferences(t, files, controls[0]), "; "))
		})
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// documents are the pages that people read.
func documents(t *testing.T, files fs.FS) []string {
	t.Helper()
	names := []string{"README.md"}
	require.NoError(t, fs.WalkDir(files, "docs", func(name string, _ fs.DirEntry, err error) error {
		if path.Ext(name) == ".md" {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// A page is a document as it is understood.
type page struct {
	name   string
	source []byte
	root   markdown.Node
}

func readPage(t *testing.T, files fs.FS, name string) page {
	t.Helper()
	source, err := fs.ReadFile(files, name)
	require.NoError(t, err)
	return page{name, source, goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(source))}
}

// walkNodes calls f for every node of a kind.
func walkNodes[N markdown.Node](from markdown.Node, f func(N)) {
	_ = markdown.Walk(from, func(n markdown.Node, entering bool) (markdown.WalkStatus, error) { // f returns no error
		if found, ok := n.(N); ok && entering {
			f(found)
		}
		return markdown.WalkContinue, nil
	})
}

// plainText is the text of a node without its form.
func (p page) plainText(n markdown.Node) string {
	var out bytes.Buffer
	walkNodes(n, func(part *markdown.Text) { out.Write(part.Segment.Value(p.source)) })
	return out.String()
}

func linksOf(p page) []string {
	var found []string
	walkNodes(p.root, func(l *markdown.Link) { found = append(found, string(l.Destination)) })
	walkNodes(p.root, func(i *markdown.Image) { found = append(found, string(i.Destination)) })
	return found
}

// brokenLinks are the links of a page that lead to no file, or to no heading of it. Other hosts are not asked.
func brokenLinks(t *testing.T, files fs.FS, p page) []string {
	t.Helper()
	var broken []string
	for _, link := range linksOf(p) {
		to, err := url.Parse(link)
		require.NoError(t, err, link)
		if to.IsAbs() {
			continue
		}
		target := p.name
		if to.Path != "" {
			target = path.Join(path.Dir(p.name), to.Path)
		}
		if _, err := fs.Stat(files, target); err != nil || path.IsAbs(to.Path) {
			broken = append(broken, link+" leads to no file")
			continue
		}
		if to.Fragment != "" && (path.Ext(target) != ".md" || !slices.Contains(anchors(readPage(t, files, target)), to.Fragment)) {
			broken = append(broken, link+" leads to no heading")
		}
	}
	return broken
}

// anchors are the names by which a page's headings are linked to, in their order. The library has names of its own, which leave out other characters
// than those that GitHub leaves out.
func anchors(p page) []string {
	var names []string
	times := map[string]int{}
	walkNodes(p.root, func(h *markdown.Heading) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return r
			}
			return -1
		}, strings.ToLower(p.plainText(h)))
		before := times[name]
		times[name]++
		if before > 0 {
			name = fmt.Sprintf("%s-%d", name, before)
		}
		names = append(names, name)
	})
	return names
}

// emptyHeadings are the headings with nothing to read before the next of their level or a higher one.
func emptyHeadings(p page) []string {
	var empty []string
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		heading, ok := n.(*markdown.Heading)
		if !ok {
			continue
		}
		said := false
		for next := n.NextSibling(); next != nil && !said; next = next.NextSibling() {
			other, isHeading := next.(*markdown.Heading)
			if isHeading && other.Level <= heading.Level {
				break
			}
			remark, isHTML := next.(*markdown.HTMLBlock)
			said = !isHeading && (!isHTML || remark.HTMLBlockType != markdown.HTMLBlockType2) // the second type is a comment
		}
		if !said {
			empty = append(empty, p.plainText(heading))
		}
	}
	return empty
}

// A control is a row of the controls matrix.
type control struct {
	layer, name string
	// resources are CloudFormation types and stacks the stacks that have them, where ENV stands for every environment.
	resources, stacks, files []string
	tests                    []testReference
}

// testReference is a test, and the folder that it is said to be in; none where that is not said.
type testReference struct{ test, folder string }

var stackName = regexp.MustCompile(`\b(?:ENV|tooling)/[a-z]+`)

// parseControls are the rows of a page's tables of controls, each with the heading that it stands under.
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
				c := control{layer: layer, name: p.plainText(row.FirstChild()), stacks: stackName.FindAllString(p.plainText(where), -1), tests: p.testReferences(where.NextSibling())}
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

// codeSpans is what a cell writes as code.
func (p page) codeSpans(cell markdown.Node) []string {
	var names []string
	walkNodes(cell, func(code *markdown.CodeSpan) { names = append(names, p.plainText(code)) })
	return names
}

// testReferences are the tests of a cell: one or several, and then the folder that they are in.
func (p page) testReferences(cell markdown.Node) []testReference {
	var tests []testReference
	without := 0
	for _, name := range p.codeSpans(cell) {
		if strings.HasPrefix(name, "Test") {
			tests = append(tests, testReference{test: name})
			continue
		}
		for ; without < len(tests); without++ {
			tests[without].folder = name
		}
	}
	return tests
}

// missingReferences is what a control names and is not there.
func missingReferences(t *testing.T, files fs.FS, c control) []string {
	t.Helper()
	var wrong []string
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	has := map[string]bool{}
	for _, stack := range c.stacks {
		types := stackResourceTypes(t, files, stack)
		if types == nil {
			note("there is no stack %s", stack)
		}
		maps.Copy(has, types)
	}
	for _, kind := range c.resources {
		if !has[kind] {
			note("no %s in %s", kind, strings.Join(c.stacks, ", "))
		}
	}
	for _, name := range c.files {
		if _, err := fs.Stat(files, name); err != nil {
			note("there is no file %s", name)
		}
	}
	if len(c.resources)+len(c.files) == 0 {
		note("it names neither a resource nor a file")
	}
	if len(c.tests) == 0 {
		note("no test shows it")
	}
	for _, s := range c.tests {
		if s.folder == "" {
			note("it does not say where %s is", s.test)
		} else if !testNames(t, files, s.folder)[s.test] {
			note("there is no %s in %s", s.test, s.folder)
		}
	}
	return wrong
}

// stackResourceTypes are the types of resources that a stack has, in every environment where it is called ENV/NAME; nil for a stack that there is not.
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

// testNames are the names of the tests of a folder.
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
