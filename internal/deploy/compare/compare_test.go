package compare

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

// newStack returns a wanted stack with a template.
func newStack(t *testing.T, body string) *assembly.Stack {
	t.Helper()
	template, err := assembly.ParseTemplate(body)
	require.NoError(t, err)
	template.Body = body
	return &assembly.Stack{Name: "web", Template: template}
}

// classes returns the class of each difference by its path.
func classes(r Result) map[string]Class {
	out := map[string]Class{}
	for _, d := range r.Differences {
		out[d.Path()] = d.Class
	}
	return out
}

func TestStack_ComparesWhatTemplatesComeTo(t *testing.T) {
	const topic = `{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}`
	tests := map[string]struct {
		before, after string
		want          map[string]Class
	}{
		"the same": {topic + `}`, `{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}`, map[string]Class{}},
		"another property": {
			topic + `}`, `{"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"A":1}}}}`,
			map[string]Class{"Resources.T": Changed},
		},
		"one resource more and one less": {
			topic + `}`, `{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}}}`,
			map[string]Class{"Resources.T": Changed, "Resources.Q": Changed},
		},
		"a deletion policy": {
			topic + `}`, `{"Resources":{"T":{"Type":"AWS::SNS::Topic","DeletionPolicy":"Retain"}}}`,
			map[string]Class{"Resources.T": Changed},
		},
		"dependencies": {
			topic + `}`, `{"Resources":{"T":{"Type":"AWS::SNS::Topic","DependsOn":["T"]}}}`,
			map[string]Class{"Resources.T": Inert},
		},
		"metadata of a resource": {
			topic + `}`, `{"Resources":{"T":{"Type":"AWS::SNS::Topic","Metadata":{"a":"b"}}}}`,
			map[string]Class{"Resources.T": Inert},
		},
		"description, rules and metadata": {
			topic + `,"Description":"a"}`, topic + `,"Description":"b","Rules":{"R":{}},"Metadata":{"M":1}}`,
			map[string]Class{"Description": Inert, "Rules": Inert, "Metadata": Inert},
		},
		"characters as GetTemplate answers them": {
			`{"Resources":{"T":{"Properties":{"N":"Z?rich"}}}}`, `{"Resources":{"T":{"Properties":{"N":"Zürich"}}}}`,
			map[string]Class{"Resources.T": Inert},
		},
		"other characters": {
			`{"Resources":{"T":{"Properties":{"N":"Z?rich"}}}}`, `{"Resources":{"T":{"Properties":{"N":"Bern"}}}}`,
			map[string]Class{"Resources.T": Changed},
		},
		"a text that is joined": {
			`{"Resources":{"T":{"Properties":{"N":"a-1"}}}}`,
			`{"Resources":{"T":{"Properties":{"N":{"Fn::Join":["-",["a",1]]}}}}}`,
			map[string]Class{"Resources.T": Inert},
		},
		"a text that is substituted": {
			`{"Resources":{"T":{"Properties":{"N":"a"}}}}`, `{"Resources":{"T":{"Properties":{"N":{"Fn::Sub":"a"}}}}}`,
			map[string]Class{"Resources.T": Inert},
		},
		"two forms of an attribute": {
			`{"Outputs":{"O":{"Value":{"Fn::GetAtt":"T.Arn"}}}}`, `{"Outputs":{"O":{"Value":{"Fn::GetAtt":["T","Arn"]}}}}`,
			map[string]Class{"Outputs.O": Inert},
		},
		"a value that is joined of what is not known": {
			`{"Resources":{"T":{"Properties":{"N":"a"}}}}`,
			`{"Resources":{"T":{"Properties":{"N":{"Fn::Join":["",[{"Ref":"Q"}]]}}}}}`,
			map[string]Class{"Resources.T": Changed},
		},
		"an output": {
			topic + `}`, topic + `,"Outputs":{"O":{"Value":"v"}}}`, map[string]Class{"Outputs.O": Changed},
		},
		"a mapping in use": {
			`{"Mappings":{"M":{"a":{"b":"1"}}},"Resources":{"T":{"P":{"Fn::FindInMap":["M","a","b"]}}}}`,
			`{"Mappings":{"M":{"a":{"b":"2"}}},"Resources":{"T":{"P":{"Fn::FindInMap":["M","a","b"]}}}}`,
			map[string]Class{"Mappings.M": Changed},
		},
		"a mapping by a computed name": {
			`{"Mappings":{"M":{"a":{"b":"1"}}},"Resources":{"T":{"P":{"Fn::FindInMap":[{"Ref":"P"},"a","b"]}}}}`,
			`{"Mappings":{"M":{"a":{"b":"2"}}},"Resources":{"T":{"P":{"Fn::FindInMap":[{"Ref":"P"},"a","b"]}}}}`,
			map[string]Class{"Mappings.M": Changed},
		},
		"a mapping that nothing refers to": {
			topic + `,"Mappings":{"M":{"a":{"b":"1"}}}}`, topic + `,"Mappings":{"M":{"a":{"b":"2"}}}}`,
			map[string]Class{"Mappings.M": Inert},
		},
		"a mapping by way of two conditions": {
			`{"Mappings":{"M":{"a":{"b":"1"}}},"Conditions":{"C":{"Fn::Not":[{"Condition":"D"}]},
				"D":{"Fn::Equals":["1",{"Fn::FindInMap":["M","a","b"]}]}},"Resources":{"T":{"Condition":"C"}}}`,
			`{"Mappings":{"M":{"a":{"b":"2"}}},"Conditions":{"C":{"Fn::Not":[{"Condition":"D"}]},
				"D":{"Fn::Equals":["1",{"Fn::FindInMap":["M","a","b"]}]}},"Resources":{"T":{"Condition":"C"}}}`,
			map[string]Class{"Mappings.M": Changed},
		},
		"a condition of a resource": {
			`{"Conditions":{"C":{"Fn::Equals":["a","a"]}},"Resources":{"T":{"Condition":"C"}}}`,
			`{"Conditions":{"C":{"Fn::Equals":["a","b"]}},"Resources":{"T":{"Condition":"C"}}}`,
			map[string]Class{"Conditions.C": Changed},
		},
		"a condition of a value": {
			`{"Conditions":{"C":{"Fn::Equals":["a","a"]}},"Resources":{"T":{"P":{"Fn::If":["C",1,2]}}}}`,
			`{"Conditions":{"C":{"Fn::Equals":["a","b"]}},"Resources":{"T":{"P":{"Fn::If":["C",1,2]}}}}`,
			map[string]Class{"Conditions.C": Changed},
		},
		"a condition that nothing refers to": {
			topic + `,"Conditions":{"C":{"Fn::Equals":["a","a"]}}}`, topic + `}`, map[string]Class{"Conditions.C": Inert},
		},
		"a transform": {
			topic + `}`, topic + `,"Transform":"AWS::LanguageExtensions"}`, map[string]Class{"Transform": Changed},
		},
		"what a transform may read": {
			topic + `,"Transform":"T","Mappings":{"M":{"a":{"b":"1"}}},"Globals":{"F":{"M":1}}}`,
			topic + `,"Transform":"T","Mappings":{"M":{"a":{"b":"2"}}},"Globals":{"F":{"M":2}}}`,
			map[string]Class{"Mappings.M": Changed, "Globals.F": Changed},
		},
		"hooks": {topic + `}`, topic + `,"Hooks":{"H":{"Type":"x"}}}`, map[string]Class{"Hooks.H": Changed}},
		"YAML":  {"Resources:\n  T: {Type: AWS::SNS::Topic}\n", topic + `}`, map[string]Class{"Template": Changed}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := Stack(Deployed{Template: test.before}, newStack(t, test.after))
			assert.Equal(t, test.want, classes(result))
		})
	}
}

