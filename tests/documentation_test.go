package tests

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestDocument_LinksResolve(t *testing.T) {
	files := os.DirFS(repository)
	links := 0
	for _, p := range pages(t, files) {
		links += len(linksOf(p))
		for _, broken := range brokenLinks(t, files, p) {
			assert.Fail(t, p.name+": "+broken)
		}
	}
	assert.Greater(t, links, 10, "links are not found")
}

func TestDocument_BrokenLinkIsReported(t *testing.T) {
	for name, test := range map[string]struct{ page, want string }{
		"an existing file":                         {"[a](other.md)", ""},
		"an existing folder":                       {"[a](decisions)", ""},
		"a file in a parent folder":                {"[a](../README.md)", ""},
		"an existing heading":                      {"[a](other.md#one-two)", ""},
		"a heading of the same page":               {"# Here\n\n[a](#here)", ""},
		"a heading with code and punctuation":      {"[a](other.md#run-go-test-what-else)", ""},
		"the second heading with the same text":    {"[a](other.md#one-two-1)", ""},
		"a page of another host":                   {"[a](https://example.com/nothing.md#nothing)", ""},
		"a link in code":                           {"`[a](nothing.md)`\n\n```text\n[a](nothing.md)\n```", ""},
		"a missing file":                           {"[a](nothing.md)", "nothing.md leads to no file"},
		"a missing file in a parent folder":        {"[a](../other.md)", "../other.md leads to no file"},
		"a file outside of the repository":         {"[a](../../etc/passwd)", "../../etc/passwd leads to no file"},
		"an absolute path":                         {"[a](/etc/passwd)", "/etc/passwd leads to no file"},
		"a missing heading":                        {"[a](other.md#three)", "other.md#three leads to no heading"},
		"a third heading of two":                   {"[a](other.md#one-two-2)", "other.md#one-two-2 leads to no heading"},
		"a missing heading of the same page":       {"# Here\n\n[a](#there)", "#there leads to no heading"},
		"a heading of a file that is not Markdown": {"[a](../main.go#L3)", "../main.go#L3 leads to no heading"},
		"a link in a table":                        {"| a |\n| -- |\n| [a](nothing.md) |", "nothing.md leads to no file"},
		"a link by reference":                      {"[a]\n\n[a]: nothing.md", "nothing.md leads to no file"},
		"an image":                                 {"![a](nothing.svg)", "nothing.svg leads to no file"},
		"a file name in other case":                {"[a](Other.md)", "Other.md leads to no file"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"README.md": file("# All"), "main.go": file("package main"),
				"docs/page.md": file(test.page), "docs/decisions/1.md": file("# 1"),
				"docs/other.md": file("# Other\n\n## One two\n\n## One two\n\n## Run `go test`: what else?\n"),
			}
			assert.Equal(t, test.want, strings.Join(brokenLinks(t, files, readPage(t, files, "docs/page.md")), "; "))
		})
	}
}

func TestDocument_HeadingsHaveContent(t *testing.T) {
	headings := 0
	files := os.DirFS(repository)
	for _, p := range pages(t, files) {
		assert.Empty(t, emptyHeadings(p), "%s: nothing stands under these headings", p.name)
		headings += len(anchors(p))
	}
	assert.Greater(t, headings, 50, "headings are not found")
}

func TestDocument_EmptyHeadingIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		page string
		want []string
	}{
		"text":                                  {"# A\n\ntext\n", nil},
		"a table":                               {"# A\n\n| a |\n| -- |\n| b |\n", nil},
		"text below a subheading":               {"# A\n\n## B\n\ntext\n", nil},
		"no text before the next heading":       {"# A\n\ntext\n\n## B\n\n## C\n\ntext\n", []string{"B"}},
		"no text before a higher heading":       {"# A\n\ntext\n\n## B\n\n# C\n\ntext\n", []string{"B"}},
		"no text up to the end":                 {"# A\n\ntext\n\n## B\n", []string{"B"}},
		"only headings":                         {"# A\n\n## B\n", []string{"A", "B"}},
		"only an HTML comment":                  {"# A\n\n<!-- later -->\n", []string{"A"}},
		"text that belongs to the next heading": {"# A\n# B\ntext\n", []string{"A"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, emptyHeadings(readPage(t, fstest.MapFS{"a.md": file(test.page)}, "a.md")))
		})
	}
}
