package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
)

// A CodePipeline client calls CodePipeline.
type CodePipeline struct{ client *codepipeline.Client }

// NewCodePipeline returns a client.
func NewCodePipeline(cfg aws.Config) *CodePipeline {
	return &CodePipeline{codepipeline.NewFromConfig(cfg)}
}

// ListActionExecutions calls the operation of that name.
func (c *CodePipeline) ListActionExecutions(
	ctx context.Context, in *codepipeline.ListActionExecutionsInput, options ...func(*codepipeline.Options),
) (*codepipeline.ListActionExecutionsOutput, error) {
	return call(ctx, c.client.ListActionExecutions, in, options)
}
