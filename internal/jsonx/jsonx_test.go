package jsonx

import (
	stdjson "encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type document struct {
	Name  string             `json:"name"`
	Count int                `json:"count"`
	TTL   time.Duration      `json:"ttl"`
	Raw   stdjson.RawMessage `json:"raw"`
	Items []struct {
		Key string `json:"key"`
	} `json:"items"`
}

// ambiguous are texts that two readers may take for different things, and the reasons for which they are refused.
var ambiguous = map[string]struct{ text, want string }{
	"a name twice":               {`{"name":"a","name":"b"}`, `line 1: "/name": the name is there twice`},
	"a name twice, escaped":      {`{"name":"a","n\u0061me":"b"}`, `"/name": the name is there twice`},
	"a name twice, deeper":       {"{\"items\":[\n{\"key\":\"a\",\"key\":\"b\"}]}", `line 2: "/items/0/key": the name is`},
	"a name twice, in raw text":  {`{"raw":{"a":1,"a":2}}`, `"/raw/a": the name is there twice`},
	"an unknown name twice":      {`{"x":1,"x":2}`, "the name is "},
	"text after the end":         {`{"name":"a"} {"name":"b"}`, "there is text after its end"},
	"a letter after the end":     {`{"name":"a"}x`, "there is text after its end"},
	"bytes that are not UTF-8":   {"{\"name\":\"\xff\"}", "invalid UTF-8"},
	"half a surrogate":           {`{"name":"\ud800"}`, "surrogate"},
	"a number that is too large": {`{"count":123456789012345678901234567890}`, "it is no int"},
	"a number for a text":        {`{"name":1}`, "it is no string"},
	"no value":                   {" ", "it breaks off"},
	"a beginning":                {`{"name":"a"`, "it breaks off"},
	"a byte order mark":          {"\ufeff{}", "invalid character"},
	"lists without end":          {strings.Repeat("[", 1_000_000), "nested deeper than 200 levels"},
	"objects without end":        {strings.Repeat(`{"raw":`, 100_000), "nested deeper than 200 levels"},
	"lists in raw text": {
		`{"raw":` + strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1) + "}",
		"nested deeper than 200 levels",
	},
}

func TestUnmarshal_RefusesAmbiguousText(t *testing.T) {
	for name, test := range ambiguous {
		t.Run(name, func(t *testing.T) {
			var d document
			err := Unmarshal([]byte(test.text), &d)
			var refused *Error
			require.ErrorAs(t, err, &refused)
			assert.Contains(t, err.Error(), test.want)
			if strings.Contains(name, "unknown") {
				return
			}
			assert.Error(t, UnmarshalForeign([]byte(test.text), &d), "nor from another program")
		})
	}
}

func TestUnmarshal_RefusesUnknownNames(t *testing.T) {
	for _, text := range []string{`{"Name":"a"}`, `{"other":1}`, `{"items":[{"Key":"a"}]}`, `{"name ":"a"}`} {
		var d document
		err := Unmarshal([]byte(text), &d)
		require.ErrorIs(t, err, ErrUnknownName, text)
		require.NoError(t, UnmarshalForeign([]byte(text), &d), text)
		assert.Empty(t, d.Name, "a name of another case is another name")
	}
}

func TestUnmarshal_StoresWhatIsFine(t *testing.T) {
	var d document
	require.NoError(t, Unmarshal([]byte(`{"name":"a","count":2,"ttl":3000,"raw":{"a":[1]},"items":[{"key":"b"}]}`), &d))
	assert.Equal(t, "a", d.Name)
	assert.Equal(t, 3*time.Microsecond, d.TTL)
	assert.JSONEq(t, `{"a":[1]}`, string(d.Raw))
	assert.Equal(t, "b", d.Items[0].Key)
}

func TestUnmarshal_DoesNotQuoteValues(t *testing.T) {
	var d document
	err := Unmarshal([]byte(`{"count":"hunter2"}`), &d)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hunter2")
}

func TestUnmarshal_ErrorsSayThatTextBreaksOff(t *testing.T) {
	var d document
	err := Unmarshal([]byte("{\n\"name\":"), &d)
	assert.True(t, errors.Is(err, io.ErrUnexpectedEOF))
	assert.ErrorContains(t, err, "line 2: ")
}

func TestDocument_KeepsNumbers(t *testing.T) {
	d, err := Document([]byte(`{"a":[1e400,12345678901234567890,1.0],"b":{"c":0}}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"a": []any{stdjson.Number("1e400"), stdjson.Number("12345678901234567890"), stdjson.Number("1.0")},
		"b": map[string]any{"c": stdjson.Number("0")},
	}, d)
}

func TestCutText_KeepsEveryOtherByte(t *testing.T) {
	for name, test := range map[string]struct{ text, rest, value string }{
		"first": {`{"hash" : "abc" ,"a":1}`, `{"hash" : "" ,"a":1}`, "abc"},
		"last": {
			"{\n  \"a\": {\"hash\":\"x\"},\n  \"hash\": \"a\\u0062\"\n}\n",
			"{\n  \"a\": {\"hash\":\"x\"},\n  \"hash\": \"\"\n}\n", "ab",
		},
		"empty":                       {`{"hash":""}`, `{"hash":""}`, ""},
		"its name written in escapes": {`{"h\u0061sh":"x"}`, `{"h\u0061sh":""}`, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			rest, value, err := CutText([]byte(test.text), "hash")
			require.NoError(t, err)
			assert.Equal(t, test.rest, string(rest))
			assert.Equal(t, test.value, value)
		})
	}
	for _, text := range []string{
		`{}`, `[]`, `{"hash":1}`, `{"a":{"hash":"x"}}`, `"hash"`, ``, `{"a":1,"a":2,"hash":""}`,
	} {
		_, _, err := CutText([]byte(text), "hash")
		assert.Error(t, err, text)
	}
}
