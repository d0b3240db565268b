package deploy

import (
	"context"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/assembly/assemblytest"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/roles"
)

// assembleStack returns a cloud assembly with one stack, web, and properties in its manifest besides those of
// every test.
func assembleStack(t *testing.T, body string, properties map[string]any) *assembly.Assembly {
	t.Helper()
	all := map[string]any{
		"templateFile": "web.json", "assumeRoleArn": bootstrapRole(testTarget, roles.Deploy).ARN,
		"cloudFormationExecutionRoleArn": bootstrapRole(testTarget, roles.Execution).ARN,
	}
	maps.Copy(all, properties)
	artefacts := map[string]any{"web": map[string]any{
		"type": "aws:cloudformation:stack", "environment": "aws://" + testAccount + "/" + testRegion, "properties": all,
	}}
	files := fstest.MapFS{"web.json": {Data: []byte(body)}}
	return assemblytest.Read(t, assembly.Defaults{Account: testAccount, Region: testRegion}, artefacts, files)
}

// keepAssembly makes a deployment keep its assembly with the release, as the command line does.
func keepAssembly(t *testing.T, asm *assembly.Assembly) func(*Options) {
	t.Helper()
	return func(o *Options) {
		o.Artifacts.Assembly = asm.Files
		sum, err := assembly.SynthDigest(asm.Files)
		require.NoError(t, err)
		o.SynthDigest = sum
		o.EnvironmentDigest = digest.Environment(sum)
	}
}

// updateByHand updates the stack web outside Lockstep.
func (c *cloud) updateByHand(update func(*simulated.StackInput)) {
	c.UpdateByHand(testAccount, testRegion, "web", update)
}

// A verdict is what the commands say of the same state: the paths of what differs, the values of what a plan
// shows, and the notes.
type verdict struct{ plan, verify, drift, notes string }

// verdictOf asks plan, verify and drift.
func (c *cloud) verdictOf(asm *assembly.Assembly) verdict {
	c.t.Helper()
	keep := keepAssembly(c.t, asm)
	p, err := c.open(asm, keep).Plan(c.t.Context())
	require.NoError(c.t, err)
	require.NoError(c.t, p.Discard(c.t.Context()))
	record := p.Record().Stacks[0]
	v := verdict{plan: string(record.Outcome), verify: "passed", drift: "in sync", notes: strings.Join(record.Notes, "; ")}
	if record.Outcome == change.Planned {
		v.plan = strings.Join(propertyTexts(record.Changes), "; ")
	}
	verified, err := c.open(asm, keep).Verify(c.t.Context())
	if err != nil {
		_, rest, _ := strings.Cut(err.Error(), "what is deployed is not what the assembly holds (")
		v.verify, _, _ = strings.Cut(rest, "): `lockstep plan --env acc` shows what differs")
	}
	assert.Equal(c.t, record.Notes, verified.Stacks[0].Notes)
	drifts, err := c.open(asm, keep).Drift(c.t.Context())
	require.NoError(c.t, err)
	require.Len(c.t, drifts, 1)
	assert.Equal(c.t, record.Notes, drifts[0].Notes)
	if drifts[0].Drifted() {
		var texts []string
		for _, p := range drifts[0].Changes {
			texts = append(texts, p.String())
		}
		v.drift = strings.Join(texts, "; ")
	}
	return v
}

// propertyTexts returns the changed properties of the stack itself, and the ids of the resources that change.
func propertyTexts(changes []change.Change) []string {
	var out []string
	for _, c := range changes {
		if c.Type != change.StackType {
			out = append(out, string(c.Action)+" "+c.LogicalID)
		}
		for _, p := range c.Properties {
			out = append(out, p.String())
		}
	}
	return out
}

// releases returns the release records among objects.
func releases(objects map[string]string) map[string]string {
	maps.DeleteFunc(objects, func(key, _ string) bool { return !strings.Contains(key, "/releases/") })
	return objects
}

