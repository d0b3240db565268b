package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// addTrail records the calls in every region: for years in the bucket, and for LogDays in the log group that it
// returns.
//
// The library's own trail lets CloudTrail write for whomever it works, so its parts are added here.
func addTrail(stack awscdk.Stack, key awskms.Key, records awss3.Bucket, logDays int) awslogs.LogGroup {
	// allowTrailKeyUse lets this trail use the key. Source: the CloudTrail user guide, configure AWS KMS key policies for
	// CloudTrail.
	allowTrailKeyUse(stack, key)
	group := constructs.NewLogGroup(stack, "TrailLog", fmt.Sprintf("/%s/trail", *stack.StackName()), logDays)
	role := constructs.NewServiceRole(stack, "TrailRole", constructs.ServiceRoleProps{
		Service: cloudTrail, SourceARN: trailARN(stack), Description: "writes the audit trail to its log",
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"), Resources: &[]*string{group.LogGroupArn()},
	}))
	allowTrailRecords(stack, records)
	trail := awscloudtrail.NewCfnTrail(stack, jsii.String("Trail"), &awscloudtrail.CfnTrailProps{
		TrailName: stack.StackName(), S3BucketName: records.BucketName(), KmsKeyId: key.KeyArn(), IsLogging: jsii.Bool(true),
		CloudWatchLogsLogGroupArn: group.LogGroupArn(), CloudWatchLogsRoleArn: role.RoleArn(),
		IsMultiRegionTrail: jsii.Bool(true), IncludeGlobalServiceEvents: jsii.Bool(true),
		EnableLogFileValidation: jsii.Bool(true),
	})
	// Deployed trails have this id. Another one would be a second trail of the same name.
	trail.OverrideLogicalId(jsii.String("Trail022F0CF2"))
	trail.Node().AddDependency(records.Policy(), role)
	return group
}

const cloudTrail = "cloudtrail.amazonaws.com"

func trailARN(stack awscdk.Stack) string {
	return constructs.ARN(stack, "cloudtrail", "trail/"+*stack.StackName())
}

// allowTrailRecords lets this one trail write its records to the bucket.
// Source: the CloudTrail user guide, Amazon S3 bucket policy for CloudTrail.
func allowTrailRecords(stack awscdk.Stack, records awss3.Bucket) {
	trail := constructs.NewServicePrincipal(stack, cloudTrail, trailARN(stack))
	allowRecords(records, trail, fmt.Sprintf("AWSLogs/%s/*", *stack.Account()))
}

// allowRecords lets a principal write objects whose keys match the pattern to the bucket, and see that it may.
func allowRecords(records awss3.Bucket, principal awsiam.IPrincipal, keys string) {
	for _, permission := range []struct {
		action   string
		resource *string
	}{{"s3:PutObject", records.ArnForObjects(&keys)}, {"s3:GetBucketAcl", records.BucketArn()}} {
		records.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{principal}, Actions: jsii.Strings(permission.action),
			Resources: &[]*string{permission.resource},
		}))
	}
}

// allowTrailKeyUse lets this one trail use the key.
// Source: the CloudTrail user guide, configure AWS KMS key policies for CloudTrail.
func allowTrailKeyUse(stack awscdk.Stack, key awskms.Key) {
	arn := trailARN(stack)
	anyTrail := fmt.Sprintf("arn:%s:cloudtrail:*:%s:trail/*", *stack.Partition(), *stack.Account())
	for _, permission := range []struct {
		action     string
		conditions map[string]any
	}{
		{"kms:GenerateDataKey*", map[string]any{
			"StringEquals": map[string]any{"aws:SourceArn": arn},
			"StringLike":   map[string]any{"kms:EncryptionContext:aws:cloudtrail:arn": anyTrail},
		}},
		{"kms:DescribeKey", map[string]any{"StringEquals": map[string]any{"aws:SourceArn": arn}}},
	} {
		key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(cloudTrail), nil)},
			Actions:    jsii.Strings(permission.action), Resources: jsii.Strings("*"), Conditions: &permission.conditions,
		}), nil)
	}
}

