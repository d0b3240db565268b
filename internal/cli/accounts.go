package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/config"
	"lockstep/internal/deploy"

	"lockstep/internal/deploy/digest"
)

// forEachAccount does something in every account of environments, one after the other, for which no assembly is needed.
func (a *app) forEachAccount(ctx context.Context, p *project, envs []config.Environment, doing string, do func(config.EnvironmentAccount, *deploy.Deployment) error) (err error) {
	way, err := a.acquireAccess(ctx, p, envs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.release()) }()
	pacer := deploy.NewLimiter()
	var errs []error
	for _, env := range envs {
		for _, part := range env.Accounts() {
			d, err := a.openAccount(ctx, way, p, part, doing, pacer)
			if err == nil {
				err = do(part, d)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", accountLabel(part), err))
			}
		}
	}
	return errors.Join(errs...)
}

// accountLabel is an environment, with its account where it has several.
func accountLabel(part config.EnvironmentAccount) string {
	if part.Folder == "" {
		return part.Name
	}
	return part.Name + " in " + part.Folder
}

// openAccount opens an account without an assembly.
func (a *app) openAccount(ctx context.Context, way *accountAccess, p *project, part config.EnvironmentAccount, doing string, pacer *deploy.Limiter) (*deploy.Deployment, error) {
	cfg, err := way.callerConfig(part.Region)
	if err != nil {
		return nil, err
	}
	return a.openAccountWith(ctx, cfg, p, part, doing, pacer)
}

func (a *app) openAccountWith(ctx context.Context, cfg aws.Config, p *project, part config.EnvironmentAccount, doing string, pacer *deploy.Limiter) (*deploy.Deployment, error) {
	options, err := a.deployOptions(ctx, p, part.Environment, doing)
	if err != nil {
		return nil, err
	}
	options.Limiter, options.Progress = pacer, a.progressFor(part)
	return deploy.OpenAccount(ctx, cfg, target(p, part.Environment), options)
}

// checkPromotion refuses what has not passed the environment before: the release there must name this very assembly among those that were synthesised with its own.
func (a *app) checkPromotion(ctx context.Context, cfg aws.Config, p *project, v *accountRollout, environment digest.Environment, pacer *deploy.Limiter) error {
	before, ok := p.config.Environment(v.account.After)
	if !ok {
		return nil
	}
	d, err := a.openAccountWith(ctx, cfg, p, before.Accounts()[0], "deploy", pacer)
	if err != nil {
		return err
	}
	return d.CheckPromotion(ctx, v.account.Name, environment)
}
