package deploy

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
)

// topicPolicy returns a template in which everybody whom a parameter names may publish.
func topicPolicy(parameter string) string {
	return `{"Parameters":{"P":` + parameter + `},"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},
		"Policy":{"Type":"AWS::SNS::TopicPolicy","Properties":{"Topics":[{"Ref":"Topic"}],"PolicyDocument":{"Statement":[
		{"Effect":"Allow","Action":"sns:Publish","Resource":"*","Principal":{"AWS":{"Ref":"P"}}}]}}}}}`
}

// The template stays the same in all of these: only the values that CloudFormation resolves it with change.
func TestPlan_FlagsWiderAccessByParameters(t *testing.T) {
	const (
		ssm       = `{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/who"}`
		hidden    = `{"Type":"String","NoEcho":true,"Default":"444455556666"}`
		parameter = `{"Type":"String"}`
	)
	for name, test := range map[string]struct {
		parameter     string
		before, after map[string]any // the parameters that the assembly gives
		ssm           string         // what /who becomes; empty for nothing else
		want          string         // empty for nothing to allow
	}{
		"a value of the assembly": {
			parameter, map[string]any{"P": "444455556666"}, map[string]any{"P": "*"}, "", "allows everybody sns:Publish on *",
		},
		"the value of an SSM parameter": {ssm, nil, nil, "*", "allows everybody sns:Publish on *"},
		"another SSM parameter": {
			ssm, nil, map[string]any{"P": "/stranger"}, "", "allows AWS /stranger sns:Publish on *",
		},
		"a hidden value that is given": {
			hidden, nil, map[string]any{"P": "*"}, "", "allows AWS ${P, which is hidden and given a value}",
		},
		"a tag, with a hidden value that stays":   {hidden, nil, nil, "", ""},
		"a tag, with an SSM parameter that stays": {ssm, nil, nil, "", ""},
		"a tag, with a value that stays": {
			parameter, map[string]any{"P": "*"}, map[string]any{"P": "*"}, "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.SetSSMParameter("/who", "444455556666")
			body := topicPolicy(test.parameter)
			properties := func(parameters map[string]any, tag string) map[string]any {
				return map[string]any{"parameters": parameters, "tags": map[string]string{"a": tag}}
			}
			first := assembleStack(t, body, properties(test.before, "1"))
			_, err := c.deploy(first, DeployRequest{Allow: change.Permits}) // one is open to everybody from the beginning
			require.NoError(t, err)
			if test.ssm != "" {
				c.SetSSMParameter("/who", test.ssm)
			}
			p, err := c.open(assembleStack(t, body, properties(test.after, "2"))).Plan(t.Context())
			require.NoError(t, err)
			if test.want == "" {
				assert.Empty(t, p.Flags())
				return
			}
			require.Len(t, p.Flags(), 1)
			assert.Contains(t, p.Flags()[0].Why, test.want)
		})
	}
}

func TestNestedAsset_IsReadWhereItIsPublished(t *testing.T) {
	asset := assembly.Asset{Path: "n.json", Bucket: "b-1", Key: "h.json"}
	d := &Deployment{assembly: &assembly.Assembly{Files: fstest.MapFS{"n.json": {Data: []byte(`{"Resources":{}}`)}}}}
	archive := assembly.Asset{Path: "x", Bucket: "b-1", Key: "x.zip", Zip: true}
	nested := d.nestedAsset(&assembly.Stack{Assets: []assembly.Asset{archive, asset}})
	for address, want := range map[string]bool{
		"https://s3.eu-west-1.amazonaws.com/b-1/h.json":     true,
		"https://b-1.s3.eu-west-1.amazonaws.com/h.json":     true,
		"https://s3.eu-west-1.amazonaws.com/x/b-1/h.json":   false,
		"https://s3.eu-west-1.amazonaws.com/b-2/h.json":     false,
		"https://b-2.s3.eu-west-1.amazonaws.com/b-1/h.json": false,
		"https://s3.eu-west-1.amazonaws.com/b-1/x.zip":      false,
		"":  false,
		"%": false,
	} {
		v, ok := nested("N", address)
		assert.Equal(t, want, ok, address)
		assert.Equal(t, want, v.Template != "", address)
	}
}

func TestNestedByPath_FindsStacksInStacks(t *testing.T) {
	nested := nestedByPath(map[string]string{"A": "a", "A/B": "b"}, "")
	a, ok := nested("A", "")
	require.True(t, ok)
	b, ok := a.Nested("B", "")
	require.True(t, ok)
	assert.Equal(t, []string{"a", "b"}, []string{a.Template, b.Template})
	_, ok = nested("B", "")
	assert.False(t, ok)
}
