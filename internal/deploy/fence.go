package deploy

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/deploy/ledger"
)

// writeOperations are the operations that change what is in the account. Source: the CloudFormation and S3 API references; whatever else is called here only reads.
var writeOperations = []string{
	"CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack", "UpdateTerminationProtection", "ContinueUpdateRollback", "SetStackPolicy", "PutObject", "DeleteObject",
}

// A fence stands before every write of a run that holds the lock: it asks whether the lock is still ours, because CloudFormation does not know of it.
type fence struct{ lock atomic.Pointer[ledger.Lock] }

// withFence is the configuration with the fence before its writes. Retries of a call are not asked again: they are the same write.
func (f *fence) withFence(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepFence", f.check), middleware.After)
	})
	return cfg
}

func (f *fence) check(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	if lock := f.lock.Load(); lock != nil && slices.Contains(writeOperations, middleware.GetOperationName(ctx)) {
		if err := lock.Check(ctx); err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
	}
	return next.HandleInitialize(ctx, in)
}
