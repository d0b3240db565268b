package text

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " \n": "", "one": "one", "one\r\n\ttwo  three\n": "one two three", "Zürich\u00a0Süd": "Zürich Süd",
	} {
		assert.Equal(t, want, OneLine(text))
	}
}

func TestLastLine(t *testing.T) {
	for text, want := range map[string]string{"": "", "one": "one", "one\n two \n\n": "two", "one\r\ntwo\r\n": "two"} {
		assert.Equal(t, want, LastLine(text))
	}
}
