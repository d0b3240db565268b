package cfn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

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
	// Incomplete is why CloudFormation could not compare all resources; empty if it could. The results of the others
	// count.
	Incomplete string `json:"incomplete,omitempty"`
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
	case d.Incomplete != "":
		fmt.Fprintf(&b, "not known, no drift in %s", resourceCount(d.Checked))
	default:
		fmt.Fprintf(&b, "in sync, %s", resourceCount(d.Checked))
	}
	if d.Unchecked > 0 {
		fmt.Fprintf(&b, "; %d of a type that CloudFormation does not compare", d.Unchecked)
	}
	if d.Incomplete != "" {
		fmt.Fprintf(&b, "\n  not all of it was compared: %s", display.Line(d.Incomplete))
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

// DetectDrift compares a stack and its nested stacks with what was deployed. CloudFormation reads the resources with
// the rights of the client's role. After an error of kind fault.DriftUnknown the drift holds what could be compared.
func (c *Client) DetectDrift(ctx context.Context, stack string) (Drift, error) {
	drift := Drift{Stack: stack}
	if err := c.detectDrift(ctx, &drift, stack, ""); err != nil {
		return drift, err
	}
	if drift.Incomplete != "" {
		return drift, fault.New(fault.DriftUnknown, "CloudFormation could not compare all of it: "+drift.Incomplete)
	}
	return drift, nil
}

// detectDrift adds the drift of a stack, by its name or ARN, and of its nested stacks. The prefix is the path of the
// stack in the outermost one. CloudFormation itself says nothing of nested stacks (API reference, DetectStackDrift).
func (c *Client) detectDrift(ctx context.Context, drift *Drift, stack, prefix string) error {
	id, err := c.beginDetection(ctx, stack)
	if err != nil {
		return err
	}
	failure, err := c.waitForDetection(ctx, id)
	if err != nil {
		return err
	}
	if failure != "" {
		drift.Incomplete = strings.TrimPrefix(drift.Incomplete+"; "+prefix+failure, "; ")
	}
	before := drift.Checked
	if err := c.readDrift(ctx, drift, stack, prefix); err != nil {
		return err
	}
	all, err := c.Resources(ctx, stack)
	if err != nil {
		return err
	}
	drift.Unchecked += len(all) - (drift.Checked - before)
	for _, r := range all {
		nested := aws.ToString(r.PhysicalResourceId)
		if aws.ToString(r.ResourceType) != change.StackType || nested == "" || strings.Count(prefix, "/") == maxStackNesting {
			continue
		}
		drift.Unchecked--
		drift.Checked++
		if err := c.detectDrift(ctx, drift, nested, prefix+aws.ToString(r.LogicalResourceId)+"/"); err != nil {
			return err
		}
	}
	return nil
}

// beginDetection begins a comparison, and waits for another one of the same stack before.
func (c *Client) beginDetection(ctx context.Context, stack string) (id *string, err error) {
	err = c.poll(ctx, func() (bool, error) {
		out, err := c.api.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &stack})
		if api := smithy.APIError(nil); errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "already in progress") {
			return false, nil
		}
		if err != nil {
			return true, err
		}
		id = out.StackDriftDetectionId
		return true, nil
	})
	return id, err
}

// waitForDetection waits for the end of a comparison. It returns why not all of the stack was compared, or "".
func (c *Client) waitForDetection(ctx context.Context, id *string) (failure string, err error) {
	err = c.poll(ctx, func() (bool, error) {
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
			failure = cmp.Or(trimReason(out.DetectionStatusReason), noReason)
			return true, nil
		}
		return false, nil
	})
	return failure, err
}

// readDrift adds the result of a comparison.
func (c *Client) readDrift(ctx context.Context, drift *Drift, stack, prefix string) error {
	pages := cloudformation.NewDescribeStackResourceDriftsPaginator(c.api,
		&cloudformation.DescribeStackResourceDriftsInput{StackName: &stack})
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
				drifted := newDriftedResource(r)
				drifted.LogicalID = prefix + drifted.LogicalID
				drift.Resources = append(drift.Resources, drifted)
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
