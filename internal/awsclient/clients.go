package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The clients have the operations that a deployment and a bootstrap call, and no other. Each goes through call, because
// the SDK puts its own words around an error outside of every middleware: an error that was not made readable here
// would reach the user as it is.

// call calls an operation of the SDK and makes its error readable.
func call[In, Out, Options any](
	ctx context.Context, operation func(context.Context, *In, ...func(*Options)) (*Out, error),
	in *In, options []func(*Options),
) (*Out, error) {
	out, err := operation(ctx, in, options...)
	return out, Wrap(err)
}

// A CloudFormation client calls CloudFormation.
type CloudFormation struct{ client *cloudformation.Client }

// NewCloudFormation returns a client.
func NewCloudFormation(cfg aws.Config) *CloudFormation {
	return &CloudFormation{cloudformation.NewFromConfig(cfg)}
}

// ContinueUpdateRollback calls the operation of that name, once however often it is sent.
func (c *CloudFormation) ContinueUpdateRollback(
	ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, options ...func(*cloudformation.Options),
) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	return callOnce(ctx, c.client.ContinueUpdateRollback, in, options,
		func(ctx context.Context, code string) *cloudformation.ContinueUpdateRollbackOutput {
			return outputIf[cloudformation.ContinueUpdateRollbackOutput](
				c.isRollingBack(ctx, in.StackName, in.ClientRequestToken, code))
		})
}

// CreateChangeSet calls the operation of that name, once however often it is sent.
func (c *CloudFormation) CreateChangeSet(
	ctx context.Context, in *cloudformation.CreateChangeSetInput, options ...func(*cloudformation.Options),
) (*cloudformation.CreateChangeSetOutput, error) {
	return callOnce(ctx, c.client.CreateChangeSet, in, options,
		func(ctx context.Context, code string) *cloudformation.CreateChangeSetOutput {
			return c.createdChangeSet(ctx, in, code)
		})
}

// CreateStack calls the operation of that name, once however often it is sent.
func (c *CloudFormation) CreateStack(
	ctx context.Context, in *cloudformation.CreateStackInput, options ...func(*cloudformation.Options),
) (*cloudformation.CreateStackOutput, error) {
	return callOnce(ctx, c.client.CreateStack, in, options,
		func(ctx context.Context, code string) *cloudformation.CreateStackOutput {
			return outputIf[cloudformation.CreateStackOutput](
				c.hasOperation(ctx, in.StackName, in.ClientRequestToken, code))
		})
}

// DeleteChangeSet calls the operation of that name.
func (c *CloudFormation) DeleteChangeSet(
	ctx context.Context, in *cloudformation.DeleteChangeSetInput, options ...func(*cloudformation.Options),
) (*cloudformation.DeleteChangeSetOutput, error) {
	return call(ctx, c.client.DeleteChangeSet, in, options)
}

// DeleteStack calls the operation of that name, once however often it is sent.
func (c *CloudFormation) DeleteStack(
	ctx context.Context, in *cloudformation.DeleteStackInput, options ...func(*cloudformation.Options),
) (*cloudformation.DeleteStackOutput, error) {
	return callOnce(ctx, c.client.DeleteStack, in, options,
		func(ctx context.Context, code string) *cloudformation.DeleteStackOutput {
			return outputIf[cloudformation.DeleteStackOutput](
				c.hasOperation(ctx, in.StackName, in.ClientRequestToken, code))
		})
}

// DescribeChangeSet calls the operation of that name.
func (c *CloudFormation) DescribeChangeSet(
	ctx context.Context, in *cloudformation.DescribeChangeSetInput, options ...func(*cloudformation.Options),
) (*cloudformation.DescribeChangeSetOutput, error) {
	return call(ctx, c.client.DescribeChangeSet, in, options)
}

// DescribeStackDriftDetectionStatus calls the operation of that name.
func (c *CloudFormation) DescribeStackDriftDetectionStatus(
	ctx context.Context, in *cloudformation.DescribeStackDriftDetectionStatusInput,
	options ...func(*cloudformation.Options),
) (*cloudformation.DescribeStackDriftDetectionStatusOutput, error) {
	return call(ctx, c.client.DescribeStackDriftDetectionStatus, in, options)
}

// DescribeStackEvents calls the operation of that name.
func (c *CloudFormation) DescribeStackEvents(
	ctx context.Context, in *cloudformation.DescribeStackEventsInput, options ...func(*cloudformation.Options),
) (*cloudformation.DescribeStackEventsOutput, error) {
	return call(ctx, c.client.DescribeStackEvents, in, options)
}

