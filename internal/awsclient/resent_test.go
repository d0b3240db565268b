package awsclient

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A forgetfulCloudFormation loses the answer to the first call of an action, and refuses every further one with a code.
// It answers the other actions with a document.
type forgetfulCloudFormation struct {
	action, code string
	answers      map[string]string
	// isHeard says that the first call was lost, and refused from the start otherwise.
	isHeard bool
	calls   int
}

func (f *forgetfulCloudFormation) Do(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	action := r.PostForm.Get("Action")
	answer := httptest.NewRecorder()
	switch {
	case action != f.action:
		_, err := io.WriteString(answer, "<"+action+"Response><"+action+"Result>"+f.answers[action]+
			"</"+action+"Result></"+action+"Response>")
		return answer.Result(), err
	case f.calls == 0 && f.isHeard:
		f.calls++
		return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: syscall.ECONNRESET}
	}
	f.calls++
	answer.WriteHeader(http.StatusBadRequest)
	_, err := io.WriteString(answer,
		"<ErrorResponse><Error><Code>"+f.code+"</Code><Message>no</Message></Error></ErrorResponse>")
	return answer.Result(), err
}

// What AWS says of the second attempt of a call whose first attempt it has heard is no failure, if AWS shows that it is
// the caller's own.
func TestWrites_LostAnswerIsNoFailure(t *testing.T) {
	const token = "mine"
	const execute, resume = "ExecuteChangeSet", "ContinueUpdateRollback"
	const invalid, status = "ValidationError", "InvalidChangeSetStatus"
	name := aws.String("web")
	events := func(token string) map[string]string {
		return map[string]string{"DescribeStackEvents": "<StackEvents><member><ClientRequestToken>" + token +
			"</ClientRequestToken></member></StackEvents>"}
	}
	set := func(status string) map[string]string {
		return map[string]string{"DescribeChangeSet": "<ChangeSetId>set</ChangeSetId><StackId>stack</StackId>" +
			"<ExecutionStatus>" + status + "</ExecutionStatus>"}
	}
	stack := func(status string) map[string]string {
		return map[string]string{"DescribeStacks": "<Stacks><member><StackName>web</StackName><StackStatus>" + status +
			"</StackStatus></member></Stacks>"}
	}
	calls := map[string]func(context.Context, *CloudFormation) error{
		"CreateChangeSet": func(ctx context.Context, c *CloudFormation) error {
			out, err := c.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{StackName: name, ChangeSetName: name})
			if err == nil {
				assert.Equal(t, "set stack", aws.ToString(out.Id)+" "+aws.ToString(out.StackId))
			}
			return err
		},
		"ExecuteChangeSet": func(ctx context.Context, c *CloudFormation) error {
			_, err := c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: name, StackName: name})
			return err
		},
		"RollbackStack": func(ctx context.Context, c *CloudFormation) error {
			_, err := c.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: name})
			return err
		},
		"ContinueUpdateRollback": func(ctx context.Context, c *CloudFormation) error {
			_, err := c.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: name})
			return err
		},
		"UpdateStack": func(ctx context.Context, c *CloudFormation) error {
			_, err := c.UpdateStack(ctx, &cloudformation.UpdateStackInput{
				StackName: name, ClientRequestToken: aws.String(token),
			})
			return err
		},
	}
	for test, want := range map[string]struct {
		action, code string
		answers      map[string]string
		isDone       bool
	}{
		"a change set that was made":             {"CreateChangeSet", "AlreadyExistsException", set("AVAILABLE"), true},
		"one that is executed":                   {execute, status, set("EXECUTE_IN_PROGRESS"), true},
		"one that was executed":                  {execute, status, set("EXECUTE_COMPLETE"), true},
		"one that cannot be executed":            {execute, status, set("OBSOLETE"), false},
		"a token that CloudFormation knows":      {"ExecuteChangeSet", "TokenAlreadyExistsException", nil, true},
		"a rollback that runs":                   {"RollbackStack", invalid, stack("UPDATE_ROLLBACK_IN_PROGRESS"), true},
		"a rollback that was refused":            {"RollbackStack", invalid, stack("UPDATE_FAILED"), false},
		"a rollback that is continued":           {resume, invalid, stack("UPDATE_ROLLBACK_COMPLETE"), true},
		"a rollback that cannot be continued":    {resume, invalid, stack("UPDATE_ROLLBACK_FAILED"), false},
		"an update with an event of its token":   {"UpdateStack", invalid, events(token), true},
		"an update during another one's":         {"UpdateStack", invalid, events("other"), false},
		"an update that nobody has the right to": {"UpdateStack", "AccessDenied", events(token), false},
	} {
		t.Run(test, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, isHeard := range []bool{true, false} {
					server := &forgetfulCloudFormation{
						action: want.action, code: want.code, answers: want.answers, isHeard: isHeard,
					}
					client := NewCloudFormation(withRetry(aws.Config{
						HTTPClient: server, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
					}, "eu-west-1"))
					err := calls[want.action](t.Context(), client)
					if isHeard && want.isDone {
						require.NoError(t, err)
						continue
					}
					assert.Equal(t, want.code, ErrorCode(err), "a call that is refused at first is never taken for done")
				}
			})
		})
	}
}

func TestIsRollback_EndsWell(t *testing.T) {
	for status, want := range map[types.StackStatus]bool{
		types.StackStatusUpdateRollbackInProgress: true, types.StackStatusRollbackComplete: true,
		types.StackStatusUpdateRollbackFailed: false, types.StackStatusUpdateFailed: false,
	} {
		assert.Equal(t, want, isRollback(status), status)
	}
}

// A forgetfulParameterStore is an SSM that does what it is asked, and loses the answer to the first call of an action.
type forgetfulParameterStore struct {
	code, value string
	calls       int
}

func (f *forgetfulParameterStore) Do(r *http.Request) (*http.Response, error) {
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case action == "GetParameter":
		_, err := io.WriteString(answer, `{"Parameter":{"Value":"`+f.value+`"}}`)
		return answer.Result(), err
	case f.calls == 0:
		f.calls++
		return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: syscall.ECONNRESET}
	}
	answer.WriteHeader(http.StatusBadRequest)
	_, err := io.WriteString(answer, `{"__type":"`+f.code+`"}`)
	return answer.Result(), err
}

func TestWrites_LostAnswerOfAParameter(t *testing.T) {
	open := func(f *forgetfulParameterStore) *SSM {
		return NewSSM(withRetry(aws.Config{
			HTTPClient: f, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		}, "eu-west-1"))
	}
	put := &ssm.PutParameterInput{Name: aws.String("/p"), Value: aws.String("mine"), Type: ssmtypes.ParameterTypeString}
	synctest.Test(t, func(t *testing.T) {
		_, err := open(&forgetfulParameterStore{code: "ParameterAlreadyExists", value: "mine"}).PutParameter(t.Context(), put)
		require.NoError(t, err)
		_, err = open(&forgetfulParameterStore{code: "ParameterAlreadyExists", value: "other"}).
			PutParameter(t.Context(), put)
		assert.Equal(t, "ParameterAlreadyExists", ErrorCode(err), "somebody else has written it")
		_, err = open(&forgetfulParameterStore{code: "ParameterNotFound"}).
			DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("/p")})
		require.NoError(t, err)
	})
}
