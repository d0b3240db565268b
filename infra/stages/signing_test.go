package stages

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/config"
)

// A job that plans cannot sign an approval, and one that looks or checks cannot sign at all.
func TestG3_OnlyJobsThatDeploySignReleases(t *testing.T) {
	pipelines := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	var releases, plans string
	for id, r := range pipelines.resources() {
		if r["Type"] != "AWS::KMS::Key" || valueAt(r, "Properties.KeyUsage") != "SIGN_VERIFY" {
			continue
		}
		assert.Equal(t, "ECC_NIST_P256", valueAt(r, "Properties.KeySpec"))
		assert.Equal(t, "Retain", r["UpdateReplacePolicy"])
		if strings.HasPrefix(id, "Release") {
			releases = id
		} else {
			plans = id
		}
	}
	want := map[string]string{}
	for id, r := range pipelines.resources() {
		if r["Type"] != "AWS::IAM::Policy" {
			continue
		}
		for _, s := range policyStatements(r["Properties"]) {
			text := jsonText(s)
			if !strings.Contains(text, "kms:Sign") {
				continue
			}
			assert.Equal(t, []string{"kms:Sign"}, stringList(s["Action"]))
			assert.Equal(t, "DIGEST", valueAt(s, "Condition.StringEquals.kms:MessageType"))
			keys := ""
			if strings.Contains(text, releases) {
				keys += "releases "
			}
			if strings.Contains(text, plans) {
				keys += "plans "
			}
			want[strings.TrimSuffix(id, "RoleDefaultPolicy"+id[len(id)-8:])] = keys
		}
	}
	assert.Equal(t, map[string]string{
		"MainDeployDev": "releases plans ", "MainDeployAcc": "releases plans ", "ReleaseDeployProd": "releases plans ",
		"ReleasePlanProd": "plans ",
	}, want)
}
