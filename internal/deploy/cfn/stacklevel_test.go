package cfn

import (
	"testing"

	"lockstep/internal/deploy/change"

	"github.com/stretchr/testify/assert"
)

func TestOutputChanges_AreReported(t *testing.T) {
	tests := map[string]struct {
		before, after string
		want          []change.Property
	}{
		"none":                     {`{}`, `{"Resources":{}}`, nil},
		"what was written in YAML": {"Outputs:\n  O: {Value: x}\n", `{"Outputs":{"O":{"Value":"y"}}}`, nil},
		"the same": {
			`{"Outputs":{"O":{"Value":{"Ref":"A"}}}}`,
			`{"Outputs": {"O": {"Value": {"Ref": "A"}}}}`,
			nil,
		},
		"one more": {
			`{}`,
			`{"Outputs":{"O":{"Value":{"Ref":"A"}}}}`,
			[]change.Property{{Name: "Outputs.O", After: `{"Ref":"A"}`, Recreation: "Never"}},
		},
		"one less": {
			`{"Outputs":{"O":{"Value":"x"}}}`,
			`{}`,
			[]change.Property{{Name: "Outputs.O", Before: "x", Recreation: "Never"}},
		},
		"another value": {
			`{"Outputs":{"O":{"Value":"x"}}}`,
			`{"Outputs":{"O":{"Value":"y"}}}`,
			[]change.Property{{Name: "Outputs.O", Before: "x", After: "y", Recreation: "Never"}},
		},
		"exported": {
			`{"Outputs":{"O":{"Value":"x"}}}`,
			`{"Outputs":{"O":{"Value":"x","Export":{"Name":"n"}}}}`,
			[]change.Property{{Name: "Outputs.O", After: `{"Name":"n"}`, Recreation: "Never"}},
		},
		"as CloudFormation answers what is not ASCII": {
			`{"Outputs":{"O":{"Value":"??"}}}`,
			`{"Outputs":{"O":{"Value":"日本"}}}`,
			nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, outputChanges(test.before, test.after))
		})
	}
}
