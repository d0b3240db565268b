package redact

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// pemLine returns the first or last line of a private key. It is put together here, so that nobody takes the test for
// one.
func pemLine(edge string) string { return "-----" + edge + " PRIVATE " + "KEY-----" }

func TestValue_HidesSecrets(t *testing.T) {
	secret := "hunter2"
	for _, test := range []struct{ kind, name, value, want string }{
		{"name of an output", "ApiToken", secret, Hidden},
		{"name of a property", "MasterUserPassword", secret, Hidden},
		{"snake case", "DB_PASS", secret, Hidden},
		{"suffix", "PGPASS", secret, Hidden},
		{"last segment of a path", "/Environment/Variables/STRIPE_SECRET", secret, Hidden},
		{"api key", "x-api-key", secret, Hidden},
		{"private key", "PrivateKey", secret, Hidden},
		{"private key of an API", "PrivateAPIKey", secret, Hidden},
		{"number", "DbPassword", "20241234", Hidden},
		{
			"key in JSON", "Environment", `{"DB_PASS":"hunter2","API_KEY":"abc","REGION":"eu"}`,
			`{"API_KEY":"(hidden)","DB_PASS":"(hidden)","REGION":"eu"}`,
		},
		{"number in JSON", "Environment", `{"pin":1234,"n":5}`, `{"n":5,"pin":"(hidden)"}`},
		{
			"JSON in JSON", "P", `{"Config":"{\"password\":\"hunter2\",\"a\":1}"}`,
			`{"Config":"{\"a\":1,\"password\":\"(hidden)\"}"}`,
		},
		{
			"object below a secret key", "P", `{"credentials":{"user":"u","pw":"hunter2","type":"basic"}}`,
			`{"credentials":{"pw":"(hidden)","type":"basic","user":"(hidden)"}}`,
		},
		{
			"name and value", "Environment", `[{"Name":"DB_PASSWORD","Value":"hunter2"},{"Name":"A","Value":"b"}]`,
			`[{"Name":"DB_PASSWORD","Value":"(hidden)"},{"Name":"A","Value":"b"}]`,
		},
		{"broken JSON", "P", `{"DB_PASS": "hunter2 and more"`, `{"DB_PASS": (hidden)`},
		{"URL", "Url", "postgres://admin:hunter2@db/x", "postgres://(hidden)@db/x"},
		{"URL with an at in the password", "Url", "amqp://u:hun@ter2@mq:5672", "amqp://(hidden)@mq:5672"},
		{"URL with a slash in the password", "Url", "postgres://u:hun/ter2@db", "postgres://(hidden)@db"},
		{"URL without a user", "Url", "redis://:hunter2@cache:6379", "redis://(hidden)@cache:6379"},
		{"URL with a token alone", "Url", "https://hunter2@github.com/a/b", "https://(hidden)@github.com/a/b"},
		{"query", "Url", "https://x/y?user=a&password=hunter2&z=1", "https://x/y?user=a&password=(hidden)&z=1"},
		{"export", "UserData", "export PGPASS=hunter2\nexport A=b", `export PGPASS=(hidden)\nexport A=b`},
		{"export of several words", "UserData", "export DB_PASSWORD=\"hunter2 and more\"", `export DB_PASSWORD=(hidden)`},
		{
			"line of an env file", "Env", "A=b\nSECRET_KEY_BASE = hunter2,and more\nC=d",
			`A=b\nSECRET_KEY_BASE = (hidden)\nC=d`,
		},
		{"connection string", "Dsn2", "Server=db;Password=hunter2,x;User=u", "Server=db;Password=(hidden);User=u"},
		{"YAML", "UserData", "db:\n  password: hunter2 x\n  port: 5", `db:\n  password: (hidden)\n  port: 5`},
		{"header", "Curl", `curl -H 'Authorization: Bearer hunter2'`, `curl -H 'Authorization: (hidden)'`},
		{"flag", "Command", "mysql --password hunter2 -h db", "mysql --password (hidden) -h db"},
		{"bare", "Text", "password:hunter2", "password:(hidden)"},
		{"PEM", "Text", "x " + pemLine("BEGIN RSA") + "\nhunter2\n" + pemLine("END RSA") + " y", "x (hidden) y"},
		{"PEM without an end", "Text", pemLine("BEGIN") + "\nhunter2", Hidden},
		{"AWS access key", "Text", "key AKIA" + "IOSFODNN7EXAMPLE.", "key (hidden)."},
		{"AWS secret key", "Text", "x wJalrXUtnFEMI/" + "K7MDENG/bPxRfiCYEXAMPLEKEY y", "x (hidden) y"},
		{"GitHub token", "Text", "ghp_" + strings.Repeat("a1B2", 9), Hidden},
		{"Slack token", "Text", "a xoxb-" + "123456789012-abcdefghijkl b", "a (hidden) b"},
		{"Slack webhook", "Text", "https://hooks.slack.com/" + "services/T0/B0/abc", "https://(hidden)"},
		{"JSON web token", "Text", "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.abc-def", Hidden},
		{"base64", "UserData", base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\nexport PGPASS=hunter2\n")), Hidden},
	} {
		t.Run(test.kind, func(t *testing.T) {
			shown := Value(test.name, test.value)
			assert.Equal(t, test.want, shown)
			assert.NotContains(t, shown, secret)
		})
	}
}

func TestValue_ShowsWhatIsNoSecret(t *testing.T) {
	for name, value := range map[string]string{
		"DatabaseSecretArn":        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf",
		"DatabaseSecret":           "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf",
		"SecretName":               "prod/db",
		"MasterUserPassword":       "{{resolve:secretsmanager:MySecret:SecretString:password}}",
		"Url":                      "postgres://{{resolve:ssm-secure:password:1}}/x",
		"PrivateSubnetIds":         "subnet-1,subnet-2",
		"PrivateIPAddress":         "10.0.0.1",
		"PrivateDnsEnabled":        "true",
		"MetadataOptions":          `{"HttpTokens":"required"}`,
		"PasswordPolicy":           `{"MinimumLength":8}`,
		"TokenValidityUnits":       "days",
		"KmsMasterKeyId":           "alias/aws/sns",
		"AuthType":                 "NONE",
		"ManageMasterUserPassword": "true",
		"Endpoint":                 "https://host:8443/path@2",
		"Repository":               "ssh://git@github.com/a/b",
		"Action":                   "secretsmanager:GetSecretValue",
		"Description":              "no secret here",
		"Hash":                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"RoleName":                 "MyFunctionServiceRoleDefaultPolicyB705ABD",
		"Image":                    "111122223333.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:abc",
		"Policy":                   `{"Action":"*","Sid":"no secret here"}`,
		"SecretPolicyText":         `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}`,
		"Parameters":               `{"DbPassword":{"Ref":"DbPassword"}}`,
		"GenerateSecretString":     `{"PasswordLength":30}`,
		"Outputs.x":                "v",
		"":                         "",
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, value, Value(name, value)) })
	}
}

