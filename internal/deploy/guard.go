package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"lockstep/internal/refusal"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"lockstep/internal/deploy/assembly"
)

// credentialsTimeout bounds the search for the caller's credentials: outside AWS it ends with an instance metadata service
// that is not there.
const credentialsTimeout = 10 * time.Second

// A Caller is whose credentials something has to be done with.
type Caller struct {
	// Account is the twelve digits of the account that they must belong to, and Called what a person knows it as.
	Account, AccountName string
	Region               string
	// Purpose is what they are needed for.
	Purpose string
}

// caller is who deploys to the target.
func (t Target) caller() Caller {
	return Caller{Account: t.ToolingAccount, AccountName: "the tooling account " + t.ToolingAccount, Region: t.Region, Purpose: "a deployment to " + t.Environment}
}

// Guard checks that the caller's credentials belong to the target's tooling account. It is the first call of all and, before
// it has passed, the only one. The error is a *Refusal unless there was no answer.
func Guard(ctx context.Context, base aws.Config, target Target) error {
	return GuardCaller(ctx, base, target.caller())
}

// GuardCaller checks that credentials belong to the account that something has to be done with.
func GuardCaller(ctx context.Context, base aws.Config, want Caller) error {
	_, err := checkCaller(ctx, withRetry(base, want.Region), want)
	return err
}

// checkCaller is the guard, over a patient configuration, and returns the caller's ARN.
func checkCaller(ctx context.Context, base aws.Config, want Caller) (string, error) {
	if err := checkCredentials(ctx, base, want); err != nil {
		return "", err
	}
	id, err := stsClient(base).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch errorCode(err) {
	case "":
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "", refusal.Newf(err, "the AWS credentials have expired: sign in again to %s", want.AccountName)
	default: // no policy can deny GetCallerIdentity, so any answer but yes means that the credentials are no good
		return "", refusal.Newf(err, "AWS does not accept these credentials (%v): sign in again to %s", wrapAWS(err), want.AccountName)
	}
	if err != nil {
		return "", wrapAWS(err)
	}
	if account := aws.ToString(id.Account); account != want.Account {
		return "", refusal.Newf(nil, "these credentials belong to account %s, but %s starts from %s: sign in there, or choose its profile with AWS_PROFILE",
			account, want.Purpose, want.AccountName)
	}
	return aws.ToString(id.Arn), nil
}

func checkCredentials(ctx context.Context, base aws.Config, want Caller) error {
	const none = "there are no AWS credentials: sign in to %s, or leave out --live to rehearse on emulated accounts"
	if base.Credentials == nil || aws.IsCredentialsProvider(base.Credentials, aws.AnonymousCredentials{}) {
		return refusal.Newf(nil, none, want.AccountName)
	}
	limited, stop := context.WithTimeout(ctx, credentialsTimeout)
	defer stop()
	found, err := base.Credentials.Retrieve(limited)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil && found.HasKeys() {
		return nil
	}
	if api := errorCode(err); api != "" { // a profile whose role or session AWS did not grant
		return refusal.Newf(err, "AWS gave no credentials (%v): sign in again to %s", wrapAWS(err), want.AccountName)
	}
	return refusal.Newf(err, none, want.AccountName)
}

// checkAssembly refuses, without a call to AWS, whatever in the assembly leads elsewhere than to the target.
func checkAssembly(asm *assembly.Assembly, target Target) error {
	for _, s := range asm.Stacks {
		switch {
		case s.Account != target.Account:
			return refusal.Newf(nil, "stack %s is for account %s, but %s is account %s: synthesise for %s, or correct its configuration",
				s.Name, s.Account, target.Environment, target.Account, target.Environment)
		case s.Region != target.Region:
			return refusal.Newf(nil, "stack %s is for region %s, but %s is in %s: synthesise for %s, or correct its configuration",
				s.Name, s.Region, target.Environment, target.Region, target.Environment)
		}
		if err := checkRole(s.DeployRole.ARN, "stack "+s.Name, target); err != nil {
			return err
		}
		if s.ExecutionRoleARN != "" {
			if err := checkRole(s.ExecutionRoleARN, "stack "+s.Name, target); err != nil {
				return err
			}
		}
		if len(s.Images) > 0 {
			return fmt.Errorf("stack %s needs the container image %s, and images cannot be published yet: "+
				"push it to a repository in a step of its own and refer to it by digest", s.Name, s.Images[0])
		}
		if err := checkAssets(s, target); err != nil {
			return err
		}
	}
	return nil
}

func checkAssets(s *assembly.Stack, target Target) error {
	for _, a := range s.Assets {
		if len(a.Executable) > 0 {
			return fmt.Errorf("asset %s of stack %s is made by a command (%s), which is not supported: let the app write the file",
				a.Name, s.Name, a.Executable[0])
		}
		if err := checkRole(a.Role.ARN, "asset "+a.Name+" of stack "+s.Name, target); err != nil {
			return err
		}
	}
	return nil
}

