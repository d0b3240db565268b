package resolve

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parse returns a template with a resource R, whose property P is an expression.
func parse(t *testing.T, expression string, values Values) *Template {
	t.Helper()
	var document map[string]any
	text := `{
		"Parameters":{"A":{"Type":"String","Default":"a"},"L":{"Type":"CommaDelimitedList","Default":"x, y"},
			"S":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/s"},
			"N":{"Type":"Number","Default":7},"U":{"Type":"String"}},
		"Mappings":{"M":{"k":{"s":"mapped","l":["m","n"]}}},
		"Conditions":{"True":{"Fn::Equals":["1",1]},"False":{"Fn::Not":[{"Condition":"True"}]},
			"Either":{"Fn::Or":[{"Condition":"False"},{"Fn::Equals":[{"Ref":"A"},"a"]}]},
			"Both":{"Fn::And":[{"Condition":"True"},{"Condition":"False"}]},
			"Open":{"Fn::Equals":[{"Ref":"S"},"x"]},"Circle":{"Condition":"Circle"}},
		"Resources":{"Role":{"Type":"AWS::IAM::Role"},
			"Value":{"Type":"AWS::SSM::Parameter","Properties":{"Value":{"Fn::Sub":"v-${A}"}}},
			"Loop":{"Type":"AWS::SSM::Parameter","Properties":{"Value":{"Fn::GetAtt":["Loop","Value"]}}},
			"Custom":{"Type":"Custom::Thing","Properties":{"V":{"Ref":"A"}}},
			"R":{"Type":"X::Y::Z","Properties":{"P":` + expression + `}}}}`
	require.NoError(t, json.Unmarshal([]byte(text), &document), text)
	return New(document, values)
}

func TestResource_Functions(t *testing.T) {
	values := Values{
		Parameters: map[string]Parameter{"U": {Value: "given"}}, Pseudo: map[string]string{"AWS::Region": "eu-west-1"},
	}
	for expression, want := range map[string]any{
		`"text"`:                                               "text",
		`{"Ref":"A"}`:                                          "a",
		`{"Ref":"U"}`:                                          "given",
		`{"Ref":"N"}`:                                          "7",
		`{"Ref":"L"}`:                                          []any{"x", "y"},
		`{"Ref":"AWS::Region"}`:                                "eu-west-1",
		`{"Ref":"AWS::StackId"}`:                               "${AWS::StackId}",
		`{"Ref":"S"}`:                                          "${S /s}",
		`{"Ref":"Role"}`:                                       "${Role}",
		`[{"Ref":"AWS::NoValue"},"b"]`:                         []any{"b"},
		`{"k":{"Ref":"AWS::NoValue"},"l":"b"}`:                 map[string]any{"l": "b"},
		`{"Fn::GetAtt":["Role","Arn"]}`:                        "${Role.Arn}",
		`{"Fn::GetAtt":"Role.Arn"}`:                            "${Role.Arn}",
		`{"Fn::GetAtt":["Value","Value"]}`:                     "v-a",
		`{"Fn::GetAtt":["Loop","Value"]}`:                      "${Loop.Value}",
		`{"Fn::Join":["-",["a",{"Ref":"N"}]]}`:                 "a-7",
		`{"Fn::Join":["-",{"Ref":"L"}]}`:                       "x-y",
		`{"Fn::Sub":"${A}${!A}${AWS::Region}"}`:                "a${A}eu-west-1",
		`{"Fn::Sub":["${B}${L}",{"B":"b"}]}`:                   "bx,y",
		`{"Fn::Sub":"${Role.Arn}/x"}`:                          "${Role.Arn}/x",
		`{"Fn::Select":["1",{"Ref":"L"}]}`:                     "y",
		`{"Fn::Select":[5,["a"]]}`:                             "${Fn::Select [5,['a']] 627a296569a0}",
		`{"Fn::Split":["|","a|b"]}`:                            []any{"a", "b"},
		`{"Fn::FindInMap":["M","k","s"]}`:                      "mapped",
		`{"Fn::FindInMap":["M","k","l"]}`:                      []any{"m", "n"},
		`{"Fn::FindInMap":["M","z","s",{"DefaultValue":"d"}]}`: "d",
		`{"Fn::Base64":"a"}`:                                   "YQ==",
		`{"Fn::Length":["a","b"]}`:                             json.Number("2"),
		`{"Fn::ToJsonString":{"a":{"Ref":"A"}}}`:               `{"a":"a"}`,
		`{"Fn::If":["Either","yes","no"]}`:                     "yes",
		`{"Fn::If":["Both","yes","no"]}`:                       "no",
		`{"Fn::ImportValue":{"Fn::Sub":"x-${A}"}}`:             "${Fn::ImportValue x-a}",
		`"{{resolve:ssm:x}}"`:                                  "${resolve:ssm:x}",
		`{"Fn::Sub":"{{resolve:ssm:${A}}}"}`:                   "${resolve:ssm:a}",
		`{"Ref":{"a":1}}`:                                      "${Ref {'a':1} 0d2344d0bccd}",
		"\"a\ue000b\ue001\"":                                   "ab",
	} {
		t.Run(expression, func(t *testing.T) {
			r, exists, undecided := parse(t, expression, values).Resource(World{}, "R")
			require.True(t, exists)
			require.Empty(t, undecided)
			got := r.Properties.(map[string]any)["P"]
			if text, ok := got.(string); ok {
				got = Show(text)
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestResource_CustomResourceAnswersByItsProperties(t *testing.T) {
	answer := func(value string) any {
		template := parse(t, `{"Fn::GetAtt":["Custom","X"]}`, Values{Parameters: map[string]Parameter{"A": {Value: value}}})
		r, _, _ := template.Resource(World{}, "R")
		return r.Properties.(map[string]any)["P"]
	}
	assert.Equal(t, answer("1"), answer("1"))
	assert.NotEqual(t, answer("1"), answer("2"))
}

func TestWorlds_DecideConditionsBothWays(t *testing.T) {
	template := parse(t, `[{"Fn::If":["Open","yes","no"]},{"Fn::If":["Circle","yes","no"]}]`, Values{})
	var got []any
	require.True(t, Worlds(4, func(world World) string {
		r, _, undecided := template.Resource(world, "R")
		if undecided == "" {
			got = append(got, Text(r.Properties.(map[string]any)["P"]))
		}
		return undecided
	}))
	assert.ElementsMatch(t, []any{`["yes","yes"]`, `["yes","no"]`, `["no","yes"]`, `["no","no"]`}, got)
	assert.False(t, Worlds(3, func(world World) string {
		_, _, undecided := template.Resource(world, "R")
		return undecided
	}), "there are four worlds")
}

func TestTemplate_FindsMacrosAndReferences(t *testing.T) {
	assert.False(t, parse(t, `"a"`, Values{}).HasMacro())
	assert.True(t, parse(t, `[{"Fn::Transform":{"Name":"M"}}]`, Values{}).HasMacro())
	template := parse(t, `[{"Ref":"Role"},{"Fn::Sub":["${V}",{"V":{"Fn::GetAtt":["Value","Arn"]}}]}]`, Values{})
	assert.Equal(t, []string{"Role", "Value"}, template.RefersTo("R", "P"))
	assert.Equal(t, []string{"Custom", "Loop", "R", "Role", "Value"}, template.LogicalIDs())
}
