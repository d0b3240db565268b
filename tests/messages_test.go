package tests

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// programTexts returns the string literals of a repository's programs, except those of the table that quotes them.
// Literals that are joined with + are one text.
func programTexts(t *testing.T, files fs.FS) []string {
	t.Helper()
	var out []string
	for _, name := range goFiles(t, files, ".", ".git", ".lockstep", "tests", "testdata") {
		if strings.HasPrefix(name, "internal/fault/table") {
			continue
		}
		ast.Inspect(parseGo(t, files, name), func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text := stringLiteral(e); text != "" {
					out = append(out, text)
					return false
				}
			}
			return true
		})
	}
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

// Every message of the table is printed by a test, with its code. Each package has its notes of that, which its own
// tests hold.
func TestFault_MessagesArePrinted(t *testing.T) {
	files := os.DirFS(repository)
	printed := map[faulttest.Note]bool{}
	for name, notes := range printedNotes(t, files) {
		tests := testNames(t, files, path.Dir(path.Dir(name)))
		for _, note := range notes {
			assert.Contains(t, tests, note.Test, "%s: there is no such test any more", name)
			note.Test = ""
			printed[note] = true
		}
	}
	for _, problem := range unprinted(fault.Entries(), printed) {
		assert.Fail(t, problem)
	}
}

// printedNotes returns the notes of all packages on what their tests print, by the names of their files. Those of the
// package that writes them are its examples.
func printedNotes(t *testing.T, files fs.FS) map[string][]faulttest.Note {
	t.Helper()
	out := map[string][]faulttest.Note{}
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == ".lockstep" || entry.Name() == "faulttest"):
			return fs.SkipDir
		case !strings.HasSuffix("/"+name, "/"+faulttest.Golden):
			return nil
		}
		text, err := fs.ReadFile(files, name)
		out[name] = faulttest.ParseNotes(string(text))
		return err
	}))
	return out
}

// unprinted returns the messages of the table that no test prints, and what tests are noted to print that the table no
// longer has.
func unprinted(entries []fault.Entry, printed map[faulttest.Note]bool) []string {
	var problems []string
	known := map[faulttest.Note]bool{}
	for _, entry := range entries {
		for _, message := range entry.Messages {
			note := faulttest.Note{Code: entry.Code, Message: message}
			known[note] = true
			if !printed[note] {
				problems = append(problems, entry.Code.Prefix(message)+" (no test prints it)")
			}
		}
	}
	for note := range printed {
		if !known[note] {
			problems = append(problems, note.Code.Prefix(note.Message)+" (the table has no such message)")
		}
	}
	slices.Sort(problems)
	return problems
}

func TestFault_UnprintedMessageIsReported(t *testing.T) {
	entries := []fault.Entry{{Code: fault.LockHeld, Messages: []string{"held", "kept"}}, {Code: fault.LockLost}}
	held := faulttest.Note{Code: fault.LockHeld, Message: "held"}
	kept := faulttest.Note{Code: fault.LockHeld, Message: "kept"}
	assert.Empty(t, unprinted(entries, map[faulttest.Note]bool{held: true, kept: true}))
	assert.Equal(t, []string{"LS-601: kept (no test prints it)", "LS-602: lost (the table has no such message)"},
		unprinted(entries, map[faulttest.Note]bool{held: true, {Code: fault.LockLost, Message: "lost"}: true}))
}

func TestMissingMessages_PartsInTheirOrder(t *testing.T) {
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