// checkRole refuses a thing without a role, which could only be done with the caller's own rights, and a foreign role.
func checkRole(role, what string, target Target) error {
	if role == "" {
		return refusal.Newf(nil, "%s names no role to assume in %s: use the CDK's DefaultStackSynthesizer; "+
			"nothing is ever done with the caller's own rights", what, target.Account)
	}
	parsed, err := arn.Parse(role)
	if err != nil {
		return refusal.Newf(nil, "%s names the role %q, which is not an ARN", what, role)
	}
	if parsed.AccountID != target.Account {
		return refusal.Newf(nil, "%s names the role %s of account %s, but %s is account %s", what, role, parsed.AccountID, target.Environment, target.Account)
	}
	return nil
}

// sessions are the assumed roles: one each, checked once, and renewed by the SDK before they expire.
type sessions struct {
	base    aws.Config // region and time limits set
	limiter *Limiter
	target  Target
	// runID is part of the sessions' names, which CloudTrail shows.
	runID  string
	mu     sync.Mutex
	byRole map[string]*session
}

type session struct {
	once sync.Once
	cfg  aws.Config
	err  error
}

// configFor gives a configuration that works as a role in a region, after it was seen that the role is one of the target account.
func (s *sessions) configFor(ctx context.Context, role assembly.Role, region string) (aws.Config, error) {
	key := role.Key()
	s.mu.Lock()
	found := s.byRole[key]
	if found == nil {
		found = &session{}
		s.byRole[key] = found
	}
	s.mu.Unlock()
	found.once.Do(func() { found.cfg, found.err = s.assume(ctx, role) })
	cfg := found.cfg
	cfg.Region = region
	return cfg, found.err
}

func (s *sessions) assume(ctx context.Context, role assembly.Role) (aws.Config, error) {
	caller := s.limiter.withLimit(s.base, s.target.ToolingAccount)
	credentials := aws.NewCredentialsCache(
		stscreds.NewAssumeRoleProvider(stsClient(caller), role.ARN, assumeRoleOptions(role, s.target, s.runID)),
		func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = time.Minute },
	)
	cfg := s.limiter.withLimit(s.base, s.target.Account)
	cfg.Credentials = credentials
	cfg.Retryer = func() aws.Retryer { return newRetryer(credentials.Invalidate) }
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if errorCode(err) == "" {
			return cfg, wrapAWS(err)
		}
		return cfg, refusal.Newf(err, "the role %s may not be assumed from account %s (%v): see that the account is bootstrapped and trusts "+
			"the tooling account (`lockstep bootstrap --env %s`); the caller's own rights are never used instead",
			role.ARN, s.target.ToolingAccount, wrapAWS(err), s.target.Environment)
	}
	id, err := stsClient(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return cfg, wrapAWS(err)
	}
	if account := aws.ToString(id.Account); account != s.target.Account {
		return cfg, refusal.Newf(nil, "the role %s turned out to be one of account %s, but %s is account %s",
			role.ARN, account, s.target.Environment, s.target.Account)
	}
	return cfg, nil
}

// assumeRoleOptions sets what AssumeRole is asked with. Without transitive keys of its own, a tagged session passes all its tags on,
// as the CDK's command line does.
func assumeRoleOptions(role assembly.Role, target Target, run string) func(*stscreds.AssumeRoleOptions) {
	return func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = strings.TrimSuffix("lockstep-"+target.Environment+"-"+run, "-")
		if role.ExternalID != "" {
			o.ExternalID = aws.String(role.ExternalID)
		}
		for _, tag := range role.Options.Tags {
			o.Tags = append(o.Tags, ststypes.Tag{Key: aws.String(tag.Key), Value: aws.String(tag.Value)})
			o.TransitiveTagKeys = append(o.TransitiveTagKeys, tag.Key)
		}
		if role.Options.TransitiveTagKeys != nil {
			o.TransitiveTagKeys = role.Options.TransitiveTagKeys
		}
		if role.Options.SourceIdentity != "" {
			o.SourceIdentity = aws.String(role.Options.SourceIdentity)
		}
		if role.Options.Policy != "" {
			o.Policy = aws.String(role.Options.Policy)
		}
	}
}

// checkBootstrap reads the bootstrap version with the deploy role, which is allowed to read that one parameter
// (https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html), and refuses an account prepared for an older CDK.
func checkBootstrap(ctx context.Context, client *ssm.Client, want assembly.BootstrapRequirement, target Target) error {
	again := fmt.Sprintf("run `lockstep bootstrap --env %s`", target.Environment)
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(want.Parameter)})
	if errorCode(err) == "ParameterNotFound" {
		return refusal.Newf(err, "account %s is not bootstrapped in %s, the SSM parameter %s is missing: %s",
			target.Account, target.Region, want.Parameter, again)
	}
	if err != nil {
		return wrapAWS(err)
	}
	if out.Parameter == nil {
		return errors.New("SSM answered without a parameter")
	}
	value := strings.TrimSpace(aws.ToString(out.Parameter.Value))
	have, err := strconv.Atoi(value)
	if err != nil {
		return refusal.Newf(nil, "the bootstrap version of account %s is %q, not a number: %s", target.Account, value, again)
	}
	if have < want.Version {
		return refusal.Newf(nil, "account %s is bootstrapped with version %d in %s, the assembly needs %d: %s",
			target.Account, have, target.Region, want.Version, again)
	}
	return nil
}
