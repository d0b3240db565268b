package iam_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/tests/iam"
)

func policy(statements ...any) iam.Template {
	return iam.Template{
		Resources: map[string]map[string]any{
			"R": {"Type": "AWS::IAM::Role", "Properties": map[string]any{}},
			"P": {"Type": "AWS::IAM::Policy", "Properties": map[string]any{
				"Roles": []any{map[string]any{"Ref": "R"}}, "PolicyDocument": map[string]any{"Statement": statements},
			}},
		},
		Values: map[string]any{"AWS::Region": "eu-west-1"},
	}
}

func statement(effect string, action, resource, condition any) map[string]any {
	s := map[string]any{"Effect": effect, "Action": action, "Resource": resource}
	if condition != nil {
		s["Condition"] = condition
	}
	return s
}

func TestAllows_DecidesAsIAM(t *testing.T) {
	get := statement("Allow", "s3:Get*", map[string]any{"Fn::Sub": "b/${AWS::Region}/*"}, nil)
	on := func(operator string) any {
		return statement("Allow", "s3:GetObject", "*", map[string]any{operator: map[string]any{"k": []any{"v", "w"}}})
	}
	request := iam.Request{Role: "R", Action: "s3:GetObject", Resource: "b/eu-west-1/a/b"}
	with := func(change func(*iam.Request)) iam.Request {
		r := request
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		template iam.Template
		request  iam.Request
		want     bool
	}{
		"a pattern matches slashes":       {policy(get), request, true},
		"another action":                  {policy(get), with(func(r *iam.Request) { r.Action = "s3:PutObject" }), false},
		"actions have no case":            {policy(get), with(func(r *iam.Request) { r.Action = "S3:getobject" }), true},
		"another resource":                {policy(get), with(func(r *iam.Request) { r.Resource = "b/us-east-1/a" }), false},
		"another role":                    {policy(get), with(func(r *iam.Request) { r.Role = "Q" }), false},
		"a denial wins":                   {policy(get, statement("Deny", "s3:*", "b/*/a/*", nil)), request, false},
		"a key that is missing":           {policy(on("StringEquals")), request, false},
		"a key that is missing, if it is": {policy(on("StringEqualsIfExists")), request, true},
		"a key that is right": {
			policy(on("StringEquals")), with(func(r *iam.Request) { r.Context = map[string]string{"k": "w"} }), true,
		},
		"a key that is wrong": {
			policy(on("StringEqualsIfExists")), with(func(r *iam.Request) { r.Context = map[string]string{"k": "x"} }), false,
		},
		"no policy": {policy(), request, false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, test.template.Allows(test.request)) })
	}
	assert.Panics(t, func() {
		policy(on("NumericEquals")).Allows(with(func(r *iam.Request) {
			r.Context = map[string]string{"k": "v"}
		}))
	})
}