const (
	modeTemplate = `{"Parameters":{"Mode":{"Type":"String","Default":"safe"}},
		"Resources":{"Topic":{"Type":"AWS::SNS::Topic","Properties":{"DisplayName":{"Ref":"Mode"}}}}}`
	mappingTemplate = `{"Mappings":{"M":{"a":{"b":"one"}}},"Conditions":{"C":{"Fn::Equals":["x","x"]}},
		"Resources":{"Topic":{"Type":"AWS::SNS::Topic","Condition":"C","Properties":{
			"DisplayName":{"Fn::FindInMap":["M","a","b"]}}}}}`
	unchangedVerdict = "unchanged passed in sync "
)

func (v verdict) String() string {
	return strings.Join([]string{v.plan, v.verify, v.drift, v.notes}, " ")
}

// TestComparison_UnchangedThatIsNotAndChangedThatIsNot deploys, changes the stack outside Lockstep, and asks plan,
// verify, drift and deploy about the same state. Afterwards all four say that nothing differs.
func TestComparison_UnchangedThatIsNotAndChangedThatIsNot(t *testing.T) {
	parameters := func(name, value string) func(*simulated.StackInput) {
		return func(in *simulated.StackInput) { in.Parameters[name] = value }
	}
	replace := func(old, next string) func(*simulated.StackInput) {
		return func(in *simulated.StackInput) { in.Body = strings.ReplaceAll(in.Body, old, next) }
	}
	for name, test := range map[string]struct {
		template   string
		properties map[string]any
		byHand     func(*simulated.StackInput)
		want       verdict
		// stays says that the difference is a note, which no deployment removes.
		stays bool
		// allow are the permits that its removal needs.
		allow []change.Permit
	}{
		"nothing": {
			template: modeTemplate, byHand: func(*simulated.StackInput) {},
			want: verdict{"unchanged", "passed", "in sync", ""},
		},
		"a parameter that falls back to its default": {
			template: modeTemplate, byHand: parameters("Mode", "unsafe"),
			want: verdict{
				"modify Topic; Parameters.Mode: unsafe -> safe", "Parameters.Mode", "Parameters.Mode: unsafe -> safe", "",
			},
		},
		"a parameter that the assembly gives": {
			template: modeTemplate, properties: map[string]any{"parameters": map[string]any{"Mode": "fast"}},
			byHand: parameters("Mode", "unsafe"),
			want: verdict{
				"modify Topic; Parameters.Mode: unsafe -> fast", "Parameters.Mode", "Parameters.Mode: unsafe -> fast", "",
			},
		},
		"a list": {
			template: strings.ReplaceAll(modeTemplate, `"String","Default":"safe"`, `"CommaDelimitedList","Default":"a,b"`),
			byHand:   parameters("Mode", "a,c"),
			want:     verdict{"modify Topic; Parameters.Mode: a,c -> a,b", "Parameters.Mode", "Parameters.Mode: a,c -> a,b", ""},
		},
		"a name that is secret": {
			template: strings.ReplaceAll(modeTemplate, "Mode", "Password"), byHand: parameters("Password", "x"),
			want: verdict{
				"modify Topic; Parameters.Password: (hidden) -> (hidden)", "Parameters.Password",
				"Parameters.Password: (hidden) -> (hidden)", "",
			},
		},
		"a parameter of a condition": {
			template: `{"Parameters":{"Env":{"Type":"String","Default":"prod"}},
				"Conditions":{"C":{"Fn::Equals":[{"Ref":"Env"},"prod"]}},
				"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"More":{"Type":"AWS::SNS::Topic","Condition":"C"}}}`,
			byHand: parameters("Env", "dev"),
			want:   verdict{"add More; Parameters.Env: dev -> prod", "Parameters.Env", "Parameters.Env: dev -> prod", ""},
		},
		"a parameter that comes to the same": {
			template: `{"Parameters":{"Env":{"Type":"String","Default":"dev"}},
				"Conditions":{"C":{"Fn::Equals":[{"Ref":"Env"},"prod"]}},
				"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"More":{"Type":"AWS::SNS::Topic","Condition":"C"}}}`,
			byHand: parameters("Env", "test"),
			want:   verdict{"Parameters.Env: test -> dev", "Parameters.Env", "Parameters.Env: test -> dev", ""},
		},
		"another SSM parameter": {
			template: strings.ReplaceAll(modeTemplate, `"String","Default":"safe"`,
				`"AWS::SSM::Parameter::Value<String>","Default":"/mode"`),
			byHand: parameters("Mode", "/other"),
			want: verdict{
				"modify Topic; Parameters.Mode: /other -> /mode", "Parameters.Mode", "Parameters.Mode: /other -> /mode", "",
			},
		},
		"a parameter that nothing refers to": {
			template: `{"Parameters":{"Mode":{"Type":"String","Default":"safe"}},
				"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`,
			byHand: parameters("Mode", "unsafe"), stays: true,
			want: verdict{
				"unchanged", "passed", "in sync", "Parameters.Mode is unsafe and not safe: no resource and no output depends on it",
			},
		},
		"a mapping": {
			template: mappingTemplate, byHand: replace("one", "two"),
			want: verdict{"modify Topic", "Mappings.M", "Mappings.M", ""},
		},
		"a condition": {
			template: mappingTemplate, byHand: replace(`["x","x"]`, `["x","y"]`),
			want: verdict{"add Topic", "Conditions.C", "Conditions.C", ""},
		},
		"an output": {
			template: `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},"Outputs":{"O":{"Value":"v"}}}`,
			byHand:   replace(`"v"`, `"w"`), want: verdict{"Outputs.O: w -> v", "Outputs.O", "Outputs.O: w -> v", ""},
		},
		"a resource": {
			template: topics(1), byHand: replace("Topic0", "Topic1"),
			want: verdict{
				"add Topic0; remove Topic1", "Resources.Topic0, Resources.Topic1", "Resources.Topic0; Resources.Topic1", "",
			},
		},
		"only dependencies": {
			template: topics(2), byHand: replace(`"Topic1":{`, `"Topic1":{"DependsOn":"Topic0",`),
			want: verdict{"unchanged", "passed", "in sync", ""},
		},
		"a description": {
			template: topics(1), byHand: replace(`{"Resources"`, `{"Description":"x","Resources"`),
			want: verdict{"unchanged", "passed", "in sync", ""},
		},
		"a tag more": {
			template: topics(1), byHand: func(in *simulated.StackInput) { in.Tags = map[string]string{"by": "hand"} },
			want: verdict{"Tags.by: hand -> nothing", "Tags.by", "Tags.by: hand -> nothing", ""},
		},
		"a tag less": {
			template: topics(1), properties: map[string]any{"tags": map[string]string{"a": "b"}},
			byHand: func(in *simulated.StackInput) { in.Tags = nil },
			want:   verdict{"Tags.a: b", "Tags.a", "Tags.a: b", ""},
		},
		"a topic more": {
			template: topics(1), byHand: func(in *simulated.StackInput) { in.NotificationARNs = []string{"arn:x"} },
			want: verdict{"NotificationARNs: arn:x -> nothing", "NotificationARNs", "NotificationARNs: arn:x -> nothing", ""},
		},
		"protection": {
			template: topics(1), byHand: func(in *simulated.StackInput) { in.TerminationProtection = true },
			allow: []change.Permit{change.DataLoss},
			want:  verdict{"TerminationProtection", "TerminationProtection", "TerminationProtection", ""},
		},
		"a stack policy": {
			template: `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},"Metadata":{"lockstep:stackPolicy":{"Statement":[]}}}`,
			byHand:   func(in *simulated.StackInput) { in.Policy = `{}` },
			want:     verdict{"StackPolicy", "StackPolicy", "StackPolicy", ""},
		},
		"YAML": {
			template: topics(1), byHand: func(in *simulated.StackInput) { in.Body = "Resources: {}" },
			want: verdict{"add Topic0", "Template", "Template", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			asm := assembleStack(t, test.template, test.properties)
			_, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			c.updateByHand(test.byHand)
			assert.Equal(t, test.want, c.verdictOf(asm))

			allowed := DeployRequest{Allow: test.allow}
			_, err = c.deploy(asm, allowed, keepAssembly(t, asm))
			require.NoError(t, err)
			want := verdict{"unchanged", "passed", "in sync", ""}
			if test.stays {
				want = test.want
			}
			assert.Equal(t, want, c.verdictOf(asm))
			before := c.Objects(testAccount, testRegion)
			record, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Equal(t, change.Unchanged, record.Outcome)
			assert.Equal(t, releases(before), releases(c.Objects(testAccount, testRegion)), "nothing new is recorded")
		})
	}
}

