package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSchemas_CommittedMatchTypes(t *testing.T) {
	t.Chdir("../..") // the folder of package config
	schemas, err := generateSchemas()
	require.NoError(t, err)
	for kind, want := range schemas {
		got, err := os.ReadFile("schema/" + kind + ".json")
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "run `go generate ./config`")
	}
}
