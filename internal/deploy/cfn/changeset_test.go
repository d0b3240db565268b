package cfn

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
)

func TestChangeSetNaming_RecognizesStaleNames(t *testing.T) {
	now := time.Now()
	fresh, old := Naming{now.Add(time.Hour), "runa"}.newName(), Naming{now.Add(-time.Hour), "runa"}.newName()
	assert.False(t, isStale(fresh, now, ""))
	assert.False(t, isStale(fresh, now, "runb"))
	assert.True(t, isStale(fresh, now, "runa"), "its run is dead")
	assert.True(t, isStale(old, now, ""), "its time is over")
	assert.False(t, isStale("cdk-deploy-change-set", now, "runa"), "it is not ours")
	assert.LessOrEqual(t, len(fresh), 128)
	assert.True(t, strings.HasPrefix(fresh, "lockstep-"))
}

func TestChangeSetInput_LargeTemplateGoesByTheBucket(t *testing.T) {
	const published = "s3://cdk-team1-assets-444455556666-eu-west-1/0123.json"
	for name, test := range map[string]struct {
		bytes     int
		published string
		wantURL   string
		wantCode  fault.Code
	}{
		"as large as a call takes": {bytes: maxTemplateBody},
		"larger":                   {bytes: maxTemplateBody + 1, wantCode: fault.TemplateUnusable},
		"larger, and published with another qualifier": {
			bytes: 3 * maxTemplateBody, published: published,
			wantURL: "https://s3.eu-west-1.amazonaws.com/cdk-team1-assets-444455556666-eu-west-1/0123.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := &assembly.Stack{Name: "web", Region: "eu-west-1", TemplateURL: test.published}
			stack.Template.Body = strings.Repeat("x", test.bytes)
			input, err := changeSetInput(stack, State{Phase: Absent}, digest.Account("d"), "change")
			if test.wantCode != "" {
				require.ErrorContains(t, err, "has 51201 bytes and is not published")
				assert.Equal(t, test.wantCode, fault.CodeOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.wantURL, aws.ToString(input.TemplateURL))
			assert.Equal(t, test.wantURL == "", input.TemplateBody != nil)
		})
	}
}

func TestChangeSetInput_StackWithoutExecutionRole(t *testing.T) {
	stack := &assembly.Stack{Name: "web"}
	input, err := changeSetInput(stack, State{Phase: Absent}, digest.Account("d"), "change")
	require.NoError(t, err)
	assert.Nil(t, input.RoleARN, "CloudFormation works with the rights of the caller, the deploy role")
	stack.ExecutionRoleARN = "arn:aws:iam::444455556666:role/exec"
	input, err = changeSetInput(stack, State{Phase: Absent}, digest.Account("d"), "change")
	require.NoError(t, err)
	assert.Equal(t, stack.ExecutionRoleARN, aws.ToString(input.RoleARN))
}
