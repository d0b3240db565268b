package resolve

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// textOf returns a text as it is; no other value has one.
func textOf(value any) (string, bool) {
	text, ok := value.(string)
	return text, ok
}

func TestJoin(t *testing.T) {
	for name, test := range map[string]struct {
		argument any
		want     string
		isKnown  bool
	}{
		"texts":               {[]any{"-", []any{"a", "b"}}, "a-b", true},
		"no items":            {[]any{"-", []any{}}, "", true},
		"an item without one": {[]any{"-", []any{"a", 1}}, "", false},
		"no separator":        {[]any{[]any{"a"}}, "", false},
		"another separator":   {[]any{1, []any{"a"}}, "", false},
		"items that are none": {[]any{"-", "a"}, "", false},
		"no list":             {"a", "", false},
		"nothing":             {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Join(test.argument, textOf)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.isKnown, ok)
		})
	}
}

func TestSubstitute(t *testing.T) {
	ref := func(name string) (string, bool) { return "region", name == "AWS::Region" }
	for name, test := range map[string]struct {
		argument any
		want     string
		isKnown  bool
	}{
		"no placeholder":          {"a", "a", true},
		"a reference":             {"a-${AWS::Region}", "a-region", true},
		"white space":             {"a-${ AWS::Region }", "a-region", true},
		"a literal":               {"${!aws:username}", "${aws:username}", true},
		"a value":                 {[]any{"${A}-${AWS::Region}", map[string]any{"A": "x"}}, "x-region", true},
		"a value without a text":  {[]any{"${A}", map[string]any{"A": 1}}, "", false},
		"an unknown reference":    {"${Role.Arn}", "", false},
		"a brace in the name":     {"${A{B}", "", false},
		"a list of another kind":  {[]any{"a"}, "", false},
		"a list that has no text": {[]any{1, map[string]any{}}, "", false},
		"nothing":                 {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Substitute(test.argument, textOf, ref)
			assert.Equal(t, test.isKnown, ok)
			if ok {
				assert.Equal(t, test.want, got)
			}
		})
	}
}

func TestValueAt(t *testing.T) {
	properties := map[string]any{"A": map[string]any{"B": 1}, "C": "text"}
	for path, want := range map[string]any{"A/B": 1, "C": "text", "A/C": nil, "C/B": nil, "D": nil, "": nil} {
		assert.Equal(t, want, ValueAt(properties, path), path)
	}
}
