package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lockstep/internal/awsclient"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/sync/errgroup"
)

// A Drift is how far a stack is from what was deployed.
type Drift struct {
	Stack   string `json:"stack"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// Resources are those that differ, and Unchecked counts those that CloudFormation cannot compare.
	Resources []DriftedResource `json:"resources,omitempty"`
	Unchecked int               `json:"unchecked"`
	Checked   int               `json:"checked"`
}

// A DriftedResource is a resource that was changed or deleted by another hand.
type DriftedResource struct {
	LogicalID  string `json:"logicalId"`
	Type       string `json:"type"`
	PhysicalID string `json:"physicalId"`
	// Status is MODIFIED or DELETED.
	Status     string            `json:"status"`
	Properties []DriftedProperty `json:"properties,omitempty"`
}

// A DriftedProperty is a property that is not what was deployed.
type DriftedProperty struct {
	// Path is the property's, as a JSON pointer.
	Path     string `json:"path"`
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
}

// Drifted says whether anything differs.
func (d Drift) Drifted() bool { return len(d.Resources) > 0 }

// String tells it for a person.
func (d Drift) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", d.Stack)
	switch {
	case d.Drifted():
		fmt.Fprintf(&b, "drifted, %d of %s", len(d.Resources), resourceCount(d.Checked))
	default:
		fmt.Fprintf(&b, "in sync, %s", resourceCount(d.Checked))
	}
	if d.Unchecked > 0 {
		fmt.Fprintf(&b, "; %d of a type that CloudFormation does not compare", d.Unchecked)
	}
	for _, r := range d.Resources {
		fmt.Fprintf(&b, "\n  %s %s (%s) %s", strings.ToLower(r.Status), r.LogicalID, r.Type, r.PhysicalID)
		for _, p := range r.Properties {
			fmt.Fprintf(&b, "\n    %s: %s, deployed as %s", p.Path, valueOrNothing(p.Actual), valueOrNothing(p.Expected))
		}
	}
	return b.String()
}

func resourceCount(n int) string {
	if n == 1 {
		return "1 resource"
	}
	return fmt.Sprintf("%d resources", n)
}

func valueOrNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

// Drift compares every stack of the newest release with what there is, several at once, as the role that may read everything and write nothing: CloudFormation
// looks at the resources with its caller's rights.
func (d *Deployment) Drift(ctx context.Context) ([]Drift, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	last, err := book.LatestRelease(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil {
		d.printProgress("nothing was deployed yet, so there is nothing to compare with")
		return nil, nil
	}
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.target, lookupKind), d.target.Region)
	if err != nil {
		return nil, err
	}
	client := awsclient.NewCloudFormation(cfg, nil)
	out := make([]Drift, len(last.Stacks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for i, s := range last.Stacks {
		out[i] = Drift{Stack: s.Name, Account: d.target.Account, Region: d.target.Region}
		group.Go(func() error {
			if err := detectDrift(ctx, client, &out[i]); err != nil {
				return fmt.Errorf("stack %s: %w", s.Name, err)
			}
			return nil
		})
	}
	return out, group.Wait()
}

// detectDrift lets CloudFormation compare a stack, and reads what it found.
func detectDrift(ctx context.Context, client *awsclient.CloudFormation, into *Drift) error {
	begun, err := client.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &into.Stack})
	if err != nil {
		return err
	}
	for wait := newPollBackoff(); ; {
		out, err := client.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: begun.StackDriftDetectionId})
		if err != nil {
			return err
		}
		switch out.DetectionStatus {
		case types.StackDriftDetectionStatusDetectionComplete:
			if err := readDrift(ctx, client, into); err != nil {
				return err
			}
			all, err := stackResources(ctx, client, stackState{Stack: types.Stack{StackId: &into.Stack}})
			into.Unchecked = len(all) - into.Checked
			return err
		case types.StackDriftDetectionStatusDetectionFailed:
			return errors.New("CloudFormation could not compare it: " + aws.ToString(out.DetectionStatusReason))
		}
		if err := wait.sleep(ctx); err != nil {
			return err
		}
	}
}

func readDrift(ctx context.Context, client *awsclient.CloudFormation, into *Drift) error {
	pages := cloudformation.NewDescribeStackResourceDriftsPaginator(client, &cloudformation.DescribeStackResourceDriftsInput{StackName: &into.Stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.StackResourceDrifts {
			switch r.StackResourceDriftStatus {
			case types.StackResourceDriftStatusNotChecked, types.StackResourceDriftStatus("UNKNOWN"):
				continue
			}
			into.Checked++
			if r.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
				into.Resources = append(into.Resources, newDriftedResource(r))
			}
		}
	}
	return nil
}

func newDriftedResource(r types.StackResourceDrift) DriftedResource {
	out := DriftedResource{
		LogicalID: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType), PhysicalID: aws.ToString(r.PhysicalResourceId), Status: string(r.StackResourceDriftStatus),
	}
	for _, p := range r.PropertyDifferences {
		path := aws.ToString(p.PropertyPath)
		out.Properties = append(out.Properties, DriftedProperty{Path: path, Expected: displayValue(path, p.ExpectedValue), Actual: displayValue(path, p.ActualValue)})
	}
	return out
}
