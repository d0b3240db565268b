package assembly

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTemplate_MayReadFrom(t *testing.T) {
	read := func(text string) Template {
		r := &reader{files: fstest.MapFS{"t.json": {Data: []byte(text)}}}
		template, err := r.readTemplate("t.json")
		require.NoError(t, err)
		return template
	}
	network := read(`{"Outputs": {"A": {"Value": "v", "Export": {"Name": "network:A"}}, "B": {"Value": "v"}}}`)
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"an export of the other", `{"Resources": {"R": {"Type": "T", "Properties": {"P": {"Fn::ImportValue": "network:A"}}}}}`, true},
		{"an export of a third", `{"Resources": {"R": {"Type": "T", "Properties": {"P": {"Fn::ImportValue": "storage:A"}}}}}`, false},
		{"nothing", `{"Resources": {"R": {"Type": "T"}}}`, false},
		{"nothing but the bootstrap's version", `{"Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/v"}}}`, false},
		{"a parameter, which the other may write", `{"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/p"}}}`, true},
		{"a reference that is resolved later", `{"Resources": {"R": {"Type": "T", "Properties": {"P": "{{resolve:ssm:/p}}"}}}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, read(test.text).MayReadFrom(network)) })
	}
}