// DescribeStackResourceDrifts calls the operation of that name.
func (c *CloudFormation) DescribeStackResourceDrifts(
	ctx context.Context, in *cloudformation.DescribeStackResourceDriftsInput, options ...func(*cloudformation.Options),
) (*cloudformation.DescribeStackResourceDriftsOutput, error) {
	return call(ctx, c.client.DescribeStackResourceDrifts, in, options)
}

// DescribeStacks calls the operation of that name.
func (c *CloudFormation) DescribeStacks(
	ctx context.Context, in *cloudformation.DescribeStacksInput, options ...func(*cloudformation.Options),
) (*cloudformation.DescribeStacksOutput, error) {
	return call(ctx, c.client.DescribeStacks, in, options)
}

// DetectStackDrift calls the operation of that name.
func (c *CloudFormation) DetectStackDrift(
	ctx context.Context, in *cloudformation.DetectStackDriftInput, options ...func(*cloudformation.Options),
) (*cloudformation.DetectStackDriftOutput, error) {
	return call(ctx, c.client.DetectStackDrift, in, options)
}

// ExecuteChangeSet calls the operation of that name, once however often it is sent.
func (c *CloudFormation) ExecuteChangeSet(
	ctx context.Context, in *cloudformation.ExecuteChangeSetInput, options ...func(*cloudformation.Options),
) (*cloudformation.ExecuteChangeSetOutput, error) {
	return callOnce(ctx, c.client.ExecuteChangeSet, in, options,
		func(ctx context.Context, code string) *cloudformation.ExecuteChangeSetOutput {
			return outputIf[cloudformation.ExecuteChangeSetOutput](c.isExecuted(ctx, in, code))
		})
}

// GetStackPolicy calls the operation of that name.
func (c *CloudFormation) GetStackPolicy(
	ctx context.Context, in *cloudformation.GetStackPolicyInput, options ...func(*cloudformation.Options),
) (*cloudformation.GetStackPolicyOutput, error) {
	return call(ctx, c.client.GetStackPolicy, in, options)
}

// GetTemplate calls the operation of that name.
func (c *CloudFormation) GetTemplate(
	ctx context.Context, in *cloudformation.GetTemplateInput, options ...func(*cloudformation.Options),
) (*cloudformation.GetTemplateOutput, error) {
	return call(ctx, c.client.GetTemplate, in, options)
}

// ListChangeSets calls the operation of that name.
func (c *CloudFormation) ListChangeSets(
	ctx context.Context, in *cloudformation.ListChangeSetsInput, options ...func(*cloudformation.Options),
) (*cloudformation.ListChangeSetsOutput, error) {
	return call(ctx, c.client.ListChangeSets, in, options)
}

// ListExports calls the operation of that name.
func (c *CloudFormation) ListExports(
	ctx context.Context, in *cloudformation.ListExportsInput, options ...func(*cloudformation.Options),
) (*cloudformation.ListExportsOutput, error) {
	return call(ctx, c.client.ListExports, in, options)
}

// ListImports calls the operation of that name.
func (c *CloudFormation) ListImports(
	ctx context.Context, in *cloudformation.ListImportsInput, options ...func(*cloudformation.Options),
) (*cloudformation.ListImportsOutput, error) {
	return call(ctx, c.client.ListImports, in, options)
}

// ListStackResources calls the operation of that name.
func (c *CloudFormation) ListStackResources(
	ctx context.Context, in *cloudformation.ListStackResourcesInput, options ...func(*cloudformation.Options),
) (*cloudformation.ListStackResourcesOutput, error) {
	return call(ctx, c.client.ListStackResources, in, options)
}

// ListStacks calls the operation of that name.
func (c *CloudFormation) ListStacks(
	ctx context.Context, in *cloudformation.ListStacksInput, options ...func(*cloudformation.Options),
) (*cloudformation.ListStacksOutput, error) {
	return call(ctx, c.client.ListStacks, in, options)
}

// RollbackStack calls the operation of that name, once however often it is sent.
func (c *CloudFormation) RollbackStack(
	ctx context.Context, in *cloudformation.RollbackStackInput, options ...func(*cloudformation.Options),
) (*cloudformation.RollbackStackOutput, error) {
	return callOnce(ctx, c.client.RollbackStack, in, options,
		func(ctx context.Context, code string) *cloudformation.RollbackStackOutput {
			return outputIf[cloudformation.RollbackStackOutput](
				c.isRollingBack(ctx, in.StackName, in.ClientRequestToken, code))
		})
}

