package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/ledger"
)

func TestFlags_RefuseReleaseNumbersThatCannotBe(t *testing.T) {
	root := newProject(t)
	wants := map[string]string{
		"status --releases -1": "--releases -1: " +
			"write how many earlier releases to show, 0 or more",
		"verify --env dev --against main":                  "--against main: write release or source",
		"verify --env dev --against release --assembly .":  "--assembly names what to compare with, and so does --against",
		"status --endpoint https://localhost:1":            "--endpoint takes the place of AWS, which only --live works on",
		"status --live --endpoint localhost:1":             `"localhost:1" is no endpoint; write one like https://`,
		"status --live --endpoint ftp://localhost":         `"ftp://localhost" is no endpoint`,
		"status --live --endpoint https://u:p@localhost:1": "is no endpoint",
	}
	for _, number := range []string{"0", "-1", "", "two", "1.5", "99999999999999999999"} {
		wants["rollback --env dev --to="+number] = "write the number of a release, which is 1 or more"
	}
	for args, want := range wants {
		t.Run(args, func(t *testing.T) {
			_, err := runCommand(t, append([]string{"-C", root}, strings.Fields(args)...)...)
			var usage *UsageError
			require.ErrorAs(t, err, &usage)
			assert.ErrorContains(t, err, want)
		})
	}
}

func TestStatus_ShowsWithdrawnReleases(t *testing.T) {
	r, err := newStatusResult([]deploy.Status{{
		Target: awsclient.Target{Environment: "dev"},
		Releases: []deploy.ReleaseStatus{
			{Release: ledger.Release{Number: 3, Restores: 1, At: fixedTime()}},
			{Release: ledger.Release{Number: 2, At: fixedTime().In(time.FixedZone("", 3600))}, WithdrawnBy: 3},
		},
	}})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, r.WriteText(&out))
	assert.Contains(t, out.String(), "3 (back to 1)")
	assert.Contains(t, out.String(), "2 (withdrawn by 3)")
	assert.Equal(t, 2, strings.Count(out.String(), "2026-03-01 12:00:00 UTC"))
}

func TestStatus_FailsIfAnAccountCannotBeRead(t *testing.T) {
	healthy := deploy.Status{Target: awsclient.Target{Environment: "dev"}, Problem: deploy.NothingDeployed}
	for name, problem := range map[string]deploy.Status{
		"it cannot be reached":   {Problem: "the endpoint stopped answering", Unreadable: true},
		"a record was altered":   {Problem: "release record 2 was changed", Unreadable: true, Tampered: true},
		"its role is not usable": {Problem: "the role may not be assumed", Unreadable: true},
	} {
		t.Run(name, func(t *testing.T) {
			problem.Environment = "acc"
			r, err := newStatusResult([]deploy.Status{healthy, problem, healthy})
			require.EqualError(t, err, "acc: "+problem.Problem)
			assert.Len(t, r.Environments, 3)
		})
	}
	_, err := newStatusResult([]deploy.Status{healthy})
	require.NoError(t, err, "an account without a release is no failure")
}
