package cfn

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/display/displaytest"
)

// secretTemplate makes outputs and properties from a parameter with NoEcho, in every way that a template can.
const secretTemplate = `{
	"Parameters": {"Db": {"Type": "String", "NoEcho": true}, "Size": {"Type": "String"}},
	"Resources": {
		"Instance": {"Type": "AWS::RDS::DBInstance", "Properties": {"Login": {"Ref": "Db"}, "Class": {"Ref": "Size"}}},
		"Param": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Fn::Sub": "x${Db}"}, "Name": "n"}},
		"Plain": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": "v"}},
		"Nested": {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": {"P": {"Ref": "Db"}}}},
		"Custom": {"Type": "Custom::Thing", "Properties": {"P": {"Fn::GetAtt": ["Param", "Value"]}}}
	},
	"Outputs": {
		"Ref": {"Value": {"Ref": "Db"}},
		"Sub": {"Value": {"Fn::Sub": "postgres://u:${ Db }@h"}},
		"SubOfVariables": {"Value": {"Fn::Sub": ["x${V}", {"V": {"Ref": "Db"}}]}},
		"Join": {"Value": {"Fn::Join": ["", ["a", {"Ref": "Db"}]]}},
		"If": {"Value": {"Fn::If": ["C", "a", {"Ref": "Db"}]}},
		"Base64": {"Value": {"Fn::Base64": {"Fn::Select": [0, [{"Ref": "Db"}]]}}},
		"Attribute": {"Value": {"Fn::GetAtt": ["Param", "Value"]}},
		"AttributeText": {"Value": {"Fn::GetAtt": "Param.Value"}},
		"AttributeInSub": {"Value": {"Fn::Sub": "${Param.Value}"}},
		"OfNested": {"Value": {"Fn::GetAtt": ["Nested", "Outputs.X"]}},
		"OfCustom": {"Value": {"Fn::GetAtt": ["Custom", "X"]}},
		"Size": {"Value": {"Ref": "Size"}},
		"Literal": {"Value": {"Fn::Sub": "${!Db}"}},
		"Endpoint": {"Value": {"Fn::GetAtt": ["Instance", "Endpoint.Address"]}},
		"PlainValue": {"Value": {"Fn::GetAtt": ["Plain", "Value"]}}
	}
}`

var shownOutputs = []string{"Size", "Literal", "Endpoint", "PlainValue"}

func TestStackOutputs_HideWhatIsMadeFromNoEcho(t *testing.T) {
	template, err := assembly.ParseTemplate(secretTemplate)
	require.NoError(t, err)
	var state State
	for name := range template.Outputs {
		state.Outputs = append(state.Outputs, types.Output{OutputKey: aws.String(name), OutputValue: aws.String("value")})
	}
	for name, value := range state.StackOutputs(&assembly.Stack{Template: template}) {
		want := "(hidden)"
		for _, shown := range shownOutputs {
			if name == shown {
				want = "value"
			}
		}
		assert.Equal(t, want, value, name)
	}
}

func TestStackOutputs_HideSecretsByNameFormAndValue(t *testing.T) {
	template, err := assembly.ParseTemplate(`{"Parameters":{"Db":{"NoEcho":"true"}},"Outputs":{}}`)
	require.NoError(t, err)
	want := &assembly.Stack{Template: template, Parameters: map[string]string{"Db": "hunter2"}}
	var state State
	for key, value := range map[string]string{
		"ApiToken": "tok-1", "Url": "postgres://admin:pw@db/x", "Greeting": "hello hunter2", "Multi": "line1\ndeploy passed",
		"Arn": "arn:aws:sns:eu-west-1:1:t",
	} {
		state.Outputs = append(state.Outputs, types.Output{OutputKey: aws.String(key), OutputValue: aws.String(value)})
	}
	assert.Equal(t, map[string]string{
		"ApiToken": "(hidden)", "Url": "postgres://(hidden)@db/x", "Greeting": "(hidden)", "Multi": `line1\ndeploy passed`,
		"Arn": "arn:aws:sns:eu-west-1:1:t",
	}, state.StackOutputs(want))
	assert.Nil(t, State{}.StackOutputs(want))
}

func TestOutputChanges_HideSecrets(t *testing.T) {
	output := func(name, value string) string { return `{"Outputs":{"` + name + `":{"Value":"` + value + `"}}}` }
	for name, test := range map[string]struct{ value, changed, before, after string }{
		"ApiToken": {"tok-3f8a", "tok-changed", "(hidden)", "(hidden)"},
		"Url":      {"https://u:p@h", "https://u:q@h", "https://(hidden)@h", "https://(hidden)@h"},
		"Plain":    {"a", "b\\n2", "a", `b\n2`},
		"Lookup":   {"x", "{{resolve:secretsmanager:s}}", "x", "{{resolve:secretsmanager:s}}"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, []change.Property{
				{Name: "Outputs." + name, Before: test.before, After: test.after, Recreation: "Never"},
			}, outputChanges(output(name, test.value), output(name, test.changed)))
		})
	}
}

