package risk

import (
	"encoding/json"
	"testing"

	"lockstep/internal/deploy/change"
	"lockstep/internal/refusal"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// template returns a template with resources in JSON.
func template(t *testing.T, resources string) string {
	t.Helper()
	require.True(t, json.Valid([]byte(resources)), resources)
	return `{"Resources":` + resources + `}`
}

const (
	retainedBucket = `{"Data":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Retain","UpdateReplacePolicy":"Retain"}}`
	deletedBucket  = `{"Data":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Delete","UpdateReplacePolicy":"Delete"}}`
	otherTopic     = `{"Other":{"Type":"AWS::SNS::Topic"}}`
	database       = `{"Data":{"Type":"AWS::RDS::DBCluster","DeletionPolicy":"Snapshot","UpdateReplacePolicy":"Snapshot"}}`
)

func TestDataLossFlags_FollowRetention(t *testing.T) {
	changed := func(action change.Action, kind, policy string) []change.Change {
		return []change.Change{{Action: action, LogicalID: "Data", Type: kind, PolicyAction: policy}}
	}
	bucket := func(action change.Action) []change.Change { return changed(action, "AWS::S3::Bucket", "") }
	for name, c := range map[string]struct {
		changes       []change.Change
		before, after string
		want          string // empty for nothing to allow
	}{
		"a bucket that is removed and deleted": {
			bucket(change.Remove), deletedBucket, otherTopic, "it is removed, and with it go objects",
		},
		"a bucket that is removed and kept": {bucket(change.Remove), retainedBucket, otherTopic, ""},
		"a bucket without a policy is deleted": {
			bucket(change.Remove), `{"Data":{"Type":"AWS::S3::Bucket"}}`, otherTopic,
			"it is removed, and with it go objects",
		},
		"a bucket that is replaced": {
			bucket(change.Replace), retainedBucket, deletedBucket,
			"it is replaced, and with it go objects",
		},
		"a bucket that is replaced and the old one kept": {bucket(change.Replace), deletedBucket, retainedBucket, ""},
		"a bucket that is perhaps replaced": {
			bucket(change.ReplaceMaybe), deletedBucket, deletedBucket,
			"it is perhaps replaced, and with it go objects",
		},
		"a database whose snapshot stays is gone as well": {
			changed(change.Remove, "AWS::RDS::DBCluster", ""), database, otherTopic,
			"it is removed, and with it go a database; a snapshot stays",
		},
		"CloudFormation says that it is retained": {
			changed(change.Remove, "AWS::S3::Bucket", "Retain"), deletedBucket, otherTopic, "",
		},
		"CloudFormation says that it is retained after its creation": {
			changed(change.Remove, "AWS::S3::Bucket", "RetainExceptOnCreate"), deletedBucket, otherTopic, "",
		},
		"a bucket that is removed and retained except on creation": {
			bucket(change.Remove),
			`{"Data":{"Type":"AWS::S3::Bucket","DeletionPolicy":"RetainExceptOnCreate"}}`, otherTopic, "",
		},
		"CloudFormation says that it is deleted": {
			changed(change.Replace, "AWS::S3::Bucket", "ReplaceAndDelete"), retainedBucket, retainedBucket,
			"it is replaced, and with it go objects",
		},
		"a bucket that is only modified": {bucket(change.Modify), deletedBucket, deletedBucket, ""},
		"a topic holds nothing":          {changed(change.Remove, "AWS::SNS::Topic", ""), otherTopic, `{}`, ""},
		"a nested stack may hold anything": {
			changed(change.Remove, change.StackType, ""), `{"Data":{"Type":"AWS::CloudFormation::Stack"}}`, `{}`,
			"it is removed, and with it go whatever is in the nested stack",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := Version{Template: template(t, c.before)}, Version{Template: template(t, c.after)}
			flags, err := Flags("s", c.changes, before, after)
			require.NoError(t, err)
			if c.want == "" {
				assert.Empty(t, flags)
				return
			}
			assert.Equal(t, []change.Flag{{
				Permit: change.DataLoss, Stack: "s", LogicalID: "Data", Type: c.changes[0].Type, Why: c.want,
			}}, flags)
		})
	}
}

// assertFlag asserts that there is one flag with a permit and a reason, or none where the reason is empty.
func assertFlag(t *testing.T, flags []change.Flag, permit change.Permit, why string) {
	t.Helper()
	if why == "" {
		assert.Empty(t, flags)
		return
	}
	require.Len(t, flags, 1)
	assert.Equal(t, permit, flags[0].Permit)
	assert.Contains(t, flags[0].Why, why)
}

// roleTemplate is a role that its own account may assume, with the statements in a policy of its own.
func roleTemplate(statements string) string {
	return `{"R":{"Type":"AWS::IAM::Role","Properties":{
		"AssumeRolePolicyDocument":{"Statement":[
			{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]},
		"Policies":[{"PolicyName":"p","PolicyDocument":{"Statement":` + statements + `}}]}}}`
}

