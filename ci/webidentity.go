package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/utc"
)

// tokenFile is the file in which a step finds the token of a web identity. The SDK of AWS reads it again whenever the
// credentials of the role expire.
const tokenFile = "/run/lockstep/web-identity-token" //nolint:gosec // the name of a file

// roleSessionTime is how long the credentials are valid that AWS gives out for a web identity. Source: the API
// reference of AWS STS, the default of DurationSeconds of AssumeRoleWithWebIdentity.
const roleSessionTime = time.Hour

// rolePattern matches the ARN of a role.
var rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)

// checkRole returns an error if the role is none, or if credentials cannot be of both kinds.
func checkRole(role string, endpoint *dagger.Service) error {
	switch {
	case role == "":
		return nil
	case endpoint != nil:
		return errors.New("--aws-role and --aws-credentials-endpoint exclude each other: --aws-credentials is a token of " +
			"web identity for the one, and a path for the other")
	case !rolePattern.MatchString(role):
		return fmt.Errorf("--aws-role %q is not the ARN of a role: write arn:aws:iam::ACCOUNT:role/NAME", role)
	}
	return nil
}

// tokenRemedy ends every message about a token that cannot be used.
const tokenRemedy = "pass the token that the job's service has signed, as env://LOCKSTEP_ID_TOKEN"

// checkToken returns an error if the text is no token of a web identity, or if it expires before the role can be
// assumed for the last time. AWS checks the signature. Errors quote nothing of the token.
func checkToken(text string, now time.Time, least time.Duration) error {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return errors.New("with --aws-role, --aws-credentials is a token of web identity (JWT), which has three parts: " +
			tokenRemedy)
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	var token struct{ Exp int64 }
	if err != nil || json.Unmarshal(claims, &token) != nil || token.Exp == 0 {
		return errors.New("the claims of the token that --aws-credentials has cannot be read, or lack exp: " + tokenRemedy)
	}
	expires := time.Unix(token.Exp, 0)
	switch {
	case !now.Before(expires):
		return fmt.Errorf("the token that --aws-credentials has expired at %s: %s", utc.Format(expires), tokenRemedy)
	case now.Add(least - roleSessionTime).After(expires):
		return fmt.Errorf("the token that --aws-credentials has expires at %s, before the role's credentials have to be "+
			"renewed for the last time in the %d minutes that the call may take: let the service sign it for longer",
			utc.Format(expires), int(least.Minutes()))
	}
	return nil
}
