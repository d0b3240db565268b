package awsclient

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// A call whose answer is lost is sent again, and AWS may have done what it asks for already. Most calls can be
// repeated. Those that begin an operation of CloudFormation, or write a parameter of SSM, are refused the second time.
// What the refusal of a repeated call means is decided here, and nowhere else: it is no failure if AWS shows that the
// first attempt was heard.

// attemptLog says what became of the attempts of one call.
type attemptLog struct {
	// isUnanswered says that an attempt ended without an answer of the service itself, which may have done its work.
	isUnanswered bool
}

type attemptLogKey struct{}

// errTokenExists is the code of the refusal of a request whose token CloudFormation has seen: it was done already.
// Source: the CloudFormation API reference, ExecuteChangeSet, errors.
const errTokenExists = "TokenAlreadyExistsException"

// callOnce is call for an operation that cannot be repeated. Where the last attempt of a repeated call was refused, the
// answer is what isDone returns, if it returns one.
func callOnce[In, Out, Options any](
	ctx context.Context, operation func(context.Context, *In, ...func(*Options)) (*Out, error),
	in *In, options []func(*Options), isDone func(ctx context.Context, code string) *Out,
) (*Out, error) {
	log := &attemptLog{}
	out, err := call(context.WithValue(ctx, attemptLogKey{}, log), operation, in, options)
	if code := ErrorCode(err); log.isUnanswered && code != "" {
		if done := isDone(ctx, code); done != nil {
			return done, nil
		}
	}
	return out, err
}

// outputIf returns an answer without content if the operation was done, and otherwise none.
func outputIf[Out any](isDone bool) *Out {
	if !isDone {
		return nil
	}
	return new(Out)
}

// createdChangeSet returns the answer to a request for a change set that was made already.
func (c *CloudFormation) createdChangeSet(
	ctx context.Context, in *cloudformation.CreateChangeSetInput, code string,
) *cloudformation.CreateChangeSetOutput {
	if code != "AlreadyExistsException" && code != errTokenExists {
		return nil
	}
	set, err := c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: in.ChangeSetName, StackName: in.StackName,
	})
	if err != nil {
		return nil
	}
	return &cloudformation.CreateChangeSetOutput{Id: set.ChangeSetId, StackId: set.StackId}
}

// isExecuted reports whether the execution of a change set has begun, after it was refused with a code.
func (c *CloudFormation) isExecuted(
	ctx context.Context, in *cloudformation.ExecuteChangeSetInput, code string,
) bool {
	if code != "InvalidChangeSetStatus" {
		return code == errTokenExists
	}
	set, err := c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: in.ChangeSetName, StackName: in.StackName,
	})
	return err == nil && IsExecuted(set.ExecutionStatus)
}

// IsExecuted reports whether the execution of a change set has begun.
func IsExecuted(status types.ExecutionStatus) bool {
	switch status {
	case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return true
	}
	return false
}

// hasOperation reports whether a stack has an event of the operation with a token, after it was refused with a code.
func (c *CloudFormation) hasOperation(ctx context.Context, stack, token *string, code string) bool {
	if code != "ValidationError" {
		return code == errTokenExists
	}
	out, err := c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: stack})
	if err != nil || token == nil {
		return false
	}
	for _, e := range out.StackEvents {
		if aws.ToString(e.ClientRequestToken) == *token {
			return true
		}
	}
	return false
}

// isRollingBack reports whether a stack is rolled back, after a rollback was refused with a code.
func (c *CloudFormation) isRollingBack(ctx context.Context, stack, token *string, code string) bool {
	if c.hasOperation(ctx, stack, token, code) {
		return true
	}
	out, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: stack})
	return err == nil && len(out.Stacks) > 0 && isRollback(out.Stacks[0].StackStatus)
}

// hasParameter reports whether a parameter has the value that it was to get, after that was refused with a code.
func (c *SSM) hasParameter(ctx context.Context, in *ssm.PutParameterInput, code string) bool {
	if code != "ParameterAlreadyExists" {
		return false
	}
	out, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: in.Name, WithDecryption: aws.Bool(true)})
	return err == nil && out.Parameter != nil && aws.ToString(out.Parameter.Value) == aws.ToString(in.Value)
}

// isRollback reports whether a state is one of a rollback that runs or has ended well.
func isRollback(status types.StackStatus) bool {
	text := string(status)
	return strings.Contains(text, "ROLLBACK") && !strings.HasSuffix(text, "_FAILED")
}