// securityEvents are the events that raise an alarm, as filters on the audit trail. Source of the patterns: the CIS
// AWS Foundations Benchmark, monitoring; CloudTrail's documentation of event names.
var securityEvents = []struct{ id, description, pattern string }{
	{
		"DeniedCalls", "somebody was denied what they tried",
		`{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }`,
	},
	{
		"SignInWithoutMFA", "somebody signed in to the console without a second factor",
		`{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && ($.userIdentity.type = ` +
			`"IAMUser") && ($.responseElements.ConsoleLogin = "Success") }`,
	},
	{
		"RootUse", "the root user did something",
		`{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) && ($.eventType != "AwsServiceEvent") }`,
	},
	{
		"IAMChanges", "rights were changed",
		`{ ($.eventSource = "iam.amazonaws.com") && (($.eventName = "Put*Policy") || ($.eventName = "Delete*Policy*") || ` +
			`($.eventName = "Attach*Policy") || ($.eventName = "Detach*Policy") || ($.eventName = "CreatePolicy*") || ` +
			`($.eventName = "SetDefaultPolicyVersion") || ($.eventName = "CreateUser") || ($.eventName = "CreateAccessKey") ` +
			`|| ($.eventName = "UpdateAssumeRolePolicy")) }`,
	},
	{
		"TrailChanges", "the audit trail was changed",
		`{ ($.eventSource = "cloudtrail.amazonaws.com") && (($.eventName = "CreateTrail") || ($.eventName = ` +
			`"UpdateTrail") || ($.eventName = "DeleteTrail") || ($.eventName = "StartLogging") || ($.eventName = ` +
			`"StopLogging") || ($.eventName = "PutEventSelectors")) }`,
	},
	{
		"FailedSignIns", "somebody failed to sign in to the console",
		`{ ($.eventName = "ConsoleLogin") && ($.errorMessage = "Failed authentication") }`,
	},
	{
		"KeyRemovals", "a key was disabled or is to be deleted",
		`{ ($.eventSource = "kms.amazonaws.com") && (($.eventName = "DisableKey") || ($.eventName = ` +
			`"ScheduleKeyDeletion")) }`,
	},
	{
		"BucketPolicyChanges", "it was changed who reaches a bucket",
		`{ ($.eventSource = "s3.amazonaws.com") && (($.eventName = "PutBucketAcl") || ($.eventName = "PutBucketPolicy") ` +
			`|| ($.eventName = "DeleteBucketPolicy") || ($.eventName = "PutBucketCors") || ($.eventName = ` +
			`"DeleteBucketPublicAccessBlock") || ($.eventName = "PutBucketPublicAccessBlock") || ($.eventName = ` +
			`"PutBucketReplication")) }`,
	},
	{
		"RecorderChanges", "the record of resources was changed",
		`{ ($.eventSource = "config.amazonaws.com") && (($.eventName = "StopConfigurationRecorder") || ($.eventName = ` +
			`"DeleteDeliveryChannel") || ($.eventName = "PutDeliveryChannel") || ($.eventName = "PutConfigurationRecorder")) }`,
	},
	{
		"SecurityGroupChanges", "a security group was changed",
		`{ ($.eventName = "AuthorizeSecurityGroup*") || ($.eventName = "RevokeSecurityGroup*") || ($.eventName = ` +
			`"CreateSecurityGroup") || ($.eventName = "DeleteSecurityGroup") || ($.eventName = "ModifySecurityGroupRules") }`,
	},
	{
		"NetworkACLChanges", "a network's access list was changed",
		`{ ($.eventName = "CreateNetworkAcl*") || ($.eventName = "DeleteNetworkAcl*") || ($.eventName = ` +
			`"ReplaceNetworkAcl*") }`,
	},
	{
		"GatewayChanges", "a way out of a network was changed",
		`{ ($.eventName = "CreateCustomerGateway") || ($.eventName = "DeleteCustomerGateway") || ($.eventName = ` +
			`"*InternetGateway") || ($.eventName = "CreateNatGateway") || ($.eventName = "DeleteNatGateway") }`,
	},
	{
		"RouteChanges", "a route was changed",
		`{ ($.eventSource = "ec2.amazonaws.com") && (($.eventName = "CreateRoute*") || ($.eventName = "ReplaceRoute*") || ` +
			`($.eventName = "DeleteRoute*") || ($.eventName = "DisassociateRouteTable")) }`,
	},
	{
		"NetworkChanges", "a network was made, changed or removed",
		`{ ($.eventName = "CreateVpc") || ($.eventName = "DeleteVpc") || ($.eventName = "ModifyVpcAttribute") || ` +
			`($.eventName = "*VpcPeeringConnection") }`,
	},
}

// addSecurityAlarms adds an alarm for each of the security events, and a dashboard.
func addSecurityAlarms(stack awscdk.Stack, group awslogs.LogGroup, thresholds config.SecurityAlarms) {
	// The thresholds of events that are normal in small numbers.
	configured := map[string]int{"DeniedCalls": thresholds.DeniedCalls, "FailedSignIns": thresholds.FailedSignIns}
	var metrics []awscloudwatch.IMetric
	for _, event := range securityEvents {
		filter := awslogs.NewMetricFilter(stack, jsii.String(event.id+"Filter"), &awslogs.MetricFilterProps{
			LogGroup: group, FilterPattern: awslogs.FilterPattern_Literal(jsii.String(event.pattern)),
			MetricNamespace: stack.StackName(), MetricName: jsii.String(event.id), MetricValue: jsii.String("1"),
		})
		metric := filter.Metric(&awscloudwatch.MetricOptions{
			Statistic: jsii.String("Sum"),
			Period:    awscdk.Duration_Minutes(jsii.Number(5)),
		})
		threshold := float64(max(configured[event.id], 1))
		constructs.NewAlarm(stack, event.id, constructs.AlarmProps{
			Metric: metric, Threshold: threshold, Periods: 1, IsAudit: true, Description: event.description +
				": the audit trail says who, and from where",
		})
		metrics = append(metrics, metric)
	}
	constructs.NewDashboard(stack, []awscloudwatch.IWidget{constructs.NewGraphWidget("security events", metrics...)})
}
