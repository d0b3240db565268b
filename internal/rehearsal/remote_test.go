package rehearsal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func TestRemoteSession_RefusesInvalidVariables(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, MakeCertificates(dir, nil, time.Now(), []string{"emulator"}))
	authority := filepath.Join(dir, "ca.pem")
	empty := filepath.Join(dir, "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	const endpoint = "https://emulator:4566"
	secret, open, short := filepath.Join(dir, "secret"), filepath.Join(dir, "open"), filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(secret, []byte(strings.Repeat("s", minSecretLength)), 0o600))
	require.NoError(t, os.WriteFile(open, []byte(strings.Repeat("s", minSecretLength)), 0o644))
	require.NoError(t, os.WriteFile(short, []byte("secret\n"), 0o600))
	variables := func(endpoint, authority, secret string) []string {
		return []string{
			EndpointVariable + "=" + endpoint, AuthorityVariable + "=" + authority, SigningKeyVariable + "=" + secret,
		}
	}
	for _, test := range []struct{ name, secret, want string }{
		{"no secret", "", "LOCKSTEP_REHEARSAL_ENDPOINT is set and LOCKSTEP_REHEARSAL_SECRET is not"},
		{"a missing secret", filepath.Join(dir, "none"), "LOCKSTEP_REHEARSAL_SECRET cannot be used"},
		{"a secret that others can read", open, "can be read by other users of this machine"},
		{"a secret that can be guessed", short, "holds no secret of at least 26 characters"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := RemoteSession(variables(endpoint, authority, test.secret))
			require.ErrorContains(t, err, test.want)
		})
	}
	for _, test := range []struct{ name, endpoint, authority, want string }{
		{"an endpoint alone", endpoint, "", "LOCKSTEP_REHEARSAL_ENDPOINT is set and LOCKSTEP_REHEARSAL_CA is not"},
		{"an authority alone", "", authority, "LOCKSTEP_REHEARSAL_ENDPOINT is not set, and LOCKSTEP_REHEARSAL_CA"},
		{"an endpoint without TLS", "http://emulator:4566", authority, "write https://HOST:PORT"},
		{"an endpoint with a path", "https://emulator:4566/path", authority, "write https://HOST:PORT"},
		{"an endpoint with a password", "https://a:b@emulator:4566", authority, "write https://HOST:PORT"},
		{"no address", "emulator", authority, "write https://HOST:PORT"},
		{"a missing authority", endpoint, filepath.Join(dir, "none.pem"), "LOCKSTEP_REHEARSAL_CA cannot be used"},
		{"an authority without a certificate", endpoint, empty, "holds no certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			session, err := RemoteSession(variables(test.endpoint, test.authority, secret))
			assert.Nil(t, session)
			var problem *RemoteError
			require.ErrorAs(t, err, &problem)
			assert.ErrorContains(t, err, test.want)
		})
	}
	session, err := RemoteSession(variables(endpoint+"/", authority, secret))
	require.NoError(t, err)
	assert.Equal(t, &Session{
		Endpoint: endpoint, Authority: authority, CABundle: authority, SecretFile: secret,
	}, session)
	session, err = RemoteSession(nil)
	require.NoError(t, err)
	assert.Nil(t, session)
}

func TestSession_CheckAccountsReportsUnreachable(t *testing.T) {
	printed := faulttest.Printed(t)
	dir := t.TempDir()
	require.NoError(t, MakeCertificates(dir, nil, time.Now(), nil))
	authority := filepath.Join(dir, authorityFile)
	session := &Session{Endpoint: "https://" + loopbackAddress(t), Authority: authority, CABundle: authority}
	err := session.CheckAccounts(t.Context(), nil)
	printed.Error(err)
	assert.ErrorContains(t, err, "do not answer: see that `lockstep rehearsal serve` runs there")
}

func TestTLSFiles_ValidForTheirHosts(t *testing.T) {
	dir := t.TempDir()
	c, err := makeCertificates(dir, nil, time.Now(), []string{"emulator"})
	require.NoError(t, err)
	assert.True(t, c.isValid(time.Now()))
	c.hosts = []string{"another"}
	assert.False(t, c.isValid(time.Now()))
	c.hosts = nil
	assert.True(t, c.isValid(time.Now()), "it is good for this machine all the same")
}
