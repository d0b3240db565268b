package deploy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault/faulttest"
)

func TestApprover_IsSomebodyElse(t *testing.T) {
	const (
		sso   = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Release_0123456789abcdef/"
		jane  = sso + "jane@example.com"
		john  = sso + "john@example.com"
		job   = "arn:aws:sts::123456789012:assumed-role/lockstep-plan-prod/AWSCodeBuild-1"
		user  = "arn:aws:iam::123456789012:user/people/jane"
		email = "jane@example.com"
	)
	for _, test := range []struct {
		name, approver, by, author string
		allowed                    bool
	}{
		{"another person", john, job, email, true},
		{"the author", jane, job, email, false},
		{"the author, in other letters", jane, job, "Jane@Example.com", false},
		{"the author, with another address", jane, job, "jane@users.noreply.example.com", false},
		{"the author, as a user", user, job, email, false},
		{"another user", "arn:aws:iam::123456789012:user/john", job, email, true},
		{"who has made the plan", john, john, email, false},
		{
			"who has made the plan, with another role", john,
			"arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_fedcba9876543210/John@example.com", email, false,
		},
		{"a session whose name anybody can choose", "arn:aws:sts::123456789012:assumed-role/Release/john", job, email, false},
		{
			"another session of the role that has made the plan",
			"arn:aws:sts::123456789012:assumed-role/lockstep-plan-prod/x", job, email, false,
		},
		{"root", "arn:aws:iam::123456789012:root", job, email, false},
		{"nobody", "", job, email, false},
		{"a plan that does not say who has written its commit", john, job, "", false},
		{"a plan that does not say who has made it", john, "", email, false},
		{"another user of GitHub", "github:john", job, "jane", true},
		{"the author, as a user of GitHub", "github:Jane", job, "jane", false},
		{"a user of GitHub, and an author whom it does not know", "github:john", job, "nobody@example.com", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := planfile.File{Digest: "d", By: test.by, Author: test.author}
			err := (&Deployment{Options: Options{RequiresOtherApprover: true}}).checkApprover(test.approver, plan)
			if test.allowed {
				require.NoError(t, err)
			} else {
				requireRefused(t, err)
			}
			assert.NoError(t, (&Deployment{}).checkApprover(test.approver, plan), "nobody asks for it")
		})
	}
}

// An approval that was recorded without the check does not help.
func TestApprover_IsCheckedAgainBeforeApplying(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	asm := oneStack(t, topics(1))
	plan := c.savePlan(c.open(asm), time.Hour)
	_, err := c.open(asm).Approve(t.Context(), plan, ApprovalRequest{})
	require.NoError(t, err)
	_, err = c.deploy(asm, DeployRequest{Plan: &plan}, func(o *Options) { o.RequiresOtherApprover = true })
	requireRefused(t, printed.Error(err))
	assert.Contains(t, err.Error(), "wants the approval of somebody else")
	assert.Empty(t, c.stack("web").Executions)
}
