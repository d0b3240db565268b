package tests

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"
)

const howToFolder = "docs/howto"

// A how-to page names every file to touch, and the tests that fail when a step is missing.
func TestDocument_HowToNamesExistingFilesAndTests(t *testing.T) {
	files := os.DirFS(repository)
	pages, err := fs.Glob(files, howToFolder+"/*.md")
	require.NoError(t, err)
	for _, name := range pages {
		if path.Base(name) == "README.md" {
			continue
		}
		for _, problem := range howToProblems(t, files, readPage(t, files, name)) {
			assert.Fail(t, name+": "+problem)
		}
	}
	assert.Greater(t, len(pages), 9)
}

func TestDocument_HowToProblemIsReported(t *testing.T) {
	const good = "1. Edit `a/x.go`. `TestX` in `a` fails otherwise.\n"
	for name, test := range map[string]struct{ text, want string }{
		"all exist":                    {good, ""},
		"a file to be written":         {good + "2. Write `a/NAME.go`.\n", ""},
		"two tests of one folder":      {"`a/x.go`. `TestX` and `TestY` in `a` fail.\n", ""},
		"code that is no file":         {good + "2. Call `f.go()` and set `a.b`.\n", ""},
		"a name in a file":             {good + "2. See `other`, and `TheNames` in `a/x.go`.\n", ""},
		"a missing name in a file":     {good + "2. See `theNames` in `a/x.go`.\n", "there is no theNames in a/x.go"},
		"a missing file":               {good + "2. Edit `a/y.go`.\n", "there is no file a/y.go"},
		"a missing folder":             {good + "2. Write `b/NAME.go`.\n", "there is no folder b"},
		"a missing test":               {good + "`TestZ` in `a` fails.\n", "there is no TestZ in a"},
		"a test of another folder":     {good + "`TestX` in `c` fails.\n", "there is no TestX in c"},
		"a test in no folder":          {"Edit `a/x.go`. `TestX` fails.\n", "it does not say where TestX is"},
		"no file at all":               {"`TestX` in `a` fails.\n", "it names no file"},
		"no test at all":               {"Edit `a/x.go`.\n", "it names no test"},
		"a test that is only a helper": {good + "`TestHelper` in `a` fails.\n", "there is no TestHelper in a"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"page.md":     file("# Page\n\n" + test.text),
				"a/x.go":      file("package a\n\nfunc TestHelper() {}\n\nvar TheNames int\n"),
				"a/x_test.go": file("package a\n\nfunc TestX() {}\n\nfunc TestY() {}\n"),
			}
			assert.Equal(t, test.want, strings.Join(howToProblems(t, files, readPage(t, files, "page.md")), "; "))
		})
	}
}

// sourceFile matches the path of a file as pages write it.
var sourceFile = regexp.MustCompile(`^[\w./-]+\.(go|yaml|yml|json|md|txtar|txt|mod|sum)$`)

// howToProblems returns the files and tests that a page names and that do not exist. NAME in a path stands for any
// name.
func howToProblems(t *testing.T, files fs.FS, p page) []string {
	t.Helper()
	var problems []string
	named := 0
	for _, name := range p.codeSpans(p.root) {
		if !sourceFile.MatchString(name) || !strings.Contains(name, "/") && !exists(files, name) {
			continue
		}
		named++
		if folder, _, isPattern := strings.Cut(name, "NAME"); isPattern {
			if folder = strings.TrimSuffix(folder, "/"); !exists(files, folder) {
				problems = append(problems, "there is no folder "+folder)
			}
		} else if !exists(files, name) {
			problems = append(problems, "there is no file "+name)
		}
	}
	tests := p.testsInText()
	for _, reference := range tests {
		if reference.folder == "" {
			problems = append(problems, "it does not say where "+reference.test+" is")
		} else if !testNames(t, files, reference.folder)[reference.test] {
			problems = append(problems, "there is no "+reference.test+" in "+reference.folder)
		}
	}
	problems = append(problems, p.missingNames(files)...)
	if named == 0 {
		problems = append(problems, "it names no file")
	}
	if len(tests) == 0 {
		problems = append(problems, "it names no test")
	}
	return problems
}

// goName matches a name of Go as pages write it.
var goName = regexp.MustCompile(`^[A-Za-z]\w*$`)

// missingNames returns what a page says is in a file of Go, as `name` in `file`, and is not.
func (p page) missingNames(files fs.FS) []string {
	var missing []string
	walkNodes(p.root, func(code *markdown.CodeSpan) {
		file := p.plainText(code)
		between, _ := code.PreviousSibling().(*markdown.Text)
		if path.Ext(file) != ".go" || between == nil || !exists(files, file) {
			return
		}
		named, ok := between.PreviousSibling().(*markdown.CodeSpan)
		if !ok || strings.TrimSpace(string(between.Segment.Value(p.source))) != "in" {
			return
		}
		name := p.plainText(named)
		content, err := fs.ReadFile(files, file)
		if goName.MatchString(name) && (err != nil || !regexp.MustCompile(`\b`+name+`\b`).Match(content)) {
			missing = append(missing, "there is no "+name+" in "+file)
		}
	})
	return missing
}

// repositoryPath matches a file or folder of this repository as pages write it.
var repositoryPath = regexp.MustCompile(`^(bench|ci|config|docs|infra|internal|tests|tools)/[\w./-]+$`)

// The page on the architecture is the map of the repository, so each of its places has to exist.
func TestDocument_ArchitecturePathsExist(t *testing.T) {
	files := os.DirFS(repository)
	assert.Empty(t, missingPaths(files, readPage(t, files, "docs/architecture.md")))

	tree := fstest.MapFS{
		"infra/main.go": file("package main"), "page.md": file("`infra/main.go` `infra/x.go` `x/y` `infra/`\n"),
	}
	assert.Equal(t, []string{"infra/x.go"}, missingPaths(tree, readPage(t, tree, "page.md")))
}

