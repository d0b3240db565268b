package tests

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"

	"lockstep/internal/repo"
)

// topics are what the index of the documentation leads to, whatever else it leads to.
var topics = []string{
	"introduction", "purpose", "audience", "business value", "use case",
	"user stories", "operational stories", "technical stories",
	"functional requirements", "non-functional requirements",
	"monitoring practices", "key metrics", "performance architecture", "process of optimising",
	"controls matrix", "scalability", "availability", "core architecture principles", "CI/CD pipeline",
	"storage", "configuration", "security controls", "observability", "diagrams", "AWS services", "decision records",
	"technology stack", "project structure", "implementation details", "best practices",
	"deployment workflow", "deployment strategy", "budget monitoring", "troubleshooting", "access issues",
	"maintenance", "documentation upkeep", "backup and retention", "security architecture", "incident response",
	"backlog", "glossary", "references",
}

func TestDocument_EveryTopicHasPage(t *testing.T) {
	p := readPage(t, os.DirFS(repository), "docs/README.md")
	links := map[string]int{}
	for _, row := range tableRows(p.root) {
		name := p.plainText(row.FirstChild())
		walkNodes(row.LastChild(), func(*markdown.Link) { links[name]++ })
	}
	for _, topic := range topics {
		assert.Positive(t, links[topic], "docs/README.md leads nowhere for %s", topic)
	}
}

// The index leads to each page. Those of a folder are led to by the folder's own first page.
func TestDocument_IndexHasEveryPage(t *testing.T) {
	files := os.DirFS(repository)
	var linked []string
	for _, link := range linksOf(readPage(t, files, "docs/README.md")) {
		linked = append(linked, path.Join("docs", link))
	}
	for _, name := range documents(t, files) {
		isFirst := path.Dir(name) == "docs" || path.Base(name) == "README.md"
		if isFirst && name != "README.md" && name != "docs/README.md" {
			assert.Contains(t, linked, name, "docs/README.md does not lead to it")
		}
	}
}

// abbreviations are the terms that a reader of AWS meets first, and the glossary has.
var abbreviations = []string{"ACU", "CDK", "CI/CD", "NAG", "PI", "SSM", "VPC"}

func TestDocument_GlossaryIsSorted(t *testing.T) {
	p := readPage(t, os.DirFS(repository), "docs/glossary.md")
	var terms []string
	for _, row := range tableRows(p.root) {
		terms = append(terms, p.plainText(row.FirstChild()))
	}
	assert.Subset(t, terms, abbreviations)
	sorted := slices.Clone(terms)
	slices.SortFunc(sorted, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	assert.Equal(t, slices.Compact(sorted), terms, "a term is missing, twice or in another place")
}

var (
	cdkImport   = regexp.MustCompile(`"github\.com/aws/aws-cdk-go/awscdk/v2/aws(\w+)"`)
	serviceType = regexp.MustCompile(`^AWS::(\w+)$`)
)

// The services of the stacks are those whose constructs the CDK app imports.
func TestDocument_ServicesAreThoseOfTheApp(t *testing.T) {
	files := os.DirFS(repository)
	imported := map[string]bool{}
	for _, name := range goFiles(t, files, "infra") {
		source, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		for _, match := range cdkImport.FindAllSubmatch(source, -1) {
			// The library keeps the subscriptions of SNS in a package of their own.
			imported[strings.TrimSuffix(string(match[1]), "subscriptions")] = true
		}
	}
	documented := map[string]bool{}
	p := readPage(t, files, "docs/services.md")
	for _, name := range p.codeSpans(p.root) {
		if match := serviceType.FindStringSubmatch(name); match != nil {
			documented[strings.ToLower(match[1])] = true
		}
	}
	assert.Greater(t, len(imported), 15)
	assert.Equal(t, slices.Sorted(maps.Keys(imported)), slices.Sorted(maps.Keys(documented)))
}

// The versions on the page on the technology are those of the files that pin them.
func TestDocument_VersionsArePinned(t *testing.T) {
	files := os.DirFS(repository)
	p := readPage(t, files, "docs/stack.md")
	rows := evidenceRows(p, "pinned in")
	for _, row := range rows {
		assert.Empty(t, versionProblem(t, files, p, row), p.plainText(row.FirstChild()))
	}
	assert.Greater(t, len(rows), 15)
}

func TestDocument_StaleVersionIsReported(t *testing.T) {
	files := fstest.MapFS{"go.mod": file("module m\n\nrequire a/b v1.2.3\n")}
	assertRowProblems(t, "| what | version | pinned in |\n| -- | -- | -- |\n| %s |\n", map[string]rowCase{
		"the pinned version":   {"a | 1.2.3 | `go.mod`", ""},
		"another version":      {"a | 1.2.4 | `go.mod`", "go.mod has no 1.2.4"},
		"a part of a version":  {"a | 1.2 | `go.mod`", "go.mod has no 1.2"},
		"a file that is not":   {"a | 1.2.3 | `go.sum`", "there is no file go.sum"},
		"no file":              {"a | 1.2.3 | by hand", "it names no file"},
		"the end of a version": {"a | 2.3 | `go.mod`", "go.mod has no 2.3"},
	}, func(p page, row *tables.TableRow) string { return versionProblem(t, files, p, row) })
}

// versionProblem returns why the version of a row is not the one in the file that the row names; empty if it is.
func versionProblem(t *testing.T, files fs.FS, p page, row *tables.TableRow) string {
	t.Helper()
	names := p.codeSpans(row.LastChild())
	if len(names) == 0 {
		return "it names no file"
	}
	source, err := fs.ReadFile(files, names[0])
	if err != nil {
		return "there is no file " + names[0]
	}
	version := p.plainText(row.LastChild().PreviousSibling())
	whole := regexp.MustCompile(`(^|[^\d.])` + regexp.QuoteMeta(version) + `($|[^\d.]|\.$)`)
	if !whole.Match(source) {
		return names[0] + " has no " + version
	}
	return ""
}

// The page on the structure names everything at the top of the repository.
func TestDocument_StructureIsComplete(t *testing.T) {
	listing, err := repo.New(repository, os.Environ()).Files(t.Context())
	require.NoError(t, err)
	p := readPage(t, os.DirFS(repository), "docs/structure.md")
	named := p.codeSpans(p.root)
	for _, name := range listing.Files {
		top, _, _ := strings.Cut(name, "/")
		if top != name {
			top += "/"
		}
		assert.Contains(t, named, top, "docs/structure.md does not say what it is")
	}
}
