package risk

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/change"
)

// The file has changes of where a resource sends data, or whom it hands control, inside the account. A line is a type
// and properties, in which ~ stands for what changes. A version that looked at accounts, hosts and words of access
// alone let 110 of the 151 pass.
func TestPermissionFlags_WhereDataAndControlGo(t *testing.T) {
	redirections, err := os.ReadFile("testdata/redirections.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(redirections)) {
		kind, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		a := attack{kind: kind, before: strings.ReplaceAll(text, "~", "One"), after: strings.ReplaceAll(text, "~", "Two")}
		assert.NotEmpty(t, a.flags(t), line)
		a.before = a.after
		assert.Empty(t, a.flags(t), "nothing is changed: %s", line)
	}
	run(t, change.Permissions, []attack{
		{
			name: "a part of a domain, newly", kind: "AWS::Route53::RecordSet", want: "hands a.example to ns.evil.example",
			after: `{"Name":"a.example","Type":"NS","ResourceRecords":["ns.evil.example"]}`,
		},
		{
			name: "a bucket that is copied, newly", kind: "AWS::S3::Bucket", before: `{}`, want: "leads to arn:aws:s3:::b",
			after: `{"InventoryConfigurations":[{"Id":"a","Destination":{"BucketArn":"arn:aws:s3:::b"}}]}`,
		},
		{
			name: "a second target", kind: "AWS::Events::Rule", before: `{"Targets":[{"Id":"a","Arn":"a"}]}`,
			after: `{"Targets":[{"Id":"a","Arn":"a"},{"Id":"b","Arn":"b"}]}`, want: "Targets.Arn leads to b",
		},
		{
			name: "a parameter's value", kind: "AWS::Scheduler::Schedule", before: `{"Target":{"Arn":{"Ref":"P"}}}`,
			after: `{"Target":{"Arn":{"Ref":"P"}}}`, sections: `"Parameters":{"P":{"Type":"String"}}`,
			parameters: map[string]string{"P": "one"}, parametersAfter: map[string]string{"P": "two"}, want: "leads to two",
		},
		// Twins.
		{name: "a new schedule", kind: "AWS::Scheduler::Schedule", after: `{"Target":{"Arn":"a"}}`},
		{name: "its own name", kind: "AWS::SNS::Topic", before: `{"TopicName":"a"}`, after: `{"TopicName":"b"}`},
		{name: "no schedule", kind: "AWS::Scheduler::Schedule", before: `{"Target":{"Arn":"a"}}`},
		{
			name: "a new record", kind: "AWS::Route53::RecordSet",
			after: `{"Name":"a","Type":"A","ResourceRecords":["1.2.3.4"]}`,
		},
		{name: "less targets", kind: "AWS::Pipes::Pipe", before: `{"Target":"t","Enrichment":"e"}`, after: `{"Target":"t"}`},
		{
			name: "logs, newly", kind: "AWS::S3::Bucket", before: `{}`,
			after: `{"LoggingConfiguration":{"DestinationBucketName":"b"}}`,
		},
		{
			name: "code, images and templates", kind: "AWS::Lambda::Function",
			before: `{"Code":{"S3Bucket":"b","S3Key":"k1","ImageUri":"i:1"},"Layers":["l:1"]}`,
			after:  `{"Code":{"S3Bucket":"b","S3Key":"k2","ImageUri":"i:2"},"Layers":["l:2"]}`,
		},
		{
			name: "a job's script", kind: "AWS::Glue::Job", before: `{"Role":"r","Command":{"ScriptLocation":"s3://b/1.py"}}`,
			after: `{"Role":"r","Command":{"ScriptLocation":"s3://b/2.py"}}`,
		},
		{
			name: "a task's version", kind: "AWS::ECS::Service", before: `{"TaskDefinition":"t:1","DesiredCount":1}`,
			after: `{"TaskDefinition":"t:2","DesiredCount":2}`,
		},
		{
			name: "tags and variables", kind: "AWS::Lambda::Function",
			before: `{"Tags":[{"Key":"Url","Value":"a"}],"Environment":{"Variables":{"QUEUE_URL":"a"}}}`,
			after:  `{"Tags":[{"Key":"Url","Value":"b"}],"Environment":{"Variables":{"QUEUE_URL":"b"}}}`,
		},
		{
			name: "another folder", kind: "AWS::Athena::WorkGroup", before: folderOf("x"), after: folderOf("y"),
		},
	})
}

func folderOf(name string) string {
	return `{"WorkGroupConfiguration":{"ResultConfiguration":{"OutputLocation":"s3://a/` + name + `"}}}`
}

// receivers match the formats of properties that name what receives something, in the schemas that AWS publishes.
var receivers = regexp.MustCompile(`"(\w+)":\{[^{}]*"format":"AWS::(?:S3::Bucket\.Name|Lambda::Function\.Arn|` +
	`SNS::Topic\.Arn|SQS::Queue\.Arn)"`)

// The schemas of AWS, and not only the names that this package knows, say what receives something.
func TestIsDestination_EveryPropertyThatAWSPublishesAsReceiver(t *testing.T) {
	count := 0
	for _, kind := range awsmodel.Names() {
		published, _ := awsmodel.Lookup(kind)
		for _, match := range receivers.FindAllStringSubmatch(string(published.Schema), -1) {
			if !declares(kind, match[1]) {
				continue // it is what the schema calls a form of a property
			}
			count++
			r := &reader{kind: kind, path: "Outer." + match[1]}
			assert.True(t, r.isDestination(match[1]), "%s %s", kind, match[1])
		}
	}
	assert.Greater(t, count, 150)
}
