package ledger

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// contended is a store in which another run is always faster.
type contended struct{ *memoryStore }

func (c contended) Put(context.Context, string, []byte, Condition) (Object, error) {
	return Object{}, ErrPreconditionFailed
}

func TestLock_ThatOthersAlwaysWriteFirst(t *testing.T) {
	printed := faulttest.Printed(t)
	_, err := Open(contended{newMemoryStore()}, testScope, Signing{}).AcquireLock(t.Context(), Holder{ID: "one"})
	assert.Equal(t, fault.RecordContention, fault.CodeOf(printed.Error(err)), "%v", err)
}