// CloudFormation itself says that the assembly's template is no change. That is recorded, and holds until the stack is
// changed.
func TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded(t *testing.T) {
	spelled := func(value string) string {
		return `{"Parameters":{"P":{"Type":"String","Default":"a"}},
			"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":` + value + `}}}}`
	}
	for name, test := range map[string]struct{ before, after string }{
		"a dependency": {topics(2), strings.Replace(topics(2), `"Topic1":{`, `"Topic1":{"DependsOn":"Topic0",`, 1)},
		"a value that is computed in another way": {spelled(`"a-b"`), spelled(`{"Fn::Join":["-",[{"Ref":"P"},"b"]]}`)},
		"a value that is substituted":             {spelled(`"a-b"`), spelled(`{"Fn::Sub":"${P}-b"}`)},
		"a mapping that nothing refers to": {
			topics(1), strings.Replace(topics(1), `{"R`, `{"Mappings":{"M":{"a":{"b":"c"}}},"R`, 1),
		},
		"metadata": {
			topics(1), strings.Replace(topics(1), `"Type"`, `"Metadata":{"a":"b"},"Type"`, 1),
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			_, err := c.deploy(oneStack(t, test.before), DeployRequest{})
			require.NoError(t, err)
			asm := oneStack(t, test.after)
			record, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Equal(t, change.Unchanged, record.Outcome)
			assert.Equal(t, 2, record.Release, "the assembly is another one")
			assert.Equal(t, unchangedVerdict, c.verdictOf(asm).String())

			before := c.Objects(testAccount, testRegion)
			_, err = c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Equal(t, before, c.Objects(testAccount, testRegion), "and then nothing is written any more")
			assert.Equal(t, 1, c.stack("web").Executions)

			c.updateByHand(func(in *simulated.StackInput) { in.Body = topics(3) })
			assert.NotEqual(t, unchangedVerdict, c.verdictOf(asm).String(), "the record holds for that very stack only")
			_, err = c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Equal(t, unchangedVerdict, c.verdictOf(asm).String())
		})
	}
}