func TestCompleteProperties_HideSecretsOfEitherTemplate(t *testing.T) {
	secret, err := assembly.ParseTemplate(secretTemplate)
	require.NoError(t, err)
	changes := func() []change.Change {
		return []change.Change{{LogicalID: "Instance", Properties: []change.Property{
			{Name: "Class", Before: "a", After: "b"}, {Name: "Login", Before: "x", After: "y"}, {Name: "Login", After: "y"},
		}}}
	}
	hidden := []change.Property{
		{Name: "Class", Before: "a", After: "b"},
		{Name: "Login", Before: "(hidden)", After: "(hidden)"},
		{Name: "Login", After: "(hidden)"},
	}
	for name, templates := range map[string][2]assembly.Template{
		"the new one":      {{}, secret},
		"the deployed one": {secret, {}},
	} {
		t.Run(name, func(t *testing.T) {
			got := changes()
			completeProperties(got, templates[0], templates[1])
			assert.Equal(t, hidden, got[0].Properties)
		})
	}
	again := changes()
	completeAsReviewed(again, []change.Change{{Properties: hidden}})
	assert.Equal(t, hidden, again[0].Properties, "a change set that is read again is what was reviewed")
}

func TestCompleteProperties_ShowPoliciesOfTheTemplates(t *testing.T) {
	policy := func(statement string) assembly.Template {
		template, err := assembly.ParseTemplate(`{"Parameters":{"Id":{"NoEcho":true}},"Resources":{"R":{"Properties":{
			"PolicyDocument":{"Statement":[` + statement + `]}}}}}`)
		require.NoError(t, err)
		return template
	}
	const (
		read   = `{"Action":"s3:GetObject","Effect":"Allow"}`
		all    = `{"Action":"*","Effect":"Allow"}`
		secret = `{"Action":"*","Condition":{"Ref":"Id"},"Effect":"Allow"}`
	)
	for name, test := range map[string]struct{ before, after, wantAfter string }{
		"CloudFormation shows no values":       {read, all, all},
		"a secret cannot hide what is widened": {read, secret, secret},
	} {
		t.Run(name, func(t *testing.T) {
			property := change.Property{Name: "PolicyDocument"}
			if test.after == secret {
				property.Before, property.After = `{"Statement":[]}`, `{"Statement":[{"Action":"*","Condition":"hunter2"}]}`
			}
			changes := []change.Change{{LogicalID: "R", Properties: []change.Property{property}}}
			completeProperties(changes, policy(test.before), policy(test.after))
			assert.Equal(t, change.Property{
				Name:   "PolicyDocument",
				Before: `{"Statement":[` + test.before + `]}`, After: `{"Statement":[` + test.wantAfter + `]}`,
			}, changes[0].Properties[0])
			again := []change.Change{{LogicalID: "R", Properties: []change.Property{property}}}
			completeAsReviewed(again, changes)
			assert.Equal(t, changes, again)
		})
	}
}

func TestDrift_TextFromOutsideControlsNothing(t *testing.T) {
	hostile := "a\x1b[2K\r\nweb: in sync, 3 resources\u202e"
	text := Drift{Stack: hostile, Resources: []DriftedResource{{
		LogicalID: hostile, Type: hostile, PhysicalID: hostile, Status: "MODIFIED",
		Properties: []DriftedProperty{{Path: hostile, Expected: hostile, Actual: hostile}},
	}}}.String()
	assert.Empty(t, displaytest.Raw(strings.ReplaceAll(text, "\n", "")))
	assert.Equal(t, 2, strings.Count(text, "\n"))
}

func TestFailure_AlwaysHasAReason(t *testing.T) {
	event := func(status, reason string, isStack bool) types.StackEvent {
		physical := "r"
		if isStack {
			physical = "s"
		}
		return types.StackEvent{
			StackId: aws.String("s"), PhysicalResourceId: &physical, LogicalResourceId: aws.String("R"),
			ResourceType: aws.String("T"), ResourceStatus: types.ResourceStatus(status), ResourceStatusReason: &reason,
		}
	}
	for name, test := range map[string]struct {
		events []types.StackEvent
		want   string
	}{
		"of a resource": {
			[]types.StackEvent{event("CREATE_FAILED", "denied.", false), event("ROLLBACK_IN_PROGRESS", "R failed", true)},
			"R (T): denied; ",
		},
		"of the stack before it is rolled back": {
			[]types.StackEvent{
				event("UPDATE_ROLLBACK_IN_PROGRESS", "Validation failed with 1 error(s).", true),
				event("UPDATE_ROLLBACK_COMPLETE", "", true),
			}, "Validation failed with 1 error(s); ",
		},
		"of the stack, where its resource has none": {
			[]types.StackEvent{event("CREATE_FAILED", "", false), event("ROLLBACK_IN_PROGRESS", "limit", true)},
			"R (T): limit; ",
		},
		"of cancelled resources alone": {
			[]types.StackEvent{
				event("CREATE_FAILED", "Resource creation cancelled", false), event("ROLLBACK_IN_PROGRESS", "limit", true),
			}, "limit; ",
		},
		"of another state": {[]types.StackEvent{event("CREATE_IN_PROGRESS", "why.", true)}, "why; "},
		"not who began it": {
			[]types.StackEvent{
				event("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated", true), event("UPDATE_ROLLBACK_FAILED", "stuck", true),
			}, "stuck; ",
		},
		"none": {nil, "CloudFormation gives no reason; "},
	} {
		t.Run(name, func(t *testing.T) {
			reader := &eventReader{client: &Client{}}
			for _, e := range append(test.events, event("ROLLBACK_COMPLETE", "", true)) {
				reader.add(e)
			}
			assert.EqualError(t, reader.failure(t.Context()), test.want+"the stack is now in state ROLLBACK_COMPLETE")
		})
	}
}