func TestValue_NeverHidesOrCutsPolicies(t *testing.T) {
	statement := `{"Action":"*","Effect":"Allow","Resource":["` + strings.Repeat("a", 400) +
		`"],"Sid":"the password secret token"}`
	for kind, value := range map[string]string{
		"document":            `{"Statement":[` + statement + `],"Version":"2012-10-17"}`,
		"statement":           statement,
		"list of statements":  `[` + statement + `]`,
		"inline policies":     `[{"PolicyDocument":{"Statement":[` + statement + `]},"PolicyName":"p"}]`,
		"condition on tokens": `{"Action":"*","Condition":{"Bool":{"saml:token":"hunter2"}},"Effect":"Deny"}`,
	} {
		t.Run(kind, func(t *testing.T) {
			if kind != "inline policies" { // their names are hidden
				assert.Equal(t, value, Value("SecretTokenText", value))
			}
			assert.Equal(t, value, Value("PolicyDocument", value))
		})
	}
	t.Run("a secret beside a policy", func(t *testing.T) {
		value := `{"Password":"hunter2","Policy":{"Statement":` + statement + `}}`
		shown := Value("P", value)
		assert.NotContains(t, shown, "hunter2")
		assert.Contains(t, shown, statement)
	})
	t.Run("a secret that poses as a policy", func(t *testing.T) {
		shown := Value("P", `{"Action":"*","Effect":"Allow","Password":"hunter2"}`)
		assert.Equal(t, `{"Action":"*","Effect":"Allow","Password":"(hidden)"}`, shown)
	})
}

func TestValue_IsOneLineAndSaysWhatIsCut(t *testing.T) {
	assert.Equal(t, `a\n\u001b[2Jb\u202ec`, Value("P", "a\n\x1b[2Jb\u202ec"))
	shown := Value("P", strings.Repeat("ü", 234))
	assert.Equal(t, strings.Repeat("ü", 200)+"... and 34 more characters", shown)
}

func TestPolicyDifference_StatementsThatDiffer(t *testing.T) {
	read := `{"Action":"s3:GetObject","Effect":"Allow","Resource":"*"}`
	all := `{"Action":"*","Effect":"Allow","Resource":"*"}`
	removed, added, ok := PolicyDifference(
		`{"Version":"1","Statement":[`+read+`]}`, `{"Version":"1","Statement":[`+read+`,`+all+`]}`)
	assert.True(t, ok)
	assert.Empty(t, removed)
	assert.Equal(t, []string{all}, added)

	inString := func(statement string) string {
		return `{"Name":"n","Policy":"{\"Statement\":` + strings.ReplaceAll(statement, `"`, `\"`) + `}"}`
	}
	removed, added, ok = PolicyDifference(inString(read), inString(all))
	assert.True(t, ok)
	assert.Equal(t, []string{read}, removed)
	assert.Equal(t, []string{all}, added)

	_, added, ok = PolicyDifference("", all)
	assert.True(t, ok)
	assert.Equal(t, []string{all}, added)

	for before, after := range map[string]string{
		"a":            "b",
		read:           read,
		inString(read): strings.Replace(inString(all), "n", "m", 1),
	} {
		_, _, ok = PolicyDifference(before, after)
		assert.False(t, ok)
	}
}