// missingPaths returns the files and folders that a page names and that do not exist.
func missingPaths(files fs.FS, p page) []string {
	var missing []string
	for _, name := range p.codeSpans(p.root) {
		if repositoryPath.MatchString(name) && !exists(files, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

func exists(files fs.FS, name string) bool {
	_, err := fs.Stat(files, name)
	return err == nil
}

// testsInText returns the tests that a page names as `TestX` in `folder`. Several tests may share a folder.
func (p page) testsInText() []testReference { return p.testsBelow(p.root) }

// testsBelow is testsInText for a part of the page.
func (p page) testsBelow(root markdown.Node) []testReference {
	var tests []testReference
	withoutFolder := 0
	walkNodes(root, func(code *markdown.CodeSpan) {
		name := p.plainText(code)
		if strings.HasPrefix(name, "Test") {
			tests = append(tests, testReference{test: name})
			return
		}
		if !p.followsIn(code) {
			return
		}
		for ; withoutFolder < len(tests); withoutFolder++ {
			tests[withoutFolder].folder = name
		}
	})
	return tests
}

// followsIn reports whether the text before some code ends with the word "in".
func (p page) followsIn(code *markdown.CodeSpan) bool {
	before, ok := code.PreviousSibling().(*markdown.Text)
	if !ok {
		return false
	}
	words := strings.Fields(string(before.Segment.Value(p.source)))
	if len(words) == 0 { // the line begins with the code
		return false
	}
	return words[len(words)-1] == "in"
}

func TestDocument_EveryPageIsLinked(t *testing.T) {
	files := os.DirFS(repository)
	assert.Empty(t, unlinkedPages(t, files), "no page links to these")

	for name, test := range map[string]struct {
		readme string
		want   []string
	}{
		"both are linked":      {"[a](docs/a.md) [b](docs/b)", nil},
		"one is not linked":    {"[b](docs/b/README.md)", []string{"docs/a.md"}},
		"a heading is a link":  {"[a](docs/a.md#a) [b](docs/b)", nil},
		"none is linked":       {"text", []string{"docs/a.md", "docs/b/README.md"}},
		"code is not a link":   {"`[a](docs/a.md)` [b](docs/b)", []string{"docs/a.md"}},
		"another host is none": {"[a](https://example.com/docs/a.md) [b](docs/b)", []string{"docs/a.md"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"README.md": file(test.readme), "docs/a.md": file("# A\n\n[itself](a.md)\n"), "docs/b/README.md": file("# B\n"),
			}
			assert.Equal(t, test.want, unlinkedPages(t, files))
		})
	}
}

// unlinkedPages returns the pages that no other page links to. A link to a folder leads to its README.md.
func unlinkedPages(t *testing.T, files fs.FS) []string {
	t.Helper()
	linked := map[string]bool{"README.md": true}
	names := documents(t, files)
	for _, name := range names {
		for _, link := range linksOf(readPage(t, files, name)) {
			link, _, _ = strings.Cut(link, "#")
			if link == "" || strings.Contains(link, "://") {
				continue
			}
			target := path.Join(path.Dir(name), link)
			if info, err := fs.Stat(files, target); err == nil && info.IsDir() {
				target += "/README.md"
			}
			if target != name {
				linked[target] = true
			}
		}
	}
	var unlinked []string
	for _, name := range names {
		if !linked[name] {
			unlinked = append(unlinked, name)
		}
	}
	return unlinked
}

// decisionParts are the parts of a decision record, in their order.
var decisionParts = []string{"Context.", "Decision.", "Consequences.", "Good:", "Bad:", "Alternatives."}

func TestDocument_DecisionsAreComplete(t *testing.T) {
	records, err := filepath.Glob(filepath.Join(repository, "docs", "decisions", "[0-9]*.md"))
	require.NoError(t, err)
	assert.Greater(t, len(records), 20)
	for _, name := range records {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		rest := string(text)
		for _, part := range decisionParts {
			var found bool
			_, rest, found = strings.Cut(rest, part)
			assert.True(t, found, "%s has no %q, or has it in another order", filepath.Base(name), part)
		}
	}
}

// The first thing that a visitor sees is how to run the main job and the tests, on a page that is read in a minute.
func TestDocument_ReadmeIsShort(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	shown := regexp.MustCompile(`(?m)^<!-- .* -->\n\n`).ReplaceAllString(string(readme), "") // without the comments
	assert.Less(t, strings.Count(shown, "\n"), 120, "lines")
	assert.Equal(t, "go run . deploy --env acc\ngo test -timeout 60m ./...\n", markedBlocks(t, "README.md")[0].text)
}

var (
	commandInHelp = regexp.MustCompile(`(?m)^  ([a-z]+) {2,}\S`)
	commandInPage = regexp.MustCompile("`([a-z]+)")
)

func TestDocument_CommandsExist(t *testing.T) {
	help, err := program.Command(repository, "--help").Output()
	require.NoError(t, err)
	var available []string
	for _, match := range commandInHelp.FindAllStringSubmatch(string(help), -1) {
		available = append(available, match[1])
	}
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(readme), "\n## Commands\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, match := range commandInPage.FindAllStringSubmatch(cells[1]+cells[2], -1) {
			documented = append(documented, match[1])
		}
	}
	require.Greater(t, len(available), 15)
	for _, name := range available {
		if name != "help" {
			assert.Contains(t, documented, name, "README.md does not show the command")
		}
	}
}
