package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
)

// programTexts returns the string literals of a repository's programs, except those of the table that quotes them.
// Literals that are joined with + are one text.
func programTexts(t *testing.T, files fs.FS) []string {
	t.Helper()
	var out []string
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == ".lockstep" || name == "tests" || entry.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"),
			strings.HasPrefix(name, "internal/fault/table"):
			return nil
		}
		source, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text := stringLiteral(e); text != "" {
					out = append(out, text)
					return false
				}
			}
			return true
		})
		return nil
	}))
	return out
}

// stringLiteral returns the value of a string literal, or of several that are joined with +. It returns what comes
// before the first other operand, and nothing if that is the first.
func stringLiteral(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return text
		}
	case *ast.BinaryExpr:
		if left := stringLiteral(e.X); left != "" && e.Op == token.ADD {
			return left + stringLiteral(e.Y)
		}
	}
	return ""
}

// missingMessages returns the messages of which no text contains all parts in their order. The parts are separated by
// `…`.
func missingMessages(messages, texts []string) []string {
	var out []string
	for _, m := range messages {
		found := false
		for _, text := range texts {
			for _, part := range strings.Split(m, "…") {
				_, rest, ok := strings.Cut(text, part)
				if found = ok; !ok {
					break
				}
				text = rest
			}
			if found {
				break
			}
		}
		if !found {
			out = append(out, m)
		}
	}
	return out
}

// quotedMessages returns the code spans of the second column of the table below a heading of a page.
func quotedMessages(page, heading string) []string {
	var out []string
	_, section, _ := strings.Cut(page, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.SplitSeq(section, "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 {
			continue
		}
		for i, part := range strings.Split(cells[1], "`") {
			if i%2 == 1 {
				out = append(out, part)
			}
		}
	}
	return out
}

// What the page on compatibility says that the program says is what it says.
func TestDocument_CompatibilityRefusalsExistInSource(t *testing.T) {
	text, err := os.ReadFile("../docs/compatibility.md")
	require.NoError(t, err)
	quoted := quotedMessages(string(text), "What is refused")
	assert.Greater(t, len(quoted), 10)
	assert.Empty(t, missingMessages(quoted, programTexts(t, os.DirFS(".."))))

	page := "\n## Refused\n\n| what | it says | what to do |\n| -- | -- | -- |\n" +
		"| a `x` | `one` or `two` | `three` |\n\n## Next\n"
	assert.Equal(t, []string{"one", "two"}, quotedMessages(page, "Refused"))
}

func TestFault_MessagesExistInSource(t *testing.T) {
	var quoted []string
	for _, entry := range fault.Entries() {
		quoted = append(quoted, entry.Messages...)
	}
	assert.Greater(t, len(quoted), 80)
	assert.Empty(t, missingMessages(quoted, programTexts(t, os.DirFS(".."))))

	texts := []string{"the bucket %s is not there: run it", "one and two"}
	for name, test := range map[string]struct {
		message string
		known   bool
	}{
		"a complete text":             {"one and two", true},
		"a text with a variable part": {"the bucket … is not there", true},
		"another wording":             {"the bucket … is missing", false},
		"the parts in another order":  {"is not there … the bucket", false},
		"the parts of two texts":      {"the bucket … and two", false},
		"a text of no program":        {"all is well", false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.known, len(missingMessages([]string{test.message}, texts)) == 0)
		})
	}
}
