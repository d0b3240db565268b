package cfn

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
)

func TestStates_CoverEveryStatus(t *testing.T) {
	var statuses []types.StackStatus
	for _, row := range States {
		statuses = append(statuses, row.Status)
	}
	assert.ElementsMatch(t, types.StackStatus("").Values(), statuses)
	assert.Equal(t, Busy, stateRow("NEW_IN_PROGRESS").Phase)
	assert.Equal(t, NeedsHuman, stateRow("NEW_COMPLETE").Phase)
}

func TestStates_ExistUnlessDeleted(t *testing.T) {
	existing := existingStatuses()
	for _, status := range types.StackStatus("").Values() {
		if status == types.StackStatusDeleteComplete {
			assert.NotContains(t, existing, status)
		} else {
			assert.Contains(t, existing, status)
		}
	}
}
