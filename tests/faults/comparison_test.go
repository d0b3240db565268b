package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

const comparedTemplate = `{"Description":"Zürich",
	"Parameters":{"Mode":{"Type":"String","Default":"safe"}},"Mappings":{"M":{"a":{"b":"one"}}},
	"Resources":{
		"Set":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Name":"/mode","Value":{"Ref":"Mode"}}},
		"Mapped":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Name":"/mapped",
			"Value":{"Fn::FindInMap":["M","a","b"]}}}}}`

func TestComparison_CommandsAgreeOnChangesByHand(t *testing.T) {
	w := newTestbed(t)
	dir := w.assembly("dev", dev, 1, "one")
	harness.MustWriteFile(t, filepath.Join(dir, "stack0.json"), comparedTemplate)
	w.deploy(dir)
	expectSame := func() {
		t.Helper()
		for _, args := range [][]string{{"plan", "--assembly", dir}, {"verify", "--assembly", dir}, {"drift"}} {
			out, status := w.run(append(args, "--env", "dev")...)
			assert.Zero(t, status, out)
			assert.NotContains(t, out, "->")
		}
	}
	expectSame()
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	require.Zero(t, status, out)
	assert.NotContains(t, out, "release 2")

	// The template is the deployed one, with the default of the parameter as it was.
	w.updateStack(&cloudformation.UpdateStackInput{
		UsePreviousTemplate: aws.Bool(true), Tags: []types.Tag{{Key: aws.String("by"), Value: aws.String("hand")}},
		Parameters: []types.Parameter{{ParameterKey: aws.String("Mode"), ParameterValue: aws.String("unsafe")}},
	})
	for _, args := range [][]string{{"verify", "--assembly", dir}, {"drift"}, {"plan", "--assembly", dir}} {
		out, status := w.run(append(args, "--env", "dev")...)
		assert.Equal(t, args[0] != "plan", status == 1, out)
		assert.Contains(t, out, "Parameters.Mode")
		assert.Contains(t, out, "Tags.by")
		if args[0] != "verify" {
			assert.Contains(t, out, "Parameters.Mode: unsafe -> safe")
		}
	}
	out, status = w.run("deploy", "--env", "dev", "--assembly", dir)
	require.Zero(t, status, out)
	expectSame()

	w.updateStack(&cloudformation.UpdateStackInput{
		TemplateBody: aws.String(strings.ReplaceAll(comparedTemplate, `"b":"one"`, `"b":"two"`)),
	})
	for _, args := range [][]string{{"verify", "--assembly", dir}, {"drift"}} {
		out, status := w.run(append(args, "--env", "dev")...)
		assert.Equal(t, 1, status, out)
		assert.Contains(t, out, "Mappings.M")
	}
}

func TestComparison_TagsAndTopicsComeAndGo(t *testing.T) {
	w := newTestbed(t)
	dir := w.assembly("dev", dev, 1, "one")
	manifest := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	with := strings.Replace(string(text), `"templateFile"`,
		`"tags":{"team":"a"},"notificationArns":["arn:aws:sns:`+region+`:`+dev+`:x"],"templateFile"`, 1)
	for _, content := range []string{with, string(text)} {
		harness.MustWriteFile(t, manifest, content)
		w.deploy(dir)
		out, status := w.run("verify", "--env", "dev", "--assembly", dir)
		assert.Zero(t, status, out)
		out, status = w.run("drift", "--env", "dev")
		assert.Zero(t, status, out)
		assert.NotContains(t, w.deploy(dir), "is recorded", "nothing is left to change")
	}
}

// updateStack updates stack0 in dev outside Lockstep.
func (w *testbed) updateStack(in *cloudformation.UpdateStackInput) {
	w.t.Helper()
	in.StackName = aws.String("stack0")
	client := cloudformation.NewFromConfig(w.aws(dev))
	_, err := client.UpdateStack(w.t.Context(), in)
	require.NoError(w.t, err)
	waiter := cloudformation.NewStackUpdateCompleteWaiter(client)
	fast := func(o *cloudformation.StackUpdateCompleteWaiterOptions) {
		o.MinDelay = 100 * time.Millisecond
		o.MaxDelay = time.Second
	}
	described := &cloudformation.DescribeStacksInput{StackName: in.StackName}
	require.NoError(w.t, waiter.Wait(w.t.Context(), described, time.Minute, fast))
}
