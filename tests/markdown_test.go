package tests

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	markdown "github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// documents returns the names of all pages: README.md and what is in docs.
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

// A page is a parsed Markdown document.
type page struct {
	name   string
	source []byte
	root   markdown.Node
}

// pages returns the documents of a repository, parsed.
func pages(t *testing.T, files fs.FS) []page {
	t.Helper()
	var all []page
	for _, name := range documents(t, files) {
		all = append(all, readPage(t, files, name))
	}
	return all
}

func readPage(t *testing.T, files fs.FS, name string) page {
	t.Helper()
	source, err := fs.ReadFile(files, name)
	require.NoError(t, err)
	return parsePage(name, string(source))
}

// parsePage returns the page with a name and a text.
func parsePage(name, source string) page {
	parser := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()
	return page{name, []byte(source), parser.Parse(text.NewReader([]byte(source)))}
}

// walkNodes calls f for every node of type N.
func walkNodes[N markdown.Node](from markdown.Node, f func(N)) {
	_ = markdown.Walk(from, func(n markdown.Node, entering bool) (markdown.WalkStatus, error) { // f returns no error
		if found, ok := n.(N); ok && entering {
			f(found)
		}
		return markdown.WalkContinue, nil
	})
}

// plainText returns the text of a node without its markup.
func (p page) plainText(n markdown.Node) string {
	var out bytes.Buffer
	walkNodes(n, func(part *markdown.Text) { out.Write(part.Segment.Value(p.source)) })
	return out.String()
}

// linksOf returns the targets of the links and images of a page.
func linksOf(p page) []string {
	var found []string
	walkNodes(p.root, func(l *markdown.Link) { found = append(found, string(l.Destination)) })
	walkNodes(p.root, func(i *markdown.Image) { found = append(found, string(i.Destination)) })
	return found
}

// brokenLinks returns the links of a page that lead to no file, or to no heading. Links to other hosts are not checked.
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
		if to.Fragment != "" && !hasHeading(t, files, target, to.Fragment) {
			broken = append(broken, link+" leads to no heading")
		}
	}
	return broken
}

func hasHeading(t *testing.T, files fs.FS, name, anchor string) bool {
	t.Helper()
	return path.Ext(name) == ".md" && slices.Contains(anchors(readPage(t, files, name)), anchor)
}

// anchors returns the anchors of a page's headings, in their order, as GitHub makes them. Those of the Markdown library
// differ in which characters they leave out.
func anchors(p page) []string {
	var names []string
	seen := map[string]int{}
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
		earlier := seen[name]
		seen[name]++
		if earlier > 0 {
			name = fmt.Sprintf("%s-%d", name, earlier)
		}
		names = append(names, name)
	})
	return names
}

// emptyHeadings returns the headings without text before the next heading of their level or a higher one.
func emptyHeadings(p page) []string {
	var empty []string
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		heading, ok := n.(*markdown.Heading)
		if !ok {
			continue
		}
		hasText := false
		for next := n.NextSibling(); next != nil && !hasText; next = next.NextSibling() {
			other, isHeading := next.(*markdown.Heading)
			if isHeading && other.Level <= heading.Level {
				break
			}
			html, isHTML := next.(*markdown.HTMLBlock)
			isComment := isHTML && html.HTMLBlockType == markdown.HTMLBlockType2 // CommonMark: the second kind of HTML block
			hasText = !isHeading && !isComment
		}
		if !hasText {
			empty = append(empty, p.plainText(heading))
		}
	}
	return empty
}
