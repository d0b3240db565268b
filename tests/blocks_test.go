package tests

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"
)

// A codeBlock is a fenced block of a page.
type codeBlock struct {
	page string
	line int
	// language is the first word after the fence, which decides how the block is checked.
	language, text string
	// comments are the HTML comment just before the block, and the one below the page's title. Either may say
	//
	//	test: TestX in FOLDER    this test runs or compares the block
	//	from: FILE               the block is a part of this file
	//	package: FOLDER          the Go code is compiled as a part of this package
	//	file: FILE               a reader of a tutorial writes the block into this file
	comments []string
	// section is the name of the generated section that the block is in, empty for none.
	section string
}

func (b codeBlock) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

var (
	markerComment = regexp.MustCompile(`^<!-- (test|from|package|file): (.+?) -->\s*$`)
	sectionBegin  = regexp.MustCompile(`^<!-- ([a-z]+): .*(written by|made from|writes)\b`)
	sectionEnd    = regexp.MustCompile(`^<!-- end\b`)
	testMarker    = regexp.MustCompile(`^<!-- test: (Test\w+) in ([\w./-]+) -->\s*$`)
)

// codeBlocks returns the fenced blocks of a page, in their order.
func codeBlocks(p page) []codeBlock {
	var blocks []codeBlock
	pageComment, section := "", ""
	walkNodes(p.root, func(n markdown.Node) {
		switch n := n.(type) {
		case *markdown.HTMLBlock:
			comment := p.linesOf(n)
			if match := sectionBegin.FindStringSubmatch(comment); match != nil {
				section = match[1]
			} else if sectionEnd.MatchString(comment) {
				section = ""
			}
			title, ok := n.PreviousSibling().(*markdown.Heading)
			if ok && title.Level == 1 && testMarker.MatchString(comment) {
				pageComment = comment
			}
		case *markdown.FencedCodeBlock:
			b := codeBlock{
				page: p.name, line: p.lineOf(n), language: string(n.Language(p.source)), text: p.linesOf(n),
				section: section, comments: []string{pageComment},
			}
			if before, ok := n.PreviousSibling().(*markdown.HTMLBlock); ok {
				b.comments = []string{p.linesOf(before), pageComment}
			}
			blocks = append(blocks, b)
		}
	})
	return blocks
}

// linesOf returns the text of a block without its fences.
func (p page) linesOf(n markdown.Node) string {
	var out strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		out.Write(line.Value(p.source))
	}
	return out.String()
}

// lineOf returns the line of the first line of a fenced block, or of its fence if the block is empty.
func (p page) lineOf(n *markdown.FencedCodeBlock) int {
	offset := 0
	if n.Lines().Len() > 0 {
		offset = n.Lines().At(0).Start
	} else if n.Info != nil {
		offset = n.Info.Segment.Start
	}
	return 1 + strings.Count(string(p.source[:offset]), "\n")
}

// marker returns what the block's comments say about something: a test, for example. It is empty if they do not.
func (b codeBlock) marker(kind string) string {
	for _, comment := range b.comments {
		if match := markerComment.FindStringSubmatch(comment); match != nil && match[1] == kind {
			return match[2]
		}
	}
	return ""
}

// markedBlocks returns the blocks whose marker names the running test: of a page, or of the pages below a folder. There
// has to be one.
func markedBlocks(t *testing.T, name string) []codeBlock {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	files := os.DirFS(repository)
	var marked []codeBlock
	for _, page := range documents(t, files) {
		if page != name && !strings.HasPrefix(page, name+"/") {
			continue
		}
		for _, b := range codeBlocks(readPage(t, files, page)) {
			if named, _, _ := strings.Cut(b.marker("test"), " "); named == test {
				marked = append(marked, b)
			}
		}
	}
	require.NotEmpty(t, marked, "no block of %s names %s", name, test)
	return marked
}

// blockKinds are the languages whose blocks are checked by what they are, when no comment says what checks them.
var blockKinds = map[string]func(codeBlock) error{
	"json": checkJSON, "yaml": checkYAML, "mermaid": checkMermaid,
	"go": func(codeBlock) error { return nil }, // TestDocument_GoBlocksCompile compiles all of them at once
}

