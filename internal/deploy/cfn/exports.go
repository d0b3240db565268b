package cfn

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

// Exports returns the values of the stack's exports by name, and the keys of the outputs that are exported.
func (s State) Exports() (values, keys map[string]string) {
	values, keys = map[string]string{}, map[string]string{}
	for _, o := range s.Outputs {
		if o.ExportName != nil {
			values[*o.ExportName], keys[*o.ExportName] = aws.ToString(o.OutputValue), aws.ToString(o.OutputKey)
		}
	}
	return values, keys
}

// Importers returns the names of the stacks that import an export.
func (c *Client) Importers(ctx context.Context, export string) ([]string, error) {
	var names []string
	pages := cloudformation.NewListImportsPaginator(c.api, &cloudformation.ListImportsInput{ExportName: &export})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var api smithy.APIError
		if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "is not imported by any stack") {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		names = append(names, page.Imports...)
	}
	return names, nil
}

// Exporters returns the names of the stacks of all exports in the account and region, by the export's name.
func (c *Client) Exporters(ctx context.Context) (map[string]string, error) {
	stacks := map[string]string{}
	pages := cloudformation.NewListExportsPaginator(c.api, &cloudformation.ListExportsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Exports {
			// A stack's ARN is arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID.
			parts := strings.Split(aws.ToString(e.ExportingStackId), "/")
			stacks[aws.ToString(e.Name)] = parts[min(1, len(parts)-1)]
		}
	}
	return stacks, nil
}
