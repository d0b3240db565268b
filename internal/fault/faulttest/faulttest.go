// Package faulttest notes which messages of the table in internal/fault the tests make the program print. The notes of
// a package are in testdata/printed.golden, a line for each test and message. A test fails when it prints less or more
// than its notes say. A test of the package tests holds that the notes have every message of the table. So a message is
// in the table only if a test prints it with its code.
package faulttest

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"lockstep/internal/fault"
)

// Golden is the file with the notes, in the folder of a package.
const Golden = "testdata/printed.golden"

var write = flag.Bool("printed", false, "note in "+Golden+" which messages of the table of codes are printed; "+
	"tests that run at once may overwrite each other's notes: add -parallel 1")

// A Note says that a test prints a message of the table.
type Note struct {
	Test    string
	Code    fault.Code
	Message string
}

// String returns the note's line, which ParseNotes reads.
func (n Note) String() string { return n.Test + ": " + n.Code.Prefix(n.Message) }

// ParseNotes returns the notes of a file. A line that is none becomes a note without a code.
func ParseNotes(text string) []Note {
	var notes []Note
	for line := range strings.Lines(text) {
		test, printed, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		code, message := fault.Cut(printed)
		notes = append(notes, Note{test, code, message})
	}
	return notes
}

// A Record collects the messages that one test makes the program print.
type Record struct {
	test, file string

	mu    sync.Mutex
	lines map[string]bool
	// others are what was printed with a code and is not in the table.
	others []string
}

// Printed returns an empty record. At the end of the test it has to have what the notes of the test say. A test that
// was skipped, has failed or was run in part is not compared. Cases of the test share its record.
func Printed(t *testing.T) *Record {
	t.Helper()
	if strings.Contains(t.Name(), "/") {
		t.Fatal("a record is of a whole test: make it outside of the cases")
	}
	file, err := filepath.Abs(Golden)
	if err != nil {
		t.Fatal(err)
	}
	r := &Record{test: t.Name(), file: file, lines: map[string]bool{}}
	t.Cleanup(func() {
		if !t.Skipped() && !t.Failed() && !isPartial() {
			if err := r.finish(*write); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// isPartial reports whether flags choose some cases of a test.
func isPartial() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if f := flag.Lookup(name); f != nil && strings.Contains(f.Value.String(), "/") {
			return true
		}
	}
	return false
}

// Error adds the message with which the program ends for an error, and returns the error. It adds nothing for nil.
func (r *Record) Error(err error) error {
	if err != nil {
		r.Text(fault.CodeOf(err).Prefix(err.Error()))
	}
	return err
}

// printedPattern matches what the program prints with a code.
var printedPattern = regexp.MustCompile(`\b(LS-\d{3}): (.*)`)

// Text adds the messages in a text that the program has printed. Those that are not in the table are left out.
func (r *Record) Text(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, match := range printedPattern.FindAllStringSubmatch(text, -1) {
		code := fault.Code(match[1])
		messages := Messages(code, match[2])
		for _, message := range messages {
			r.lines[Note{r.test, code, message}.String()] = true
		}
		if len(messages) == 0 {
			r.others = append(r.others, match[0])
		}
	}
}

// Messages returns the messages that the table has for a code and that are in a line. A message begins where the line
// or a part of it does, and ends where a part ends, so that the table has no half of a sentence.
func Messages(code fault.Code, line string) []string {
	entry, _ := fault.Lookup(code)
	return slices.DeleteFunc(slices.Clone(entry.Messages), func(message string) bool {
		var parts []string
		for part := range strings.SplitSeq(message, "…") {
			parts = append(parts, regexp.QuoteMeta(part))
		}
		whole := `(^|: |; )(` + strings.Join(parts, `.+?`) + `)($|[:;,]| \()`
		return !regexp.MustCompile(whole).MatchString(line)
	})
}

// finish compares the record with the notes of its test, or writes it there.
func (r *Record) finish(write bool) error {
	text, err := os.ReadFile(r.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var noted, others []string
	for _, note := range ParseNotes(string(text)) {
		if note.Test == r.test {
			noted = append(noted, note.String())
		} else {
			others = append(others, note.String())
		}
	}
	printed := slices.Sorted(maps.Keys(r.lines))
	switch {
	case len(printed) == 0:
		return fmt.Errorf("the test has a record, and printed no message of the table in internal/fault, but %q", r.others)
	case slices.Equal(noted, printed):
		return nil
	case write:
		return writeNotes(r.file, append(others, printed...))
	}
	return fmt.Errorf("%s differs from what the test has printed; if that is right, write it with -printed:\n"+
		"noted:   %q\nprinted: %q", Golden, noted, printed)
}

// writeNotes writes the lines of a package in their order.
func writeNotes(file string, lines []string) error {
	slices.Sort(lines)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}