func TestComparison_ReviewedPlanOfNoChangeIsApplied(t *testing.T) {
	c := newCloud(t)
	before := oneStack(t, `{"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"a-a"}}}}`)
	_, err := c.deploy(before, DeployRequest{})
	require.NoError(t, err)
	asm := oneStack(t, `{"Parameters":{"P":{"Type":"String","Default":"a"}},
		"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":{"Fn::Sub":"${P}-a"}}}}}`)
	file := c.savePlan(c.open(asm), time.Hour)
	assert.Equal(t, change.Unchanged, file.Targets[0].Stacks[0].Outcome)
	record, err := c.deploy(asm, DeployRequest{Plan: &file})
	require.NoError(t, err)
	assert.Equal(t, change.Unchanged, record.Outcome)
}

func TestComparison_ParameterThatComesToTheSameIsNotedOnce(t *testing.T) {
	template := `{"Parameters":{"Env":{"Type":"String","Default":"dev"}},
		"Conditions":{"C":{"Fn::Equals":[{"Ref":"Env"},"prod"]}},
		"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"More":{"Type":"AWS::SNS::Topic","Condition":"C"}}}`
	for name, isReviewed := range map[string]bool{"a deployment": false, "a reviewed plan": true} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			asm := oneStack(t, template)
			_, err := c.deploy(asm, DeployRequest{})
			require.NoError(t, err)
			c.updateByHand(func(in *simulated.StackInput) { in.Parameters["Env"] = "test" })
			var request DeployRequest
			if isReviewed {
				file := c.savePlan(c.open(asm), time.Hour)
				request.Plan = &file
			}
			record, err := c.deploy(asm, request)
			require.NoError(t, err)
			assert.Equal(t, change.Unchanged, record.Outcome)
			assert.Equal(t, []string{"Parameters.Env: test -> dev: CloudFormation does not count that as a change"},
				record.Stacks[0].Notes)
			record, err = c.deploy(asm, DeployRequest{})
			require.NoError(t, err)
			assert.Empty(t, record.Stacks[0].Notes)
		})
	}
}

