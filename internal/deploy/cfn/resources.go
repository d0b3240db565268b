package cfn

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/sync/errgroup"
)

// Resources returns the resources of a stack by its name or ARN.
func (c *Client) Resources(ctx context.Context, stack string) ([]types.StackResourceSummary, error) {
	var out []types.StackResourceSummary
	in := &cloudformation.ListStackResourcesInput{StackName: &stack}
	pages := cloudformation.NewListStackResourcesPaginator(c.api, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.StackResourceSummaries...)
	}
	return out, nil
}

// Templates returns the templates of all stacks in the account and region.
func (c *Client) Templates(ctx context.Context) ([]string, error) {
	var names []string
	in := &cloudformation.ListStacksInput{StackStatusFilter: existingStatuses()}
	pages := cloudformation.NewListStacksPaginator(c.api, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.StackSummaries {
			names = append(names, aws.ToString(s.StackName))
		}
	}
	templates := make([]string, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for i, name := range names {
		group.Go(func() error {
			out, err := c.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name})
			if isNotFound(err) { // it was deleted meanwhile
				return nil
			}
			if err != nil {
				return fmt.Errorf("stack %s: %w", name, err)
			}
			templates[i] = aws.ToString(out.TemplateBody)
			return nil
		})
	}
	return templates, group.Wait()
}
