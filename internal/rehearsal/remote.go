package rehearsal

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"lockstep/internal/bootstrap"
	"lockstep/internal/fault"
	"lockstep/tools"
)

// The environment variables that name emulated accounts on another machine or in another container.
const (
	// EndpointVariable is the base address of the accounts, https://emulator:4566 for example.
	EndpointVariable = "LOCKSTEP_REHEARSAL_ENDPOINT"
	// AuthorityVariable is the path of a PEM file with the certificate authority of the accounts.
	AuthorityVariable = "LOCKSTEP_REHEARSAL_CA"
	// SigningKeyVariable is the path of a file with the secret of the accounts, which its owner alone may read.
	SigningKeyVariable = "LOCKSTEP_REHEARSAL_SECRET"
)

// A RemoteError says that the variables do not name emulated accounts that can be used.
type RemoteError struct{ Message string }

func (e *RemoteError) Error() string { return e.Message }

// Code returns the code of the error.
func (e *RemoteError) Code() fault.Code { return fault.FlagValue }

// RemoteSession returns a session with the emulated accounts that the environment names, or nil if it names none. This
// process neither starts, stops nor bootstraps them. The error is a *RemoteError.
func RemoteSession(environ []string) (*Session, error) {
	endpoint, authority := tools.Getenv(environ, EndpointVariable), tools.Getenv(environ, AuthorityVariable)
	secret := tools.Getenv(environ, SigningKeyVariable)
	switch {
	case endpoint == "" && authority == "" && secret == "":
		return nil, nil
	case endpoint == "":
		return nil, &RemoteError{EndpointVariable + " is not set, and " + AuthorityVariable + " or " + SigningKeyVariable +
			" is: set all three, or none to rehearse on this machine"}
	case authority == "":
		return nil, &RemoteError{EndpointVariable + " is set and " + AuthorityVariable + " is not: " +
			"set it to the PEM file that `lockstep rehearsal certificate` made"}
	case secret == "":
		return nil, &RemoteError{EndpointVariable + " is set and " + SigningKeyVariable + " is not: " +
			"set it to a copy of the file that --secret of `lockstep rehearsal serve` names"}
	}
	host, ok := parseEndpoint(endpoint)
	if !ok {
		return nil, &RemoteError{fmt.Sprintf("%s is %q, which is not the address of emulated accounts: "+
			"write https://HOST:PORT", EndpointVariable, endpoint)}
	}
	if _, err := loadCertPool(authority); err != nil {
		return nil, &RemoteError{fmt.Sprintf("%s cannot be used: %v", AuthorityVariable, err)}
	}
	if _, err := readSecret(secret); err != nil {
		return nil, &RemoteError{fmt.Sprintf("%s cannot be used: %v", SigningKeyVariable, err)}
	}
	return &Session{Endpoint: "https://" + host, Authority: authority, CABundle: authority, SecretFile: secret}, nil
}

// parseEndpoint returns the host and port of https://HOST:PORT; ok is false for any other text.
func parseEndpoint(text string) (host string, ok bool) {
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "https" || address.Hostname() == "" {
		return "", false
	}
	hasMore := address.User != nil || strings.TrimSuffix(address.Path, "/") != "" || address.RawQuery != ""
	return address.Host, !hasMore
}

// CheckAccounts returns an error if the emulated accounts do not answer, or if one of them is not bootstrapped as
// configured.
func (s *Session) CheckAccounts(ctx context.Context, accounts []bootstrap.Account) error {
	if err := s.checkHealth(ctx, defaultTimeouts.answer); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Errorf(fault.EmulatorRemote, "the emulated accounts at %s do not answer: "+
			"see that `lockstep rehearsal serve` runs there, with a certificate for that name (%w)", s.Endpoint, err)
	}
	for _, account := range accounts {
		cfg, err := s.AWSConfig(account.ID, account.Region)
		if err != nil {
			return err
		}
		upToDate, err := bootstrap.IsUpToDate(ctx, cfg, account)
		if fault.Of(err) == fault.CredentialsRefused {
			return fault.Errorf(fault.EmulatorSecret, "the emulated accounts at %s have another secret than %s names: "+
				"set it to a copy of the file that --secret of `lockstep rehearsal serve` names there", s.Endpoint,
				SigningKeyVariable)
		}
		if err != nil {
			return fault.Wrap(fault.EmulatorRemote, err)
		}
		if !upToDate {
			return fault.Errorf(fault.EmulatorRemote,
				"account %s, %s, is not bootstrapped at %s as config/pipeline.yaml wants it: "+
					"start `lockstep rehearsal serve` there again with this configuration",
				account.ID, account.Name, s.Endpoint)
		}
	}
	return nil
}