const (
	allowGet             = `[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}]`
	allowGetAndList      = `[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::a/*"}]`
	allowGetAndListSplit = `[{"Effect":"Allow","Action":"s3:ListBucket","Resource":["arn:aws:s3:::a/*"]},
		{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::a/*"}]`
	allowGetDenyInsecure = `[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"},
		{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]`
	publicAccessBlocked = `{"B":{"Type":"AWS::S3::Bucket","Properties":{"PublicAccessBlockConfiguration":
		{"BlockPublicAcls":true,"BlockPublicPolicy":true}}}}`
	publicAccessPartlyBlocked = `{"B":{"Type":"AWS::S3::Bucket","Properties":{"PublicAccessBlockConfiguration":
		{"BlockPublicAcls":true}}}}`
)

func securityGroupTemplate(rules string) string {
	return `{"G":{"Type":"AWS::EC2::SecurityGroup","Properties":{"SecurityGroupIngress":` + rules + `}}}`
}

func bucketPolicyTemplate(statement string) string {
	return `{"P":{"Type":"AWS::S3::BucketPolicy","Properties":{"PolicyDocument":{"Statement":[` + statement + `]}}}}`
}

func TestPermissionFlags_FindWiderAccess(t *testing.T) {
	inside := `[{"CidrIp":"10.0.0.0/8","IpProtocol":"tcp","FromPort":5432,"ToPort":5432,"Description":"before"}]`
	for name, c := range map[string]struct {
		before, after string // before is empty for a new stack
		want          string // a part of why; empty for nothing to allow
	}{
		"an action more": {
			roleTemplate(allowGet),
			roleTemplate(allowGetAndList),
			"allows s3:ListBucket on arn:aws:s3:::a/*",
		},
		"an action less": {roleTemplate(allowGetAndList), roleTemplate(allowGet), ""},
		"the same, written in another way": {
			roleTemplate(allowGetAndList),
			roleTemplate(allowGetAndListSplit),
			"",
		},
		"a denial less": {
			roleTemplate(allowGetDenyInsecure),
			roleTemplate(allowGet),
			"no longer: denies s3:* on *",
		},
		"a denial more": {
			roleTemplate(allowGet),
			roleTemplate(allowGetDenyInsecure),
			"",
		},
		"a role more in a stack that is there": {
			otherTopic,
			roleTemplate(allowGet),
			"allows Service lambda.amazonaws.com sts:AssumeRole",
		},
		"a role in a new stack": {"", roleTemplate(allowGet), ""},
		"a role in a new stack that may do everything": {
			"",
			roleTemplate(`[{"Effect":"Allow","Action":"*","Resource":"*"}]`),
			"allows * on *",
		},
		"a managed policy more": {
			`{"R":{"Type":"AWS::IAM::Role","Properties":{}}}`,
			`{"R":{"Type":"AWS::IAM::Role","Properties":{"ManagedPolicyArns":["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}}`,
			"has the rights of arn:aws:iam::aws:policy/ReadOnlyAccess",
		},
		"an administrator in a new stack": {
			"",
			`{"R":{"Type":"AWS::IAM::Role","Properties":{"ManagedPolicyArns":["arn:aws:iam::aws:policy/AdministratorAccess"]}}}`,
			"has the rights of",
		},
		"a boundary less": {
			`{"R":{"Type":"AWS::IAM::Role","Properties":{"PermissionsBoundary":"b"}}}`,
			`{"R":{"Type":"AWS::IAM::Role","Properties":{}}}`,
			"no longer: is bounded by b",
		},
		"a bucket in a new stack that everybody may read": {
			"",
			bucketPolicyTemplate(`{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"x"}`),
			"allows everybody s3:GetObject on x",
		},
		"the same with the principal written out": {
			"",
			bucketPolicyTemplate(`{"Effect":"Allow","Action":"s3:GetObject","Principal":{"AWS":"*"},"Resource":"x"}`),
			"allows everybody s3:GetObject on x",
		},
		"everybody under a condition, in a new stack": {
			"",
			bucketPolicyTemplate(
				`{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"x",
					"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`,
			),
			"",
		},
		"a denial for everybody, in a new stack": {
			"",
			bucketPolicyTemplate(`{"Effect":"Deny","Action":"s3:*","Principal":"*","Resource":"x"}`),
			"",
		},
		"public access that is no longer shut": {
			publicAccessBlocked,
			publicAccessPartlyBlocked,
			"no longer: public access is shut by BlockPublicPolicy",
		},
		"public access that is shut further": {publicAccessPartlyBlocked, publicAccessBlocked, ""},
		"a network rule more": {
			securityGroupTemplate(`[]`),
			securityGroupTemplate(inside),
			"lets traffic through from",
		},
		"a network rule with another description": {
			securityGroupTemplate(inside),
			securityGroupTemplate(
				`[{"CidrIp":"10.0.0.0/8","IpProtocol":"tcp","FromPort":5432,"ToPort":5432,"Description":"after"}]`,
			),
			"",
		},
		"a network rule from anywhere, in a new stack": {
			"",
			securityGroupTemplate(`[{"CidrIp":"0.0.0.0/0","IpProtocol":"tcp","FromPort":22,"ToPort":22}]`),
			"lets traffic through from",
		},
		"a network rule from inside, in a new stack": {"", securityGroupTemplate(inside), ""},
		"a function that more may call": {
			otherTopic,
			`{"L":{"Type":"AWS::Lambda::Permission","Properties":{"Principal":"s3.amazonaws.com",
				"Action":"lambda:InvokeFunction"}}}`,
			"allows Service s3.amazonaws.com lambda:InvokeFunction",
		},
		"a database that gets a public address": {
			`{"D":{"Type":"AWS::RDS::DBInstance","Properties":{}}}`,
			`{"D":{"Type":"AWS::RDS::DBInstance","Properties":{"PubliclyAccessible":true}}}`,
			"has a public address",
		},
		"a way to the internet": {
			otherTopic,
			`{"W":{"Type":"AWS::EC2::Route","Properties":{"DestinationCidrBlock":"0.0.0.0/0","GatewayId":{"Ref":"I"}}}}`,
			"routes 0.0.0.0/0 to the gateway",
		},
		"a policy in a place that no list of types mentions": {
			otherTopic,
			`{"E":{"Type":"AWS::New::Thing","Properties":{"Deep":[{"Policy":{"Statement":
				{"Effect":"Allow","Action":"x:Y","Principal":{"AWS":"1"}}}}]}}}`,
			"allows AWS 1 x:Y",
		},
		"nothing but another tag": {roleTemplate(allowGet), roleTemplate(allowGet), ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := ""
			if c.before != "" {
				before = template(t, c.before)
			}
			flags, err := Flags("s", nil, Version{Template: before}, Version{Template: template(t, c.after)})
			require.NoError(t, err)
			assertFlag(t, flags, change.Permissions, c.want)
		})
	}
}

