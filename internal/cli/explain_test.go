package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
)

// linkOfTable matches a link of the table to a page. The terminal shows where the page is.
var linkOfTable = regexp.MustCompile(`\[[^\]]*\]\(([^)]*)\)`)

func TestExplain_SaysAllThatTheTableHasOfEachCode(t *testing.T) {
	list, err := runCommand(t, "explain")
	require.NoError(t, err)
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, entry := range fault.Entries() {
		t.Run(string(entry.Code), func(t *testing.T) {
			assert.Contains(t, list, string(entry.Code))
			out, err := runCommand(t, "explain", string(entry.Code))
			require.NoError(t, err)
			texts := []string{entry.Title, entry.Meaning}
			texts = append(texts, entry.Causes...)
			texts = append(texts, entry.Remedies...)
			texts = append(texts, entry.Messages...)
			for _, text := range texts {
				assert.Contains(t, words(out), words(linkOfTable.ReplaceAllString(text, "docs/$1")))
			}
		})
	}
}
