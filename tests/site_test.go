package tests

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// The site of the documentation is built as `make docs` does it. A page must not tell anybody that it is read.
func TestDocument_SiteLoadsNothingFromElsewhere(t *testing.T) {
	out := filepath.Join(t.TempDir(), "site")
	build := exec.Command("go", "run", "./tools/site", "-out", out)
	build.Dir = repository
	text, status := harness.Run(t, build)
	require.Zero(t, status, text)
	site := os.DirFS(out)
	assert.Empty(t, outsideLoads(t, site))

	home := readSite(t, site, "index.html")
	var tabs []string
	for _, match := range siteTab.FindAllStringSubmatch(home, -1) {
		tabs = append(tabs, strings.TrimSpace(match[1]))
	}
	assert.Equal(t, siteTabs(t), tabs, "the navigation is the table of readers")
	assert.FileExists(t, filepath.Join(out, "search", "search_index.js"), "the search works from a folder")
	guide := readSite(t, site, "deployment.html")
	assert.True(t, blockInList.MatchString(guide), "a block in a list stays in it")
}

var (
	siteTab     = regexp.MustCompile(`(?s)<a [^>]*class="md-tabs__link"[^>]*>(.*?)</a>`)
	blockInList = regexp.MustCompile(
		`(?s)<li>\s*<p>Prepare each account once[^<]*</p>\s*<div class="[^"]*highlight">`)
)

// siteTabs returns what the navigation begins with: the start page, and the readers of docs/README.md in their order.
func siteTabs(t *testing.T) []string {
	t.Helper()
	p := readPage(t, os.DirFS(repository), "docs/README.md")
	tabs := []string{p.plainText(p.root.FirstChild())}
	for _, row := range tableRows(p.root) {
		reader := p.plainText(row.FirstChild())
		if row.Parent() != tableRows(p.root)[0].Parent() {
			break
		}
		tabs = append(tabs, strings.ToUpper(reader[:1])+reader[1:])
	}
	return tabs
}

func TestDocument_LoadFromElsewhereIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		file, text string
		found      bool
	}{
		"a script":                {"a.html", `<script src="https://cdn.example.com/a.js"></script>`, true},
		"a script of any scheme":  {"a.html", `<script src="//cdn.example.com/a.js"></script>`, true},
		"a style sheet":           {"a.html", `<link rel="stylesheet" href="https://fonts.example.com/a.css">`, true},
		"a connection beforehand": {"a.html", `<link href="https://fonts.example.com" rel="preconnect" crossorigin>`, true},
		"a picture":               {"a.html", `<img alt="" src="http://example.com/a.png">`, true},
		"a frame":                 {"a.html", `<iframe src="https://example.com"></iframe>`, true},
		"a font":                  {"a.css", `@font-face{src:url(https://fonts.example.com/a.woff2)}`, true},
		"an import":               {"a.css", `@import "https://fonts.example.com/a.css";`, true},
		"a diagram of the theme":  {"a.html", `<pre class="mermaid"><code>flowchart LR</code></pre>`, true},
		"a link":                  {"a.html", `<a href="https://example.com">x</a>`, false},
		"a script of the site":    {"a.html", `<script src="assets/a.js"></script>`, false},
		"a picture in the page":   {"a.css", `a{background:url("data:image/svg+xml;https://x")}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := outsideLoads(t, fstest.MapFS{test.file: file(test.text)})
			assert.Equal(t, test.found, len(found) > 0, found)
		})
	}
}

// outsideLoad matches what a browser loads from another host. The theme's own diagrams load a program when they are
// drawn.
var outsideLoad = map[string]*regexp.Regexp{
	".html": regexp.MustCompile(`<(?:script|img|iframe|link|source|video|audio)\b[^>]*\b(?:src|href)=` +
		`"(?:https?:)?//[^>]*>|class="mermaid"`),
	".css": regexp.MustCompile(`url\(["']?(?:https?:)?//[^)]*\)|@import\s+["'](?:https?:)?//[^"']*`),
}

// outsideLoads returns what the pages and style sheets of a site load from elsewhere.
func outsideLoads(t *testing.T, site fs.FS) []string {
	t.Helper()
	var found []string
	require.NoError(t, fs.WalkDir(site, ".", func(name string, entry fs.DirEntry, err error) error {
		pattern, ok := outsideLoad[filepath.Ext(name)]
		if err != nil || !ok || entry.IsDir() {
			return err
		}
		for _, load := range pattern.FindAllString(readSite(t, site, name), -1) {
			found = append(found, name+": "+load)
		}
		return nil
	}))
	return found
}

func readSite(t *testing.T, site fs.FS, name string) string {
	t.Helper()
	text, err := fs.ReadFile(site, name)
	require.NoError(t, err)
	return string(text)
}
