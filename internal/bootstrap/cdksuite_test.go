package bootstrap

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// These restate behaviours that the CDK's own command line is tested for; docs/cdk-suite.md has all of them.

// A fakeCloud answers CloudFormation's calls about two stacks, and keeps what it was asked.
type fakeCloud struct {
	// statuses are those of the stacks by name; empty for one that does not exist.
	statuses map[string]string
	// refusal is why change sets fail; empty if they do not.
	refusal string
	calls   []url.Values
}

// Do implements aws.HTTPClient.
func (f *fakeCloud) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet { // S3 is asked for records, and has none
		text := io.NopCloser(strings.NewReader("<ListBucketResult></ListBucketResult>"))
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: text, Request: r}, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	f.calls = append(f.calls, form)
	status, text := f.answer(form)
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r,
	}, nil
}

// answer returns the status and the text of the answer to a call.
func (f *fakeCloud) answer(form url.Values) (status int, text string) {
	action, name := form.Get("Action"), form.Get("StackName")
	result := ""
	switch action {
	case "DescribeStacks":
		if f.statuses[name] == "" {
			return http.StatusBadRequest, "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id " +
				name + " does not exist</Message></Error></ErrorResponse>"
		}
		result = "<Stacks><member><StackName>" + name + "</StackName><StackStatus>" + f.statuses[name] +
			"</StackStatus></member></Stacks>"
	case "DescribeChangeSet":
		result = "<Status>CREATE_COMPLETE</Status><ChangeSetId>the-change-set</ChangeSetId>"
		if f.refusal != "" {
			result = "<Status>FAILED</Status><StatusReason>" + f.refusal + "</StatusReason>"
		}
	case "CreateChangeSet":
		f.statuses[name] = "REVIEW_IN_PROGRESS"
	case "ExecuteChangeSet":
		f.statuses[name] = "CREATE_COMPLETE"
	case "UpdateStack":
		f.statuses[name] = "UPDATE_COMPLETE"
	case "DeleteStack":
		delete(f.statuses, name)
	}
	return http.StatusOK, fmt.Sprintf("<%sResponse><%sResult>%s</%sResult></%sResponse>", action, action, result, action,
		action)
}

// of returns the calls of an action, about one stack.
func (f *fakeCloud) of(action, name string) []url.Values {
	var out []url.Values
	for _, form := range f.calls {
		if form.Get("Action") == action && form.Get("StackName") == name {
			out = append(out, form)
		}
	}
	return out
}

const suiteTemplate = parametersTemplate + `
Resources:
  CdkBootstrapVersion: {Type: "AWS::SSM::Parameter", Properties: {Value: "32"}}
`

// apply bootstraps an account of the cloud.
func (f *fakeCloud) apply(t *testing.T) error {
	t.Helper()
	cfg := aws.Config{
		HTTPClient: f, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
	return Apply(t.Context(), cfg, suiteTemplate, Account{
		ID: "444455556666", Region: "eu-west-1", TrustedAccounts: []string{"123456789012"}, Qualifier: "hnb659fds",
		MayChange: true,
	})
}

// A call that names no tags and no protection leaves both as they are.
func TestBootstrap_KeepsTagsAndProtection(t *testing.T) {
	f := &fakeCloud{statuses: map[string]string{"CDKToolkit": "CREATE_COMPLETE", "LockstepToolkit": "CREATE_COMPLETE"}}
	require.NoError(t, f.apply(t))
	updates := f.of("UpdateStack", "CDKToolkit")
	require.Len(t, updates, 1)
	for name := range updates[0] {
		assert.False(t, strings.HasPrefix(name, "Tags"), name)
	}
	assert.Empty(t, f.of("UpdateTerminationProtection", "CDKToolkit"))
}

func TestBootstrap_TakesBackWhatADeletedStackHasKept(t *testing.T) {
	printed := faulttest.Printed(t)
	f := &fakeCloud{statuses: map[string]string{}}
	require.NoError(t, f.apply(t))
	for _, name := range []string{"CDKToolkit", "LockstepToolkit"} {
		created := f.of("CreateChangeSet", name)
		require.Len(t, created, 1, name)
		assert.Equal(t, "true", created[0].Get("ImportExistingResources"))
		executed := f.of("ExecuteChangeSet", name)
		require.Len(t, executed, 1, name)
		assert.Equal(t, "the-change-set", executed[0].Get("ChangeSetName"), "the very one that was made")
	}
	for name, status := range map[string]string{
		"cut off before it was created": "REVIEW_IN_PROGRESS", "a creation that failed": "ROLLBACK_COMPLETE",
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeCloud{statuses: map[string]string{"CDKToolkit": status, "LockstepToolkit": "CREATE_COMPLETE"}}
			require.NoError(t, f.apply(t))
			assert.Len(t, f.of("DeleteStack", "CDKToolkit"), 1)
			assert.Len(t, f.of("ExecuteChangeSet", "CDKToolkit"), 1)
		})
	}
	t.Run("a bucket that cannot be taken back is named", func(t *testing.T) {
		f := &fakeCloud{statuses: map[string]string{}, refusal: "StagingBucket is of another stack"}
		err := f.apply(t)
		printed.Error(err)
		require.ErrorContains(t, err, "stack CDKToolkit: its change set was refused: StagingBucket is of another stack")
		assert.Equal(t, fault.BootstrapFailed, fault.CodeOf(err))
		assert.Empty(t, f.of("ExecuteChangeSet", "CDKToolkit"))
	})
}
