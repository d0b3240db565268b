package risk

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
)

// An attack is a change of one resource that widens access, or loses data, in a form that hides it; or a twin of one
// that does not.
type attack struct {
	name          string
	kind          string
	before, after string // the properties of the resource
	// sections are the sections of the template beside its resources, before and after.
	sections, sectionsAfter string
	// parameters are the values of parameters before and after.
	parameters, parametersAfter map[string]string
	// want is a part of the flag; empty for none.
	want string
}

// body returns a template with the resource, which is absent if it has no properties, and another one.
func (a attack) body(t *testing.T, properties, sections string) string {
	t.Helper()
	resources := `"Other":{"Type":"AWS::SNS::Topic"}`
	if properties != "" {
		resources += `,"R":{"Type":"` + a.kind + `","Properties":` + properties + `}`
	}
	if sections != "" {
		sections += ","
	}
	text := `{` + sections + `"Resources":{` + resources + `}}`
	require.True(t, json.Valid([]byte(text)), text)
	return text
}

func values(texts map[string]string) map[string]resolve.Parameter {
	out := map[string]resolve.Parameter{}
	for name, text := range texts {
		out[name] = resolve.Parameter{Value: text}
	}
	return out
}

// pseudo are the values of pseudo parameters in tests.
var pseudo = map[string]string{"AWS::AccountId": "111122223333", "AWS::Partition": "aws", "AWS::Region": "eu-west-1"}

func (a attack) flags(t *testing.T) []change.Flag {
	t.Helper()
	sectionsAfter := a.sectionsAfter
	if sectionsAfter == "" {
		sectionsAfter = a.sections
	}
	parametersAfter := a.parametersAfter
	if parametersAfter == nil {
		parametersAfter = a.parameters
	}
	flags, err := Flags("s", nil,
		Version{Template: a.body(t, a.before, a.sections), Parameters: values(a.parameters), Pseudo: pseudo},
		Version{Template: a.body(t, a.after, sectionsAfter), Parameters: values(parametersAfter), Pseudo: pseudo})
	require.NoError(t, err)
	return flags
}

func run(t *testing.T, permit change.Permit, attacks []attack) {
	t.Helper()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			flags := a.flags(t)
			if a.want == "" {
				assert.Empty(t, flags)
				return
			}
			i := slices.IndexFunc(flags, func(f change.Flag) bool { return f.LogicalID == "R" })
			require.GreaterOrEqual(t, i, 0, flags)
			assert.Equal(t, permit, flags[i].Permit)
			assert.Contains(t, flags[i].Why, a.want)
		})
	}
}

// policy returns the properties of a role with a policy of these statements.
func policy(statements string) string {
	return `{"Roles":["r"],"PolicyDocument":{"Statement":` + statements + `}}`
}

// trust returns the properties of a role that a principal may assume.
func trust(principal string) string {
	return `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` +
		principal + `}]}}`
}

// roleWith returns the properties of a role that its own account may assume, and further ones.
func roleWith(properties string) string {
	return strings.Replace(trust(own), `{`, `{`+properties+`,`, 1)
}

