package preflight

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

// newStack returns a stack with a template.
func newStack(t *testing.T, name, template string) *assembly.Stack {
	t.Helper()
	parsed, err := assembly.ParseTemplate(template)
	require.NoError(t, err)
	return &assembly.Stack{Name: name, Account: "444455556666", Region: "eu-west-1", Template: parsed}
}

// resource returns a template with one resource, called R.
func resource(resourceType, properties string) string {
	return fmt.Sprintf(`{"Resources":{"R":{"Type":%q,"Properties":%s}}}`, resourceType, properties)
}

// entries returns n members of an object.
func entries(entry string, n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"E%d":%s`, i, entry))
	}
	return strings.Join(all, ",")
}

// section returns a template with a bucket and a section of n entries.
func section(name, entry string, n int) string {
	return with(fmt.Sprintf("%q:{%s}", name, entries(entry, n)))
}

// with returns a template with a bucket and another member.
func with(member string) string {
	return fmt.Sprintf(`{"Resources":{"R":{"Type":"AWS::S3::Bucket"}},%s}`, member)
}

// buckets returns a template with n buckets.
func buckets(n int) string {
	return fmt.Sprintf(`{"Resources":{%s}}`, entries(`{"Type":"AWS::S3::Bucket"}`, n))
}

// text returns a JSON string of n characters.
func text(n int, character string) string { return `"` + strings.Repeat(character, n) + `"` }

// queue returns a template with a queue with tags.
func queue(tags string) string { return resource("AWS::SQS::Queue", `{"Tags":`+tags+`}`) }

// role returns a template with a role with more properties.
func role(more string) string { return resource("AWS::IAM::Role", `{`+trust+`,`+more+`}`) }

// parameter returns a template with an SSM parameter with a value in JSON.
func parameter(name, value, more string) string {
	return resource("AWS::SSM::Parameter", fmt.Sprintf(`{"Type":"String","Name":%q,"Value":%s%s}`, name, value, more))
}

func tags(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"Key":"k%d","Value":"v"}`, i))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func variables(n, size int) string {
	all := map[string]string{}
	for i := range n {
		all[fmt.Sprintf("V%d", i)] = strings.Repeat("x", size)
	}
	text, _ := json.Marshal(all)
	return string(text)
}

const trust = `"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// policy returns a policy document of at least size characters.
func policy(size int) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"%s"}]}`,
		strings.Repeat("x", size))
}

func function(more string) string {
	return resource("AWS::Lambda::Function", `{"Code":{"ZipFile":"x"},"Role":"arn:aws:iam::444455556666:role/r",`+
		`"Handler":"index.handler","Runtime":"nodejs22.x",`+more+`}`)
}

