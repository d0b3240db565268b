package cfn

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/change"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/redact"
)

// A Drift is how a stack differs from what was deployed.
type Drift struct {
	Stack   string `json:"stack"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// Resources are those that differ. Unchecked counts those that CloudFormation cannot compare, and Checked all others.
	Resources []DriftedResource `json:"resources,omitempty"`
	Unchecked int               `json:"unchecked"`
	Checked   int               `json:"checked"`
	// IsMissing says that the stack itself does not exist.
	IsMissing bool `json:"missing,omitempty"`
	// Changes are the differences of the stack itself from the newest release.
	Changes []change.Property `json:"changes,omitempty"`
	// Notes are what a person should know of the stack besides that.
	Notes []string `json:"notes,omitempty"`
}

// A DriftedResource is a resource that was changed or deleted outside Lockstep.
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
	// Path is the property's JSON pointer.
	Path     string `json:"path"`
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
}

// Drifted reports whether the stack or any resource of it differs.
func (d Drift) Drifted() bool { return d.IsMissing || len(d.Resources) > 0 || len(d.Changes) > 0 }

// String returns the drift as text, a line for each resource and property.
func (d Drift) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", display.Line(d.Stack))
	switch {
	case d.IsMissing:
		b.WriteString("deleted: the newest release deployed it, and it does not exist; `lockstep deploy` creates it again")
		return b.String()
	case d.Drifted():
		fmt.Fprintf(&b, "drifted, %d of %s", len(d.Resources), resourceCount(d.Checked))
	default:
		fmt.Fprintf(&b, "in sync, %s", resourceCount(d.Checked))
	}
	if d.Unchecked > 0 {
		fmt.Fprintf(&b, "; %d of a type that CloudFormation does not compare", d.Unchecked)
	}
	if len(d.Changes) > 0 {
		b.WriteString("\n  modified the stack itself")
	}
	for _, p := range d.Changes {
		fmt.Fprintf(&b, "\n    %s", display.Line(p.String()))
	}
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "\n  %s", display.Line(note))
	}
	for _, r := range d.Resources {
		fmt.Fprintf(&b, "\n  %s %s (%s) %s", strings.ToLower(r.Status), display.Line(r.LogicalID),
			display.Line(r.Type), display.Line(r.PhysicalID))
		for _, p := range r.Properties {
			fmt.Fprintf(&b, "\n    %s: %s, deployed as %s",
				display.Line(p.Path), valueOrNothing(p.Actual), valueOrNothing(p.Expected))
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
	return display.Line(value)
}

// DetectDrift compares a stack with what was deployed. CloudFormation reads the resources with the rights of the
// client's role.
func (c *Client) DetectDrift(ctx context.Context, stack string) (Drift, error) {
	drift := Drift{Stack: stack}
	detection, err := c.api.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &stack})
	if err != nil {
		return drift, err
	}
	if err := c.waitForDetection(ctx, detection.StackDriftDetectionId); err != nil {
		return drift, err
	}
	if err := c.readDrift(ctx, &drift); err != nil {
		return drift, err
	}
	all, err := c.Resources(ctx, stack)
	drift.Unchecked = len(all) - drift.Checked
	return drift, err
}

// waitForDetection waits for the end of a comparison.
func (c *Client) waitForDetection(ctx context.Context, id *string) error {
	return c.poll(ctx, func() (bool, error) {
		out, err := c.api.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{
			StackDriftDetectionId: id,
		})
		if err != nil {
			return true, err
		}
		switch out.DetectionStatus {
		case types.StackDriftDetectionStatusDetectionComplete:
			return true, nil
		case types.StackDriftDetectionStatusDetectionFailed:
			return true, fault.New(fault.DriftUnknown,
				"CloudFormation could not compare it: "+aws.ToString(out.DetectionStatusReason))
		}
		return false, nil
	})
}

// readDrift reads the result of a comparison.
func (c *Client) readDrift(ctx context.Context, drift *Drift) error {
	pages := cloudformation.NewDescribeStackResourceDriftsPaginator(c.api,
		&cloudformation.DescribeStackResourceDriftsInput{StackName: &drift.Stack})
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
			drift.Checked++
			if r.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
				drift.Resources = append(drift.Resources, newDriftedResource(r))
			}
		}
	}
	return nil
}

func newDriftedResource(r types.StackResourceDrift) DriftedResource {
	out := DriftedResource{
		LogicalID:  aws.ToString(r.LogicalResourceId),
		Type:       aws.ToString(r.ResourceType),
		PhysicalID: aws.ToString(r.PhysicalResourceId),
		Status:     string(r.StackResourceDriftStatus),
	}
	for _, p := range r.PropertyDifferences {
		path := aws.ToString(p.PropertyPath)
		out.Properties = append(out.Properties, DriftedProperty{
			Path:     path,
			Expected: redact.Value(path, aws.ToString(p.ExpectedValue)),
			Actual:   redact.Value(path, aws.ToString(p.ActualValue)),
		})
	}
	return out
}
