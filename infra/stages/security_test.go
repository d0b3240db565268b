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

// A nagLine is what cdk-nag's report says of one rule and one resource.
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
			"aws:cdk:path": "s/A", "cdk_nag": map[string]any{"rules_to_suppress": []any{map[string]any{"id": rule,
				"reason": reason}}},
		}}}}
	}
	report := []nagLine{{"R1", "s/A", "Suppressed", "because"}, {"R2", "s/A", "Compliant", "N/A"},
		{"R3", "s/B", "Suppressed", "because"}}
	assert.Empty(t, unusedSuppressions(suppressed("R1", "because of this"), report))
	assert.Equal(t, []string{"s/A is excused from R2, which it meets"},
		unusedSuppressions(suppressed("R2", "because of this"), report))
	assert.Equal(t, []string{"s/A is excused from R3, which it meets"},
		unusedSuppressions(suppressed("R3", "because of this"), report))
	assert.Equal(t, []string{"s/A is excused from R1 without a reason"}, unusedSuppressions(suppressed("R1", ""), report))
}

// unusedSuppressions are the excuses of a template that its report does not need, or that have no reason.
func unusedSuppressions(in template, report []nagLine) []string {
	var unused []string
	for _, id := range slices.Sorted(maps.Keys(in.resources())) {
		r := in.resources()[id]
		path := fmt.Sprint(valueAt(r, "Metadata.aws:cdk:path"))
		excuses, _ := valueAt(r, "Metadata.cdk_nag.rules_to_suppress").([]any)
		for _, excuse := range excuses {
			rule, reason := fmt.Sprint(valueAt(excuse, "id")), fmt.Sprint(valueAt(excuse, "reason"))
			switch {
			case len(strings.Fields(reason)) < 3:
				unused = append(unused, path+" is excused from "+rule+" without a reason")
			case !slices.ContainsFunc(report, func(l nagLine) bool {
				// Where a rule finds several things wrong with a resource, it names each in brackets.
				named, _, _ := strings.Cut(l.RuleID, "[")
				return named == rule && l.ResourceID == path && l.Compliance == "Suppressed"
			}):
				unused = append(unused, path+" is excused from "+rule+", which it meets")
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

// allowedWildcards are the statements that may say * and why.
var allowedWildcards = []struct{ where, what, why string }{
	{"AWS::KMS::Key", "*", "in a key's own policy * is that key"},
	{"AWS::KMS::Key", "kms:*",
		"only the key's account has it, which hands out no more than its own policies do; " +
			"without it nobody could change the policy"},
	{"AWS::KMS::Key", "kms:GenerateDataKey*",
		"the two forms of it, with and without the plain key; AWS documents it so for publishers of encrypted topics"},
}

func TestG2_PoliciesHaveNoWildcards(t *testing.T) {
	used := map[string]bool{}
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for _, finding := range broadStatements(in, used) {
			assert.Fail(t, environment+" "+name+": "+finding)
		}
	})
	for _, exception := range allowedWildcards {
		assert.True(t, used[exception.where+" "+exception.what], "nothing needs the exception %s %s", exception.where,
			exception.what)
	}
}

func TestPolicies_WildcardIsReported(t *testing.T) {
	policy := func(kind string, statement map[string]any) template {
		return template{"Resources": map[string]any{"P": map[string]any{"Type": kind,
			"Properties": map[string]any{"PolicyDocument": map[string]any{"Statement": []any{statement}}}}}}
	}
	allow := func(action, resource any) map[string]any {
		return map[string]any{"Effect": "Allow", "Action": action, "Resource": resource}
	}
	for name, test := range map[string]struct {
		in   template
		want string
	}{
		"every action": {policy("AWS::IAM::Policy", allow("*", "arn:aws:s3:::b")), "P allows *"},
		"every action of a service": {policy("AWS::IAM::Policy",
			allow([]any{"s3:GetObject", "s3:*"}, "arn:aws:s3:::b")), "P allows s3:*"},
		"every resource": {policy("AWS::IAM::Policy", allow("s3:GetObject", "*")), "P allows it on *"},
		"everyone": {policy("AWS::S3::BucketPolicy",
			map[string]any{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b"}),
			"P allows everyone"},
		"everyone, as an AWS principal": {policy("AWS::SNS::TopicPolicy",
			map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Action": "sns:Publish",
				"Resource": "t"}), "P allows everyone"},
		"all but some": {policy("AWS::IAM::Policy",
			map[string]any{"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::b"}),
			"P allows all but what it names"},
		"in a log's policy, which is a text": {template{"Resources": map[string]any{"P": map[string]any{"Type": "AWS::Logs::ResourcePolicy", "Properties": map[string]any{"PolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"s"},"Action":"logs:PutLogEvents","Resource":"*"}}`}}}}, "P allows it on *"},
		"in a role's own policies":           {template{"Resources": map[string]any{"P": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{"Policies": []any{map[string]any{"PolicyDocument": map[string]any{"Statement": []any{allow("s3:*", "x")}}}}}}}}, "P allows s3:*"},
		"in who may take on a role":          {template{"Resources": map[string]any{"P": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{"AssumeRolePolicyDocument": map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Action": "sts:AssumeRole"}}}}}}}, "P allows everyone"},
		"nothing, where a denial is that wide": {policy("AWS::S3::BucketPolicy",
			map[string]any{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, strings.Join(broadStatements(test.in, map[string]bool{}), "; "))
		})
	}
}

// broadStatements are the statements of a template that allow too much; it notes which exceptions were needed.
func broadStatements(in template, used map[string]bool) []string {
	var findings []string
	for _, id := range slices.Sorted(maps.Keys(in.resources())) {
		r := in.resources()[id]
		excused := func(what string) bool {
			for _, exception := range allowedWildcards {
				if exception.where == r["Type"] && exception.what == what {
					used[exception.where+" "+exception.what] = true
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
				if strings.Contains(action, "*") && !excused(action) {
					findings = append(findings, id+" allows "+action)
				}
			}
			for _, resource := range stringList(s["Resource"]) {
				if resource == "*" && !excused("*") {
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

// policyStatements are those of every policy anywhere in a value, policies that are written as text included.
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
	secretPattern    = regexp.MustCompile(`(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN|"(MasterUserPassword|SecretString)"|gh[pos]_[A-Za-z0-9]{20}`)
)

func TestB5_TemplatesHaveNoSecrets(t *testing.T) {
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	known := []string{c.Pipeline.Tooling.ID, "555566667777",
		"666677778888"} // with the accounts of the tests' own environments
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
			assert.Equal(t, true, valueAt(key, "Properties.EnableKeyRotation"), "%s %s", environment, name)
		}
	})
}
