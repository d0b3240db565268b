package faults

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

func TestDrift_ReportsManualChanges(t *testing.T) {
	w := newTestbed(t)
	w.deploy(w.assembly("dev", dev, 3, "one"))
	out, status := w.run("drift", "--env", "dev")
	require.Zero(t, status, out)
	client := ssm.NewFromConfig(w.aws(dev))
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/stack0"), Value: aws.String("by hand"), Overwrite: aws.Bool(true),
	})
	require.NoError(t, err)
	_, err = client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("/stack1")})
	require.NoError(t, err)
	out, status = w.run("drift", "--env", "dev")
	assert.Equal(t, 1, status, out)
	assert.Contains(t, out, "modified Value (AWS::SSM::Parameter) /stack0\n    /Value: by hand, deployed as one")
	assert.Contains(t, out, "deleted Value (AWS::SSM::Parameter) /stack1")
	assert.Contains(t, out, "stack2: in sync, 1 resource\n")
	assert.Contains(t, out, "drifted: stack0 and stack1")
}

func TestVerify_FailsOnFiringAlarm(t *testing.T) {
	w := newTestbed(t)
	dir := w.assembly("dev", dev, 1, "one")
	harness.MustWriteFile(t, filepath.Join(dir, "stack0.json"), `{"Resources":{
		"Alarm":{"Type":"AWS::CloudWatch::Alarm","Properties":{
			"AlarmName":"bell","ComparisonOperator":"GreaterThanThreshold","EvaluationPeriods":1,"MetricName":"Errors",
			"Namespace":"shop","Period":60,"Statistic":"Sum","Threshold":0,"TreatMissingData":"notBreaching"}}}}`)
	w.deploy(dir)
	_, err := cloudwatch.NewFromConfig(w.aws(dev)).SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("bell"), StateValue: cwtypes.StateValueAlarm, StateReason: aws.String("too many errors"),
	})
	require.NoError(t, err)
	out, status := w.run("verify", "--env", "dev", "--assembly", dir)
	assert.Equal(t, 1, status, out)
	assert.Contains(t, out, "alarm bell rings: too many errors")
}

func TestWaves_DeployInOrder(t *testing.T) {
	w := newTestbed(t)
	require.NoError(t, os.Remove(filepath.Join(w.dir, "config", "environments", "acc.yaml")))
	file := filepath.Join(w.dir, "config", "environments", "dev.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	harness.MustWriteFile(t, file, string(text)+"waves:\n  - accounts: [{account: \""+acc+"\", region: "+region+"}]\n")
	assemblies := filepath.Join(w.dir, "assemblies", "dev")
	first := w.assembly("dev/"+dev+"-"+region, dev, 1, "one")
	w.assembly("dev/"+acc+"-"+region, acc, 1, "one")
	record := filepath.Join(w.dir, "record.json")

	// The first account fails, and the next wave does not begin.
	good, err := os.ReadFile(filepath.Join(first, "stack0.json"))
	require.NoError(t, err)
	harness.MustWriteFile(t, filepath.Join(first, "stack0.json"), `{"Resources":{
		"First":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Name":"/twice","Value":"x"}},
		"Second":{"DependsOn":"First","Type":"AWS::SSM::Parameter",
			"Properties":{"Type":"String","Name":"/twice","Value":"x"}}}}`)
	out, status := w.run("deploy", "--env", "dev", "--assembly", assemblies)
	assert.Equal(t, 1, status, out)
	assert.Regexp(t, `dev  account `+acc+`, eu-west-1: untouched\n  LS-618: not started, because 1 before it failed`, out)

	harness.MustWriteFile(t, filepath.Join(first, "stack0.json"), string(good))
	out, status = w.run("deploy", "--env", "dev", "--assembly", assemblies, "--record", record)
	require.Zero(t, status, out)
	data, err := os.ReadFile(record)
	require.NoError(t, err)
	var recorded struct {
		Account string
		Release int
		Others  []struct {
			Account string
			Release int
		}
	}
	require.NoError(t, json.Unmarshal(data, &recorded))
	assert.Equal(t, dev, recorded.Account)
	require.Len(t, recorded.Others, 1)
	assert.Equal(t, acc, recorded.Others[0].Account)
	assert.Equal(t, 1, recorded.Others[0].Release)
	out, status = w.run("status")
	require.Zero(t, status, out)
	assert.Regexp(t, `dev +`+dev+` +eu-west-1 +1 `, out)
	assert.Regexp(t, `dev +`+acc+` +eu-west-1 +1 `, out)

	// A plan covers all accounts of the environment, and is applied to each.
	w.assembly("dev/"+acc+"-"+region, acc, 1, "two")
	plan := filepath.Join(w.dir, "plan.json")
	out, status = w.run("plan", "--env", "dev", "--assembly", assemblies, "--out", plan)
	require.Zero(t, status, out)
	out, status = w.run("deploy", "--env", "dev", "--assembly", assemblies, "--plan", plan)
	require.Zero(t, status, out)
	p, err := ssm.NewFromConfig(w.aws(acc)).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/stack0")})
	require.NoError(t, err)
	assert.Equal(t, "two", aws.ToString(p.Parameter.Value))
}
