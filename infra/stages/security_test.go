package stages

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

func TestC10_NagHasNoFindings(t *testing.T) {
	for environment, a := range synthesizedAssemblies {
		assert.Empty(t, a.findings, environment)
	}
	lines := 0
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for _, line := range nagReport(t, environment, name) {
			lines++
			assert.Contains(t, []string{"Compliant", "Suppressed"}, line.Compliance, "%s %s", line.ResourceID,
				line.RuleID) // warnings too
		}
	})
	assert.Greater(t, lines, 200, "nothing was checked")
}

// A nagLine is one line of cdk-nag's report: the result of a rule for a resource.
type nagLine struct{ RuleID, ResourceID, Compliance, ExceptionReason string }

func TestC10_SuppressionsAreUsedAndExplained(t *testing.T) {
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for _, unused := range unusedSuppressions(in, nagReport(t, environment, name)) {
			assert.Fail(t, environment+": "+unused)
		}
	})
}

func TestSuppressions_UnusedIsReported(t *testing.T) {
	suppressed := func(rule, reason string) template {
		return template{"Resources": map[string]any{"A": map[string]any{"Metadata": map[string]any{
			"aws:cdk:path": "s/A", "cdk_nag": map[string]any{"rules_to_suppress": []any{map[string]any{
				"id":     rule,
				"reason": reason,
			}}},
		}}}}
	}
	report := []nagLine{
		{"R1", "s/A", "Suppressed", "because"},
		{"R2", "s/A", "Compliant", "N/A"},
		{"R3", "s/B", "Suppressed", "because"},
	}
	assert.Empty(t, unusedSuppressions(suppressed("R1", "because of this"), report))
	assert.Equal(t, []string{"s/A is excepted from R2, which it meets"},
		unusedSuppressions(suppressed("R2", "because of this"), report))
	assert.Equal(t, []string{"s/A is excepted from R3, which it meets"},
		unusedSuppressions(suppressed("R3", "because of this"), report))
	assert.Equal(t, []string{"s/A is excepted from R1 without a reason"}, unusedSuppressions(suppressed("R1", ""), report))
}

// unusedSuppressions returns a message for each suppression in a template that its report does not need, or that has no
// reason.
func unusedSuppressions(in template, report []nagLine) []string {
	var unused []string
	for _, id := range slices.Sorted(maps.Keys(in.resources())) {
		r := in.resources()[id]
		path := fmt.Sprint(valueAt(r, "Metadata.aws:cdk:path"))
		suppressions, _ := valueAt(r, "Metadata.cdk_nag.rules_to_suppress").([]any)
		for _, suppression := range suppressions {
			rule, reason := fmt.Sprint(valueAt(suppression, "id")), fmt.Sprint(valueAt(suppression, "reason"))
			switch {
			case len(strings.Fields(reason)) < 3:
				unused = append(unused, path+" is excepted from "+rule+" without a reason")
			case !slices.ContainsFunc(report, func(l nagLine) bool {
				// A rule with several findings for a resource adds the subject of each in brackets.
				named, _, _ := strings.Cut(l.RuleID, "[")
				return named == rule && l.ResourceID == path && l.Compliance == "Suppressed"
			}):
				unused = append(unused, path+" is excepted from "+rule+", which it meets")
			}
		}
	}
	return unused
}

func nagReport(t *testing.T, environment, name string) []nagLine {
	t.Helper()
	real, _, _ := strings.Cut(environment, " ")
	data, err := os.ReadFile(filepath.Join(synthesizedAssemblies[environment].dir,
		"AwsSolutions--lockstep-"+real+"-"+name+"-NagReport.json"))
	require.NoError(t, err)
	var report struct{ Lines []nagLine }
	require.NoError(t, json.Unmarshal(data, &report))
	return report.Lines
}

// allowedWildcards are the statements that may contain a wildcard, with the reason.
var allowedWildcards = []struct{ resourceType, value, reason string }{
	{"AWS::KMS::Key", "*", "in a key's own policy * is that key"},
	{
		"AWS::KMS::Key", "kms:*",
		"only the key's account has it, which hands out no more than its own policies do; " +
			"without it nobody could change the policy",
	},
	{
		"AWS::KMS::Key", "kms:GenerateDataKey*",
		"the two forms of it, with and without the plain key; AWS documents it so for publishers of encrypted topics",
	},
}