func TestStack_ComparesParametersWithWhatAnUpdateGives(t *testing.T) {
	template := func(declared string) string {
		return `{"Parameters":{"P":` + declared + `},"Resources":{"T":{"P":{"Ref":"P"}}}}`
	}
	parameters := map[string]string{"P": "given"}
	valueOf := func(value string) map[string]Parameter { return map[string]Parameter{"P": {Value: value}} }
	type classOf = map[string]Class
	changed := classOf{"Parameters.P": Changed}
	tests := map[string]struct {
		body       string
		deployed   map[string]Parameter
		parameters map[string]string
		want       classOf
	}{
		"the default": {template(`{"Type":"String","Default":"d"}`), map[string]Parameter{"P": {Value: "d"}}, nil, classOf{}},
		"another value than the default": {
			template(`{"Type":"String","Default":"d"}`), map[string]Parameter{"P": {Value: "hand"}}, nil, changed,
		},
		"an empty default": {template(`{"Type":"String","Default":""}`), valueOf("x"), nil, changed},
		"the assembly's value": {
			template(`{"Type":"String","Default":"d"}`), map[string]Parameter{"P": {Value: "given"}}, parameters, classOf{},
		},
		"another value than the assembly's": {
			template(`{"Type":"String","Default":"d"}`), map[string]Parameter{"P": {Value: "d"}}, parameters, changed,
		},
		"a value that nothing gives": {
			template(`{"Type":"String"}`), map[string]Parameter{"P": {Value: "hand"}}, nil, classOf{"Parameters.P": Kept},
		},
		"no value yet":   {template(`{"Type":"String","Default":"d"}`), nil, nil, classOf{"Parameters.P": Inert}},
		"a number":       {template(`{"Type":"Number","Default":5}`), valueOf("5.0"), nil, classOf{}},
		"another number": {template(`{"Type":"Number","Default":5}`), map[string]Parameter{"P": {Value: "6"}}, nil, changed},
		"a truth value":  {template(`{"Type":"String","Default":true}`), valueOf("true"), nil, classOf{}},
		"a truth value in other letters": {
			template(`{"Type":"String","Default":true}`), map[string]Parameter{"P": {Value: "True"}}, nil, classOf{},
		},
		"another large number": {
			template(`{"Type":"Number","Default":12345678901234567890}`),
			map[string]Parameter{"P": {Value: "12345678901234567891"}},
			nil, changed,
		},
		"a list": {
			template(`{"Type":"CommaDelimitedList","Default":"a, b"}`), valueOf("a,b"), nil, classOf{},
		},
		"a list in another order": {
			template(`{"Type":"List<Number>","Default":"1,2"}`), map[string]Parameter{"P": {Value: "2,1"}}, nil, changed,
		},
		"a hidden value": {
			template(`{"Type":"String","NoEcho":"true","Default":"d"}`),
			map[string]Parameter{"P": {Value: "****"}},
			nil,
			classOf{"Parameters.P": Hidden},
		},
		"the value of an SSM parameter": {
			template(`{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/p"}`),
			map[string]Parameter{"P": {Value: "/p", IsResolved: true}},
			nil,
			classOf{"Parameters.P": Hidden},
		},
		"another SSM parameter": {
			template(`{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/p"}`),
			map[string]Parameter{"P": {Value: "/q", IsResolved: true}},
			nil, changed,
		},
		"a parameter that nothing refers to": {
			`{"Parameters":{"P":{"Type":"String","Default":"d"}},"Resources":{"T":{}}}`,
			map[string]Parameter{"P": {Value: "hand"}},
			nil,
			classOf{"Parameters.P": Kept},
		},
		"a parameter in a text": {
			`{"Parameters":{"P":{"Type":"String","Default":"d"}},"Resources":{"T":{"N":{"Fn::Sub":"a-${P}"}}}}`,
			map[string]Parameter{"P": {Value: "hand"}},
			nil, changed,
		},
		"a parameter of a condition in use": {
			`{"Parameters":{"P":{"Type":"String","Default":"d"}},"Conditions":{"C":{"Fn::Equals":[{"Ref":"P"},"d"]}},
				"Resources":{"T":{"Condition":"C"}}}`,
			map[string]Parameter{"P": {Value: "hand"}},
			nil, changed,
		},
		"the bootstrap's version": {
			`{"Parameters":{"BootstrapVersion":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/v"}}}`,
			nil, nil,
			classOf{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := newStack(t, test.body)
			want.Parameters = test.parameters
			assert.Equal(t, test.want, classes(Stack(Deployed{Template: test.body, Parameters: test.deployed}, want)))
		})
	}
}

