package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
	"lockstep/internal/utc"
)

// credentials holds secrets by the environment variable that passes each of them to a step.
type credentials struct {
	byName map[string]*dagger.Secret
	// endpoint gives out the credentials, and renews them; nil for credentials that are passed themselves.
	endpoint *dagger.Service
	// role is assumed by each step with the token of a web identity; empty for credentials of another kind.
	role  string
	token *dagger.Secret
}

// credentialsHost is the name by which a step reaches the endpoint of credentials.
const credentialsHost = "credentials"

// exportedCredentials is what `aws configure export-credentials` prints.
// Source: the AWS CLI's reference, the output format "process" of that command.
type exportedCredentials struct {
	Version                                    int
	AccessKeyId, SecretAccessKey, SessionToken string //nolint:revive // the format's own names
	Expiration                                 string
}

// readCredentials parses the secret: credentials, or their path at the endpoint. Its errors quote nothing of what the
// secret holds.
func (m *Lockstep) readCredentials(ctx context.Context, secret *dagger.Secret) (*credentials, error) {
	text, err := secret.Plaintext(ctx)
	if err != nil {
		return nil, messageError("--aws-credentials cannot be read", err)
	}
	if m.CredentialsEndpoint != nil {
		return endpointCredentials(m.CredentialsEndpoint, text)
	}
	// Whoever passes credentials themselves renews them by a further call, which a job does not.
	least := minCredentialTime
	if m.CI {
		least = pipeline.JobTimeout
	}
	if m.Role != "" {
		if err := checkToken(text, time.Now(), least); err != nil {
			return nil, err
		}
		return &credentials{role: m.Role, token: secret}, nil
	}
	e, err := parseCredentials(text, time.Now(), least)
	if err != nil {
		return nil, err
	}
	c := &credentials{byName: map[string]*dagger.Secret{}}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": e.AccessKeyId, "AWS_SECRET_ACCESS_KEY": e.SecretAccessKey, "AWS_SESSION_TOKEN": e.SessionToken,
	} {
		if value != "" {
			c.byName[name] = dag.SetSecret("lockstep-"+name, value)
		}
	}
	return c, nil
}

// endpointCredentials returns credentials that each step asks an endpoint for, again and again.
func endpointCredentials(endpoint *dagger.Service, path string) (*credentials, error) {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, unicode.IsSpace) {
		return nil, errors.New("with --aws-credentials-endpoint, --aws-credentials is a path that begins with a slash: " +
			"pass env://AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, which CodeBuild sets")
	}
	return &credentials{endpoint: endpoint, byName: map[string]*dagger.Secret{
		pipeline.CredentialsEndpointVariable: dag.SetSecret("lockstep-credentials", "http://"+credentialsHost+path),
	}}, nil
}

// minCredentialTime is how long credentials have to be valid that are passed themselves. A role is assumed for that
// time, and assumed again with them after it.
const minCredentialTime = 15 * time.Minute

// credentialsRemedy ends every message about credentials that cannot be used.
const credentialsRemedy = `pass what "aws configure export-credentials" prints, signed in to the tooling account`

// parseCredentials parses what `aws configure export-credentials` prints, and refuses credentials that are valid for
// less than that time from now on.
func parseCredentials(text string, now time.Time, least time.Duration) (exportedCredentials, error) {
	var e exportedCredentials
	// The parser's error would quote the secret.
	if json.Unmarshal([]byte(text), &e) != nil {
		return e, errors.New("--aws-credentials is not in the format of `aws configure export-credentials`, which is JSON: " +
			credentialsRemedy)
	}
	switch {
	case e.Version != 1:
		return e, fmt.Errorf("--aws-credentials has Version %d, not 1: %s", e.Version, credentialsRemedy)
	case e.AccessKeyId == "" || e.SecretAccessKey == "":
		return e, errors.New("--aws-credentials lacks AccessKeyId or SecretAccessKey: " + credentialsRemedy)
	case e.Expiration == "":
		return e, nil
	}
	expires, err := time.Parse(time.RFC3339, e.Expiration)
	switch {
	case err != nil:
		return e, errors.New("--aws-credentials has an Expiration that is not in RFC 3339 format: " + credentialsRemedy)
	case !now.Before(expires):
		return e, fmt.Errorf("--aws-credentials expired at %s: sign in again, and %s",
			utc.Format(expires), credentialsRemedy)
	case now.Add(least).After(expires):
		return e, fmt.Errorf("--aws-credentials expires at %s, in less than the %d minutes that the call may take, and "+
			"cannot be renewed from here: sign in again, or pass --aws-credentials-endpoint", utc.Format(expires),
			int(least.Minutes()))
	}
	return e, nil
}

// withAccountAccess gives a step that reaches AWS the credentials that it declares, or the emulated accounts in a
// rehearsal.
func (p *project) withAccountAccess(ctr *dagger.Container, s pipeline.Step) *dagger.Container {
	if p.commit != "" {
		ctr = ctr.WithEnvVariable("LOCKSTEP_COMMIT", p.commit)
	}
	if p.author != "" {
		ctr = ctr.WithEnvVariable("LOCKSTEP_AUTHOR", p.author)
	}
	if p.plan != nil {
		ctr = ctr.WithMountedFile(pipeline.PlanInputFile, p.plan)
	}
	switch {
	case p.live == nil && p.emulator == nil:
		return ctr // nothing runs in it, because the accounts have not been started
	case p.live == nil:
		return p.emulator.bind(ctr)
	}
	if p.live.endpoint != nil {
		ctr = ctr.WithServiceBinding(credentialsHost, p.live.endpoint)
	}
	if p.live.token != nil {
		ctr = ctr.WithMountedSecret(tokenFile, p.live.token).
			WithEnvVariable("AWS_WEB_IDENTITY_TOKEN_FILE", tokenFile).
			WithEnvVariable("AWS_ROLE_ARN", p.live.role)
	}
	for _, name := range slices.Sorted(slices.Values(s.Secrets)) {
		if secret := p.live.byName[name]; secret != nil {
			ctr = ctr.WithSecretVariable(name, secret)
		}
	}
	return ctr
}
