package faults

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const document = "../../docs/deployment.md"

// faults are the rows of the document's table, in its order. Each is shown by a test of this package.
var faults = []string{
	"429 and 5xx", "connection resets", "late answers", "expiring credentials", "the caller's credentials expire", "the endpoint goes and comes back", "kill -9", "two at once",
	"a template that fails", "clock skew", "a full disk", "a plan cut in half or edited", "a release record is altered",
}

// TestTheDocumentSaysWhatWasShown runs last, because its file's name comes last. Whoever runs only a part of the tests compares nothing.
func TestTheDocumentSaysWhatWasShown(t *testing.T) {
	table.Lock()
	defer table.Unlock()
	var rows []string
	for _, fault := range faults {
		row, ok := table.rows[fault]
		if !ok {
			t.Skipf("%q was not shown: not every test has run and passed", fault)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", fault, row[0], row[1]))
	}
	assert.Len(t, table.rows, len(faults), "a test shows what the list lacks")
	want := "\n| fault | how it is made | what comes of it |\n| -- | -- | -- |\n" + strings.Join(rows, "\n") + "\n\n"
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	begin, end := "<!-- faults: written by the tests -->\n", "<!-- end of faults -->"
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	now, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, now, "run the tests of this package with -update")
}