// blockProblem returns what is wrong with a block: nothing runs, compares, generates or validates it.
func blockProblem(t *testing.T, files fs.FS, b codeBlock) error {
	t.Helper()
	switch {
	case b.language == "":
		return fmt.Errorf("the block has no language")
	case strings.TrimSpace(b.text) == "":
		return fmt.Errorf("the block is empty")
	case b.marker("test") != "":
		return checkTestMarker(t, files, b)
	case b.marker("from") != "":
		return checkExcerpt(files, b)
	case b.section != "":
		return checkGenerated(t, files, b)
	}
	check, ok := blockKinds[b.language]
	if !ok {
		return fmt.Errorf("nothing runs this %s block: name the test that does in a comment before it, "+
			"as <!-- test: TestX in tests -->", b.language)
	}
	return check(b)
}

// checkTestMarker checks that the test exists and takes the marked blocks of this page.
func checkTestMarker(t *testing.T, files fs.FS, b codeBlock) error {
	t.Helper()
	match := testMarker.FindStringSubmatch("<!-- test: " + b.marker("test") + " -->")
	if match == nil {
		return fmt.Errorf("the comment says %q, which is not of the form TestX in FOLDER", b.marker("test"))
	}
	function := testFunctions(t, files, match[2])[match[1]]
	if function == nil {
		return fmt.Errorf("there is no %s in %s", match[1], match[2])
	}
	takesBlocks, namesPage := false, false
	ast.Inspect(function.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			takesBlocks = takesBlocks || n.Name == "markedBlocks"
		case *ast.BasicLit:
			text, _ := strconv.Unquote(n.Value)
			namesPage = namesPage || text == b.page || text != "" && strings.HasPrefix(b.page, text+"/")
		}
		return true
	})
	if !takesBlocks || !namesPage {
		return fmt.Errorf("%s in %s does not take the marked blocks of this page", match[1], match[2])
	}
	return nil
}

// checkExcerpt checks that a file contains the block, whatever its indentation.
func checkExcerpt(files fs.FS, b codeBlock) error {
	source, err := fs.ReadFile(files, b.marker("from"))
	if err != nil {
		return fmt.Errorf("there is no file %s", b.marker("from"))
	}
	if !strings.Contains(withoutIndentation(string(source)), withoutIndentation(b.text)) {
		return fmt.Errorf("%s does not contain this block", b.marker("from"))
	}
	return nil
}

func withoutIndentation(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// checkGenerated checks that a program or test of the repository writes the section that the block is in: its source
// has the comment that begins the section.
func checkGenerated(t *testing.T, files fs.FS, b codeBlock) error {
	t.Helper()
	begin := "<!-- " + b.section + ": "
	for _, text := range generatorSources(t, files) {
		if strings.Contains(text, begin) {
			return nil
		}
	}
	return fmt.Errorf("no program and no test writes the section %q", b.section)
}

// generatorSources returns the texts of the Go files that may write sections of pages.
func generatorSources(t *testing.T, files fs.FS) []string {
	t.Helper()
	var texts []string
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." || entry.Name() == "testdata"):
			return fs.SkipDir
		case path.Ext(name) != ".go" || name == "tests/blocks_test.go": // this file has faulty pages
			return nil
		}
		text, err := fs.ReadFile(files, name)
		texts = append(texts, string(text))
		return err
	}))
	return texts
}

func TestDocument_BlocksAreRunOrChecked(t *testing.T) {
	files := os.DirFS(repository)
	blocks := 0
	for _, p := range pages(t, files) {
		for _, b := range codeBlocks(p) {
			blocks++
			if err := blockProblem(t, files, b); err != nil {
				assert.Fail(t, b.String()+": "+err.Error())
			}
		}
	}
	assert.Greater(t, blocks, 15, "blocks are not found")
}