func TestTemplates_WhatAWSRefuses(t *testing.T) {
	long := text(300, "x")
	advanced := `,"Tier":"Advanced"`
	for name, test := range map[string]struct {
		template string
		want     string
		level    Level
	}{
		"more than 500 resources": {buckets(501), "501 resources, and CloudFormation takes 500", Limit},
		"more than 200 outputs":   {section("Outputs", `{"Value":"v"}`, 201), "201 outputs", Limit},
		"more than 200 parameters": {
			section("Parameters", `{"Type":"String","Default":"v"}`, 201), "201 parameters", Limit,
		},
		"more than 200 mappings": {section("Mappings", `{"a":{"b":"c"}}`, 201), "201 mappings", Limit},
		"more than 200 attributes": {
			with(`"Mappings":{"M":{` + entries(`{"a":"b"}`, 201) + `}}`), "mapping M has 201 attributes", Limit,
		},
		"more than a megabyte": {
			with(`"Metadata":{"x":` + text(1e6, "x") + `}`), "bytes, and CloudFormation takes 1000000", Limit,
		},
		"a long description": {with(`"Description":` + text(1025, "x")), "1025 bytes in its description", Limit},
		"a long output description": {
			section("Outputs", `{"Value":"v","Description":`+text(1025, "x")+`}`, 1), "the description of output E0", Limit,
		},
		"a long name": {`{"Resources":{` + long + `:{"Type":"AWS::S3::Bucket"}}}`, "has 300 characters", Limit},
		"a logical id with a hyphen": {
			`{"Resources":{"My-Bucket":{"Type":"AWS::S3::Bucket"}}}`, `"My-Bucket" cannot be the name of a resource`, Limit,
		},

		"an unknown property": {
			resource("AWS::SNS::Topic", `{"TopicNam":"x"}`), "TopicNam: there is no such property", Check,
		},
		"a name that a map does not take": {
			function(`"Environment":{"Variables":{"B":"x"}}`), "Environment/Variables/B: the name does not match ", Check,
		},
		"a missing property": {
			resource("AWS::IAM::Role", `{}`), "AssumeRolePolicyDocument: it is required and missing", Check,
		},
		"a value out of its range": {function(`"MemorySize":99999`), "MemorySize", Check},
		"a value that is not allowed": {
			resource("AWS::S3::Bucket", `{"AccessControl":"Everybody"}`), "AccessControl", Check,
		},

		"equal tags on a role but for case": {
			role(`"Tags":[{"Key":"owner","Value":"a"},{"Key":"Owner","Value":"b"}]`),
			"differ only in case, which AWS IAM refuses", Check,
		},
		"a tag on a role with an ampersand": {role(`"Tags":[{"Key":"team","Value":"R&D"}]`), "'&'", Check},
		"a tag that is there twice": {
			queue(`[{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}]`), `tag "a" is there twice`, Check,
		},
		"an empty tag key":   {queue(`[{"Key":"","Value":"1"}]`), "is empty", Check},
		"a reserved tag key": {queue(`[{"Key":"AWS:x","Value":"1"}]`), "aws:", Check},
		"a long tag in another alphabet": {
			queue(`[{"Key":"a","Value":` + text(257, "日") + `}]`), "257 characters", Check,
		},
		"51 tags":       {queue(tags(51)), "51 tags", Check},
		"tags in a map": {parameter("/a", `"v"`, `,"Tags":{"aws:x":"v"}`), "aws:", Check},

		"an empty parameter":        {parameter("/a", `""`, ""), "is empty, which SSM does not take", Check},
		"a long parameter":          {parameter("/a", text(4097, "x"), ""), "4097 characters", Check},
		"a long advanced parameter": {parameter("/a", text(8193, "x"), advanced), "8193 characters", Check},
		"a reserved parameter":      {parameter("/aws/a", `"x"`, ""), "begins with aws", Check},
		"a parameter with a space":  {parameter("/a b", `"x"`, ""), "cannot be a parameter's name", Check},

		"large inline policies": {
			role(`"Policies":[{"PolicyName":"a","PolicyDocument":` + policy(6000) + `},` +
				`{"PolicyName":"b","PolicyDocument":` + policy(6000) + `}]`),
			"inline policies have at least 12", Limit,
		},
		"a large policy that is attached": {
			`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{` + trust + `}},
				"P":{"Type":"AWS::IAM::Policy","Properties":{
					"PolicyName":"p","Roles":[{"Ref":"R"}],"PolicyDocument":` + policy(10300) + `}}}}`,
			"inline policies have at least 10", Limit,
		},
		"a large managed policy": {
			resource("AWS::IAM::ManagedPolicy", `{"PolicyDocument":`+policy(6200)+`}`), "IAM takes 6144", Limit,
		},

		"large environment variables": {
			function(`"Environment":{"Variables":` + variables(5, 1000) + `}`), "Lambda takes 4096", Limit,
		},
		"six layers": {function(`"Layers":["a","b","c","d","e","f"]`), "it has 6 layers", Limit},
		"a reserved variable": {
			function(`"Environment":{"Variables":{"AWS_REGION":"eu-west-1"}}`), "AWS_REGION is reserved", Check,
		},
		"a bucket's name with capitals": {
			resource("AWS::S3::Bucket", `{"BucketName":"My-Bucket"}`), `"My-Bucket" cannot be a bucket's name`, Check,
		},
		"a bucket's name that is an address": {
			resource("AWS::S3::Bucket", `{"BucketName":"10.0.0.1"}`), "cannot be a bucket's name", Check,
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := CheckTemplate(newStack(t, "web", test.template))
			require.NotEmpty(t, found)
			var texts []string
			for _, f := range found {
				texts = append(texts, f.String())
				if strings.Contains(f.String(), test.want) {
					assert.Equal(t, test.level, f.Level)
				}
			}
			assert.Contains(t, strings.Join(texts, "\n"), test.want)
		})
	}
}

