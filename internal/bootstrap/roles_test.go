package bootstrap

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/roles"
	"lockstep/tests/iam"
)

// rolesOfAccount returns the template of the roles as it is applied to an account.
func rolesOfAccount(t *testing.T) iam.Template {
	t.Helper()
	template := iam.Template{
		Values: map[string]any{
			"Qualifier": "q", "AWS::AccountId": "444455556666", "AWS::Region": "eu-west-1", "AWS::Partition": "aws",
			"AWS::URLSuffix": "amazonaws.com", "TrustedAccounts": []any{"123456789012"},
		},
	}
	require.NoError(t, json.Unmarshal([]byte(rolesTemplate(complete)), &template))
	return template
}

func TestRoles_MayDoNoMoreThanTheirUse(t *testing.T) {
	const (
		assets  = "arn:aws:s3:::cdk-q-assets-444455556666-eu-west-1"
		bucket  = "arn:aws:s3:::lockstep-q-444455556666-eu-west-1"
		release = bucket + "/lockstep/shop/acc/releases/00000001.json"
		stack   = "arn:aws:cloudformation:eu-west-1:444455556666:stack/web/1"
		exec    = "arn:aws:iam::444455556666:role/cdk-q-cfn-exec-role-444455556666-eu-west-1"
	)
	// The columns are the reader of the ledger, its writer, and the planner.
	for _, row := range []struct {
		action, resource        string
		reader, writer, planner bool
	}{
		{"s3:GetObject", release, true, true, true},
		{"s3:PutObject", release, false, true, false},
		{"s3:DeleteObject", release, false, true, false},
		{"s3:PutObject", bucket + "/lockstep/shop/acc/approvals/1.json", false, true, false},
		{"s3:PutObject", bucket + "/lockstep/shop/acc/lock.json", false, true, false},
		{"s3:PutObject", bucket + "/lockstep/shop/acc/plans/1.json", false, true, true},
		{"s3:DeleteObject", bucket + "/lockstep/shop/acc/plans/1.json", false, true, false},
		{"s3:GetObject", assets + "/0123.json", false, false, true},
		{"s3:PutObject", assets + "/0123.json", false, false, false},
		{"s3:PutObject", assets + "/lockstep/shop/acc/releases/00000001.json", false, false, false},
		{"s3:ListBucket", assets, true, true, true},
		{"s3:GetObject", "arn:aws:s3:::another/lockstep/shop/acc/lock.json", false, false, false},
		{"s3:ListBucket", bucket, true, true, true},
		{"s3:PutBucketPolicy", bucket, false, false, false},
		{"cloudformation:CreateChangeSet", stack, false, false, true},
		{"cloudformation:DeleteChangeSet", stack, false, false, true},
		{"cloudformation:ExecuteChangeSet", stack, false, false, false},
		{"cloudformation:CreateStack", stack, false, false, false},
		{"cloudformation:UpdateStack", stack, false, false, false},
		{"cloudformation:DeleteStack", stack, false, false, false},
		{"cloudformation:ContinueUpdateRollback", stack, false, false, false},
		{"cloudformation:CreateChangeSet", "arn:aws:cloudformation:us-east-1:444455556666:stack/web/1", false, false, false},
		{"iam:PassRole", exec, false, false, true},
		{"iam:PassRole", "arn:aws:iam::444455556666:role/admin", false, false, false},
		{"sts:AssumeRole", exec, false, false, false},
	} {
		template := rolesOfAccount(t)
		for id, want := range map[string]bool{
			"LedgerReader": row.reader, "LedgerWriter": row.writer, "Planner": row.planner,
		} {
			assert.Equal(t, want, template.Allows(iam.Request{Role: id, Action: row.action, Resource: row.resource}),
				"%s: %s on %s", id, row.action, row.resource)
		}
	}
}

func TestRoles_KeyIsUsedThroughS3Alone(t *testing.T) {
	r := iam.Request{
		Role: "LedgerReader", Action: "kms:Decrypt", Resource: "arn:aws:kms:eu-west-1:444455556666:key/1",
		Context: map[string]string{"kms:ViaService": "s3.eu-west-1.amazonaws.com"},
	}
	template := rolesOfAccount(t)
	assert.True(t, template.Allows(r))
	r.Context = nil
	assert.False(t, template.Allows(r))
}

