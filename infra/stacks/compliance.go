package stacks

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsconfig"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"lockstep/infra/constructs"
)

// A complianceRule is a managed rule of AWS Config. Source of the names: the AWS Config developer guide, list of
// managed rules.
type complianceRule struct {
	name, identifier string
	parameters       map[string]string
}

// complianceRules are the rules for every account.
var complianceRules = []complianceRule{
	{name: "bucket-encrypted", identifier: "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED"},
	{name: "bucket-tls-only", identifier: "S3_BUCKET_SSL_REQUESTS_ONLY"},
	{name: "bucket-versioned", identifier: "S3_BUCKET_VERSIONING_ENABLED"},
	{name: "bucket-not-read-by-public", identifier: "S3_BUCKET_PUBLIC_READ_PROHIBITED"},
	{name: "bucket-not-written-by-public", identifier: "S3_BUCKET_PUBLIC_WRITE_PROHIBITED"},
	{name: "database-encrypted", identifier: "RDS_STORAGE_ENCRYPTED"},
	{name: "database-iam", identifier: "RDS_CLUSTER_IAM_AUTHENTICATION_ENABLED"},
	{name: "database-not-public", identifier: "RDS_INSTANCE_PUBLIC_ACCESS_CHECK"},
	{name: "key-rotated", identifier: "CMK_BACKING_KEY_ROTATION_ENABLED"},
	{name: "trail-in-all-regions", identifier: "MULTI_REGION_CLOUD_TRAIL_ENABLED"},
	{name: "trail-validated", identifier: "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED"},
	{name: "flow-logs", identifier: "VPC_FLOW_LOGS_ENABLED"},
	{name: "root-mfa", identifier: "ROOT_ACCOUNT_MFA_ENABLED"},
	{name: "root-has-no-key", identifier: "IAM_ROOT_ACCESS_KEY_CHECK"},
	{name: "console-mfa", identifier: "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS"},
	{
		name: "access-keys-changed", identifier: "ACCESS_KEYS_ROTATED",
		parameters: map[string]string{"maxAccessKeyAge": "90"},
	},
	{name: "no-policy-for-everything", identifier: "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS"},
}

// protectedRules are the additional rules for protected environments.
var protectedRules = []complianceRule{
	{name: "database-protected", identifier: "RDS_CLUSTER_DELETION_PROTECTION_ENABLED"},
}

// addCompliance records every resource of the account and evaluates the rules. They are one conformance pack, so that
// nobody changes a single one by hand.
func addCompliance(stack awscdk.Stack, key awskms.Key, records awss3.Bucket, props GovernanceProps) {
	recorder := awsconfig.NewCfnConfigurationRecorder(stack, jsii.String("Recorder"),
		&awsconfig.CfnConfigurationRecorderProps{
			RoleArn: newRecorderRole(stack, key, records).RoleArn(),
			RecordingGroup: &awsconfig.CfnConfigurationRecorder_RecordingGroupProperty{
				AllSupported: jsii.Bool(true),
				// Types such as users and roles are those of the account: one region records them.
				IncludeGlobalResourceTypes: jsii.Bool(!props.IsFurtherRegion),
			},
		})
	// The recorder and its channel wait for each other inside AWS, so that a dependency would be a deadlock.
	channel := awsconfig.NewCfnDeliveryChannel(stack, jsii.String("Channel"), &awsconfig.CfnDeliveryChannelProps{
		S3BucketName: records.BucketName(), S3KmsKeyArn: key.KeyArn(),
		ConfigSnapshotDeliveryProperties: &awsconfig.CfnDeliveryChannel_ConfigSnapshotDeliveryPropertiesProperty{
			DeliveryFrequency: jsii.String("TwentyFour_Hours"),
		},
	})
	channel.Node().AddDependency(records.Policy())
	rules := complianceRules
	if props.Protected {
		rules = append(rules[:len(rules):len(rules)], protectedRules...)
	}
	pack := awsconfig.NewCfnConformancePack(stack, jsii.String("Rules"), &awsconfig.CfnConformancePackProps{
		ConformancePackName: stack.StackName(), TemplateBody: conformancePackTemplate(rules),
	})
	pack.AddDependency(recorder)
	pack.AddDependency(channel)
}

// newRecorderRole returns a role that reads every resource and writes to the bucket, whose policies allow that.
func newRecorderRole(stack awscdk.Stack, key awskms.Key, records awss3.Bucket) awsiam.Role {
	role := awsiam.NewRole(stack, jsii.String("RecorderRole"), &awsiam.RoleProps{
		AssumedBy:   constructs.NewServicePrincipal(stack, "config.amazonaws.com", ""),
		Description: jsii.String("records the account's resources"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AWS_ConfigRole")),
		},
	})
	constructs.Suppress(role, "AwsSolutions-IAM4",
		"What the recorder has to read grows with AWS: AWS keeps this policy for exactly that role.")
	allowRecords(records, role, fmt.Sprintf("AWSLogs/%s/Config/*", *stack.Account()))
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{role}, Actions: jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"),
		Resources: jsii.Strings("*"),
	}), nil)
	return role
}

// conformancePackTemplate returns the template of the conformance pack.
func conformancePackTemplate(rules []complianceRule) *string {
	resources := map[string]any{}
	for i, rule := range rules {
		properties := map[string]any{"ConfigRuleName": rule.name, "Source": map[string]any{
			"Owner":            "AWS",
			"SourceIdentifier": rule.identifier,
		}}
		if rule.parameters != nil {
			properties["InputParameters"] = rule.parameters
		}
		resources[fmt.Sprintf("Rule%02d", i+1)] = map[string]any{"Type": "AWS::Config::ConfigRule", "Properties": properties}
	}
	return asJSON(map[string]any{"Resources": resources})
}

// asJSON returns a value as JSON text, for properties that AWS takes as text.
func asJSON(value any) *string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // all callers pass values that can be encoded
	}
	return jsii.String(string(text))
}

// formatNumber returns a number without exponent or trailing zeros.
func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