func TestStack_ComparesWhatNoTemplateHas(t *testing.T) {
	const body = `{"Resources":{"T":{}},"Metadata":{"lockstep:stackPolicy":{"Statement":[]}}}`
	same := Deployed{Template: body, Policy: `{ "Statement": [] }`}
	want := newStack(t, body)
	assert.Empty(t, Stack(same, want).Differences)
	tests := map[string]struct {
		change func(*Deployed, *assembly.Stack)
		want   string
	}{
		"a tag more":     {func(d *Deployed, _ *assembly.Stack) { d.Tags = map[string]string{"a": "b"} }, "Tags.a"},
		"a tag less":     {func(_ *Deployed, s *assembly.Stack) { s.Tags = map[string]string{"a": ""} }, "Tags.a"},
		"a tag of AWS":   {func(d *Deployed, _ *assembly.Stack) { d.Tags = map[string]string{"aws:a": "b"} }, ""},
		"a topic more":   {func(d *Deployed, _ *assembly.Stack) { d.NotificationARNs = []string{"a"} }, "NotificationARNs"},
		"no policy":      {func(d *Deployed, _ *assembly.Stack) { d.Policy = "" }, "StackPolicy"},
		"protection":     {func(d *Deployed, _ *assembly.Stack) { d.TerminationProtection = true }, "TerminationProtection"},
		"a failed state": {func(d *Deployed, _ *assembly.Stack) { d.IsFailed = true }, "StackStatus"},
		"topics in another order": {func(d *Deployed, s *assembly.Stack) {
			d.NotificationARNs = []string{"a", "b"}
			s.NotificationARNs = []string{"b", "a"}
		}, ""},
		"a policy that no template asks for": {func(d *Deployed, s *assembly.Stack) {
			d.Policy = `{}`
			s.Template.StackPolicy = ""
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			deployed := same
			stack := *want
			test.change(&deployed, &stack)
			assert.Equal(t, test.want, Paths(Stack(deployed, &stack).Changed()))
		})
	}
}