// The CDK's own role may write the whole bucket.
func TestRoles_PublishingRoleIsKeptOutOfLedger(t *testing.T) {
	template := rolesOfAccount(t)
	name := roles.FilePublishing.Name("q", "444455556666", "eu-west-1")
	const bucket = "arn:aws:s3:::cdk-q-assets-444455556666-eu-west-1"
	template.Resources["CDK"] = map[string]any{"Type": "AWS::IAM::Policy", "Properties": map[string]any{
		"Roles": []any{name}, "PolicyDocument": map[string]any{"Statement": []any{map[string]any{
			"Effect": "Allow", "Action": []any{"s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"},
			"Resource": []any{bucket, bucket + "/*"},
		}}},
	}}
	for _, action := range []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"} {
		assert.True(t, template.Allows(iam.Request{Role: name, Action: action, Resource: bucket + "/0123.zip"}), action)
		assert.False(t, template.Allows(iam.Request{Role: name, Action: action, Resource: bucket + "/lockstep/x"}), action)
	}
}

func TestRoles_TrustedAccountsAssumeThem(t *testing.T) {
	template := rolesOfAccount(t)
	for _, id := range []string{"LedgerReader", "LedgerWriter", "Planner"} {
		trust := template.TrustStatements(id)
		require.Len(t, trust, 1)
		assert.Equal(t, []string{"sts:AssumeRole"}, trust[0].Actions)
		assert.Equal(t, []string{"123456789012"}, trust[0].AWSPrincipals, id)
	}
	tooling := Account{Name: Tooling, ID: "123456789012", Qualifier: "q"}
	assert.Equal(t, "123456789012", tooling.rolesParameters(complete)["TrustedAccounts"], "it trusts no other account")
}

func TestRoles_NamesAreWhatDeploymentsAssume(t *testing.T) {
	template := rolesOfAccount(t)
	for id, kind := range map[string]roles.Kind{
		"LedgerReader": roles.LedgerReader, "LedgerWriter": roles.LedgerWriter, "Planner": roles.Planner,
	} {
		name := template.Resources[id]["Properties"].(map[string]any)["RoleName"].(map[string]any)["Fn::Sub"]
		assert.Equal(t, "lockstep-${Qualifier}-"+string(kind)+"-${AWS::AccountId}-${AWS::Region}", name)
		longest := kind.Name("abcdefghij", "444455556666", "ap-northeast-1")
		assert.LessOrEqual(t, len(longest), 64, "IAM allows no more")
	}
}

// While records are moved to the bucket of the ledger, no role writes any.
func TestAWS_C10_NobodyWritesWhileRecordsAreMoved(t *testing.T) {
	frozen := iam.Template{Values: rolesOfAccount(t).Values}
	require.NoError(t, json.Unmarshal([]byte(rolesTemplate(moving)), &frozen))
	for _, id := range []string{"LedgerWriter", "Planner"} {
		for _, key := range []string{"lock.json", "plans/1.json", "releases/00000001.json"} {
			for _, bucket := range []string{"lockstep-q-444455556666-eu-west-1", "cdk-q-assets-444455556666-eu-west-1"} {
				assert.False(t, frozen.Allows(iam.Request{
					Role: id, Action: "s3:PutObject", Resource: "arn:aws:s3:::" + bucket + "/lockstep/shop/acc/" + key,
				}), "%s may write %s to %s", id, key, bucket)
			}
		}
	}
}

// A bootstrap whose roles have names of their own was made by others: it is left alone, and Lockstep's own stack names
// its roles and its bucket. Emulated accounts have nobody else who makes it.
func TestAWS_C6_OwnNamesOfABootstrap(t *testing.T) {
	a := Account{ID: "444455556666", Region: "eu-west-1", Qualifier: "own", Names: roles.Names{
		Bucket: "own-${AWS::Region}", DeployRole: "own-deploys", ExecutionRole: "own-executes",
	}}
	const template = "RoleName: cdk-${Qualifier}-deploy-role-${AWS::AccountId}-${AWS::Region}"
	stacks := a.stacks(template)
	require.Len(t, stacks, 1)
	assert.Equal(t, "LockstepToolkit", stacks[0].name)
	for _, want := range []string{"s3:::own-${AWS::Region}", "own-deploys", "role/own-executes"} {
		assert.Contains(t, stacks[0].template, want)
	}
	for _, unwanted := range []string{"cdk-${Qualifier}-assets", "deploy-role", "cfn-exec"} {
		assert.NotContains(t, stacks[0].template, unwanted)
	}
	a.IsEmulated = true
	stacks = a.stacks(template)
	require.Len(t, stacks, 2)
	assert.Equal(t, "RoleName: own-deploys", stacks[0].template)
	assert.Equal(t, "own-eu-west-1", stacks[0].parameters["FileAssetsBucketName"])
	a.IsEmulated, a.Names = false, roles.Names{Bucket: "own"}
	assert.Len(t, a.stacks(template), 2, "the CDK's own bootstrap makes a bucket of that name")
}