func TestComparison_CharactersBeyondASCIIAreDeployedOnce(t *testing.T) {
	named := func(name string) string {
		return `{"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"DisplayName":"` + name + `"}}}}`
	}
	for name, text := range map[string]string{
		"an umlaut": "Zürich", "Japanese": "日本", "a smile": "😀", "a dash": "a – b",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			asm := assembleStack(t, named(text), nil)
			record, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Equal(t, 1, record.Release)
			before := c.Objects(testAccount, testRegion)
			record, err = c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Zero(t, record.Release)
			assert.Equal(t, before, c.Objects(testAccount, testRegion))
			assert.Equal(t, unchangedVerdict, c.verdictOf(asm).String())
		})
	}
	t.Run("one letter for another is a change", func(t *testing.T) {
		c := newCloud(t)
		_, err := c.deploy(oneStack(t, named("Zürich")), DeployRequest{})
		require.NoError(t, err)
		record, err := c.deploy(oneStack(t, named("Zörich")), DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, change.Updated, record.Outcome)
		assert.Contains(t, c.stack("web").Body, "Zörich")
		c.updateByHand(func(in *simulated.StackInput) { in.Body = named("Zárich") })
		record, err = c.deploy(oneStack(t, named("Zörich")), DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, change.Updated, record.Outcome, "the stack was changed since the release")
	})
}

func TestComparison_SSMValuesAreReadEachTime(t *testing.T) {
	c := newCloud(t)
	asm := oneStack(t, strings.ReplaceAll(modeTemplate, `"String","Default":"safe"`,
		`"AWS::SSM::Parameter::Value<String>","Default":"/mode"`))
	record, err := c.deploy(asm, DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, 1, record.Release)
	for range 2 {
		record, err = c.deploy(asm, DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, change.Unchanged, record.Outcome)
		assert.Zero(t, record.Release, "nothing was done, and the newest release is of this assembly")
	}
	c.SetSSMParameter("/mode", "fast")
	record, err = c.deploy(asm, DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Updated, record.Outcome)
	assert.Equal(t, 2, record.Release)
}

func TestComparison_HiddenValuesAreAskedForEachTime(t *testing.T) {
	body := `{"Parameters":{"Key":{"Type":"String","NoEcho":true,"Default":"d"}},
		"Resources":{"T":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":{"Ref":"Key"}}}}}`
	c := newCloud(t)
	asm := oneStack(t, body)
	_, err := c.deploy(asm, DeployRequest{})
	require.NoError(t, err)
	record, err := c.deploy(asm, DeployRequest{})
	require.NoError(t, err)
	assert.Zero(t, record.Release)
	c.updateByHand(func(in *simulated.StackInput) { in.Parameters["Key"] = "hand" })
	record, err = c.deploy(asm, DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Updated, record.Outcome)
}

