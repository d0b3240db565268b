package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
)

func TestPage_IsUpToDate(t *testing.T) {
	written, err := os.ReadFile("../" + page)
	require.NoError(t, err)
	assert.Equal(t, text(), string(written), "run `go generate ./internal/fault`")
}

func TestPage_HasASectionForEachKindOfFailure(t *testing.T) {
	for _, title := range []string{
		"Source", "Build", "Test", "Security scan", "Deploy", "Cross-account access", "Access to a resource",
	} {
		assert.Contains(t, text(), "\n## "+title+"\n")
	}
}

func TestPage_ExplainsEveryCodeOnce(t *testing.T) {
	for _, e := range fault.Entries() {
		assert.Equal(t, 1, strings.Count(text(), "\n### "+string(e.Code)+"\n"), e.Code)
	}
}

func TestWrap_BreaksNoCode(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("word ", 23))
	assert.Equal(t, words+" `a command with blanks`\n  end", wrap(words+" `a command with blanks` end", "  "))
	assert.Equal(t, words+" word\nword", wrap(words+" word word", ""))
	assert.Equal(t, words+" `` code with `ticks` ``\nend", wrap(words+" `` code with `ticks` `` end", ""))
}
