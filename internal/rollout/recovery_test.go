package rollout

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
	"lockstep/internal/report"
)

// verified returns the records of a verification of one account, whose stacks have one output each.
func verified(assembly digest.Account, outputs map[string]string) []report.AccountRecord {
	record := deploy.Record{AssemblyDigest: assembly}
	for _, stack := range []string{"data", "web"} {
		if value, ok := outputs[stack]; ok {
			record.Stacks = append(record.Stacks, deploy.StackRecord{Name: stack, Outputs: map[string]string{"Name": value}})
		}
	}
	return []report.AccountRecord{{Record: record}}
}

func TestRecovery_ComparesWithWhatWasThere(t *testing.T) {
	printed := faulttest.Printed(t)
	before := verified("one", map[string]string{"data": "bucket-1", "web": "url"})
	for name, test := range map[string]struct {
		after   []report.AccountRecord
		changed []string
		// message is the difference that makes the recovery fail; empty for none.
		message string
	}{
		"the same": {verified("one", map[string]string{"data": "bucket-1", "web": "url"}), nil, ""},
		"a name that AWS chose": {
			verified("one", map[string]string{"data": "bucket-2", "web": "url"}), []string{"data.Name"}, "",
		},
		"a stack less": {
			verified("one", map[string]string{"data": "bucket-1"}), nil, "stack web is missing",
		},
		"another assembly": {
			verified("two", map[string]string{"data": "bucket-1", "web": "url"}), nil, "has assembly two, and had one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := Recovery{Accounts: []AccountRecovery{{Account: "444455556666"}}}
			err := r.compare(before, test.after)
			if test.message == "" {
				require.NoError(t, err)
			} else {
				printed.Error(err)
				require.ErrorContains(t, err, test.message)
			}
			assert.Equal(t, test.changed, r.Accounts[0].ChangedOutputs)
		})
	}
}

func TestRecovery_ComparesNamesOfOutputs(t *testing.T) {
	before := deploy.StackRecord{Name: "web", Outputs: map[string]string{"A": "1", "B": "2"}}
	after := deploy.StackRecord{Name: "web", Outputs: map[string]string{"B": "2", "C": "3"}}
	changed, missing := compareOutputs(before, after)
	assert.Empty(t, changed)
	assert.Equal(t, []string{"stack web has no output A any more", "stack web has a new output C"}, missing)
}

func TestRecovery_IsRefusedLive(t *testing.T) {
	printed := faulttest.Printed(t)
	s := &Session{Live: true} // whatever it touched would panic
	_, err := s.RehearseRecovery(t.Context(), config.Environment{Name: "prod"})
	var refused *refusal.Error
	printed.Error(err)
	require.ErrorAs(t, printed.Error(err), &refused)
	assert.ErrorContains(t, printed.Error(err), deploy.RecoveryPage)
}
