package awsclient

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// A Target is the account and region that a deployment goes to, as they were configured.
type Target struct {
	// Project is the name of the platform. The keys of everything that is kept in the account begin with it.
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Account is the twelve digits of the account that is deployed to.
	Account string `json:"account"`
	Region  string `json:"region"`
	// ToolingAccount is the twelve digits of the account that the caller's credentials must belong to.
	ToolingAccount string `json:"tooling"`
	// Qualifier is the bootstrap qualifier in the names of the account's roles.
	Qualifier string `json:"qualifier"`
	// Names are the names of the account's bootstrap that the configuration gives.
	Names roles.Names `json:"names,omitzero"`
}

// Caller returns whose credentials a deployment to the target needs.
func (t Target) Caller() Caller {
	return Caller{
		Account: t.ToolingAccount, AccountName: "the tooling account " + t.ToolingAccount,
		Region: t.Region, Purpose: "a deployment to " + t.Environment,
	}
}

// A Caller says which account the caller's credentials must belong to.
type Caller struct {
	// Account is the account's twelve digits, and AccountName what a person calls it.
	Account     string
	AccountName string
	Region      string
	// Purpose is what the credentials are needed for.
	Purpose string
}

// credentialsTimeout bounds the search for the caller's credentials: outside AWS it ends with an instance metadata
// service that does not exist.
const credentialsTimeout = 10 * time.Second

// CheckCaller checks that the credentials of base belong to the account that is wanted. It is the first call of all
// and, before it has passed, the only one. The error is a *refusal.Error unless there was no answer.
func CheckCaller(ctx context.Context, base aws.Config, want Caller) error {
	_, err := callerARN(ctx, withRetry(base, want.Region), want)
	return err
}

// callerARN returns the ARN of the caller after checking the account.
func callerARN(ctx context.Context, cfg aws.Config, want Caller) (string, error) {
	if err := checkCredentials(ctx, cfg, want); err != nil {
		return "", err
	}
	id, err := NewSTS(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch ErrorCode(err) {
	case "":
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "", refusal.Newf(fault.CredentialsExpired, err,
			"the AWS credentials have expired: sign in again to %s", want.AccountName)
	default: // no policy can deny GetCallerIdentity, so AWS does not know these credentials
		return "", refusal.Newf(fault.CredentialsRefused, err,
			"AWS does not accept these credentials (%v): sign in again to %s", err, want.AccountName)
	}
	if err != nil {
		return "", err
	}
	if account := aws.ToString(id.Account); account != want.Account {
		return "", refusal.Newf(fault.WrongAccount, nil,
			"these credentials belong to account %s, but %s starts from %s: sign in there, or "+
				"choose its profile with AWS_PROFILE", account, want.Purpose, want.AccountName)
	}
	return aws.ToString(id.Arn), nil
}

// checkCredentials checks that there are credentials at all.
func checkCredentials(ctx context.Context, cfg aws.Config, want Caller) error {
	const none = "there are no AWS credentials: sign in to %s, or leave out --live to rehearse on emulated accounts"
	if cfg.Credentials == nil || aws.IsCredentialsProvider(cfg.Credentials, aws.AnonymousCredentials{}) {
		return refusal.Newf(fault.NoCredentials, nil, none, want.AccountName)
	}
	limited, stop := context.WithTimeout(ctx, credentialsTimeout)
	defer stop()
	found, err := cfg.Credentials.Retrieve(limited)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && found.HasKeys():
		return nil
	case ErrorCode(err) != "": // a profile whose role or session AWS did not grant
		return refusal.Newf(fault.CredentialsRefused, err,
			"AWS gave no credentials (%v): sign in again to %s", Wrap(err), want.AccountName)
	}
	return refusal.Newf(fault.NoCredentials, err, none, want.AccountName)
}
