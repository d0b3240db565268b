package deploy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/preflight"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// asLive makes a deployment a live one.
func asLive(o *Options) { o.Run.Mode = Live }

// template returns a template with one resource, called R.
func template(resourceType, properties string) string {
	return `{"Resources":{"R":{"Type":"` + resourceType + `","Properties":` + properties + `}}}`
}

// Reports: a rehearsal passes what AWS refuses and could have been known before it.
func TestDeploy_StopsAtWhatAWSRefuses(t *testing.T) {
	layers := template("AWS::Lambda::Function", `{"Code":{},"Role":"r","Layers":["a","b","c","d","e","f"]}`)
	for name, test := range map[string]struct {
		template, want string
		// isLimit says that a live deployment stops too.
		isLimit bool
	}{
		"an unknown property": {
			template("AWS::SNS::Topic", `{"TopicNam":"x"}`), "stack web, R (AWS::SNS::Topic): CloudFormation: TopicNam", false,
		},
		"a duplicate tag": {
			template("AWS::SQS::Queue", `{"Tags":[{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}]}`), "is there twice", false,
		},
		"an empty parameter": {template("AWS::SSM::Parameter", `{"Type":"String","Value":""}`), "is empty", false},
		"six layers":         {layers, "it has 6 layers", true},
		"501 resources":      {topics(501), "501 resources, and CloudFormation takes 500", true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, plan := range []bool{false, true} {
				c := newCloud(t)
				d := c.open(oneStack(t, test.template))
				var err error
				if plan {
					_, err = d.Plan(t.Context())
				} else {
					_, err = d.Deploy(t.Context(), DeployRequest{})
				}
				require.ErrorContains(t, err, test.want)
				var refused *refusal.Error
				assert.Equal(t, test.isLimit, errors.As(err, &refused))
				assert.Empty(t, c.stack("web").Status, "nothing was written")
				assert.Empty(t, c.Objects(testAccount, testRegion))
			}
			c := newCloud(t)
			_, err := c.deploy(oneStack(t, test.template), DeployRequest{}, asLive)
			if test.isLimit {
				require.ErrorContains(t, err, test.want)
				assert.Empty(t, c.stack("web").Status)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 1, strings.Count(c.progress.String(), test.want), "a notice, once")
		})
	}
}

func TestDeploy_ChecksTemplatesAsSynthesised(t *testing.T) {
	c := newCloud(t)
	adapted := oneStack(t, topics(1))
	written := oneStack(t, template("AWS::SQS::Queue", `{"QueueNam":"x"}`))
	_, err := c.deploy(adapted, DeployRequest{}, func(o *Options) { o.Artifacts.Checked = written.Files })
	require.ErrorContains(t, err, "QueueNam: there is no such property")
}

func TestDeploy_ChecksNestedTemplates(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	key := strings.Repeat("0a", 32) + ".json"
	asm := oneStack(t, template("AWS::CloudFormation::Stack",
		`{"TemplateURL":"https://s3.`+testRegion+`.amazonaws.com/`+stagingBucketName(testTarget)+`/`+key+`"}`))
	asm.Files.(fstest.MapFS)["web.n.nested.template.json"] = &fstest.MapFile{
		Data: []byte(template("AWS::SNS::Topic", `{"TopicNam":"x"}`)),
	}
	asm.Stacks[0].Assets = []assembly.Asset{{
		Name: "n", Path: "web.n.nested.template.json", Bucket: stagingBucketName(testTarget), Key: key,
		Region: testRegion, Role: assembly.Role{ARN: bootstrapRole(testTarget, roles.FilePublishing).ARN},
	}}
	_, err := c.open(asm).Plan(t.Context())
	printed.Error(err)
	require.ErrorContains(t, err, "stack web, nested template web.n.nested.template.json, R (AWS::SNS::Topic)")
}

// importingTemplate returns a template whose stack imports a name.
func importingTemplate(name string) string {
	return template("AWS::SNS::Topic", `{"TopicName":{"Fn::ImportValue":"`+name+`"}}`)
}

func TestDeploy_StopsAtExportsInUse(t *testing.T) {
	printed := faulttest.Printed(t)
	changed := strings.Replace(exportingTemplate("net"), `"v"`, `"w"`, 1)
	for name, test := range map[string]struct {
		needs     needs
		templates map[string]string
		want      string
	}{
		"dropped, and the other stack first stops to import": {
			needs{"net": nil, "app": {"net"}},
			map[string]string{"net": topics(1), "app": topics(1)},
			"stack net: CloudFormation: it would drop the export net:Name, which stack app imports: " +
				"app no longer imports it in this assembly, but may be deployed after net. Let net depend on app, or keep",
		},
		"changed": {
			needs{"net": nil, "app": {"net"}},
			map[string]string{"net": changed, "app": importingTemplate("net:Name")},
			"it would change the export net:Name, which stack app imports",
		},
		"dropped, and the other stack is not in the assembly": {
			needs{"net": nil},
			map[string]string{"net": topics(1)},
			"keep the export for one release with `this.exportValue(...)`",
		},
		"exported by another stack": {
			needs{"mail": nil},
			map[string]string{"mail": exportingTemplate("net")},
			"it exports net:Name, and so does stack net",
		},
		"exported by two stacks": {
			needs{"a": nil, "b": nil},
			map[string]string{"a": exportingTemplate("x"), "b": exportingTemplate("x")},
			"it exports x:Name, and so does stack b",
		},
		"dropped after the other stack": {
			needs{"net": {"app"}, "app": nil}, map[string]string{"net": topics(1), "app": topics(1)}, "",
		},
		"kept": {needs{"net": nil}, map[string]string{"net": exportingTemplate("net")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			_, err := c.deploy(assemble(t, needs{"net": nil, "app": {"net"}}, map[string]string{
				"net": exportingTemplate("net"), "app": importingTemplate("net:Name"),
			}), DeployRequest{})
			require.NoError(t, err)
			before := c.Objects(testAccount, testRegion)
			for _, mode := range []func(*Options){func(*Options) {}, asLive} {
				_, err = c.deploy(assemble(t, test.needs, test.templates), DeployRequest{}, mode)
				if test.want == "" {
					require.NoError(t, err)
					continue
				}
				requireRefused(t, printed.Error(err))
				assert.Contains(t, err.Error(), test.want)
				assert.Equal(t, 1, c.stack("net").Executions)
				assert.Equal(t, before, c.Objects(testAccount, testRegion), "nothing was written")
			}
		})
	}
}

func TestReplaces_TagsNever(t *testing.T) {
	for property, want := range map[string]string{
		"Tags": "Never", "BucketName": "Always", "VersioningConfiguration": "Never",
	} {
		recreation, ok := replaces("AWS::S3::Bucket", property)
		assert.True(t, ok)
		assert.Equal(t, want, string(recreation), property)
	}
	_, ok := replaces("Custom::Thing", "Tags")
	assert.False(t, ok)
}

func TestRefusals_AreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| service | what it refuses | live |\n| -- | -- | -- |\n")
	for _, r := range preflight.Rules {
		live := map[preflight.Level]string{preflight.Limit: "stops", preflight.Check: "a notice"}[r.Level]
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Service, r.Refuses, live)
	}
	checkDocumentTable(t, "refusals", b.String())
}