// The order is: the assembly, the default, and the stack's own value only where there is neither.
func TestParameters_ComeFromTheAssemblyTheDefaultOrTheStack(t *testing.T) {
	with := func(value string) map[string]any {
		return map[string]any{"parameters": map[string]any{"Mode": value}}
	}
	withoutDefault := strings.ReplaceAll(modeTemplate, `,"Default":"safe"`, "")
	for name, test := range map[string]struct {
		first, second       string
		firstSet, secondSet map[string]any
		want                string
		outcome             change.Outcome
		notes               []string
	}{
		"the assembly gives it no more": {modeTemplate, modeTemplate, with("fast"), nil, "safe", change.Updated, nil},
		"the assembly gives another":    {modeTemplate, modeTemplate, with("a"), with("b"), "b", change.Updated, nil},
		"the default is another": {
			modeTemplate, strings.ReplaceAll(modeTemplate, "safe", "new"), nil, nil, "new", change.Updated, nil,
		},
		"there is a default no more": {
			modeTemplate, withoutDefault, nil, nil, "safe", change.Unchanged,
			[]string{"Parameters.Mode stays safe: neither the assembly nor a default gives it a value"},
		},
		"there is neither": {
			withoutDefault, withoutDefault, with("fast"), nil, "fast", change.Unchanged,
			[]string{"Parameters.Mode stays fast: neither the assembly nor a default gives it a value"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			_, err := c.deploy(assembleStack(t, test.first, test.firstSet), DeployRequest{})
			require.NoError(t, err)
			asm := assembleStack(t, test.second, test.secondSet)
			record, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
			require.NoError(t, err)
			assert.Equal(t, test.outcome, record.Outcome)
			assert.Equal(t, test.notes, record.Stacks[0].Notes)
			c.updateByHand(func(in *simulated.StackInput) { assert.Equal(t, test.want, in.Parameters["Mode"]) })
		})
	}
}

func TestParameters_ValueOfAnAdoptedStackIsShown(t *testing.T) {
	c := newCloud(t)
	c.PutStack(testAccount, testRegion, "web", modeTemplate, "UPDATE_COMPLETE")
	c.updateByHand(func(in *simulated.StackInput) { in.Parameters["Mode"] = "mine" })
	p, err := c.open(oneStack(t, modeTemplate)).Plan(t.Context())
	require.NoError(t, err)
	assert.Contains(t, propertyTexts(p.Record().Stacks[0].Changes), "Parameters.Mode: mine -> safe")
	require.NoError(t, p.Discard(t.Context()))
}

func TestChangeSet_RemovesTheLastTagAndTopic(t *testing.T) {
	c := newCloud(t)
	set := map[string]any{
		"tags": map[string]string{"a": "b"}, "notificationArns": []string{"arn:aws:sns:eu-west-1:444455556666:x"},
	}
	_, err := c.deploy(assembleStack(t, topics(1), set), DeployRequest{})
	require.NoError(t, err)
	record, err := c.deploy(assembleStack(t, topics(1), nil), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Updated, record.Outcome)
	c.updateByHand(func(in *simulated.StackInput) {
		assert.Empty(t, in.Tags)
		assert.Empty(t, in.NotificationARNs)
	})
}

