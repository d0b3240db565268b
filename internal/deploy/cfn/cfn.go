// Package cfn owns what a deployment says to CloudFormation: what can be done with a stack in which state, its change
// sets, their execution and its events, its policy and its drift. It knows nothing of plans, of the lock or of what is
// recorded.
package cfn

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"lockstep/internal/awsclient"
)

// maxConcurrent is how many stacks are read at once. CloudFormation throttles an account's calls long before it limits
// operations (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxConcurrent = 8

// A Client works on the stacks of one account and region, as one role.
type Client struct {
	// Replaces, if not nil, is asked whether the change of a property replaces a resource, instead of CloudFormation: the
	// emulated one does not know. It returns a word of types.RequiresRecreation, and false for a type that is not known.
	Replaces func(resourceType, property string) (types.RequiresRecreation, bool)

	// ImportsExisting says that change sets take over resources that exist, if the template names and retains them.
	ImportsExisting bool

	// Pause waits for a time; the error is the context's if that ends first.
	Pause func(context.Context, time.Duration) error
	// DeletingAPI, if not nil, returns the client that deletes empty stacks, for a role that may delete none.
	DeletingAPI func(context.Context) (*awsclient.CloudFormation, error)

	api      *awsclient.CloudFormation
	progress func(string)
	now      func() time.Time
}

// New returns a client that reports its progress line by line.
func New(api *awsclient.CloudFormation, progress func(string)) *Client {
	return &Client{api: api, progress: progress, now: time.Now, Pause: Sleep}
}

// Sleep waits for a time, or returns the context's error when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// The pauses between two questions whether an operation has ended. They grow, so that short operations end soon and
// long ones cost few calls.
const (
	minPollInterval = 50 * time.Millisecond
	maxPollInterval = 3 * time.Second
)

// poll calls ready until it reports true or fails.
func (c *Client) poll(ctx context.Context, ready func() (bool, error)) error {
	for interval := minPollInterval; ; interval = min(interval*3/2, maxPollInterval) {
		done, err := ready()
		if done || err != nil {
			return err
		}
		if err := c.Pause(ctx, interval); err != nil {
			return err
		}
	}
}

// isNotFound reports whether CloudFormation knows no such stack. It distinguishes its ValidationErrors only by their
// text.
func isNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist")
}

// isAccessDenied reports whether the role lacks a right.
func isAccessDenied(err error) bool { return awsclient.ErrorCode(err) == "AccessDenied" }
