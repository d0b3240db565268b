package awsclient

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

const (
	toolingAccount = "123456789012"
	targetAccount  = "444455556666"
	otherAccount   = "999900001111"
)

var target = Target{Environment: "acc", Account: targetAccount, Region: "eu-west-1", ToolingAccount: toolingAccount}

func TestCheckCaller_RefusesMissingCredentials(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, provider := range map[string]aws.CredentialsProvider{"none": nil, "anonymous": aws.AnonymousCredentials{}} {
		t.Run(name, func(t *testing.T) {
			err := CheckCaller(t.Context(), aws.Config{Credentials: provider}, target.Caller())
			var refused *refusal.Error
			printed.Error(err)
			require.ErrorAs(t, err, &refused)
			assert.EqualError(t, err, "there are no AWS credentials: sign in to the tooling account 123456789012, "+
				"or leave out --live to rehearse on emulated accounts")
		})
	}
}

func TestCheckCaller_RefusesOtherAccount(t *testing.T) {
	printed := faulttest.Printed(t)
	cloud := simulated.New()
	require.NoError(t, CheckCaller(t.Context(), cloud.Config(toolingAccount, target.Region), target.Caller()))
	for _, account := range []string{otherAccount, targetAccount} {
		err := CheckCaller(t.Context(), cloud.Config(account, target.Region), target.Caller())
		var refused *refusal.Error
		printed.Error(err)
		require.ErrorAs(t, err, &refused)
		assert.EqualError(t, err, "these credentials belong to account "+account+", but a deployment to acc starts from "+
			"the tooling account 123456789012: sign in there, or choose its profile with AWS_PROFILE")
	}
}

func TestOpenSessions_RefusesOtherAccount(t *testing.T) {
	_, err := OpenSessions(t.Context(), simulated.New().Config(otherAccount, target.Region), target, nil, "run")
	var refused *refusal.Error
	require.ErrorAs(t, err, &refused)
}

func TestSessions_RefuseRoleOfOtherAccount(t *testing.T) {
	printed := faulttest.Printed(t)
	sessions, err := OpenSessions(
		t.Context(), simulated.New().Config(toolingAccount, target.Region), target, NewLimiter(), "run",
	)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:iam::"+toolingAccount+":root", sessions.CallerARN())
	_, err = sessions.Config(t.Context(), Role{ARN: "arn:aws:iam::" + targetAccount + ":role/deploy"}, target.Region)
	require.NoError(t, err)
	_, err = sessions.Config(t.Context(), Role{ARN: "arn:aws:iam::" + otherAccount + ":role/deploy"}, target.Region)
	var refused *refusal.Error
	printed.Error(err)
	require.ErrorAs(t, err, &refused)
	assert.EqualError(t, err, "the role arn:aws:iam::999900001111:role/deploy turned out to be one of account "+
		"999900001111, but acc is account 444455556666")
}

func TestCheckCaller_RefusesCredentialsThatAWSDoesNotTake(t *testing.T) {
	printed := faulttest.Printed(t)
	for answer, want := range map[string]fault.Code{
		"ExpiredToken": fault.CredentialsExpired, "InvalidClientTokenId": fault.CredentialsRefused,
	} {
		cfg := testConfig(clientFunc(func(*http.Request) (*http.Response, error) {
			body := "<ErrorResponse><Error><Code>" + answer + "</Code><Message>no</Message></Error></ErrorResponse>"
			return &http.Response{StatusCode: http.StatusForbidden, Body: io.NopCloser(strings.NewReader(body))}, nil
		}))
		err := CheckCaller(t.Context(), cfg, target.Caller())
		assert.Equal(t, want, fault.CodeOf(printed.Error(err)), "%v", err)
	}
}
