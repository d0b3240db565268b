package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep/ci/internal/dagger"
)

const testRole = "arn:aws:iam::111111111111:role/lockstep-deploy"

// signedToken returns a token of web identity that expires then.
func signedToken(expires time.Time) string {
	claims := fmt.Sprintf(`{"sub":"%s","exp":%d}`, canary, expires.Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + canary
}

// A token is mounted, so that the SDK reads it again whenever the role's credentials expire. No variable has it.
func TestWebIdentity_StepsAssumeRoleWithToken(t *testing.T) {
	r, m := newRecorder(t, "")
	m.CI, m.Role = true, testRole
	secret := secret(signedToken(time.Now().Add(2 * time.Hour)))
	_, err := m.Deploy(t.Context(), "acc", secret, assembly("acc"), "", nil, nil, "", "")
	check(t, err == nil, "%v", err)
	for _, step := range []string{"deploy:acc", "verify:acc"} {
		s := r.readContainer(r.containers[step])
		check(t, s.env["AWS_WEB_IDENTITY_TOKEN_FILE"] == tokenFile, "%s: %v", step, s.env)
		check(t, s.env["AWS_ROLE_ARN"] == testRole, "%s: %v", step, s.env)
		check(t, s.mounted[tokenFile] != nil, "%s has no token", step)
		check(t, len(s.secrets) == 0, "%s has credentials besides: %v", step, s.secrets)
	}
	for name := range r.containers {
		if name != "deploy:acc" && name != "verify:acc" {
			s := r.readContainer(r.containers[name])
			check(t, s.mounted[tokenFile] == nil && s.env["AWS_ROLE_ARN"] == "", "%s sees the token", name)
		}
	}
}

func TestWebIdentity_RefusesWhatCannotBeUsed(t *testing.T) {
	for role, want := range map[string]string{
		"lockstep-deploy":                       "is not the ARN of a role",
		"arn:aws:iam::111111111111:user/nobody": "is not the ARN of a role",
		testRole:                                "exclude each other",
	} {
		var endpoint *dagger.Service
		if role == testRole {
			newRecorder(t, "")
			endpoint = dag.Host().Service([]dagger.PortForward{{Backend: 80, Frontend: 80}})
		}
		contains(t, errorText(checkRole(role, endpoint)), want)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		text  string
		least time.Duration
		want  string
	}{
		"credentials in place of a token": {text: `{"Version":1}`, want: "is a token of web identity"},
		"claims that are none":            {text: "e30.??." + canary, want: "cannot be read, or lack exp"},
		"no expiry":                       {text: "e30.e30." + canary, want: "cannot be read, or lack exp"},
		"one that has expired":            {text: signedToken(now.Add(-time.Second)), want: "expired at 2026-01-02"},
		"one for five minutes":            {text: signedToken(now.Add(5 * time.Minute)), least: 15 * time.Minute},
		"one that ends before the renewal": {
			text: signedToken(now.Add(5 * time.Minute)), least: 2 * time.Hour, want: "to be renewed for the last time",
		},
		"one for the renewal": {text: signedToken(now.Add(61 * time.Minute)), least: 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkToken(test.text, now, test.least)
			if test.want == "" {
				check(t, err == nil, "%v", err)
				return
			}
			contains(t, errorText(err), test.want)
			check(t, !strings.Contains(errorText(err), canary), "the error shows the token: %v", err)
		})
	}
}
