package rollout

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/rehearsal"
)

// A fakeStore keeps parameters by name.
type fakeStore map[string]string

func (f fakeStore) GetParameter(
	_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options),
) (*ssm.GetParameterOutput, error) {
	value, ok := f[*in.Name]
	if !ok {
		return nil, &smithy.GenericAPIError{Code: "ParameterNotFound"}
	}
	return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Value: &value}}, nil
}

func (f fakeStore) PutParameter(
	_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options),
) (*ssm.PutParameterOutput, error) {
	f[*in.Name] = string(in.Type) + " " + *in.Value
	return &ssm.PutParameterOutput{}, nil
}

func (f fakeStore) DeleteParameter(
	_ context.Context, in *ssm.DeleteParameterInput, _ ...func(*ssm.Options),
) (*ssm.DeleteParameterOutput, error) {
	delete(f, *in.Name)
	return &ssm.DeleteParameterOutput{}, nil
}

func TestProvideParameter_LeavesWhatIsNotItsOwn(t *testing.T) {
	const name, value = "/orders/queue", "stand-in-orders-queue"
	for what, test := range map[string]struct {
		before, after  fakeStore
		isMade, isList bool
		want           bool
	}{
		"there is none":                      {fakeStore{}, fakeStore{name: "String " + value}, false, false, true},
		"there is no list":                   {fakeStore{}, fakeStore{name: "StringList " + value}, false, true, true},
		"an earlier rehearsal has given it":  {fakeStore{name: value}, fakeStore{name: value}, false, false, true},
		"a person has given it":              {fakeStore{name: "mine"}, fakeStore{name: "mine"}, false, false, false},
		"a stack will make it":               {fakeStore{}, fakeStore{}, true, false, false},
		"a stack makes it now":               {fakeStore{name: value}, fakeStore{}, true, false, false},
		"a stack has made it":                {fakeStore{name: "real"}, fakeStore{name: "real"}, true, false, false},
		"a stack will make it, and others":   {fakeStore{"/x": "1"}, fakeStore{"/x": "1"}, true, false, false},
		"a list that a person has given":     {fakeStore{name: "a,b"}, fakeStore{name: "a,b"}, false, true, false},
		"an earlier rehearsal, and it stays": {fakeStore{name: value}, fakeStore{name: value}, false, true, true},
	} {
		t.Run(what, func(t *testing.T) {
			provided, err := provideParameter(t.Context(), test.before, rehearsal.OutsideParameter{
				Name: name, Value: value, IsMade: test.isMade, IsList: test.isList,
			})
			require.NoError(t, err)
			assert.Equal(t, test.want, provided)
			assert.Equal(t, test.after, test.before)
		})
	}
}
