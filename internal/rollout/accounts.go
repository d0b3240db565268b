package rollout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"

	"lockstep/config"
	"lockstep/internal/deploy"
)

// An accountOpener opens the accounts of a session for one command.
type accountOpener struct {
	session *Session
	access  accountAccess
	// command is the command that locks and journals name, and rights are what it needs to do.
	command string
	rights  deploy.Access
	// limiter is shared by all accounts.
	limiter *awsclient.Limiter
}

// open opens an account for what needs no assembly.
func (o *accountOpener) open(ctx context.Context, account config.EnvironmentAccount) (*deploy.Deployment, error) {
	cfg, err := o.access.callerConfig(account.Region)
	if err != nil {
		return nil, err
	}
	options, err := o.options(ctx, account)
	if err != nil {
		return nil, err
	}
	options.Access = o.rights
	options.AdaptAssembly = func(files fs.FS) (fs.FS, error) {
		adapted, _, err := o.access.adaptAssembly(files, options.Selection.Parameters)
		return adapted, err
	}
	return deploy.OpenAccount(ctx, cfg, o.session.target(account.Environment), options)
}

// ForEachAccount calls do for every account of the environments, one after the other, with a deployment that has no
// assembly. The command is what locks and journals name, and rights are what it needs to do. An error in one account
// does not keep do from the others.
func (s *Session) ForEachAccount(
	ctx context.Context, environments []config.Environment, command string, rights deploy.Access,
	do func(*deploy.Deployment) error,
) (err error) {
	access, release, err := s.openAccess(ctx, environments)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	opener := &accountOpener{
		session: s, access: access, command: command, rights: rights, limiter: awsclient.NewLimiter(),
	}
	var errs []error
	for _, env := range environments {
		for _, account := range env.Accounts() {
			d, err := opener.open(ctx, account)
			if err == nil {
				err = do(d)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", accountLabel(account), err))
			}
		}
	}
	return errors.Join(errs...)
}

// ForEachPlanAccount calls do for every account that a plan file has a plan for. It returns a *refusal.Error if the
// plan was made in another mode or for an environment that is not configured.
func (s *Session) ForEachPlanAccount(
	ctx context.Context, plan planfile.File, do func(*deploy.Deployment) error,
) error {
	if mode := string(s.Mode()); plan.Mode != mode {
		return refusal.Newf(fault.PlanOtherTarget, nil,
			"the plan is of a %s, and this is a %s: write --live exactly if the plan was made with it",
			modePhrase(plan.Mode), modePhrase(mode))
	}
	env, ok := s.Config.Environment(plan.Environment)
	if !ok {
		return refusal.Newf(fault.PlanOtherTarget, nil, "the plan is of %s, which is not configured", plan.Environment)
	}
	return s.ForEachAccount(ctx, []config.Environment{env}, "plan", deploy.DeployAccess, do)
}

// CheckPlan returns a *refusal.Error if the plan is of another environment.
func CheckPlan(plan planfile.File, env config.Environment) error {
	if plan.Environment != env.Name {
		return refusal.Newf(fault.PlanOtherTarget, nil, "the plan is of %s, not of %s", plan.Environment, env.Name)
	}
	return nil
}

func modePhrase(mode string) string {
	if mode == deploy.Live {
		return "live deployment"
	}
	return "rehearsal"
}

// accountLabel returns the name of the environment, followed by the account if the environment has several.
func accountLabel(account config.EnvironmentAccount) string {
	if account.Folder == "" {
		return account.Name
	}
	return account.Name + " in " + account.Folder
}