func TestDocument_UncheckedBlockIsReported(t *testing.T) {
	const marker = "<!-- test: TestX in a -->\n\n"
	for name, test := range map[string]struct{ page, want string }{
		"a block of a test":            {marker + "```sh\ntrue\n```", ""},
		"a block of a page of a test":  {"# A\n\n" + marker + "text\n\n```sh\ntrue\n```", ""},
		"a block in a list":            {"1. A\n\n   " + marker + "   ```sh\n   true\n   ```", ""},
		"no marker":                    {"```sh\ntrue\n```", "nothing runs this sh block"},
		"output without a marker":      {"```text\ndone\n```", "nothing runs this text block"},
		"a marker before other text":   {marker + "text\n\n```sh\ntrue\n```", "nothing runs this sh block"},
		"a test that does not exist":   {"<!-- test: TestZ in a -->\n\n```sh\nx\n```", "there is no TestZ in a"},
		"a test of another folder":     {"<!-- test: TestX in c -->\n\n```sh\nx\n```", "there is no TestX in c"},
		"a test that takes no block":   {"<!-- test: TestY in a -->\n\n```sh\nx\n```", "does not take the marked"},
		"a test of another page":       {"<!-- test: TestOther in a -->\n\n```sh\nx\n```", "does not take the marked"},
		"a marker without a folder":    {"<!-- test: TestX -->\n\n```sh\nx\n```", "is not of the form"},
		"no language":                  {"```\nx\n```", "the block has no language"},
		"an empty block":               {marker + "```sh\n```", "the block is empty"},
		"a generated section":          {"<!-- kept: written by the tests -->\n\n```text\nx\n```\n\n<!-- end -->", ""},
		"a section that nobody writes": {"<!-- lost: written by the tests -->\n\n```text\nx\n```", `the section "lost"`},
		"a block after a section":      {"<!-- kept: written by x -->\n\n<!-- end -->\n\n```text\nx\n```", "nothing runs"},
		"a part of a file":             {"<!-- from: a/x.go -->\n\n```go\nfunc F() {\n}\n```", ""},
		"no part of a file":            {"<!-- from: a/x.go -->\n\n```go\nfunc G() {\n}\n```", "does not contain this block"},
		"a part of a missing file":     {"<!-- from: a/y.go -->\n\n```go\nfunc F() {\n}\n```", "there is no file a/y.go"},
		"valid JSON":                   {"```json\n{\"a\": 1}\n```", ""},
		"lines of JSON":                {"```json\n{\"a\": 1}\n{\"a\": 2}\n```", ""},
		"invalid JSON":                 {"```json\n{\"a\": 1,}\n```", "is not JSON"},
		"configuration":                {"```yaml\n# config/environments/acc.yaml\nbudget:\n  monthly: 5\n```", ""},
		"a new environment":            {"```yaml\n# config/environments/x.yaml\n" + newEnvironment + "```", ""},
		"configuration of no file":     {"```yaml\nbudget:\n  monthly: 5\n```", "its first line has to be"},
		"an unknown key":               {"```yaml\n# config/environments/acc.yaml\nbudgets: 5\n```", "budgets"},
		"a value that is not allowed":  {"```yaml\n# config/environments/acc.yaml\nafter: nowhere\n```", "nowhere"},
		"a waiver":                     {"```yaml\n# config/waivers.yaml\nwaivers: []\n```", ""},
		"a waiver without a reason":    {"```yaml\n# config/waivers.yaml\nwaivers:\n  - rule: G1\n```", "reason"},
		"YAML that does not parse":     {"```yaml\n# config/pipeline.yaml\na: [\n```", "config/pipeline.yaml"},
		"a flow chart":                 {"```mermaid\nflowchart LR\n  a[A: b] -->|c| b --> c\n```", ""},
		"an edge that leads nowhere":   {"```mermaid\nflowchart LR\n  a[A] -->\n```", `line 2`},
		"a box that is not closed":     {"```mermaid\nflowchart LR\n  a[A --> b\n```", `line 2`},
		"a diagram of an unknown kind": {"```mermaid\nflowchrat LR\n  a --> b\n```", "flowchrat"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"docs/page.md": file(test.page + "\n"), "a/x.go": file("package a\n\nfunc F() {\n}\n"),
				"a/write.go": file("package a\n\nconst begin = \"<!-- kept: written by the tests -->\"\n"),
				"a/x_test.go": file("package a\n\nfunc TestX() { markedBlocks(t, \"docs/page.md\") }\n\n" +
					"func TestY() { read(\"docs/page.md\") }\n\nfunc TestOther() { markedBlocks(t, \"docs/other.md\") }\n"),
			}
			blocks := codeBlocks(readPage(t, files, "docs/page.md"))
			require.Len(t, blocks, 1)
			err := blockProblem(t, files, blocks[0])
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

const newEnvironment = "account: \"555566667777\"\nregion: eu-west-1\nnotifications: {owners: [platform@example.com]}\n"
