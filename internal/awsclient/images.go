package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// An ECR client calls the Elastic Container Registry by its API, as every other service is called: with a role's
// credentials alone, behind the fence, and without a login that the programs of containers would keep in a file.
type ECR struct{ client *ecr.Client }

// NewECR returns a client.
func NewECR(cfg aws.Config) *ECR { return &ECR{ecr.NewFromConfig(cfg)} }

// DescribeImages calls the operation of that name.
func (c *ECR) DescribeImages(
	ctx context.Context, in *ecr.DescribeImagesInput, options ...func(*ecr.Options),
) (*ecr.DescribeImagesOutput, error) {
	return call(ctx, c.client.DescribeImages, in, options)
}

// BatchCheckLayerAvailability calls the operation of that name.
func (c *ECR) BatchCheckLayerAvailability(
	ctx context.Context, in *ecr.BatchCheckLayerAvailabilityInput, options ...func(*ecr.Options),
) (*ecr.BatchCheckLayerAvailabilityOutput, error) {
	return call(ctx, c.client.BatchCheckLayerAvailability, in, options)
}

// InitiateLayerUpload calls the operation of that name. An upload that nobody completes is forgotten.
func (c *ECR) InitiateLayerUpload(
	ctx context.Context, in *ecr.InitiateLayerUploadInput, options ...func(*ecr.Options),
) (*ecr.InitiateLayerUploadOutput, error) {
	return call(ctx, c.client.InitiateLayerUpload, in, options)
}

// UploadLayerPart calls the operation of that name.
func (c *ECR) UploadLayerPart(
	ctx context.Context, in *ecr.UploadLayerPartInput, options ...func(*ecr.Options),
) (*ecr.UploadLayerPartOutput, error) {
	return call(ctx, c.client.UploadLayerPart, in, options)
}

// CompleteLayerUpload calls the operation of that name.
func (c *ECR) CompleteLayerUpload(
	ctx context.Context, in *ecr.CompleteLayerUploadInput, options ...func(*ecr.Options),
) (*ecr.CompleteLayerUploadOutput, error) {
	return call(ctx, c.client.CompleteLayerUpload, in, options)
}

// PutImage calls the operation of that name.
func (c *ECR) PutImage(
	ctx context.Context, in *ecr.PutImageInput, options ...func(*ecr.Options),
) (*ecr.PutImageOutput, error) {
	return call(ctx, c.client.PutImage, in, options)
}
