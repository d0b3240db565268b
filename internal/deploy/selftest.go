package deploy

import (
	"context"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/roles"
)

// selfTestStack is how the names of the stacks of self-tests begin.
const selfTestStack = "lockstep-selftest-"

// SelfTest deploys a small stack of its own to the account, changes it, lets it fail on purpose, rolls it back and
// removes it, and returns which behaviours of AWS it has seen. It records nothing.
func (d *Deployment) SelfTest(ctx context.Context) (selftest.Report, error) {
	deployer, err := d.sessions.Config(ctx, d.accountRole(), d.target.Region)
	if err != nil {
		return selftest.Report{}, err
	}
	reader, err := d.sessions.Config(ctx, bootstrapRole(d.target, roles.Lookup), d.target.Region)
	if err != nil {
		return selftest.Report{}, err
	}
	pause := d.Pause
	if pause == nil {
		pause = cfn.Sleep
	}
	return selftest.Run(ctx, selftest.Subject{
		Deployer: awsclient.NewCloudFormation(deployer), Reader: awsclient.NewCloudFormation(reader),
		Account: d.target.Account, Region: d.target.Region, Stack: selfTestStack + d.target.Environment,
		ExecutionRole: bootstrapRole(d.target, roles.Execution).ARN,
		Progress:      d.printProgress, Pause: pause, Now: time.Now,
	})
}
