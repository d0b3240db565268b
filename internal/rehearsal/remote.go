package rehearsal

import (
	"context"
	"fmt"
	"net/url"

	"lockstep/internal/bootstrap"
	"lockstep/tools"
)

// The variables that name emulated accounts which run elsewhere, in another container for example.
const (
	// EndpointVariable is their base address, https://emulator:4566 for example.
	EndpointVariable = "LOCKSTEP_REHEARSAL_ENDPOINT"
	// AuthorityVariable is the path of a PEM file with the certificate authority that they are trusted by.
	AuthorityVariable = "LOCKSTEP_REHEARSAL_CA"
)

// An RemoteError is a variable that does not name emulated accounts in a way that can be used.
type RemoteError struct{ Message string }

func (e *RemoteError) Error() string { return e.Message }

// RemoteSession is a session with the emulated accounts that the environment names, nil when it names none. They are
// never started, stopped or bootstrapped from here. The error is an *ElsewhereError.
func RemoteSession(environ []string) (*Session, error) {
	endpoint, authority := tools.Getenv(environ, EndpointVariable), tools.Getenv(environ, AuthorityVariable)
	switch {
	case endpoint == "" && authority == "":
		return nil, nil
	case endpoint == "":
		return nil, &RemoteError{AuthorityVariable + " is set and " + EndpointVariable + " is not: set both, or neither to rehearse on this machine"}
	case authority == "":
		return nil, &RemoteError{EndpointVariable + " is set and " + AuthorityVariable + " is not: write there the PEM file that `lockstep rehearsal certificate` made"}
	}
	address, err := url.Parse(endpoint)
	if err != nil || address.Scheme != "https" || address.Hostname() == "" || address.User != nil || address.Path != "" && address.Path != "/" || address.RawQuery != "" {
		return nil, &RemoteError{fmt.Sprintf("%s is %q, which is no address of emulated accounts: write https://HOST:PORT", EndpointVariable, endpoint)}
	}
	if _, err := loadCertPool(authority); err != nil {
		return nil, &RemoteError{fmt.Sprintf("%s cannot be used: %v", AuthorityVariable, err)}
	}
	return &Session{Endpoint: "https://" + address.Host, Authority: authority, CABundle: authority}, nil
}

// CheckAccounts checks that the emulated accounts answer, and that each of these is bootstrapped as wanted.
func (s *Session) CheckAccounts(ctx context.Context, accounts []bootstrap.Account) error {
	if err := s.checkHealth(ctx, defaultTimeouts.answer); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the emulated accounts at %s do not answer: see that `lockstep rehearsal serve` runs there, with a certificate for that name (%w)", s.Endpoint, err)
	}
	for _, account := range accounts {
		cfg, err := s.AWSConfig(account.ID, account.Region)
		if err != nil {
			return err
		}
		ready, err := bootstrap.IsUpToDate(ctx, cfg, account)
		if err != nil {
			return err
		}
		if !ready {
			return fmt.Errorf("account %s, %s, is not bootstrapped at %s as config/pipeline.yaml wants it: start `lockstep rehearsal serve` there again with this configuration",
				account.ID, account.Name, s.Endpoint)
		}
	}
	return nil
}