// DescribeEvents calls the operation of that name.
func (c *CloudFormation) DescribeEvents(
	ctx context.Context, in *cloudformation.DescribeEventsInput, options ...func(*cloudformation.Options),
) (*cloudformation.DescribeEventsOutput, error) {
	return call(ctx, c.client.DescribeEvents, in, options)
}

// ListHookResults calls the operation of that name.
func (c *CloudFormation) ListHookResults(
	ctx context.Context, in *cloudformation.ListHookResultsInput, options ...func(*cloudformation.Options),
) (*cloudformation.ListHookResultsOutput, error) {
	return call(ctx, c.client.ListHookResults, in, options)
}

// SetStackPolicy calls the operation of that name.
func (c *CloudFormation) SetStackPolicy(
	ctx context.Context, in *cloudformation.SetStackPolicyInput, options ...func(*cloudformation.Options),
) (*cloudformation.SetStackPolicyOutput, error) {
	return call(ctx, c.client.SetStackPolicy, in, options)
}

// UpdateStack calls the operation of that name, once however often it is sent.
func (c *CloudFormation) UpdateStack(
	ctx context.Context, in *cloudformation.UpdateStackInput, options ...func(*cloudformation.Options),
) (*cloudformation.UpdateStackOutput, error) {
	return callOnce(ctx, c.client.UpdateStack, in, options,
		func(ctx context.Context, code string) *cloudformation.UpdateStackOutput {
			return outputIf[cloudformation.UpdateStackOutput](
				c.hasOperation(ctx, in.StackName, in.ClientRequestToken, code))
		})
}

// UpdateTerminationProtection calls the operation of that name.
func (c *CloudFormation) UpdateTerminationProtection(
	ctx context.Context, in *cloudformation.UpdateTerminationProtectionInput, options ...func(*cloudformation.Options),
) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	return call(ctx, c.client.UpdateTerminationProtection, in, options)
}

// An S3 client calls S3.
type S3 struct{ client *s3.Client }

// NewS3 returns a client. It addresses buckets by path at a custom endpoint, whose certificate and name do not cover a
// host for each bucket. The SDK sets BaseEndpoint from the configuration, AWS_ENDPOINT_URL_S3 or the shared
// configuration file before these options.
func NewS3(cfg aws.Config) *S3 {
	return &S3{s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil
		// Objects from before checksums have none, which is no news to whoever reads the output.
		o.DisableLogOutputChecksumValidationSkipped = true
	})}
}

// DeleteObject calls the operation of that name.
func (c *S3) DeleteObject(
	ctx context.Context, in *s3.DeleteObjectInput, options ...func(*s3.Options),
) (*s3.DeleteObjectOutput, error) {
	return call(ctx, c.client.DeleteObject, in, options)
}

// GetObject calls the operation of that name.
func (c *S3) GetObject(
	ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options),
) (*s3.GetObjectOutput, error) {
	return call(ctx, c.client.GetObject, in, options)
}

// ListObjectsV2 calls the operation of that name.
func (c *S3) ListObjectsV2(
	ctx context.Context, in *s3.ListObjectsV2Input, options ...func(*s3.Options),
) (*s3.ListObjectsV2Output, error) {
	return call(ctx, c.client.ListObjectsV2, in, options)
}

// CopyObject calls the operation of that name.
func (c *S3) CopyObject(
	ctx context.Context, in *s3.CopyObjectInput, options ...func(*s3.Options),
) (*s3.CopyObjectOutput, error) {
	return call(ctx, c.client.CopyObject, in, options)
}

// GetBucketEncryption calls the operation of that name.
func (c *S3) GetBucketEncryption(
	ctx context.Context, in *s3.GetBucketEncryptionInput, options ...func(*s3.Options),
) (*s3.GetBucketEncryptionOutput, error) {
	return call(ctx, c.client.GetBucketEncryption, in, options)
}

// HeadObject calls the operation of that name.
func (c *S3) HeadObject(
	ctx context.Context, in *s3.HeadObjectInput, options ...func(*s3.Options),
) (*s3.HeadObjectOutput, error) {
	return call(ctx, c.client.HeadObject, in, options)
}

// PutObject calls the operation of that name.
func (c *S3) PutObject(
	ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options),
) (*s3.PutObjectOutput, error) {
	return call(ctx, c.client.PutObject, in, options)
}

// An STS client calls STS.
type STS struct{ client *sts.Client }

// NewSTS returns a client.
func NewSTS(cfg aws.Config) *STS { return &STS{sts.NewFromConfig(cfg)} }

// AssumeRole calls the operation of that name.
func (c *STS) AssumeRole(
	ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options),
) (*sts.AssumeRoleOutput, error) {
	return call(ctx, c.client.AssumeRole, in, options)
}

