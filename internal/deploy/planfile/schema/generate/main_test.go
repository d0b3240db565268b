package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSchema_IsUpToDate(t *testing.T) {
	t.Chdir("../..")
	want, err := generateSchema()
	require.NoError(t, err)
	have, err := os.ReadFile("schema/plan.json")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(have), "run `go generate ./internal/deploy/planfile`")
}