const (
	readOne  = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}`
	allowAll = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	denyAll  = `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`
	own      = `{"AWS":"arn:aws:iam::111122223333:root"}`

	unknownCondition = `"Parameters":{"S":{"Type":"AWS::SSM::Parameter::Value<String>","Default":"/s"}},` +
		`"Conditions":{"C":{"Fn::Equals":[{"Ref":"S"},"x"]}}`
	parameterP = `"Parameters":{"P":{"Type":"String","Default":"arn:aws:iam::111122223333:root"}}`
	parameterQ = `"Parameters":{"P":{"Type":"String","Default":"*"}}`
)

func TestPermissionFlags_StatementsInEveryForm(t *testing.T) {
	const kind = "AWS::IAM::Policy"
	run(t, change.Permissions, []attack{
		{
			name: "a statement in Fn::If", kind: kind, sections: unknownCondition, before: policy(`[` + readOne + `]`),
			after: policy(`[` + readOne + `,{"Fn::If":["C",` + allowAll + `,{"Ref":"AWS::NoValue"}]}]`),
			want:  "allows * on *",
		},
		{
			name: "statements in Fn::If", kind: kind, sections: unknownCondition, before: policy(`[` + readOne + `]`),
			after: policy(`{"Fn::If":["C",[` + allowAll + `],[` + readOne + `]]}`), want: "allows * on *",
		},
		{
			name: "the branch of a condition that is known", kind: kind,
			sections: `"Conditions":{"C":{"Fn::Equals":["a","a"]}}`, before: policy(`[` + readOne + `]`),
			after: policy(`{"Fn::If":["C",[` + readOne + `],[` + allowAll + `]]}`),
		},
		{
			name: "a condition that turns over", kind: kind,
			sections:      `"Conditions":{"C":{"Fn::Equals":["a","b"]}}`,
			sectionsAfter: `"Conditions":{"C":{"Fn::Equals":["a","a"]}}`,
			before:        policy(`{"Fn::If":["C",[` + allowAll + `],[` + readOne + `]]}`),
			after:         policy(`{"Fn::If":["C",[` + allowAll + `],[` + readOne + `]]}`), want: "allows * on *",
		},
		{
			name: "a condition that cannot be known and stays", kind: kind, sections: unknownCondition,
			before: policy(`{"Fn::If":["C",[` + allowAll + `],[` + readOne + `]]}`),
			after:  policy(`{"Fn::If":["C",[` + allowAll + `],[` + readOne + `]]}`),
		},
		{
			name: "effect by Ref", kind: kind, sections: `"Parameters":{"E":{"Type":"String","Default":"Deny"}}`,
			sectionsAfter: `"Parameters":{"E":{"Type":"String","Default":"Allow"}}`,
			before:        policy(`[{"Effect":{"Ref":"E"},"Action":"*","Resource":"*"}]`),
			after:         policy(`[{"Effect":{"Ref":"E"},"Action":"*","Resource":"*"}]`), want: "allows * on *",
		},
		{
			name: "an effect that cannot be known", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[` + readOne + `,{"Effect":{"Fn::ImportValue":"e"},"Action":"*","Resource":"*"}]`),
			want:  "may allow or deny (${Fn::ImportValue e})",
		},
		{
			name: "statements that cannot be known", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`{"Fn::FindInMap":["M",{"Fn::ImportValue":"k"},"s"]}`), want: "a statement that cannot be read",
		},
		{
			name: "a statement by a macro", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Fn::Transform":{"Name":"AWS::Include","Parameters":{"Location":"s3://b/k"}}}]`),
			want:  "a statement that cannot be read",
		},
		{
			name: "a policy by a macro", kind: kind, before: policy(`[` + readOne + `]`),
			after: `{"Roles":["r"],"PolicyDocument":{"Fn::Transform":{"Name":"M"}}}`, want: "a policy that cannot be read",
		},
		{
			name: "a statement with an unknown member", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Deny","Effekt":"Allow","Action":"*","Resource":"*"}]`),
			want:  "a statement that cannot be read",
		},
		{
			name: "an action by Fn::Join", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":{"Fn::Join":[":",["iam","*"]]},"Resource":"arn:aws:s3:::a/*"}]`),
			want:  "allows iam:*",
		},
		{
			name: "an action by a mapping", kind: kind, sections: `"Mappings":{"M":{"a":{"b":["s3:GetObject"]}}}`,
			sectionsAfter: `"Mappings":{"M":{"a":{"b":["s3:*"]}}}`,
			before:        policy(`[{"Effect":"Allow","Action":{"Fn::FindInMap":["M","a","b"]},"Resource":"x"}]`),
			after:         policy(`[{"Effect":"Allow","Action":{"Fn::FindInMap":["M","a","b"]},"Resource":"x"}]`),
			want:          "allows s3:* on x",
		},
		{
			name: "an action in a list parameter", kind: kind,
			sections:   `"Parameters":{"A":{"Type":"CommaDelimitedList"}}`,
			parameters: map[string]string{"A": "s3:Get*"}, parametersAfter: map[string]string{"A": "s3:Get*, iam:PassRole"},
			before: policy(`[{"Effect":"Allow","Action":{"Ref":"A"},"Resource":"x"}]`),
			after:  policy(`[{"Effect":"Allow","Action":{"Ref":"A"},"Resource":"x"}]`), want: "allows iam:PassRole on x",
		},
		{
			name: "a resource by Fn::Select", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":"s3:GetObject",` +
				`"Resource":{"Fn::Select":["1",["arn:aws:s3:::a/*","*"]]}}]`),
			want: "allows s3:GetObject on *",
		},
		{
			name: "a resource by Fn::Split", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Split":["|",` +
				`"arn:aws:s3:::a/*|arn:aws:s3:::b/*"]}}]`),
			want: "on arn:aws:s3:::b/*",
		},
		{
			name: "an exception less from NotAction", kind: kind,
			before: policy(`[{"Effect":"Allow","NotAction":["iam:*","kms:*"],"Resource":"*"}]`),
			after:  policy(`[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}]`), want: "allows all but iam:*",
		},
		{
			name: "an exception more in NotAction", kind: kind,
			before: policy(`[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}]`),
			after:  policy(`[{"Effect":"Allow","NotAction":["iam:*","kms:*"],"Resource":"*"}]`),
		},
		{
			name: "an action becomes NotAction", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","NotAction":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}]`),
			want:  "allows all but s3:GetObject",
		},
		{
			name: "NotResource", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":"s3:GetObject","NotResource":"arn:aws:s3:::z/*"}]`),
			want:  "on all but",
		},
		{
			name: "NotAction becomes one of its actions", kind: kind,
			before: policy(`[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}]`), after: policy(`[` + readOne + `]`),
		},
		{
			name:   "a denial less",
			kind:   kind,
			before: policy(`[` + allowAll + `,` + denyAll + `]`),
			after:  policy(`[` + allowAll + `]`),
			want:   "no longer: denies iam:* on *",
		},
		{
			name: "a denial of less", kind: kind, before: policy(`[` + allowAll + `,` + denyAll + `]`),
			after: policy(`[` + allowAll + `,{"Effect":"Deny","Action":"iam:Create*","Resource":"*"}]`),
			want:  "no longer: denies iam:*",
		},
		{
			name: "a denial of more", kind: kind, before: policy(`[` + allowAll + `,` + denyAll + `]`),
			after: policy(`[` + allowAll + `,{"Effect":"Deny","Action":"*","Resource":"*"}]`),
		},
		{
			name: "a denial under a condition", kind: kind, before: policy(`[` + denyAll + `]`),
			after: policy(`[{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"Bool":{"aws:X":"true"}}}]`),
			want:  "no longer: denies iam:* on *",
		},
		{
			name: "a denial with an exception more", kind: kind,
			before: policy(`[{"Effect":"Deny","NotAction":["a:B"],"Resource":"*"}]`),
			after:  policy(`[{"Effect":"Deny","NotAction":["a:B","c:D"],"Resource":"*"}]`),
			want:   "no longer: denies all but a:B",
		},
		{
			name: "a narrower action and resource", kind: kind,
			before: policy(`[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}]`),
			after:  policy(`[` + readOne + `]`),
		},
		{
			name: "an action in other letters", kind: kind, before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":"S3:getobject","Resource":["arn:aws:s3:::a/*"],` +
				`"Sid":"no secret here"}]`),
		},
		{
			name: "the same through functions", kind: kind, sections: `"Parameters":{"B":{"Type":"String","Default":"a"}}`,
			before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":["s3:GetObject"],` +
				`"Resource":{"Fn::Sub":"arn:${AWS::Partition}:s3:::${B}/*"}}]`),
		},
		{
			name: "a role more that it is attached to", kind: kind, before: policy(`[` + readOne + `]`),
			after: `{"Roles":["r","admin"],"PolicyDocument":{"Statement":[` + readOne + `]}}`, want: "Roles: admin",
		},
		{
			name:   "a role less that it is attached to",
			kind:   kind,
			before: `{"Roles":["r","s"],"PolicyDocument":{"Statement":[` + readOne + `]}}`,
			after:  policy(`[` + readOne + `]`),
		},
		{
			name:   "a role less that it denies something",
			kind:   kind,
			before: `{"Roles":["r","s"],"PolicyDocument":{"Statement":[` + denyAll + `]}}`,
			after:  policy(`[` + denyAll + `]`), want: "no longer: Roles: s",
		},
		{
			name: "another role", kind: kind, before: policy(`[` + readOne + `]`),
			after: `{"Roles":[{"Ref":"Other"}],"PolicyDocument":{"Statement":[` + readOne + `]}}`, want: "Roles: ${Other}",
		},
		{
			name: "a managed policy for a group more", kind: "AWS::IAM::ManagedPolicy",
			before: `{"PolicyDocument":{"Statement":[` + readOne + `]}}`,
			after:  `{"Groups":["all"],"PolicyDocument":{"Statement":[` + readOne + `]}}`, want: "Groups: all",
		},
		{
			name: "its description", kind: "AWS::IAM::ManagedPolicy",
			before: `{"PolicyDocument":{"Statement":[` + readOne + `]},"Description":"a"}`,
			after:  `{"PolicyDocument":{"Statement":[` + readOne + `]},"Description":"b"}`,
		},
		{
			name: "a policy as a text", kind: "AWS::Logs::ResourcePolicy",
			before: `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[]}"}`,
			after: `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",` +
				`\"Action\":\"logs:*\",\"Resource\":\"*\"}]}"}`,
			want: "allows everybody logs:* on *",
		},
		{
			name: "a policy as a text that functions make", kind: "AWS::Logs::ResourcePolicy",
			before: `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[]}"}`,
			after: `{"PolicyName":"p","PolicyDocument":{"Fn::Join":["",["{\"Statement\":[{\"Effect\":\"Allow\",` +
				`\"Principal\":{\"AWS\":\"",` +
				`{"Fn::GetAtt":["Other","Arn"]},"\"},\"Action\":\"logs:*\",\"Resource\":\"*\"}]}"]]}}`,
			want: "allows AWS ${Other.Arn} logs:* on *",
		},
		{
			name: "a policy as a text that is written in another way", kind: "AWS::Logs::ResourcePolicy",
			before: `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[],\"Version\":\"2012-10-17\"}"}`,
			after:  `{"PolicyName":"p","PolicyDocument":"{ \"Statement\": [ ] }"}`,
		},
		{
			name: "a policy as a text that cannot be read", kind: "AWS::Logs::ResourcePolicy",
			before: `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[]}"}`,
			after:  `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[}"}`, want: "a policy that cannot be read",
		},
		{
			name: "a policy by a dynamic reference", kind: "AWS::Logs::ResourcePolicy",
			before: `{"PolicyName":"p","PolicyDocument":"{\"Statement\":[]}"}`,
			after:  `{"PolicyName":"p","PolicyDocument":"{{resolve:ssm:policy}}"}`, want: "a policy that cannot be read",
		},
	})
}

func TestPermissionFlags_PrincipalsInEveryForm(t *testing.T) {
	const kind = "AWS::IAM::Role"
	conditional := func(condition string) string {
		return `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
			`"Principal":{"AWS":"*"},` +
			`"Condition":` + condition + `}]}}`
	}
	run(t, change.Permissions, []attack{
		{
			name: "a parameter whose default changes", kind: kind, sections: parameterP, sectionsAfter: parameterQ,
			before: trust(`{"AWS":{"Ref":"P"}}`),
			after:  trust(`{"AWS":{"Ref":"P"}}`),
			want:   "allows everybody sts:AssumeRole",
		},
		{
			name: "a parameter whose value changes", kind: kind, sections: parameterP,
			parameters: map[string]string{"P": "1"}, parametersAfter: map[string]string{"P": "444455556666"},
			before: trust(`{"AWS":{"Ref":"P"}}`), after: trust(`{"AWS":{"Ref":"P"}}`), want: "arn:aws:iam::444455556666:root",
		},
		{
			name: "a mapping whose value changes", kind: kind,
			sections: `"Mappings":{"M":{"a":{"b":"111122223333"}}}`, sectionsAfter: `"Mappings":{"M":{"a":{"b":"*"}}}`,
			before: trust(`{"AWS":{"Fn::FindInMap":["M","a","b"]}}`), after: trust(`{"AWS":{"Fn::FindInMap":["M","a","b"]}}`),
			want: "allows everybody",
		},
		{
			name: "a mapping by a key that cannot be known", kind: kind,
			sections:      unknownCondition + `,"Mappings":{"M":{"a":{"b":"111122223333"}}}`,
			sectionsAfter: unknownCondition + `,"Mappings":{"M":{"a":{"b":"*"}}}`,
			before:        trust(`{"AWS":{"Fn::FindInMap":["M",{"Ref":"S"},"b"]}}`),
			after:         trust(`{"AWS":{"Fn::FindInMap":["M",{"Ref":"S"},"b"]}}`), want: "Fn::FindInMap",
		},
		{
			name: "Fn::Sub", kind: kind, before: trust(own),
			after: trust(`{"AWS":{"Fn::Sub":"arn:${AWS::Partition}:iam::444455556666:root"}}`), want: "444455556666",
		},
		{
			name: "Fn::Sub with variables", kind: kind, before: trust(own),
			after: trust(`{"AWS":{"Fn::Sub":["arn:aws:iam::${A}:root",{"A":"444455556666"}]}}`), want: "444455556666",
		},
		{
			name: "its own account, written in three ways", kind: kind, before: trust(own),
			after: trust(`{"AWS":["111122223333",{"Fn::Sub":"arn:aws:iam::${AWS::AccountId}:root"},` +
				`{"Ref":"AWS::AccountId"}]}`),
		},
		{
			name: "Fn::If", kind: kind, sections: unknownCondition, before: trust(own),
			after: trust(`{"Fn::If":["C",` + own + `,"*"]}`), want: "allows everybody",
		},
		{
			name: "an import", kind: kind, before: trust(own), after: trust(`{"AWS":{"Fn::ImportValue":"x"}}`),
			want: "allows AWS ${Fn::ImportValue x} sts:AssumeRole",
		},
		{
			name: "another import", kind: kind, before: trust(`{"AWS":{"Fn::ImportValue":"x"}}`),
			after: trust(`{"AWS":{"Fn::ImportValue":"y"}}`), want: "Fn::ImportValue y",
		},
		{
			name: "the same import", kind: kind, before: trust(`{"AWS":{"Fn::ImportValue":"x"}}`),
			after: trust(`{"AWS":[{"Fn::ImportValue":{"Fn::Sub":"x"}}]}`),
		},
		{
			name: "a dynamic reference", kind: kind, before: trust(own), after: trust(`{"AWS":"{{resolve:ssm:x}}"}`),
			want: "${resolve:ssm:x}",
		},
		{
			name: "a dynamic reference in pieces", kind: kind, before: trust(own),
			after: trust(`{"AWS":{"Fn::Join":["",["{{res","olve:ssm:x}}"]]}}`), want: "${resolve:ssm:x}",
		},
		{
			name: "NotPrincipal", kind: kind, before: trust(own),
			after: strings.Replace(trust(own), `"Principal"`, `"NotPrincipal"`, 1), want: "allows all but",
		},
		{
			name: "a federated principal", kind: kind, before: trust(own),
			after: trust(`{"Federated":"arn:aws:iam::111122223333:saml-provider/x"}`), want: "allows Federated",
		},
		{
			name: "the whole trust policy as a text", kind: kind, before: trust(own),
			after: `{"AssumeRolePolicyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},` +
				`\"Action\":\"sts:AssumeRole\"}]}"}`,
			want: "allows everybody",
		},
		{
			name: "the whole trust policy by Ref", kind: kind, sections: parameterP, before: trust(own),
			after: `{"AssumeRolePolicyDocument":{"Fn::ImportValue":"x"}}`, want: "a policy that cannot be read",
		},
		{
			name: "all properties in Fn::If", kind: kind, sections: unknownCondition, before: trust(own),
			after: `{"Fn::If":["C",` + trust(`"*"`) + `,` + trust(own) + `]}`, want: "allows everybody",
		},
		{
			name: "a condition less", kind: kind, before: conditional(`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`),
			after: trust(`{"AWS":"*"}`), want: "allows everybody",
		},
		{
			name:   "StringEquals becomes StringLike",
			kind:   kind,
			before: conditional(`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`),
			after:  conditional(`{"StringLike":{"aws:PrincipalOrgID":"*"}}`), want: "allows everybody",
		},
		{
			name: "StringEquals becomes StringEqualsIfExists", kind: kind,
			before: conditional(`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`),
			after:  conditional(`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}`), want: "allows everybody",
		},
		{
			name:   "a value more in a condition",
			kind:   kind,
			before: conditional(`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`),
			after:  conditional(`{"StringEquals":{"aws:PrincipalOrgID":["o-1","o-2"]}}`), want: "allows everybody",
		},
		{
			name: "a value of a condition by a parameter", kind: kind, sections: parameterP, sectionsAfter: parameterQ,
			before: conditional(`{"StringLike":{"aws:PrincipalArn":{"Ref":"P"}}}`),
			after:  conditional(`{"StringLike":{"aws:PrincipalArn":{"Ref":"P"}}}`), want: "allows everybody",
		},
		{
			name:   "a condition that cannot be read",
			kind:   kind,
			before: conditional(`{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`),
			after:  conditional(`{"Fn::ImportValue":"x"}`), want: "allows everybody",
		},
		{
			name: "a value less, and a condition more", kind: kind,
			before: conditional(`{"StringEquals":{"aws:PrincipalOrgID":["o-1","o-2"]}}`),
			after:  conditional(`{"StringEquals":{"aws:principalorgid":"o-2"},"Bool":{"aws:SecureTransport":"true"}}`),
		},
		{
			name:   "a longer session",
			kind:   kind,
			before: trust(own),
			after:  roleWith(`"MaxSessionDuration":7200`),
		},
		{
			name: "tags and description", kind: kind, before: trust(own),
			after: roleWith(`"Tags":[{"Key":"a","Value":"b"}],"Description":"d"`),
		},
		{
			name: "another name, which others may trust", kind: kind, before: trust(own),
			after: roleWith(`"RoleName":"admin"`), want: "RoleName: admin",
		},
		{
			name: "a managed policy by Fn::Sub", kind: kind, before: trust(own),
			after: roleWith(`"ManagedPolicyArns":[{"Fn::Sub":"arn:${AWS::Partition}:iam::aws:policy/PowerUserAccess"}]`),
			want:  "has the rights of arn:aws:iam::aws:policy/PowerUserAccess",
		},
		{
			name: "managed policies by a list parameter", kind: kind,
			sections:   `"Parameters":{"M":{"Type":"CommaDelimitedList"}}`,
			parameters: map[string]string{"M": "a"}, parametersAfter: map[string]string{"M": "a,b"},
			before: roleWith(`"ManagedPolicyArns":{"Ref":"M"}`),
			after:  roleWith(`"ManagedPolicyArns":{"Ref":"M"}`), want: "has the rights of b",
		},
		{
			name: "a managed policy less", kind: kind,
			before: roleWith(`"ManagedPolicyArns":["a","b"]`),
			after:  roleWith(`"ManagedPolicyArns":["b"]`),
		},
		{
			name: "another boundary", kind: kind, before: roleWith(`"PermissionsBoundary":"a"`),
			after: roleWith(`"PermissionsBoundary":"b"`), want: "no longer: is bounded by a",
		},
		{
			name: "a boundary that a condition removes", kind: kind, sections: unknownCondition,
			before: roleWith(`"PermissionsBoundary":"a"`),
			after:  roleWith(`"PermissionsBoundary":{"Fn::If":["C","a",{"Ref":"AWS::NoValue"}]}`),
			want:   "no longer: is bounded by a",
		},
	})
}

func TestPermissionFlags_TypesThatGovernAccess(t *testing.T) {
	run(t, change.Permissions, []attack{
		{
			name: "an address of a function", kind: "AWS::Lambda::Url", after: `{"AuthType":"NONE","TargetFunctionArn":"f"}`,
			want: "AuthType is NONE",
		},
		{
			name:   "an address that is opened",
			kind:   "AWS::Lambda::Url",
			before: `{"AuthType":"AWS_IAM","TargetFunctionArn":"f"}`,
			after:  `{"AuthType":{"Fn::Join":["",["NO","NE"]]},"TargetFunctionArn":"f"}`, want: "AuthType is NONE",
		},
		{
			name: "an address that is closed", kind: "AWS::Lambda::Url", before: `{"AuthType":"NONE","TargetFunctionArn":"f"}`,
			after: `{"AuthType":"AWS_IAM","TargetFunctionArn":"f"}`,
		},
		{
			name:   "a function with another role",
			kind:   "AWS::Lambda::Function",
			before: `{"Role":"arn:aws:iam::1:role/a","Timeout":3}`,
			after:  `{"Role":{"Fn::GetAtt":["Admin","Arn"]},"Timeout":3}`, want: "has the role ${Admin.Arn}",
		},
		{
			name: "a function with other code and time", kind: "AWS::Lambda::Function",
			before: `{"Role":"r","Timeout":3,"Code":{"S3Key":"a"}}`, after: `{"Role":"r","Timeout":30,"Code":{"S3Key":"b"}}`,
		},
		{
			name: "a task with another role", kind: "AWS::ECS::TaskDefinition", before: `{"TaskRoleArn":"a"}`,
			after: `{"TaskRoleArn":"b"}`, want: "has the role b",
		},
		{
			name: "a state machine with another role", kind: "AWS::StepFunctions::StateMachine", before: `{"RoleArn":"a"}`,
			after: `{"RoleArn":"b"}`, want: "has the role b",
		},
		{
			name: "an instance with another profile", kind: "AWS::EC2::Instance", before: `{"IamInstanceProfile":"a"}`,
			after: `{"IamInstanceProfile":"b"}`, want: "has the role b",
		},
		{
			name: "a launch template with a profile, deep inside", kind: "AWS::EC2::LaunchTemplate",
			before: `{"LaunchTemplateData":{}}`,
			after:  `{"LaunchTemplateData":{"IamInstanceProfile":{"Arn":"b"}}}`,
			want:   "has the role",
		},
		{
			name: "the roles of an identity pool", kind: "AWS::Cognito::IdentityPoolRoleAttachment",
			before: `{"IdentityPoolId":"p","Roles":{"unauthenticated":"a"}}`,
			after:  `{"IdentityPoolId":"p","Roles":{"unauthenticated":"b"}}`, want: `"unauthenticated":"b"`,
		},
		{
			name:   "guests in an identity pool",
			kind:   "AWS::Cognito::IdentityPool",
			before: `{"AllowUnauthenticatedIdentities":false}`,
			after:  `{"AllowUnauthenticatedIdentities":true}`, want: "is open to everybody",
		},
		{
			name: "a permission for everybody", kind: "AWS::Lambda::Permission",
			after: `{"Action":"lambda:InvokeFunction","FunctionName":"f","Principal":"*"}`, want: "allows everybody",
		},
		{
			name: "a permission without its source", kind: "AWS::Lambda::Permission",
			before: `{"Action":"lambda:InvokeFunction","FunctionName":"f","Principal":"s3.amazonaws.com","SourceArn":"a"}`,
			after:  `{"Action":"lambda:InvokeFunction","FunctionName":"f","Principal":"s3.amazonaws.com"}`,
			want:   "allows Service s3.amazonaws.com",
		},
		{
			name: "a permission with its source", kind: "AWS::Lambda::Permission",
			before: `{"Action":"lambda:InvokeFunction","FunctionName":"f","Principal":"s3.amazonaws.com"}`,
			after:  `{"Action":"lambda:InvokeFunction","FunctionName":"f","Principal":"s3.amazonaws.com","SourceArn":"a"}`,
		},
		{
			name:  "an OIDC provider",
			kind:  "AWS::IAM::OIDCProvider",
			after: `{"Url":"https://evil.example"}`,
			want:  "Url: https://evil.example",
		},
		{
			name: "an audience more", kind: "AWS::IAM::OIDCProvider", before: `{"Url":"https://x","ClientIdList":["a"]}`,
			after: `{"Url":"https://x","ClientIdList":["a","b"]}`, want: "ClientIdList: b",
		},
		{
			name: "an audience less", kind: "AWS::IAM::OIDCProvider", before: `{"Url":"https://x","ClientIdList":["a","b"]}`,
			after: `{"Url":"https://x","ClientIdList":["b"]}`,
		},
		{
			name: "a SAML provider", kind: "AWS::IAM::SAMLProvider", before: `{"SamlMetadataDocument":"a"}`,
			after: `{"SamlMetadataDocument":"b"}`, want: "SamlMetadataDocument",
		},
		{name: "a trust anchor", kind: "AWS::RolesAnywhere::TrustAnchor", after: `{"Enabled":true}`, want: "Enabled: true"},
		{
			name: "a share with an account more", kind: "AWS::RAM::ResourceShare", before: `{"Name":"n","Principals":["1"]}`,
			after: `{"Name":"n","Principals":["1","2"]}`, want: "Principals: 2",
		},
		{
			name:  "an assignment",
			kind:  "AWS::SSO::Assignment",
			after: `{"PrincipalId":"p","TargetId":"1"}`,
			want:  "PrincipalId: p",
		},
		{
			name: "a permission set with a policy as JSON", kind: "AWS::SSO::PermissionSet", before: `{"Name":"n"}`,
			after: `{"Name":"n","InlinePolicy":{"Statement":[` + allowAll + `]}}`, want: "allows * on *",
		},
		{
			name: "a key policy", kind: "AWS::KMS::Key", before: `{"KeyPolicy":{"Statement":[]}}`,
			after: `{"KeyPolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},` +
				`"Action":"kms:CreateGrant","Resource":"*"}}}`,
			want: "kms:CreateGrant",
		},
		{
			name: "rotation of a key", kind: "AWS::KMS::Key", before: `{"KeyPolicy":{"Statement":[]}}`,
			after: `{"KeyPolicy":{"Statement":[]},"EnableKeyRotation":true}`,
		},
		{
			name: "another key under the name", kind: "AWS::KMS::Alias", before: `{"AliasName":"alias/a","TargetKeyId":"k"}`,
			after: `{"AliasName":"alias/a","TargetKeyId":"l"}`, want: "TargetKeyId: l",
		},
		{
			name:   "a policy of a secret",
			kind:   "AWS::SecretsManager::ResourcePolicy",
			before: `{"SecretId":"s","ResourcePolicy":{"Statement":[]}}`,
			after: `{"SecretId":"s","ResourcePolicy":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*",` +
				`"Resource":"*"}]}}`,
			want: "allows everybody",
		},
		{
			name: "a policy of a repository as text", kind: "AWS::ECR::Repository", before: `{}`,
			after: `{"RepositoryPolicyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",` +
				`\"Action\":\"ecr:*\"}]}"}`,
			want: "allows everybody ecr:*",
		},
		{
			name: "a policy of an event bus", kind: "AWS::Events::EventBusPolicy",
			after: `{"StatementId":"s","Statement":{"Effect":"Allow","Principal":"*","Action":"events:PutEvents",` +
				`"Resource":"*"}}`,
			want: "allows everybody events:PutEvents",
		},
		{
			name: "an event bus for everybody", kind: "AWS::Events::EventBusPolicy",
			after: `{"StatementId":"s","Action":"events:PutEvents","Principal":"*"}`, want: "Principal",
		},
		{
			name: "a policy of a search domain", kind: "AWS::OpenSearchService::Domain", before: `{}`,
			after: `{"AccessPolicies":{"Fn::ImportValue":"p"}}`, want: "a policy that cannot be read",
		},
		{
			name: "a policy of an API", kind: "AWS::ApiGateway::RestApi", before: `{"Policy":{"Statement":[]}}`,
			after: `{"Policy":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke",` +
				`"Resource":"*"}]}}`,
			want: "allows everybody",
		},
		{
			name: "a method without authorization", kind: "AWS::ApiGateway::Method", before: `{"AuthorizationType":"AWS_IAM"}`,
			after: `{"AuthorizationType":"NONE"}`, want: "AuthorizationType is NONE",
		},
		{
			name:   "a route without authorization",
			kind:   "AWS::ApiGatewayV2::Route",
			before: `{"RouteKey":"GET /","AuthorizationType":"JWT"}`,
			after:  `{"RouteKey":"GET /"}`, want: "AuthorizationType is NONE",
		},
		{
			name: "a route with authorization", kind: "AWS::ApiGatewayV2::Route", before: `{"RouteKey":"GET /"}`,
			after: `{"RouteKey":"GET /","AuthorizationType":"JWT"}`,
		},
		{name: "an access entry", kind: "AWS::EKS::AccessEntry", after: `{"PrincipalArn":"p"}`, want: "PrincipalArn: p"},
		{
			name: "a public endpoint of a cluster", kind: "AWS::EKS::Cluster",
			before: `{"ResourcesVpcConfig":{"EndpointPublicAccess":true,"PublicAccessCidrs":["10.0.0.0/8"]}}`,
			after:  `{"ResourcesVpcConfig":{"EndpointPublicAccess":true,"PublicAccessCidrs":["0.0.0.0/0"]}}`,
			want:   "PublicAccessCidrs: 0.0.0.0/0",
		},
		{
			name: "a public bucket", kind: "AWS::S3::Bucket", before: `{}`, after: `{"AccessControl":"PublicRead"}`,
			want: "AccessControl is PublicRead",
		},
		{
			name:   "a private bucket",
			kind:   "AWS::S3::Bucket",
			before: `{"AccessControl":"PublicRead"}`,
			after:  `{"AccessControl":"Private"}`,
		},
		{
			name: "public access by a parameter", kind: "AWS::S3::Bucket",
			sections:      `"Parameters":{"B":{"Type":"String","Default":"true"}}`,
			sectionsAfter: `"Parameters":{"B":{"Type":"String","Default":"false"}}`,
			before:        `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":{"Ref":"B"}}}`,
			after:         `{"PublicAccessBlockConfiguration":{"BlockPublicAcls":{"Ref":"B"}}}`,
			want:          "no longer: public access is shut by BlockPublicAcls",
		},
		{
			name:   "encryption that is taken away",
			kind:   "AWS::S3::Bucket",
			before: `{"BucketEncryption":{"x":"y"}}`,
			after:  `{}`,
			want:   "no longer: is protected by BucketEncryption",
		},
		{
			name: "an instance with a public address", kind: "AWS::EC2::Instance",
			before: `{"NetworkInterfaces":[{"DeviceIndex":"0"}]}`,
			after:  `{"NetworkInterfaces":[{"DeviceIndex":"0","AssociatePublicIpAddress":"true"}]}`,
			want:   "has a public address",
		},
		{
			name: "a service with a public address", kind: "AWS::ECS::Service",
			before: `{"NetworkConfiguration":{"AwsvpcConfiguration":{"AssignPublicIp":"DISABLED"}}}`,
			after:  `{"NetworkConfiguration":{"AwsvpcConfiguration":{"AssignPublicIp":"ENABLED"}}}`,
			want:   "has a public address",
		},
		{
			name:   "a service with more tasks",
			kind:   "AWS::ECS::Service",
			before: `{"DesiredCount":1}`,
			after:  `{"DesiredCount":2}`,
		},
		{
			name:   "a load balancer on the internet",
			kind:   "AWS::ElasticLoadBalancingV2::LoadBalancer",
			before: `{"Scheme":"internal"}`,
			after:  `{}`, want: "internet-facing",
		},
		{
			name:   "a load balancer inside",
			kind:   "AWS::ElasticLoadBalancingV2::LoadBalancer",
			before: `{}`,
			after:  `{"Scheme":"internal"}`,
		},
		{
			name: "another security group", kind: "AWS::RDS::DBInstance", before: `{"VPCSecurityGroups":["a"]}`,
			after: `{"VPCSecurityGroups":["a","b"]}`, want: "is in the security group b",
		},
		{
			name:  "a peering",
			kind:  "AWS::EC2::VPCPeeringConnection",
			after: `{"PeerVpcId":"p","VpcId":"v"}`,
			want:  "PeerVpcId: p",
		},
		{
			name:   "another route table",
			kind:   "AWS::EC2::SubnetRouteTableAssociation",
			before: `{"RouteTableId":"a","SubnetId":"s"}`,
			after:  `{"RouteTableId":"b","SubnetId":"s"}`, want: "RouteTableId: b",
		},
		{
			name: "a route elsewhere", kind: "AWS::EC2::Route",
			before: `{"RouteTableId":"t","DestinationCidrBlock":"0.0.0.0/0","NatGatewayId":"n"}`,
			after:  `{"RouteTableId":"t","DestinationCidrBlock":"0.0.0.0/0","GatewayId":"igw"}`, want: "to the gateway igw",
		},
		{
			name: "a rule of a network less", kind: "AWS::EC2::NetworkAclEntry",
			before: `{"NetworkAclId":"acl","RuleAction":"deny","RuleNumber":1}`, want: "no longer: network rule",
		},
		{
			name:   "a denial in a network turns",
			kind:   "AWS::EC2::NetworkAclEntry",
			before: `{"NetworkAclId":"a","RuleAction":"deny"}`,
			after:  `{"NetworkAclId":"a","RuleAction":"allow"}`, want: "network rule",
		},
		{
			name: "a custom resource made by another function", kind: "Custom::Thing", before: `{"ServiceToken":"a"}`,
			after: `{"ServiceToken":"b"}`, want: "is made by b",
		},
		{
			name: "a custom resource with other properties", kind: "Custom::Thing", before: `{"ServiceToken":"a","V":1}`,
			after: `{"ServiceToken":"a","V":2}`,
		},
		{
			name:   "another call of the CDK's custom resource",
			kind:   "Custom::AWS",
			before: `{"ServiceToken":"a","Create":"{}"}`,
			after:  `{"ServiceToken":"a","Create":"{\"service\":\"IAM\"}"}`, want: "Create",
		},
		{
			name:  "a subscription",
			kind:  "AWS::SNS::Subscription",
			after: `{"TopicArn":"t","Endpoint":"https://evil.example"}`,
			want:  "Endpoint: https://evil.example",
		},
		{
			name: "a firewall less", kind: "AWS::WAFv2::WebACLAssociation", before: `{"ResourceArn":"lb","WebACLArn":"w"}`,
			want: "no longer",
		},
		{
			name: "a bucket policy that goes", kind: "AWS::S3::BucketPolicy",
			before: `{"Bucket":"b","PolicyDocument":{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",` +
				`"Resource":"*"}]}}`,
			want: "no longer: denies everybody s3:* on *",
		},
		{
			name: "a bucket policy that only denies", kind: "AWS::S3::BucketPolicy",
			after: `{"Bucket":"b","PolicyDocument":{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",` +
				`"Resource":"*"}]}}`,
		},
		{
			name:   "a firewall that lets more through",
			kind:   "AWS::WAFv2::WebACL",
			before: `{"Rules":["a","b"]}`,
			after:  `{"Rules":["a"]}`,
			want:   `no longer: Rules: ["a","b"]`,
		},
		{name: "a firewall more", kind: "AWS::WAFv2::WebACLAssociation", after: `{"ResourceArn":"lb","WebACLArn":"w"}`},
		{
			name:   "a set of stacks",
			kind:   "AWS::CloudFormation::StackSet",
			before: `{"TemplateURL":"a"}`,
			after:  `{"TemplateURL":"b"}`,
			want:   "TemplateURL: b",
		},
		{name: "a module", kind: "My::Own::Thing::MODULE", before: `{"A":"a"}`, after: `{"A":"b"}`, want: "A: b"},
		{
			name: "objects of others", kind: "AWS::S3::Bucket",
			before: `{"OwnershipControls":{"Rules":[{"ObjectOwnership":"BucketOwnerEnforced"}]}}`,
			after:  `{"OwnershipControls":{"Rules":[{"ObjectOwnership":"ObjectWriter"}]}}`,
			want:   "no longer: ObjectOwnership",
		},
		{
			name: "copies elsewhere", kind: "AWS::S3::Bucket", before: `{}`,
			after: `{"ReplicationConfiguration":{"Rules":[{"Destination":{"Account":"999900001111"}}]}}`,
			want:  "999900001111",
		},
		{
			name: "clients without a certificate", kind: "AWS::MSK::Cluster",
			before: `{"ClientAuthentication":{"Unauthenticated":{"Enabled":false}}}`,
			after:  `{"ClientAuthentication":{"Unauthenticated":{"Enabled":true}}}`, want: "is open to everybody",
		},
		{
			name: "a private API", kind: "AWS::ApiGateway::RestApi", before: `{"EndpointConfiguration":{"Types":["PRIVATE"]}}`,
			after: `{"EndpointConfiguration":{"Types":["REGIONAL"]}}`, want: "no longer: EndpointConfiguration",
		},
		{
			name: "a listener that asks nobody to sign in", kind: "AWS::ElasticLoadBalancingV2::Listener",
			before: `{"DefaultActions":[{"Type":"authenticate-oidc","AuthenticateOidcConfig":{"Issuer":"i"}},` +
				`{"Type":"forward"}]}`,
			after: `{"DefaultActions":[{"Type":"forward"}]}`, want: "no longer: DefaultActions.AuthenticateOidcConfig is",
		},
		{
			name: "content for everybody", kind: "AWS::CloudFront::Distribution",
			before: `{"DistributionConfig":{"DefaultCacheBehavior":{"TrustedKeyGroups":["k"]}}}`,
			after:  `{"DistributionConfig":{"DefaultCacheBehavior":{}}}`, want: "TrustedKeyGroups is limited to its items",
		},
		{
			name:   "a policy with one member twice",
			kind:   "AWS::Logs::ResourcePolicy",
			before: `{"PolicyDocument":"{\"Statement\":[]}"}`,
			after: `{"PolicyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Effect\":\"Deny\",\"Action\":\"*\",` +
				`\"Resource\":\"*\"}]}"}`,
			want: "a policy that cannot be read",
		},
		{
			name: "an endpoint without its policy", kind: "AWS::EC2::VPCEndpoint",
			before: `{"VpcId":"v","PolicyDocument":{"Statement":[]}}`,
			after:  `{"VpcId":"v"}`,
			want:   "no longer: what it allows is limited by its policy",
		},
		{
			name: "an endpoint with a policy", kind: "AWS::EC2::VPCEndpoint", before: `{"VpcId":"v"}`,
			after: `{"VpcId":"v","PolicyDocument":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*",` +
				`"Resource":"*"}]}}`,
		},
		{
			name:   "a share with anybody, by default",
			kind:   "AWS::RAM::ResourceShare",
			before: `{"AllowExternalPrincipals":false}`,
			after:  `{}`, want: "AllowExternalPrincipals",
		},
		{
			name: "a public endpoint of a cluster, by default", kind: "AWS::EKS::Cluster",
			before: `{"ResourcesVpcConfig":{"EndpointPublicAccess":false}}`,
			after:  `{"ResourcesVpcConfig":{"SubnetIds":["s"]}}`,
			want:   "has a public address (EndpointPublicAccess)",
		},
		{
			name: "a source with larger batches", kind: "AWS::Lambda::EventSourceMapping",
			before: `{"EventSourceArn":"q","FunctionName":"f","BatchSize":1}`,
			after:  `{"EventSourceArn":"q","FunctionName":"f","BatchSize":9}`,
		},
		{
			name: "another source", kind: "AWS::Lambda::EventSourceMapping",
			before: `{"EventSourceArn":"q","FunctionName":"f"}`,
			after:  `{"EventSourceArn":"r","FunctionName":"f"}`,
			want:   "EventSourceArn: r",
		},
		{
			name: "one of two disks without encryption", kind: "AWS::EC2::Instance",
			before: `{"BlockDeviceMappings":[{"Ebs":{"Encrypted":true}},{"Ebs":{"Encrypted":true}}]}`,
			after:  `{"BlockDeviceMappings":[{"Ebs":{"Encrypted":true}},{"Ebs":{}}]}`,
			want:   "no longer: is guarded by Encrypted",
		},
		{
			name: "one disk less", kind: "AWS::EC2::Instance",
			before: `{"BlockDeviceMappings":[{"Ebs":{"Encrypted":true}},{"Ebs":{"Encrypted":true}}]}`,
			after:  `{"BlockDeviceMappings":[{"Ebs":{"Encrypted":true}}]}`,
		},
		{
			name:   "a firewall of no name",
			kind:   "AWS::CloudFront::Distribution",
			before: `{"DistributionConfig":{"WebACLId":"w"}}`,
			after:  `{"DistributionConfig":{"WebACLId":""}}`, want: "no longer: is protected by WebACLId",
		},
		{
			name: "an API that is described with OpenAPI", kind: "AWS::ApiGateway::RestApi",
			before: `{"Body":{"paths":{"/a":{"get":{"security":[{"s":[]}]}},"/b":{"get":{"security":[{"s":[]}]}}}}}`,
			after:  `{"Body":{"paths":{"/a":{"get":{"security":[{"s":[]}]}},"/b":{"get":{}}}}}`,
			want:   "no longer: security is",
		},
		{
			name:   "an alarm",
			kind:   "AWS::CloudWatch::Alarm",
			before: `{"Threshold":1}`,
			after:  `{"Threshold":2,"AlarmActions":["t"]}`,
		},
		{
			name:  "a topic, an alarm, a table",
			kind:  "AWS::DynamoDB::Table",
			after: `{"KeySchema":[],"BillingMode":"PAY_PER_REQUEST"}`,
		},
	})
}

func TestPermissionFlags_TrafficInEveryForm(t *testing.T) {
	const kind = "AWS::EC2::SecurityGroup"
	in := func(rule string) string { return `{"SecurityGroupIngress":[` + rule + `]}` }
	const inside = `{"CidrIp":"10.0.0.0/16","IpProtocol":"tcp","FromPort":443,"ToPort":443}`
	run(t, change.Permissions, []attack{
		{
			name: "a network by Ref", kind: kind, sections: `"Parameters":{"P":{"Type":"String","Default":"10.0.0.0/16"}}`,
			sectionsAfter: `"Parameters":{"P":{"Type":"String","Default":"0.0.0.0/0"}}`,
			before:        in(`{"CidrIp":{"Ref":"P"},"IpProtocol":"tcp","FromPort":443,"ToPort":443}`),
			after:         in(`{"CidrIp":{"Ref":"P"},"IpProtocol":"tcp","FromPort":443,"ToPort":443}`), want: "0.0.0.0/0",
		},
		{
			name: "a network by Fn::Select", kind: kind, before: in(inside),
			after: in(`{"CidrIp":{"Fn::Select":[0,{"Fn::Split":[" ","0.0.0.0/0 x"]}]},"IpProtocol":"tcp",` +
				`"FromPort":443,"ToPort":443}`),
			want: "0.0.0.0/0",
		},
		{
			name: "rules in Fn::If", kind: kind, sections: unknownCondition, before: in(inside),
			after: `{"SecurityGroupIngress":{"Fn::If":["C",[` + inside + `],[{"CidrIpv6":"::/0","IpProtocol":"tcp",` +
				`"FromPort":1,"ToPort":1}]]}}`,
			want: "::/0",
		},
		{
			name:   "rules that cannot be known",
			kind:   kind,
			before: in(inside),
			after:  `{"SecurityGroupIngress":{"Fn::ImportValue":"x"}}`,
			want:   "a network rule that cannot be read",
		},
		{
			name: "more ports", kind: kind, before: in(inside),
			after: in(`{"CidrIp":"10.0.0.0/16","IpProtocol":"tcp","FromPort":22,"ToPort":443}`), want: "lets traffic through",
		},
		{
			name: "every protocol", kind: kind, before: in(inside), after: in(`{"CidrIp":"10.0.0.0/16","IpProtocol":"-1"}`),
			want: "lets traffic through",
		},
		{
			name: "a wider network", kind: kind, before: in(inside),
			after: in(`{"CidrIp":"10.0.0.0/8","IpProtocol":"tcp","FromPort":443,"ToPort":443}`), want: "10.0.0.0/8",
		},
		{
			name: "a narrower network, another spelling of the protocol, fewer ports", kind: kind,
			before: in(`{"CidrIp":"10.0.0.0/8","IpProtocol":"tcp","FromPort":1,"ToPort":999}`),
			after:  in(`{"CidrIp":"10.1.0.0/16","IpProtocol":"6","FromPort":"443","ToPort":443,"Description":"x"}`),
		},
		{
			name: "a prefix list", kind: kind, before: in(inside),
			after: in(`{"SourcePrefixListId":"pl-1","IpProtocol":"tcp","FromPort":443,"ToPort":443}`), want: "pl-1",
		},
		{
			name: "a group of another account", kind: kind,
			before: in(`{"SourceSecurityGroupId":"sg-1","IpProtocol":"-1"}`),
			after:  in(`{"SourceSecurityGroupId":"sg-1","SourceSecurityGroupOwnerId":"444455556666","IpProtocol":"-1"}`),
			want:   "444455556666",
		},
		{
			name: "egress without rules is everywhere", kind: kind,
			before: `{"SecurityGroupEgress":[{"CidrIp":"10.0.0.0/8","IpProtocol":"-1"}]}`, after: `{}`,
			want: "no longer: traffic to others is limited",
		},
		{
			name: "egress that was everywhere", kind: kind, before: `{}`,
			after: `{"SecurityGroupEgress":[{"CidrIp":"10.0.0.0/8","IpProtocol":"-1"}]}`,
		},
		{
			name:   "a rule less",
			kind:   kind,
			before: in(inside + `,{"CidrIp":"0.0.0.0/0","IpProtocol":"-1"}`),
			after:  in(inside),
		},
		{
			name: "a rule of its own", kind: "AWS::EC2::SecurityGroupIngress",
			before: `{"GroupId":"g","CidrIp":"10.0.0.0/8","IpProtocol":"-1"}`,
			after:  `{"GroupId":"h","CidrIp":"10.0.0.0/8","IpProtocol":"-1"}`,
			want:   "of the group h",
		},
	})
}

func TestDataLossFlags_PropertiesThatKeepData(t *testing.T) {
	bucket := func(rules string) string { return `{"LifecycleConfiguration":{"Rules":[` + rules + `]}}` }
	const rule = `{"Id":"a","Status":"Enabled","ExpirationInDays":90}`
	run(t, change.DataLoss, []attack{
		{
			name: "no backups any more", kind: "AWS::RDS::DBCluster", before: `{"BackupRetentionPeriod":14}`,
			after: `{"BackupRetentionPeriod":{"Fn::Select":["0",["1"]]}}`,
			want:  "BackupRetentionPeriod is 1 and no longer 14",
		},
		{
			name:   "longer backups",
			kind:   "AWS::RDS::DBCluster",
			before: `{"BackupRetentionPeriod":7}`,
			after:  `{"BackupRetentionPeriod":"14"}`,
		},
		{
			name:   "snapshots of a cache",
			kind:   "AWS::ElastiCache::ReplicationGroup",
			before: `{"SnapshotRetentionLimit":5}`,
			after:  `{}`,
			want:   "SnapshotRetentionLimit is not set and no longer 5",
		},
		{
			name: "a time that cannot be known", kind: "AWS::RDS::DBCluster", before: `{"BackupRetentionPeriod":14}`,
			after: `{"BackupRetentionPeriod":{"Fn::ImportValue":"x"}}`, want: "BackupRetentionPeriod",
		},
		{
			name:   "logs for a shorter time",
			kind:   "AWS::Logs::LogGroup",
			before: `{"RetentionInDays":90}`,
			after:  `{"RetentionInDays":1}`,
			want:   "RetentionInDays is 1",
		},
		{
			name: "logs that were kept forever", kind: "AWS::Logs::LogGroup", before: `{}`, after: `{"RetentionInDays":365}`,
			want: "RetentionInDays is 365",
		},
		{name: "logs that are kept forever", kind: "AWS::Logs::LogGroup", before: `{"RetentionInDays":90}`, after: `{}`},
		{
			name: "versions", kind: "AWS::S3::Bucket", before: `{"VersioningConfiguration":{"Status":"Enabled"}}`,
			after: `{"VersioningConfiguration":{"Status":"Suspended"}}`, want: "Versioning is Suspended",
		},
		{
			name: "versions that a condition suspends", kind: "AWS::S3::Bucket", sections: unknownCondition,
			before: `{"VersioningConfiguration":{"Status":"Enabled"}}`,
			after:  `{"VersioningConfiguration":{"Fn::If":["C",{"Status":"Enabled"},{"Ref":"AWS::NoValue"}]}}`,
			want:   "Versioning is not set",
		},
		{
			name: "objects that expire earlier", kind: "AWS::S3::Bucket", before: bucket(rule),
			after: bucket(strings.Replace(rule, "90", "1", 1)), want: "LifecycleConfiguration",
		},
		{
			name: "objects that expire later, under another name", kind: "AWS::S3::Bucket", before: bucket(rule),
			after: bucket(strings.NewReplacer("90", "365", `"a"`, `"b"`).Replace(rule)),
		},
		{
			name: "a rule that expires less and one that moves", kind: "AWS::S3::Bucket",
			before: bucket(rule + `,{"Id":"b","Status":"Enabled","Prefix":"x","ExpirationInDays":1}`),
			after: bucket(rule + `,{"Id":"c","Status":"Enabled","Transitions":[{"StorageClass":"GLACIER",` +
				`"TransitionInDays":1}]}`),
		},
		{
			name:   "a rule for all objects",
			kind:   "AWS::S3::Bucket",
			before: bucket(`{"Status":"Enabled","Prefix":"x","ExpirationInDays":9}`),
			after:  bucket(`{"Status":"Enabled","ExpirationInDays":9}`), want: "LifecycleConfiguration",
		},
		{
			name: "images that expire", kind: "AWS::ECR::Repository", before: `{}`,
			after: `{"LifecyclePolicy":{"LifecyclePolicyText":"{\"rules\":[{\"action\":{\"type\":\"expire\"}}]}"}}`,
			want:  "LifecyclePolicy",
		},
		{
			name: "items that expire", kind: "AWS::DynamoDB::Table", before: `{}`,
			after: `{"TimeToLiveSpecification":{"AttributeName":"a","Enabled":true}}`, want: "TimeToLiveSpecification",
		},
		{
			name: "items that no longer expire", kind: "AWS::DynamoDB::Table",
			before: `{"TimeToLiveSpecification":{"AttributeName":"a","Enabled":true}}`,
			after:  `{"TimeToLiveSpecification":{"AttributeName":"a","Enabled":false}}`,
		},
		{
			name:   "a table that can be deleted",
			kind:   "AWS::DynamoDB::Table",
			before: `{"DeletionProtectionEnabled":true}`,
			after:  `{}`,
			want:   "DeletionProtectionEnabled is not set",
		},
		{
			name: "a time to go back to", kind: "AWS::DynamoDB::Table",
			before: `{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}`,
			after:  `{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":false}}`,
			want:   "PointInTimeRecoveryEnabled is false",
		},
		{
			name: "a key that is switched off", kind: "AWS::KMS::Key", before: `{"Enabled":true}`, after: `{"Enabled":false}`,
			want: "Enabled is false",
		},
		{
			name:   "a key that goes sooner",
			kind:   "AWS::KMS::Key",
			before: `{"PendingWindowInDays":30}`,
			after:  `{"PendingWindowInDays":7}`,
			want:   "PendingWindowInDays is 7",
		},
		{
			name:   "messages",
			kind:   "AWS::SQS::Queue",
			before: `{"MessageRetentionPeriod":1209600}`,
			after:  `{"MessageRetentionPeriod":60}`,
			want:   "MessageRetentionPeriod is 60",
		},
		{
			name:   "records of a stream",
			kind:   "AWS::Kinesis::Stream",
			before: `{"RetentionPeriodHours":168}`,
			after:  `{"RetentionPeriodHours":24}`,
			want:   "RetentionPeriodHours is 24",
		},
		{
			name:   "no backups, where it was the default",
			kind:   "AWS::RDS::DBInstance",
			before: `{}`,
			after:  `{"BackupRetentionPeriod":0}`,
			want:   "BackupRetentionPeriod is 0 and no longer 1",
		},
		{
			name:   "messages, where it was the default",
			kind:   "AWS::SQS::Queue",
			before: `{}`,
			after:  `{"MessageRetentionPeriod":60}`,
			want:   "MessageRetentionPeriod is 60 and no longer 345600",
		},
		{
			name:   "messages for longer than the default",
			kind:   "AWS::SQS::Queue",
			before: `{}`,
			after:  `{"MessageRetentionPeriod":1209600}`,
		},
		{
			name:   "a key that is switched off, where it was on by default",
			kind:   "AWS::KMS::Key",
			before: `{}`,
			after:  `{"Enabled":false}`,
			want:   "Enabled is false and no longer true",
		},
		{name: "a key that says what it is by default", kind: "AWS::KMS::Key", before: `{}`, after: `{"Enabled":true}`},
		{
			name: "users that can be deleted", kind: "AWS::Cognito::UserPool", before: `{"DeletionProtection":"ACTIVE"}`,
			after: `{"DeletionProtection":"INACTIVE"}`, want: "DeletionProtection is INACTIVE",
		},
		{
			name: "a load balancer that can be deleted", kind: "AWS::ElasticLoadBalancingV2::LoadBalancer",
			before: `{"LoadBalancerAttributes":[{"Key":"deletion_protection.enabled","Value":"true"}]}`,
			after:  `{"LoadBalancerAttributes":[{"Key":"deletion_protection.enabled","Value":"false"}]}`,
			want:   "deletion_protection",
		},
		{
			name:   "a bucket with a tag more",
			kind:   "AWS::S3::Bucket",
			before: `{}`,
			after:  `{"Tags":[{"Key":"Enabled","Value":"x"}]}`,
		},
	})
}

func TestDataLossFlags_PoliciesByConditions(t *testing.T) {
	body := func(policy string) Version {
		return Version{Template: `{` + unknownCondition + `,"Resources":{"Data":{"Type":"AWS::S3::Bucket",` +
			`"DeletionPolicy":` +
			policy + `}}}`}
	}
	gone := Version{Template: `{"Resources":{"Other":{"Type":"AWS::SNS::Topic"}}}`}
	removed := []change.Change{{Action: change.Remove, LogicalID: "Data", Type: "AWS::S3::Bucket"}}
	for name, test := range map[string]struct {
		changes       []change.Change
		before, after Version
		want          string
	}{
		"a condition that retains in one case": {
			removed, body(`{"Fn::If":["C","Retain","Delete"]}`), gone, "it is removed",
		},
		"a condition that retains in both": {removed, body(`{"Fn::If":["C","Retain","Retain"]}`), gone, ""},
		"a policy that retains no longer": {
			nil, body(`"Retain"`), body(`"Delete"`), "DeletionPolicy is Delete and no longer Retain",
		},
		"a policy that retains in one case": {
			nil, body(`"Retain"`), body(`{"Fn::If":["C","Retain","Delete"]}`), "DeletionPolicy is Delete and no longer Retain",
		},
		"a policy that retains": {nil, body(`"Delete"`), body(`"Retain"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			flags, err := Flags("s", test.changes, test.before, test.after)
			require.NoError(t, err)
			assertFlag(t, flags, change.DataLoss, test.want)
		})
	}
}

func TestFlags_NestedStacksAreJudged(t *testing.T) {
	const role = `{"Parameters":{"P":{"Type":"String"}},"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{` +
		`"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Principal":{"AWS":{"Ref":"P"}}}]}}}},` +
		`"Outputs":{"O":{"Value":{"Ref":"P"}}}}`
	parent := func(principal, nested string) Version {
		body := `{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"u",` +
			`"Parameters":{"P":` +
			principal + `}}},"T":{"Type":"AWS::SNS::TopicPolicy","Properties":{"Topics":["t"],` +
			`"PolicyDocument":{"Statement":[` +
			`{"Effect":"Allow","Action":"sns:Publish","Principal":{"AWS":{"Fn::GetAtt":["N","Outputs.O"]}},` +
			`"Resource":"t"}]}}}}}`
		return Version{Template: body, Nested: func(string, string) (Version, bool) {
			return Version{Template: nested}, nested != ""
		}}
	}
	for name, test := range map[string]struct {
		before, after Version
		want          []string
	}{
		"the same":          {parent(`"111122223333"`, role), parent(`"111122223333"`, role), nil},
		"another parameter": {parent(`"111122223333"`, role), parent(`"*"`, role), []string{"N/R", "T"}},
		"another template": {
			parent(`"*"`, role), parent(`"*"`, strings.ReplaceAll(role, `AssumeRole"`, `*"`)), []string{"N/R"},
		},
		"one that is unknown": {parent(`"1"`, role), parent(`"2"`, ""), []string{"N", "T"}},
	} {
		t.Run(name, func(t *testing.T) {
			flags, err := Flags("s", nil, test.before, test.after)
			require.NoError(t, err)
			var ids []string
			for _, f := range flags {
				ids = append(ids, f.LogicalID)
				assert.Equal(t, "s", f.Stack)
			}
			assert.ElementsMatch(t, test.want, ids)
		})
	}
}

func TestFlags_MacrosAreJudgedByWhatTheyMake(t *testing.T) {
	version := func(processed string) Version {
		return Version{Template: `{"Transform":"M","Resources":{"A":{"Type":"X::Y::Z"}}}`, Processed: processed}
	}
	narrow := `{"Resources":{"R":{"Type":"AWS::IAM::Policy","Properties":` + policy(`[`+readOne+`]`) + `}}}`
	wide := `{"Resources":{"R":{"Type":"AWS::IAM::Policy","Properties":` + policy(`[`+allowAll+`]`) + `}}}`
	changes := []change.Change{{Action: change.Modify, LogicalID: "R", Type: "AWS::IAM::Policy"}}
	for name, test := range map[string]struct{ before, after, want string }{
		"nothing else":       {narrow, narrow, ""},
		"something else":     {narrow, wide, "allows * on *"},
		"nobody knows":       {narrow, "", "macros expand its template"},
		"nobody knew before": {"", narrow, "macros expand its template"},
	} {
		t.Run(name, func(t *testing.T) {
			flags, err := Flags("s", changes, version(test.before), version(test.after))
			require.NoError(t, err)
			if test.want == "" {
				assert.Empty(t, flags)
				return
			}
			require.NotEmpty(t, flags)
			assert.Contains(t, flags[0].Why, test.want)
		})
	}
}

func TestFlags_MovedResourceIsNotWider(t *testing.T) {
	body := func(id, statement string) Version {
		return Version{Template: `{"Resources":{"` + id + `":{"Type":"AWS::IAM::Policy",` +
			`"Properties":` + policy(`[`+statement+`]`) + `}}}`}
	}
	flags, err := Flags("s", nil, body("A", readOne), body("B", readOne))
	require.NoError(t, err)
	assert.Empty(t, flags)
	flags, err = Flags("s", nil, body("A", readOne), body("B", allowAll))
	require.NoError(t, err)
	assert.Len(t, flags, 1)
}

func TestFlags_TooManyConditionsAreNotJudged(t *testing.T) {
	conditions, statements := map[string]any{}, []any{}
	for _, name := range strings.Split("a b c d e f g h", " ") {
		conditions[name] = map[string]any{"Fn::Equals": []any{map[string]any{"Ref": "S"}, name}}
		var statement any
		require.NoError(t, json.Unmarshal([]byte(readOne), &statement))
		noValue := map[string]any{"Ref": "AWS::NoValue"}
		statements = append(statements, map[string]any{"Fn::If": []any{name, statement, noValue}})
	}
	body := func(more ...any) Version {
		document := map[string]any{
			"Parameters": map[string]any{"S": map[string]any{"Type": "AWS::SSM::Parameter::Value<String>"}},
			"Conditions": conditions,
			"Resources": map[string]any{"R": map[string]any{"Type": "AWS::IAM::Policy", "Properties": map[string]any{
				"PolicyDocument": map[string]any{"Statement": append(append([]any{}, statements...), more...)},
			}}},
		}
		text, err := json.Marshal(document)
		require.NoError(t, err)
		return Version{Template: string(text)}
	}
	flags, err := Flags("s", nil, body(), body())
	require.NoError(t, err)
	assert.Empty(t, flags)
	flags, err = Flags("s", nil, body(), body("x"))
	require.NoError(t, err)
	require.Len(t, flags, 1)
	assert.Contains(t, flags[0].Why, "more conditions than can be judged")
}

// Whoever reviews a plan sees every statement that makes access wider, whole.
func TestPermissionFlags_ShowWholeStatements(t *testing.T) {
	long := strings.Repeat("a-very-long-name", 40)
	denied := `{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::` + long + `/secret","Sid":"no secret here",` +
		`"Condition":{"StringEquals":{"aws:token":"x"}}}`
	var statements []string
	for _, action := range strings.Split("a b c d e f g h", " ") {
		statements = append(statements, `{"Effect":"Allow","Action":"x:`+action+`","Resource":"*"}`)
	}
	a := attack{
		kind:   "AWS::IAM::Policy",
		before: policy(`[` + denied + `]`),
		after:  policy(`[` + strings.Join(statements, ",") + `]`),
	}
	flags := a.flags(t)
	require.Len(t, flags, 1)
	assert.Contains(t, flags[0].Why, "no longer: denies s3:* on arn:aws:s3:::"+long+
		`/secret if {"StringEquals":{"aws:token":"x"}}`)
	for _, action := range strings.Split("a b c d e f g h", " ") {
		assert.Contains(t, flags[0].Why, "allows x:"+action+" on *")
	}
}

func TestFlags_TerminationProtection(t *testing.T) {
	protected := Version{Template: `{"Resources":{}}`, TerminationProtection: true}
	open := protected
	open.TerminationProtection = false
	flags, err := Flags("s", nil, protected, open)
	require.NoError(t, err)
	require.Len(t, flags, 1)
	assert.Equal(t, change.DataLoss, flags[0].Permit)
	flags, err = Flags("s", nil, open, protected)
	require.NoError(t, err)
	assert.Empty(t, flags)
}

func TestSelections_CoverAndOverlap(t *testing.T) {
	for _, test := range []struct {
		pattern, other  string
		covers, overlap bool
	}{
		{"*", "a", true, true},
		{"s3:*", "s3:Get*", true, true},
		{"s3:Get*", "s3:*", false, true},
		{"s3:G?t", "s3:Get", true, true},
		{"s3:Get?", "s3:Get*", false, true},
		{"s3:Get", "s3:G?t", false, true},
		{"a*c", "abc*c", true, true},
		{"a*c", "abc*", false, true},
		{"a", "b", false, false},
		{"a*", "*b", false, true},
		{"a*", "b*", false, false},
		{"", "", true, true},
		{"?", resolve.Mark("X"), false, true},
		{"arn:*", "arn:" + resolve.Mark("X"), true, true},
		{"arn:a", resolve.Mark("X"), false, true},
	} {
		assert.Equal(t, test.covers, patternCovers(test.pattern, test.other), "%s covers %s", test.pattern, test.other)
		assert.Equal(t, test.overlap, patternsOverlap(test.pattern, test.other), "%s overlaps %s", test.pattern, test.other)
	}
}

func TestPermissionFlags_NewStack(t *testing.T) {
	for name, test := range map[string]struct{ kind, properties, want string }{
		"half of the internet": {
			"AWS::EC2::SecurityGroup", `{"SecurityGroupIngress":[{"CidrIp":"128.0.0.0/1","IpProtocol":"-1"}]}`, "128.0.0.0/1",
		},
		"a private network": {
			"AWS::EC2::SecurityGroup", `{"SecurityGroupIngress":[{"CidrIp":"10.0.0.0/8","IpProtocol":"-1"}]}`, "",
		},
		"rules for identities": {"AWS::IAM::Policy", policy(`[{"Effect":"Allow","Action":"iam:*",` +
			`"Resource":"*"}]`), "iam:*"},
		"all but": {"AWS::IAM::Policy", policy(`[{"Effect":"Allow","NotAction":"a:B",` +
			`"Resource":"*"}]`), "all but a:B"},
		"everything, somewhere": {
			"AWS::IAM::Policy", policy(`[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::a"}]`), "",
		},
		"everybody of a provider": {
			"AWS::IAM::Role", trust(`{"Federated":"token.actions.githubusercontent.com"}`), "Federated",
		},
		"an address for everybody": {"AWS::Lambda::Url", `{"AuthType":"NONE","TargetFunctionArn":"f"}`, "AuthType is NONE"},
		"a role for a stranger":    {"AWS::IAM::Role", trust(`{"AWS":"999900001111"}`), "999900001111"},
		"a role for the project": {
			"AWS::IAM::Role", trust(`{"AWS":{"Fn::Sub":"arn:aws:iam::${AWS::AccountId}:root"}}`), "",
		},
		"a role for a service": {"AWS::IAM::Role", trust(`{"Service":"lambda.amazonaws.com"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := attack{kind: test.kind}
			flags, err := Flags("s", nil, Version{}, Version{
				Template: a.body(t, test.properties, ""), Pseudo: pseudo, Accounts: []string{"111122223333"},
			})
			require.NoError(t, err)
			assertFlag(t, flags, change.Permissions, test.want)
		})
	}
}

// Nobody waits for a policy that no service takes: 1,000 actions on 1,000 resources.
func TestPermissionFlags_HugePolicyIsNotJudged(t *testing.T) {
	many := func(prefix, last string) string {
		return `["` + strings.Repeat(prefix+`","`, 1000) + last + `"]`
	}
	properties := func(last string) string {
		return policy(`[{"Effect":"Allow","Action":` + many("s3:GetObject", last) + `,"Resource":` + many("x", "y") + `}]`)
	}
	a := attack{kind: "AWS::IAM::Policy", before: properties("a:B"), after: properties("a:C")}
	flags := a.flags(t)
	require.Len(t, flags, 1)
	assert.Contains(t, flags[0].Why, "grants more than can be judged")
	a.after = a.before
	assert.Empty(t, a.flags(t))
}

func TestGovernedAdditions_HaveReasons(t *testing.T) {
	for kind, reason := range governedAdditions {
		assert.NotEmpty(t, reason, kind)
		assert.False(t, governedPattern.MatchString(kind) || networkPattern.MatchString(kind), "%s is there already", kind)
	}
	for kind, names := range policyAdditions {
		for _, name := range names {
			assert.True(t, isPolicyProperty(kind, name), "%s.%s", kind, name)
		}
	}
}