func TestG2_PoliciesHaveNoWildcards(t *testing.T) {
	used := map[string]bool{}
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for _, finding := range broadStatements(in, used) {
			assert.Fail(t, environment+" "+name+": "+finding)
		}
	})
	for _, exception := range allowedWildcards {
		key := exception.resourceType + " " + exception.value
		assert.True(t, used[key], "nothing needs the exception %s", key)
	}
}

func TestPolicies_WildcardIsReported(t *testing.T) {
	resource := func(kind string, properties map[string]any) template {
		return template{"Resources": map[string]any{"P": map[string]any{"Type": kind, "Properties": properties}}}
	}
	document := func(statement map[string]any) map[string]any {
		return map[string]any{"Statement": []any{statement}}
	}
	policy := func(kind string, statement map[string]any) template {
		return resource(kind, map[string]any{"PolicyDocument": document(statement)})
	}
	allow := func(action, resource any) map[string]any {
		return map[string]any{"Effect": "Allow", "Action": action, "Resource": resource}
	}
	with := func(statement map[string]any, key string, value any) map[string]any {
		statement[key] = value
		return statement
	}
	const bucket = "arn:aws:s3:::b"
	for name, test := range map[string]struct {
		in   template
		want string
	}{
		"every action": {
			policy("AWS::IAM::Policy", allow("*", bucket)), "P allows *",
		},
		"every action of a service": {
			policy("AWS::IAM::Policy", allow([]any{"s3:GetObject", "s3:*"}, bucket)), "P allows s3:*",
		},
		"every resource": {
			policy("AWS::IAM::Policy", allow("s3:GetObject", "*")), "P allows it on *",
		},
		"metrics of every namespace": {
			policy("AWS::IAM::Policy", allow("cloudwatch:PutMetricData", "*")), "P allows it on *",
		},
		"more than metrics of one namespace": {
			policy("AWS::IAM::Policy", with(allow([]any{"cloudwatch:PutMetricData", "s3:GetObject"}, "*"), "Condition",
				map[string]any{"StringEquals": map[string]any{"cloudwatch:namespace": "N"}})),
			"P allows it on *",
		},
		"everyone": {
			policy("AWS::S3::BucketPolicy", with(allow("s3:GetObject", bucket), "Principal", "*")), "P allows everyone",
		},
		"everyone, as an AWS principal": {
			policy("AWS::SNS::TopicPolicy", with(allow("sns:Publish", "t"), "Principal", map[string]any{"AWS": "*"})),
			"P allows everyone",
		},
		"all but some": {
			policy("AWS::IAM::Policy", map[string]any{"Effect": "Allow", "NotAction": "iam:*", "Resource": bucket}),
			"P allows all but what it names",
		},
		"the policy of a log group, which is text": {
			resource("AWS::Logs::ResourcePolicy", map[string]any{
				"PolicyDocument": jsonText(document(allow("logs:PutLogEvents", "*"))),
			}), "P allows it on *",
		},
		"the inline policy of a role": {
			resource("AWS::IAM::Role", map[string]any{
				"Policies": []any{map[string]any{"PolicyDocument": document(allow("s3:*", "x"))}},
			}), "P allows s3:*",
		},
		"the trust policy of a role": {
			resource("AWS::IAM::Role", map[string]any{
				"AssumeRolePolicyDocument": document(map[string]any{
					"Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Action": "sts:AssumeRole",
				}),
			}), "P allows everyone",
		},
		"a wide denial, which is fine": {
			policy("AWS::S3::BucketPolicy", map[string]any{
				"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
			}), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, strings.Join(broadStatements(test.in, map[string]bool{}), "; "))
		})
	}
}