func TestResult_Accept(t *testing.T) {
	result := Result{Digest: "d", Differences: []Difference{
		{Section: Resources, Name: "T"},
		{Section: Parameters, Name: "P", Class: Hidden},
		{Section: StackPolicy},
		{Section: "Description", Class: Inert},
		{Section: Parameters, Name: "Q", Class: Kept},
	}}
	assert.True(t, result.NeedsAcceptance())
	accepted := result.Accept()
	assert.Equal(t, "StackPolicy", Paths(accepted.Changed()))
	assert.False(t, accepted.IsSame())
	assert.Equal(t, "Parameters.Q", Paths(accepted.Kept()))
	assert.Equal(t, "d", accepted.Digest)
	assert.True(t, Result{Differences: []Difference{{Class: Kept}}}.IsSame())
}

func TestStack_DigestIsThatOfTheFacts(t *testing.T) {
	body := `{"Parameters":{"S":{"Type":"String","NoEcho":true}},"Resources":{"T":{}}}`
	digestOf := func(change func(*Deployed, *assembly.Stack)) string {
		d := Deployed{ID: "arn", Template: body, UpdatedAt: time.Unix(1, 0)}
		want := newStack(t, body)
		want.Parameters = map[string]string{"S": "secret"}
		change(&d, want)
		return Stack(d, want).Digest
	}
	same := digestOf(func(*Deployed, *assembly.Stack) {})
	assert.Equal(t, same, digestOf(func(d *Deployed, _ *assembly.Stack) { d.UpdatedAt = d.UpdatedAt.UTC() }))
	assert.Equal(t, same, digestOf(func(_ *Deployed, s *assembly.Stack) { s.Parameters["S"] = "other" }),
		"a digest that is recorded tells nothing of a secret")
	for name, change := range map[string]func(*Deployed, *assembly.Stack){
		"updated since":  func(d *Deployed, _ *assembly.Stack) { d.UpdatedAt = time.Unix(2, 0) },
		"another stack":  func(d *Deployed, _ *assembly.Stack) { d.ID = "other" },
		"wanted text":    func(_ *Deployed, s *assembly.Stack) { s.Template.Body += " " },
		"deployed text":  func(d *Deployed, _ *assembly.Stack) { d.Template += " " },
		"wanted tags":    func(_ *Deployed, s *assembly.Stack) { s.Tags = map[string]string{"a": "b"} },
		"deployed value": func(d *Deployed, _ *assembly.Stack) { d.Parameters = map[string]Parameter{"P": {}} },
	} {
		assert.NotEqual(t, same, digestOf(change), name)
	}
}
