package tests

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"
)

// A test that a page names exists, wherever it is; where the page says in which folder, it is there.
func TestDocument_NamedTestsExist(t *testing.T) {
	files := os.DirFS(repository)
	everywhere := allTestNames(t, files)
	named := 0
	for _, p := range pages(t, files) {
		references := p.testsByBlock()
		named += len(references)
		for _, problem := range unknownTests(t, files, references, everywhere) {
			assert.Fail(t, p.name+": "+problem)
		}
	}
	assert.Greater(t, named, 300)
}

func TestDocument_UnknownTestIsReported(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a test":                       {"`TestX` in `a`", ""},
		"a test without its folder":    {"`TestX` holds that", ""},
		"an unknown test":              {"`TestZ` holds that", "there is no TestZ"},
		"a test of another folder":     {"`TestX` in `b`", "there is no TestX in b"},
		"two, of which one is unknown": {"`TestX` and `TestZ` in `a`", "there is no TestZ in a"},
		"the folder of another cell":   {"| a | b |\n| -- | -- |\n| `TestX` | in `b` |", ""},
		"the beginning of names":       {"begins with `TestC3_`", ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"a/x_test.go": file("package a\n\nfunc TestX() {}\n"), "b/b_test.go": file("package b\n")}
			problems := unknownTests(t, files, parsePage("page.md", test.text).testsByBlock(), allTestNames(t, files))
			assert.Equal(t, test.want, strings.Join(problems, "; "))
		})
	}
}

// unknownTests returns the tests that do not exist. A name that ends with an underscore is the beginning of names.
func unknownTests(t *testing.T, files fs.FS, references []testReference, everywhere map[string]bool) []string {
	t.Helper()
	var problems []string
	for _, r := range references {
		switch {
		case strings.HasSuffix(r.test, "_"):
		case r.folder == "" && !everywhere[r.test]:
			problems = append(problems, "there is no "+r.test)
		case r.folder != "" && !testNames(t, files, r.folder)[r.test]:
			problems = append(problems, "there is no "+r.test+" in "+r.folder)
		}
	}
	return problems
}

// testsByBlock returns the tests that a page names, with their folders where the same paragraph or cell gives them.
func (p page) testsByBlock() []testReference {
	var tests []testReference
	_ = markdown.Walk(p.root, func(n markdown.Node, entering bool) (markdown.WalkStatus, error) { // no function fails
		_, isCell := n.(*tables.TableCell)
		if entering && (isCell || n.Kind() == markdown.KindParagraph || n.Kind() == markdown.KindTextBlock) {
			tests = append(tests, p.testsBelow(n)...)
		}
		return markdown.WalkContinue, nil
	})
	return tests
}

// allTestNames returns the names of the functions in all test files.
func allTestNames(t *testing.T, files fs.FS) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	folders := map[string]bool{}
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (name == ".git" || name == ".lockstep") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, "_test.go") {
			folders[path.Dir(name)] = true
		}
		return err
	}))
	for folder := range folders {
		maps.Copy(all, testNames(t, files, folder))
	}
	return all
}
