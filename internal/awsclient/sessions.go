// Package awsclient owns how AWS is called: whose credentials are used, which roles are assumed, how calls are retried,
// limited and fenced, and how their errors read. It knows nothing of stacks, assemblies or plans.
package awsclient

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// A Role is a role to assume, and how.
type Role struct {
	ARN        string
	ExternalID string
	Tags       []Tag
	// TransitiveTagKeys are the tags that further sessions inherit; nil for all tags.
	TransitiveTagKeys []string
	SourceIdentity    string
	// Policy narrows the session down; empty for all rights of the role.
	Policy string
	// PolicyARNs are managed policies that narrow the session down too.
	PolicyARNs []string
}

// A Tag is a session tag.
type Tag struct{ Key, Value string }

// Key returns a text that differs for two roles, or two ways to assume one.
func (r Role) Key() string { return fmt.Sprintf("%q", r) }

// Sessions are the sessions of the roles of one target account, one for each role. Each is checked once, and renewed by
// the SDK before it expires.
type Sessions struct {
	base    aws.Config // with region and time limits
	limiter *Limiter
	target  Target
	// runID is part of the sessions' names, which CloudTrail shows.
	runID     string
	callerARN string

	// accounts are the accounts, besides the target's, whose roles may be assumed.
	accounts []string

	mu     sync.Mutex
	byRole map[string]*session
	fence  Fence
}

type session struct {
	once sync.Once
	cfg  aws.Config
	err  error
}

// OpenSessions checks that the credentials of base belong to the target's tooling account. The sessions bear the run's
// id in their names, and their calls are bounded by the limiter, which may be nil. The error is a *refusal.Error unless
// there was no answer.
func OpenSessions(
	ctx context.Context, base aws.Config, target Target, limiter *Limiter, runID string,
) (*Sessions, error) {
	base = limiter.withRetry(base, target.Region)
	caller, err := callerARN(ctx, limiter.withLimit(base, target.ToolingAccount), target.Caller())
	if err != nil {
		return nil, err
	}
	return &Sessions{
		base: base, limiter: limiter, target: target, runID: runID, callerARN: caller, byRole: map[string]*session{},
	}, nil
}

// Allow allows to assume roles of another account too. It must be called before Config.
func (s *Sessions) Allow(account string) { s.accounts = append(s.accounts, account) }

// Fence returns the fence that stands before every write of every client that is made from Config.
func (s *Sessions) Fence() *Fence { return &s.fence }

// CallerARN returns the ARN of the caller.
func (s *Sessions) CallerARN() string { return s.callerARN }

// ToolingConfig returns a configuration that calls a region of the tooling account with the caller's own credentials.
func (s *Sessions) ToolingConfig(region string) aws.Config {
	cfg := s.fence.middleware(s.limiter.withLimit(s.base, s.target.ToolingAccount))
	cfg.Region = region
	return cfg
}

// Config returns a configuration that calls a region with a role. The first time it assumes the role and checks that it
// belongs to the target account; otherwise the error is a *refusal.Error.
func (s *Sessions) Config(ctx context.Context, role Role, region string) (aws.Config, error) {
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

func (s *Sessions) assume(ctx context.Context, role Role) (aws.Config, error) {
	caller := NewSTS(s.limiter.withLimit(s.base, s.target.ToolingAccount))
	sessionName := "lockstep-" + s.target.Environment + "-" + s.runID
	provider := stscreds.NewAssumeRoleProvider(caller, role.ARN, role.options(sessionName))
	credentials := renewed(provider)
	want := s.accountOf(role)
	cfg := s.fence.middleware(s.limiter.withLimit(s.base, want))
	cfg.Credentials = credentials
	delays := s.base.Retryer
	cfg.Retryer = func() aws.Retryer { return newRetryer(credentials.Invalidate, delays) }
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if ErrorCode(err) == "" {
			return cfg, Wrap(err)
		}
		return cfg, refusal.Newf(fault.RoleNotAssumed, err,
			"the role %s may not be assumed from account %s (%v): see that the account is "+
				"bootstrapped and trusts the tooling account (`lockstep bootstrap --env %s`); the caller's own rights are never "+
				"used instead", role.ARN, s.target.ToolingAccount, Wrap(err), s.target.Environment)
	}
	id, err := NewSTS(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return cfg, err
	}
	if account := aws.ToString(id.Account); account != want {
		return cfg, refusal.Newf(fault.RoleOtherAccount, nil,
			"the role %s turned out to be one of account %s, but %s is account %s",
			role.ARN, account, s.target.Environment, want)
	}
	return cfg, nil
}

// accountOf returns the account that a role must belong to: the target's, unless the role is one of another account
// whose roles may be assumed.
func (s *Sessions) accountOf(role Role) string {
	if parsed, err := arn.Parse(role.ARN); err == nil && slices.Contains(s.accounts, parsed.AccountID) {
		return parsed.AccountID
	}
	return s.target.Account
}

// options returns the arguments of AssumeRole. Without transitive keys of its own, a tagged session passes on all its
// tags, as the CDK's command line does.
func (r Role) options(sessionName string) func(*stscreds.AssumeRoleOptions) {
	return func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = strings.TrimSuffix(sessionName, "-")
		o.ExternalID = optional(r.ExternalID)
		o.SourceIdentity = optional(r.SourceIdentity)
		o.Policy = optional(r.Policy)
		for _, tag := range r.Tags {
			o.Tags = append(o.Tags, ststypes.Tag{Key: aws.String(tag.Key), Value: aws.String(tag.Value)})
			o.TransitiveTagKeys = append(o.TransitiveTagKeys, tag.Key)
		}
		for _, policy := range r.PolicyARNs {
			o.PolicyARNs = append(o.PolicyARNs, ststypes.PolicyDescriptorType{Arn: aws.String(policy)})
		}
		if r.TransitiveTagKeys != nil {
			o.TransitiveTagKeys = r.TransitiveTagKeys
		}
	}
}

// optional returns nil for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
