package cfn

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/fault"
	"lockstep/internal/telemetry"
)

// resourceSpans are the times at which resources began to change, by their logical ids.
type resourceSpans map[string]time.Time

// add takes note of an event. The one with which a resource's change ends records its span.
func (s resourceSpans) add(ctx context.Context, e types.StackEvent) {
	if isStackEvent(e) || e.Timestamp == nil {
		return
	}
	id, status := aws.ToString(e.LogicalResourceId), string(e.ResourceStatus)
	begin, hasBegun := s[id]
	if !hasBegun {
		begin = *e.Timestamp
		s[id] = begin
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") {
		return
	}
	delete(s, id)
	var code fault.Code
	if strings.HasSuffix(status, "_FAILED") {
		code = fault.StackFailed
	}
	telemetry.Record(ctx, "resource "+id, telemetry.Period{Begin: begin, End: *e.Timestamp}, code,
		telemetry.ResourceType(aws.ToString(e.ResourceType)), telemetry.Status(status))
}
