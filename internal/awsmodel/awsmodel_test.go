package awsmodel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// The path of a project's folder may have characters that a URL spells in another way.
func TestViolations_HoldInAnyFolder(t *testing.T) {
	for _, name := range []string{"my project", "prøject", "a%20b", "c#d", "e?f", "g:h", "100%", "[i]"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.Mkdir(dir, 0o700))
			t.Chdir(dir)
			group, ok := Lookup("AWS::Logs::LogGroup")
			require.True(t, ok)
			assert.NotPanics(t, func() { group.compile("AWS::Logs::LogGroup") })
		})
	}
}

func TestLookup_KnowsPublishedFacts(t *testing.T) {
	bucket, ok := Lookup("AWS::S3::Bucket")
	require.True(t, ok)
	assert.True(t, bucket.Stateful)
	assert.Equal(t, []string{"BucketName"}, bucket.PrimaryIdentifier)
	assert.Contains(t, bucket.CreateOnly, "BucketName")
	assert.True(t, bucket.TagsUpdatable)
	always, perhaps := bucket.Replaces("Tags")
	assert.False(t, always, "a tag on a bucket is no replacement")
	assert.False(t, perhaps)
	always, _ = bucket.Replaces("BucketName")
	assert.True(t, always)

	policy, ok := Lookup("AWS::IAM::Policy")
	require.True(t, ok)
	assert.Equal(t, "IdentityPolicyResource", policy.Scrutiny)
	group, _ := Lookup("AWS::EC2::SecurityGroup")
	assert.Equal(t, "IngressRules", group.PropertyScrutiny["SecurityGroupIngress"])

	for _, unknown := range []string{
		"Custom::Thing", "AWS::No::Such", "", "../x", "AWS::S3::Bucket::More", "AWS/S3/Bucket",
	} {
		_, ok := Lookup(unknown)
		assert.False(t, ok, unknown)
	}
}

func TestSourceVersions_AreThePinnedOnes(t *testing.T) {
	versions, err := SourceVersions()
	require.NoError(t, err)
	spec := tools.DataSources[tools.AWSServiceSpec]
	assert.Equal(t, map[string]string{
		pipeline.ToolCfnLint: pipeline.Tools[pipeline.ToolCfnLint].Version,
		spec.Package:         spec.Version,
	}, versions, "run `go generate ./internal/awsmodel`")
}

func TestNames_EveryTypeCanBeReadAndItsSchemaUsed(t *testing.T) {
	names := Names()
	assert.Greater(t, len(names), 1800)
	for i := 0; i < len(names); i += 40 { // each takes some milliseconds; the generator reads them all
		name := names[i]
		_, ok := compiled(name)
		assert.True(t, ok, name)
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		kind       string
		properties map[string]any
		want       []string
	}{
		"a property that does not exist": {"AWS::SNS::Topic", map[string]any{"TopicNam": "x"}, []string{"TopicNam"}},
		"a value that is none of the allowed": {
			"AWS::S3::Bucket", map[string]any{"AccessControl": "Everybody"}, []string{"AccessControl", `"Everybody" is none of`},
		},
		"a property that is missing": {
			"AWS::IAM::Role", map[string]any{"RoleName": "r"}, []string{"AssumeRolePolicyDocument"},
		},
		"a text that is too long": {
			"AWS::IAM::Role",
			map[string]any{
				"AssumeRolePolicyDocument": map[string]any{},
				"Tags":                     []any{map[string]any{"Key": strings.Repeat("x", 129), "Value": "v"}},
			},
			[]string{"Tags/0/Key"},
		},
		"a number that is too large": {"AWS::Lambda::Function", function(99999), []string{"MemorySize"}},
		"an object for a text": {
			"AWS::SNS::Topic", map[string]any{"TopicName": map[string]any{"a": 1, "b": 2}}, []string{"TopicName"},
		},
		"names whose pattern has a look-ahead": {
			"AWS::Oam::Sink", map[string]any{"Name": "s", "Tags": map[string]any{"cost": "1"}}, nil,
		},
		"names whose pattern repeats more often than Go's may": {
			"AWS::KinesisAnalyticsV2::Application", map[string]any{
				"RuntimeEnvironment": "FLINK-1_20", "ServiceExecutionRole": "arn:aws:iam::111122223333:role/r",
				"ApplicationConfiguration": map[string]any{"EnvironmentProperties": map[string]any{
					"PropertyGroups": []any{map[string]any{"PropertyGroupId": "g", "PropertyMap": map[string]any{"k": "v"}}},
				}},
			}, nil,
		},
		"an intrinsic function": {
			"AWS::SNS::Topic", map[string]any{"TopicName": map[string]any{"Ref": "Name"}}, nil,
		},
		"a condition that holds values": {
			"AWS::S3::Bucket",
			map[string]any{"AccessControl": map[string]any{"Fn::If": []any{"C", "Private", "PublicRead"}}},
			nil,
		},
		"a dynamic reference": {
			"AWS::RDS::DBInstance", map[string]any{"MasterUsername": "{{resolve:secretsmanager:s}}"}, nil,
		},
		"properties that are a condition": {
			"AWS::IAM::Role", map[string]any{"Fn::If": []any{"C", map[string]any{}, map[string]any{}}}, nil,
		},
		"items that may be no value": {
			"AWS::Lambda::Function",
			map[string]any{
				"Code": map[string]any{}, "Role": "arn:aws:iam::123456789012:role/r",
				"FileSystemConfigs": []any{
					map[string]any{"Fn::If": []any{"C", 1, 2}}, map[string]any{"Fn::If": []any{"D", 1, 2}},
				},
			},
			nil,
		},
		"a number as text":               {"AWS::Lambda::Function", function("512"), nil},
		"a boolean as text":              {"AWS::KMS::Key", map[string]any{"EnableKeyRotation": "true"}, nil},
		"an unknown type":                {"Custom::Thing", map[string]any{"Anything": 1}, nil},
		"what AWS sets is not asked for": {"AWS::SQS::Queue", map[string]any{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found := Validate(test.kind, test.properties)
			if test.want == nil {
				assert.Empty(t, found)
				return
			}
			require.NotEmpty(t, found)
			for _, want := range test.want {
				assert.Contains(t, found[0].String(), want)
			}
		})
	}
}

func TestValidate_HidesSecrets(t *testing.T) {
	assert.Equal(t, "the value", shown("MasterUserPassword", "hunter2"))
	assert.Equal(t, `"x"`, shown("Name", "x"))
	assert.Equal(t, "1, 2", listed([]any{1, "1", 2}))
}

// function returns the properties of a function with a size of its memory.
func function(memory any) map[string]any {
	return map[string]any{"Code": map[string]any{}, "Role": "arn:aws:iam::123456789012:role/r", "MemorySize": memory}
}
