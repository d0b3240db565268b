package stateful

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/awsmodel"
)

func TestTypes_ArePublishedOnesAndAdditions(t *testing.T) {
	var want []string
	for _, name := range awsmodel.Names() {
		if published, _ := awsmodel.Lookup(name); published.Stateful {
			want = append(want, name)
		}
	}
	assert.Equal(t, want, published, "run `go generate ./internal/stateful`")
	for added, reason := range additions {
		assert.NotEmpty(t, reason)
		_, isKnown := awsmodel.Lookup(added)
		assert.True(t, isKnown, added)
		assert.NotContains(t, published, added, "the CDK counts it meanwhile")
	}
}

func TestData_SaysWhatIsKept(t *testing.T) {
	for _, name := range Types() {
		data, ok := Data(name)
		assert.True(t, ok, name)
		assert.Equal(t, kept[name], data, "say what %s keeps", name)
	}
	assert.Len(t, kept, len(Types()))
	assert.True(t, slices.IsSorted(Types()))
	_, ok := Data("AWS::SNS::Topic")
	assert.False(t, ok)
}