func TestPermissionFlags_NestedStackThatCannotBeRead(t *testing.T) {
	nested := func(url string) Version {
		return Version{Template: template(t, `{"Inner":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"`+
			url+`"}}}`)}
	}
	changes := []change.Change{
		{Action: change.Modify, LogicalID: "Inner/Role", Type: "AWS::IAM::Role"},
		{Action: change.Modify, LogicalID: "Inner/Topic", Type: "AWS::SNS::Topic"},
	}
	flags, err := Flags("s", changes, nested("a"), nested("a"))
	require.NoError(t, err)
	require.Len(t, flags, 1)
	assert.Equal(t, "Inner/Role", flags[0].LogicalID)

	flags, err = Flags("s", nil, nested("a"), nested("b"))
	require.NoError(t, err)
	require.Len(t, flags, 1)
	assert.Equal(t, "Inner", flags[0].LogicalID)
	assert.Contains(t, flags[0].Why, "could not be read")
}

func TestFlags_MustBeAllowedByName(t *testing.T) {
	flags := []change.Flag{
		{Permit: change.DataLoss, Stack: "s", LogicalID: "Data", Type: "AWS::S3::Bucket", Why: "it is removed"},
		{Permit: change.Permissions, Stack: "s", LogicalID: "Role", Type: "AWS::IAM::Role", Why: "allows x"},
	}
	require.NoError(t, CheckAllowed(flags, []change.Permit{change.Permissions, change.DataLoss}))
	require.NoError(t, CheckAllowed(nil, nil))
	err := CheckAllowed(flags, []change.Permit{change.Permissions})
	var refusal *refusal.Error
	require.ErrorAs(t, err, &refusal)
	assert.Contains(t, err.Error(), "data-loss: Data (AWS::S3::Bucket) in s: it is removed")
	assert.Contains(t, err.Error(), "add --allow data-loss")
	assert.NotContains(t, err.Error(), "Role")
}

// A stack may have been deployed by other means before, from a template in YAML. What it keeps and what it grants is
// not known then, so nothing is let through.
func TestFlags_YAMLTemplateFlagsEverything(t *testing.T) {
	const yaml = "Resources:\n  Data:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Retain\n"
	role := `{"Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Statement":[
		{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::444455556666:root"}}]}}}}`
	flags, err := Flags(
		"web",
		[]change.Change{
			{Action: change.Remove, LogicalID: "Data", Type: "AWS::S3::Bucket"},
			{Action: change.Modify, LogicalID: "Keys", Type: "AWS::KMS::Key"},
			{Action: change.Modify, LogicalID: "Topic", Type: "AWS::SNS::Topic"},
			{Action: change.Add, LogicalID: "Role", Type: "AWS::IAM::Role"},
		},
		Version{Template: yaml}, Version{Template: template(t, role)},
	)
	require.NoError(t, err)
	require.Len(t, flags, 3)
	assert.Equal(t, change.DataLoss, flags[0].Permit)
	assert.Equal(t, "Data", flags[0].LogicalID)
	assert.Equal(t, change.DataLoss, flags[1].Permit)
	assert.Equal(t, "Keys", flags[1].LogicalID)
	assert.Equal(t, change.Permissions, flags[2].Permit)
	assert.Equal(t, "Role", flags[2].LogicalID)
	_, err = Flags("web", nil, Version{Template: yaml}, Version{Template: "Resources: {}"})
	require.Error(t, err, "what the CDK writes is JSON")
}
