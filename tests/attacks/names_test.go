package attacks

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/refusal"
)

// forgedHash is the name of an object that another app of the account has.
var forgedHash = strings.Repeat("5e", 32)

func TestNames_OfAssemblyLeadToBootstrapOnly(t *testing.T) {
	asset := func(change func(destination map[string]any)) func(*victim) {
		return func(v *victim) {
			v.write("payload", `{"number":2}`)
			change(v.addAsset("payload", "payload", "file", forgedHash+".json"))
		}
	}
	key := func(key string) func(*victim) {
		return asset(func(d map[string]any) { d["objectKey"] = key })
	}
	stack := func(name string, value any) func(*victim) { return func(v *victim) { v.stack[name] = value } }
	for name, attack := range map[string]func(*victim){
		"an asset is a release record":        key("lockstep/shop/acc/releases/00000002.json"),
		"an asset is an approval":             key("lockstep/shop/acc/approvals/" + forgedHash + ".json"),
		"an asset is the lock":                key("lockstep/shop/acc/lock.json"),
		"an asset is a record of another app": key("lockstep/blog/prod/releases/00000001.json"),
		"a key that begins with the hash":     key(forgedHash + "/../lockstep/shop/acc/lock.json"),
		"a key that ends with the hash":       key("lockstep/" + forgedHash + ".json"),
		"a key with a line break":             key(forgedHash + ".json\n"),
		"a short key":                         key("latest.zip"),
		"another bucket":                      asset(func(d map[string]any) { d["bucketName"] = "stranger" }),
		"another region":                      asset(func(d map[string]any) { d["region"] = "us-east-1" }),
		"a strong role for an asset":          asset(func(d map[string]any) { d["assumeRoleArn"] = role("cfn-exec") }),
		"a strong role for the stack": stack("assumeRoleArn",
			"arn:aws:iam::"+account+":role/OrganizationAccountAccessRole"),
		"a role with a path": stack("assumeRoleArn",
			"arn:aws:iam::"+account+":role/x/cdk-hnb659fds-deploy-role-"+account+"-"+region),
		"another execution role": stack("cloudFormationExecutionRoleArn", "arn:aws:iam::"+account+":role/Admin"),
		"a template in a stranger's bucket": stack("stackTemplateAssetObjectUrl",
			"s3://stranger/"+forgedHash+".json"),
		"a template at an address": stack("stackTemplateAssetObjectUrl", "https://example.com/"+forgedHash+".json"),
		"a template behind a query": stack("stackTemplateAssetObjectUrl",
			"https://s3."+region+".amazonaws.com/"+bucket+"/"+forgedHash+".json?versionId=1"),
		"a template in a record": stack("stackTemplateAssetObjectUrl",
			"s3://"+bucket+"/lockstep/shop/acc/releases/00000001.json"),
		"a topic of another account": stack("notificationArns", []string{"arn:aws:sns:" + region + ":999900001111:t"}),
		"another version parameter": func(v *victim) {
			v.stack["requiresBootstrapStackVersion"] = 6
			v.stack["bootstrapStackVersionSsmParameter"] = "/app/large-number"
		},
		"the bootstrap's stack": stack("stackName", "CDKToolkit"),
		"a nested template elsewhere": func(v *victim) {
			v.setTemplate(`{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack","Properties":` +
				`{"TemplateURL":"https://s3.amazonaws.com/stranger/t.json"}}}}`)
		},
		"a nested template under a name that is not published": func(v *victim) {
			v.setTemplate(`{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack","Properties":` +
				`{"TemplateURL":{"Fn::ImportValue":"address"}}}}}`)
		},
		"a nested template that another app has staged": func(v *victim) {
			v.setTemplate(`{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":{"Fn::Join":["",` +
				`["https://s3.` + region + `.",{"Ref":"AWS::URLSuffix"},"/` + bucket + `/` + forgedHash + `.json"]]}}}}}`)
		},
		"a template in a nested one": func(v *victim) {
			v.write("n.json", `{"Resources":{"N":{"Type":"AWS::CloudFormation::StackSet","Properties":`+
				`{"TemplateURL":"https://example.com/t.json"}}}}`)
			v.addAsset("nested", "n.json", "file", forgedHash+".json")
			v.setTemplate(`{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":{"Fn::Sub":` +
				`"https://s3.${AWS::Region}.amazonaws.com/` + bucket + `/` + forgedHash + `.json"}}}}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			attack(v)
			err := v.plan()
			var refused *refusal.Error
			require.ErrorAs(t, err, &refused)
			assert.Empty(t, v.objects(), "nothing was published")
			assert.Empty(t, v.Stack(account, region, "web").Status)
		})
	}
}

func TestNames_NestedTemplateOfTheAssemblyIsTaken(t *testing.T) {
	v := newVictim(t)
	v.write("n.json", cleanTemplate)
	v.addAsset("nested", "n.json", "file", forgedHash+".json")
	v.setTemplate(`{"Resources":{"N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":{"Fn::Join":["",` +
		`["https://s3.` + region + `.",{"Ref":"AWS::URLSuffix"},"/` + bucket + `/` + forgedHash + `.json"]]}}}}}`)
	require.NoError(t, v.plan())
	assert.Equal(t, cleanTemplate, v.objects()[forgedHash+".json"])
}

// A link in an assembly counts with its target's path, so what it leads to must be in the assembly too.
func TestLinks_OutOfAssemblyAreRefused(t *testing.T) {
	for name, attack := range map[string]func(v *victim, outside string){
		"an asset": func(v *victim, outside string) {
			v.link(filepath.Join(outside, "secret"), "payload")
			v.addAsset("payload", "payload", "file", forgedHash+".txt")
		},
		"a relative one": func(v *victim, outside string) {
			relative, err := filepath.Rel(v.dir, filepath.Join(outside, "secret"))
			require.NoError(v.t, err)
			v.link(relative, "payload")
			v.addAsset("payload", "payload", "file", forgedHash+".txt")
		},
		"an asset's folder": func(v *victim, outside string) {
			v.link(outside, "asset.x")
			v.addAsset("payload", "asset.x", "zip", forgedHash+".zip")
		},
		"a file in an asset's folder": func(v *victim, outside string) {
			v.write("asset.x/index.js", "x")
			v.link(filepath.Join(outside, "secret"), "asset.x/data")
			v.addAsset("payload", "asset.x", "zip", forgedHash+".zip")
		},
		"through another link": func(v *victim, outside string) {
			v.write("asset.x/y/z/index.js", "x")
			v.link("../../..", "asset.x/y/z/up")
			v.link("asset.x/y/z/up/../"+filepath.Base(outside)+"/secret", "payload")
			v.addAsset("payload", "payload", "file", forgedHash+".txt")
		},
		"the template": func(v *victim, outside string) {
			v.link(filepath.Join(outside, "t.json"), "other.template.json")
			v.stack["templateFile"] = "other.template.json"
			delete(v.stack, "stackTemplateAssetObjectUrl")
		},
		"a file that nothing names": func(v *victim, outside string) { v.link(outside, "readme") },
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			outside := t.TempDir()
			other := &victim{t: t, dir: outside}
			other.write("secret", "HUNTER2")
			other.write("t.json", cleanTemplate)
			attack(v, outside)
			require.ErrorContains(t, v.plan(), "leads out of the folder")
			assert.Empty(t, v.objects(), "nothing was published")
		})
	}
}