// GetCallerIdentity calls the operation of that name.
func (c *STS) GetCallerIdentity(
	ctx context.Context, in *sts.GetCallerIdentityInput, options ...func(*sts.Options),
) (*sts.GetCallerIdentityOutput, error) {
	return call(ctx, c.client.GetCallerIdentity, in, options)
}

// An SSM client calls SSM.
type SSM struct{ client *ssm.Client }

// NewSSM returns a client of Systems Manager.
func NewSSM(cfg aws.Config) *SSM { return &SSM{ssm.NewFromConfig(cfg)} }

// GetParameter calls the operation of that name.
func (c *SSM) GetParameter(
	ctx context.Context, in *ssm.GetParameterInput, options ...func(*ssm.Options),
) (*ssm.GetParameterOutput, error) {
	return call(ctx, c.client.GetParameter, in, options)
}

// PutParameter calls the operation of that name, once however often it is sent.
func (c *SSM) PutParameter(
	ctx context.Context, in *ssm.PutParameterInput, options ...func(*ssm.Options),
) (*ssm.PutParameterOutput, error) {
	return callOnce(ctx, c.client.PutParameter, in, options,
		func(ctx context.Context, code string) *ssm.PutParameterOutput {
			return outputIf[ssm.PutParameterOutput](c.hasParameter(ctx, in, code))
		})
}

// DeleteParameter calls the operation of that name, once however often it is sent.
func (c *SSM) DeleteParameter(
	ctx context.Context, in *ssm.DeleteParameterInput, options ...func(*ssm.Options),
) (*ssm.DeleteParameterOutput, error) {
	return callOnce(ctx, c.client.DeleteParameter, in, options,
		func(_ context.Context, code string) *ssm.DeleteParameterOutput {
			return outputIf[ssm.DeleteParameterOutput](code == "ParameterNotFound")
		})
}

// DescribeParameters calls the operation of that name.
func (c *SSM) DescribeParameters(
	ctx context.Context, in *ssm.DescribeParametersInput, options ...func(*ssm.Options),
) (*ssm.DescribeParametersOutput, error) {
	return call(ctx, c.client.DescribeParameters, in, options)
}

// A KMS client calls KMS.
type KMS struct{ client *kms.Client }

// NewKMS returns a client of the Key Management Service. A signature is a write in all but name, so the fence asks.
func NewKMS(cfg aws.Config) *KMS { return &KMS{kms.NewFromConfig(cfg)} }

// Sign calls the operation of that name.
func (c *KMS) Sign(
	ctx context.Context, in *kms.SignInput, options ...func(*kms.Options),
) (*kms.SignOutput, error) {
	return call(ctx, c.client.Sign, in, options)
}

// A CloudWatch client calls CloudWatch.
type CloudWatch struct{ client *cloudwatch.Client }

// NewCloudWatch returns a client. The module stays at the last version that speaks the query protocol: the emulator
// does not answer in CBOR.
func NewCloudWatch(cfg aws.Config) *CloudWatch { return &CloudWatch{cloudwatch.NewFromConfig(cfg)} }

// DescribeAlarms calls the operation of that name.
func (c *CloudWatch) DescribeAlarms(
	ctx context.Context, in *cloudwatch.DescribeAlarmsInput, options ...func(*cloudwatch.Options),
) (*cloudwatch.DescribeAlarmsOutput, error) {
	return call(ctx, c.client.DescribeAlarms, in, options)
}

// PutMetricData calls the operation of that name.
func (c *CloudWatch) PutMetricData(
	ctx context.Context, in *cloudwatch.PutMetricDataInput, options ...func(*cloudwatch.Options),
) (*cloudwatch.PutMetricDataOutput, error) {
	return call(ctx, c.client.PutMetricData, in, options)
}

// GetMetricStatistics calls the operation of that name.
func (c *CloudWatch) GetMetricStatistics(
	ctx context.Context, in *cloudwatch.GetMetricStatisticsInput, options ...func(*cloudwatch.Options),
) (*cloudwatch.GetMetricStatisticsOutput, error) {
	return call(ctx, c.client.GetMetricStatistics, in, options)
}

// An IAM client calls IAM.
type IAM struct{ client *iam.Client }

// NewIAM returns a client.
func NewIAM(cfg aws.Config) *IAM { return &IAM{iam.NewFromConfig(cfg)} }

// GetRole calls the operation of that name.
func (c *IAM) GetRole(
	ctx context.Context, in *iam.GetRoleInput, options ...func(*iam.Options),
) (*iam.GetRoleOutput, error) {
	return call(ctx, c.client.GetRole, in, options)
}
