package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// A CloudControl client calls the Cloud Control API, which reads resources of nearly every type in one way.
type CloudControl struct{ client *cloudcontrol.Client }

// NewCloudControl returns a client.
func NewCloudControl(cfg aws.Config) *CloudControl {
	return &CloudControl{cloudcontrol.NewFromConfig(cfg)}
}

// GetResource calls the operation of that name.
func (c *CloudControl) GetResource(
	ctx context.Context, in *cloudcontrol.GetResourceInput, options ...func(*cloudcontrol.Options),
) (*cloudcontrol.GetResourceOutput, error) {
	return call(ctx, c.client.GetResource, in, options)
}

// ListResources calls the operation of that name.
func (c *CloudControl) ListResources(
	ctx context.Context, in *cloudcontrol.ListResourcesInput, options ...func(*cloudcontrol.Options),
) (*cloudcontrol.ListResourcesOutput, error) {
	return call(ctx, c.client.ListResources, in, options)
}

// A ServiceQuotas client calls Service Quotas.
type ServiceQuotas struct{ client *servicequotas.Client }

// NewServiceQuotas returns a client.
func NewServiceQuotas(cfg aws.Config) *ServiceQuotas {
	return &ServiceQuotas{servicequotas.NewFromConfig(cfg)}
}

// GetServiceQuota calls the operation of that name.
func (c *ServiceQuotas) GetServiceQuota(
	ctx context.Context, in *servicequotas.GetServiceQuotaInput, options ...func(*servicequotas.Options),
) (*servicequotas.GetServiceQuotaOutput, error) {
	return call(ctx, c.client.GetServiceQuota, in, options)
}

// SimulatePrincipalPolicy calls the operation of that name. It changes nothing.
func (c *IAM) SimulatePrincipalPolicy(
	ctx context.Context, in *iam.SimulatePrincipalPolicyInput, options ...func(*iam.Options),
) (*iam.SimulatePrincipalPolicyOutput, error) {
	return call(ctx, c.client.SimulatePrincipalPolicy, in, options)
}

// DescribeStackResources calls the operation of that name.
func (c *CloudFormation) DescribeStackResources(
	ctx context.Context, in *cloudformation.DescribeStackResourcesInput, options ...func(*cloudformation.Options),
) (*cloudformation.DescribeStackResourcesOutput, error) {
	return call(ctx, c.client.DescribeStackResources, in, options)
}