// broadStatements returns a message for each statement of a template that allows too much. It records in used which
// exceptions were needed.
func broadStatements(in template, used map[string]bool) []string {
	var findings []string
	for _, id := range slices.Sorted(maps.Keys(in.resources())) {
		r := in.resources()[id]
		isAllowed := func(value string) bool {
			for _, exception := range allowedWildcards {
				if exception.resourceType == r["Type"] && exception.value == value {
					used[exception.resourceType+" "+exception.value] = true
					return true
				}
			}
			return false
		}
		for _, s := range policyStatements(r["Properties"]) {
			if s["Effect"] != "Allow" {
				continue
			}
			if s["NotAction"] != nil || s["NotResource"] != nil || s["NotPrincipal"] != nil {
				findings = append(findings, id+" allows all but what it names")
			}
			for _, action := range stringList(s["Action"]) {
				if strings.Contains(action, "*") && !isAllowed(action) {
					findings = append(findings, id+" allows "+action)
				}
			}
			for _, resource := range stringList(s["Resource"]) {
				if resource == "*" && !isAllowed("*") && !writesOneNamespace(s) {
					findings = append(findings, id+" allows it on *")
				}
			}
			if s["Principal"] == "*" || slices.Contains(stringList(valueAt(s["Principal"], "AWS")), "*") {
				findings = append(findings, id+" allows everyone")
			}
		}
	}
	return findings
}

// writesOneNamespace reports whether a statement allows nothing but the writing of metrics into one namespace.
// CloudWatch has no resource for that.
func writesOneNamespace(statement map[string]any) bool {
	namespace, _ := valueAt(statement, "Condition.StringEquals.cloudwatch:namespace").(string)
	return slices.Equal(stringList(statement["Action"]), []string{"cloudwatch:PutMetricData"}) && namespace != ""
}

// policyStatements returns the statements of every policy anywhere in a value, including policies that are text.
func policyStatements(value any) []map[string]any {
	var all []map[string]any
	switch v := value.(type) {
	case map[string]any:
		switch statement := v["Statement"].(type) {
		case []any:
			for _, s := range statement {
				if m, ok := s.(map[string]any); ok {
					all = append(all, m)
				}
			}
		case map[string]any:
			all = append(all, statement)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, policyStatements(v[key])...)
		}
	case []any:
		for _, inner := range v {
			all = append(all, policyStatements(inner)...)
		}
	case string:
		var inner map[string]any
		if strings.Contains(v, `"Statement"`) && json.Unmarshal([]byte(v), &inner) == nil {
			all = append(all, policyStatements(inner)...)
		}
	}
	return all
}

var (
	accountIDPattern = regexp.MustCompile(`(^|[^0-9A-Za-z-])([0-9]{12})([^0-9A-Za-z-]|$)`)
	secretPattern    = regexp.MustCompile(`(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN|` +
		`"(MasterUserPassword|SecretString)"|gh[pos]_[A-Za-z0-9]{20}`)
)

func TestB5_TemplatesHaveNoSecrets(t *testing.T) {
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	known := []string{
		c.Pipeline.Tooling.ID, "555566667777",
		"666677778888",
	} // with the accounts of the tests' own environments
	for _, env := range c.Environments {
		known = append(known, env.ID)
	}
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		all := jsonText(in)
		assert.Empty(t, secretPattern.FindString(all), "%s %s", environment, name)
		for _, found := range accountIDPattern.FindAllStringSubmatch(all, -1) {
			assert.Contains(t, known, found[2], "%s %s", environment, name)
		}
	})
}

func TestG3_ResourcesArePrivateAndEncrypted(t *testing.T) {
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for _, bucket := range in.resourcesOfType("AWS::S3::Bucket") {
			assertPrivateBucket(t, bucket)
		}
		if len(in.resourcesOfType("AWS::S3::Bucket"))+len(in.resourcesOfType("AWS::SNS::Topic")) > 0 {
			assertTLSOnly(t, in)
		}
		for _, topic := range in.resourcesOfType("AWS::SNS::Topic") {
			assert.NotNil(t, valueAt(topic, "Properties.KmsMasterKeyId"), "%s %s", environment, name)
		}
		for _, key := range in.resourcesOfType("AWS::KMS::Key") {
			if valueAt(key, "Properties.KeyUsage") == "SIGN_VERIFY" {
				continue // KMS does not rotate them
			}
			assert.Equal(t, true, valueAt(key, "Properties.EnableKeyRotation"), "%s %s", environment, name)
		}
	})
}