func TestTemplates_WhatAWSTakes(t *testing.T) {
	for name, template := range map[string]string{
		"500 resources":                       buckets(500),
		"50 tags":                             queue(tags(50)),
		"a long tag within its characters":    queue(`[{"Key":"a","Value":` + text(256, "日") + `}]`),
		"a tag that is not known":             role(`"Tags":[{"Key":{"Ref":"P"},"Value":{"Ref":"P"}}]`),
		"keys of other services but for case": queue(`[{"Key":"a","Value":"1"},{"Key":"A","Value":"1"}]`),
		"a macro": strings.Replace(
			resource("AWS::SNS::Topic", `{"X":1}`), "{", `{"Transform":"AWS::Serverless-2016-10-31",`, 1),
		"a list of macros": strings.Replace(
			resource("AWS::SNS::Topic", `{"X":1}`), "{", `{"Transform":["AWS::LanguageExtensions"],`, 1),
		"a macro within a resource": resource("AWS::SNS::Topic", `{"Fn::Transform":{"Name":"M"}}`),
		"a custom resource":         resource("Custom::Thing", `{"ServiceToken":"arn","Any":1,"Tags":[{"Key":""}]}`),
		"an unknown type":           resource("AWS::No::Such", `{"Anything":1}`),
		"a policy of unknown size": resource("AWS::IAM::ManagedPolicy",
			`{"PolicyDocument":{"Fn::If":["C",`+policy(7000)+`,{"Ref":"AWS::NoValue"}]}}`),
		"spaces in a large policy": resource("AWS::IAM::ManagedPolicy",
			`{"PolicyDocument":"`+strings.Repeat(" ", 9000)+`{}"}`),
		"a dynamic reference in a parameter": parameter("/a", `"{{resolve:ssm:/b}}"`, ""),
		"a long advanced parameter":          parameter("/a", text(8192, "x"), `,"Tier":"Advanced"`),
		"a bucket's name that is not known":  resource("AWS::S3::Bucket", `{"BucketName":{"Fn::Sub":"${AWS::StackName}-X"}}`),
		"a bucket's name with dots":          resource("AWS::S3::Bucket", `{"BucketName":"www.example.com"}`),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, CheckTemplate(newStack(t, "web", template)))
		})
	}
}

func TestStack_TagsCountWithThoseOfResources(t *testing.T) {
	s := newStack(t, "web", role(`"Tags":[{"Key":"Owner","Value":"a"}]`))
	s.Tags = map[string]string{"owner": "b"}
	found := CheckTemplate(s)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Problem, `"Owner" and "owner" differ only in case`)

	s = newStack(t, "web", queue(tags(49)))
	s.Tags = map[string]string{"k0": "of both", "stack": "v"}
	assert.Empty(t, CheckTemplate(s))
	s.Tags["another"] = "v"
	found = CheckTemplate(s)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Problem, "there are 51 tags with those of the stack")
}

func TestStack_Names(t *testing.T) {
	for name, want := range map[string]string{
		"web": "", "web_1": "begins with a letter", "1web": "begins with a letter",
		strings.Repeat("w", 129): "129 characters",
	} {
		found := CheckTemplate(newStack(t, name, buckets(1)))
		if want == "" {
			assert.Empty(t, found)
			continue
		}
		require.Len(t, found, 1, name)
		assert.Contains(t, found[0].Problem, want)
	}
}

func TestFinding_NamesResourceConstructAndSource(t *testing.T) {
	s := newStack(t, "web", resource("AWS::SNS::Topic", `{"TopicNam":"x"}`))
	s.ConstructPaths = map[string]string{"R": "/Shop/Web/Topic/Resource"}
	assert.Equal(t, "stack web, R (AWS::SNS::Topic, /Shop/Web/Topic/Resource): CloudFormation: TopicNam: there is no "+
		"such property [https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html]",
		CheckTemplate(s)[0].String())
	assert.Contains(t, CheckNested(s, "n.nested.template.json", s.Template)[0].String(),
		"stack web, nested template n.nested.template.json, R (")
}

func TestRules_HaveSources(t *testing.T) {
	for _, r := range Rules {
		assert.True(t, strings.HasPrefix(r.Source, "https://"), r.Refuses)
		assert.NotEmpty(t, r.Refuses)
		assert.Contains(t, []Level{Limit, Check}, r.Level)
	}
}