func TestChangeSet_FlagsWhatPropertyValuesHide(t *testing.T) {
	table := `"Data":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"data"}}`
	topic := `"Topic":{"Type":"AWS::SNS::Topic"}`
	for name, after := range map[string]string{
		"beside a change that is shown": `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic","Properties":{"TopicName":"x"}}}}`,
		"alone":                         `{"Resources":{` + topic + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.UnrenderableTypes = []string{"AWS::S3::Bucket"}
			_, err := c.deploy(oneStack(t, `{"Resources":{`+table+`,`+topic+`}}`), DeployRequest{})
			require.NoError(t, err)
			record, err := c.deploy(oneStack(t, after), DeployRequest{})
			require.ErrorContains(t, err, "--allow data-loss")
			assert.Contains(t, propertyTexts(record.Stacks[0].Changes), "remove Data")
		})
	}
	t.Run("a reviewed plan", func(t *testing.T) {
		c := newCloud(t)
		c.UnrenderableTypes = []string{"AWS::S3::Bucket"}
		_, err := c.deploy(oneStack(t, `{"Resources":{`+table+`,`+topic+`}}`), DeployRequest{})
		require.NoError(t, err)
		asm := oneStack(t, `{"Resources":{`+topic+`}}`)
		file := c.savePlan(c.open(asm), time.Hour)
		assert.Len(t, file.Flags(), 1)
		_, err = c.deploy(asm, DeployRequest{Plan: &file, Allow: []change.Permit{change.DataLoss}})
		require.NoError(t, err)
	})
}

// DescribeStacks may answer the state from before an operation for a while.
func TestFollow_TakesTheEndFromTheStacksOwnEvents(t *testing.T) {
	for name, test := range map[string]struct {
		status, before, after string
		want                  change.Outcome
	}{
		"an update":                     {"UPDATE_COMPLETE", topics(1), topics(2), change.Updated},
		"a creation":                    {"", "", topics(1), change.Created},
		"a creation over what failed":   {"ROLLBACK_COMPLETE", topics(1), topics(2), change.Created},
		"a rollback that is continued":  {"UPDATE_ROLLBACK_FAILED", topics(1), topics(2), change.Updated},
		"an update that is rolled back": {"UPDATE_COMPLETE", topics(1), failingTemplate, change.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud(t)
				c.hasTimers = true
				c.StaleReads = 3
				c.OperationTime = time.Second
				if test.status != "" {
					c.PutStack(testAccount, testRegion, "web", test.before, test.status)
				}
				record, err := c.deploy(oneStack(t, test.after), DeployRequest{})
				assert.Equal(t, test.want, record.Outcome)
				if test.want == change.Failed {
					require.ErrorContains(t, err, "Never (Simulated::Always::Fails): it always does; "+
						"the stack is now in state UPDATE_ROLLBACK_COMPLETE")
					return
				}
				require.NoError(t, err)
			})
		})
	}
}

func TestFollow_ResumesWhatIsDescribedAsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.hasTimers = true
		c.StaleReads = 5
		c.OperationTime = 3 * time.Second
		ctx, cut := context.WithCancel(context.WithoutCancel(t.Context()))
		d := c.open(oneStack(t, topics(1)))
		done := deployInBackground(ctx, d)
		synctest.Wait() // CloudFormation is at work
		cut()
		require.Error(t, <-done)
		record, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
		require.NoError(t, err)
		assert.Contains(t, record.Stacks[0].Reason, "begun by run "+d.Run.ID+", which was cut off, and followed to its end")
		assert.Equal(t, 1, c.stack("web").Executions)
	})
}

func TestDrift_NamesDeletedStackAndGoesOn(t *testing.T) {
	c := newCloud(t)
	asm := assemble(t, needs{"first": nil, "second": nil}, nil)
	_, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
	require.NoError(t, err)
	c.UpdateByHand(testAccount, testRegion, "second", func(in *simulated.StackInput) { in.Body = topics(2) })
	c.RemoveStack(testAccount, testRegion, "first")
	drifts, err := c.open(asm, keepAssembly(t, asm)).Drift(t.Context())
	require.NoError(t, err)
	var texts []string
	for _, d := range drifts {
		texts = append(texts, d.String())
	}
	assert.ElementsMatch(t, []string{
		"first: deleted: the newest release deployed it, and it does not exist; " +
			"`lockstep deploy` creates it again",
		"second: drifted, 0 of 2 resources\n  modified the stack itself\n    Resources.Topic\n    Resources.Topic0\n" +
			"    Resources.Topic1",
	}, texts)
}
