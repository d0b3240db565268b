package display

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCommit_KeepsThePlusSign(t *testing.T) {
	for id, want := range map[string]string{
		"":                 "",
		"-":                "-",
		"5f0c1d2e":         "5f0c1d2e",
		"5f0c1d2e+":        "5f0c1d2e+",
		"5f0c1d2e3a4b5c6d": "5f0c1d2e3a4b", "5f0c1d2e3a4b5c6d+": "5f0c1d2e3a4b+",
	} {
		assert.Equal(t, want, Commit(id), id)
	}
}
