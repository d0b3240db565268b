package cfn

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
)

func TestEventReader_FindsTheEndOfItsOwnOperation(t *testing.T) {
	type event struct{ id, status, token string }
	tests := map[string]struct {
		events []event
		want   types.StackStatus // empty for an operation that has not ended
	}{
		"none":         {nil, ""},
		"it has begun": {[]event{{"web", "UPDATE_IN_PROGRESS", "mine"}}, ""},
		"it has ended": {
			[]event{{"web", "UPDATE_IN_PROGRESS", "mine"}, {"web", "UPDATE_COMPLETE", "mine"}}, "UPDATE_COMPLETE",
		},
		"without token": {[]event{{"web", "UPDATE_IN_PROGRESS", ""}, {"web", "UPDATE_COMPLETE", ""}}, "UPDATE_COMPLETE"},
		"a late event of the operation before": {
			[]event{{"web", "UPDATE_COMPLETE", "other"}, {"web", "UPDATE_IN_PROGRESS", "mine"}}, "",
		},
		"a late end of the operation before": {[]event{{"web", "UPDATE_COMPLETE", "other"}}, ""},
		"an operation that somebody has cancelled": {
			[]event{
				{"web", "UPDATE_IN_PROGRESS", "mine"},
				{"web", "UPDATE_ROLLBACK_IN_PROGRESS", "cancel"},
				{"web", "UPDATE_ROLLBACK_COMPLETE", "cancel"},
			},
			"UPDATE_ROLLBACK_COMPLETE",
		},
		"a nested stack that has ended": {
			[]event{{"web", "UPDATE_IN_PROGRESS", "mine"}, {"nested", "UPDATE_COMPLETE", "mine"}}, "",
		},
		"the clean-up is not the end": {
			[]event{{"web", "UPDATE_IN_PROGRESS", "mine"}, {"web", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "mine"}}, "",
		},
		"the review of a new stack is not the end": {[]event{{"web", "REVIEW_IN_PROGRESS", ""}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := &eventReader{Operation: Operation{Token: "mine"}}
			for _, e := range test.events {
				next := types.StackEvent{
					StackId: aws.String("web"), PhysicalResourceId: &e.id, ResourceStatus: types.ResourceStatus(e.status),
					ClientRequestToken: &e.token,
				}
				if r.isOwn(next) {
					r.add(next)
				}
			}
			if test.want == "" {
				assert.Nil(t, r.end)
				return
			}
			assert.Equal(t, test.want, r.status())
		})
	}
}
