package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/config"
	"lockstep/internal/deploy"
)

// visiting does something in every account of environments, one after the other, for which no assembly is needed.
func (a *app) visiting(ctx context.Context, p *project, envs []config.Environment, doing string, do func(config.Part, *deploy.Deployment) error) (err error) {
	way, err := a.reachAccounts(ctx, p, envs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.release()) }()
	pacer := deploy.NewPacer()
	var errs []error
	for _, env := range envs {
		for _, part := range env.Parts() {
			d, err := a.visit(ctx, way, p, part, doing, pacer)
			if err == nil {
				err = do(part, d)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", partName(part), err))
			}
		}
	}
	return errors.Join(errs...)
}

// partName is an environment, with its account where it has several.
func partName(part config.Part) string {
	if part.Folder == "" {
		return part.Name
	}
	return part.Name + " in " + part.Folder
}

// visit opens an account without an assembly.
func (a *app) visit(ctx context.Context, way *reach, p *project, part config.Part, doing string, pacer *deploy.Pacer) (*deploy.Deployment, error) {
	cfg, err := way.caller(part.Region)
	if err != nil {
		return nil, err
	}
	return a.visitAs(ctx, cfg, p, part, doing, pacer)
}

func (a *app) visitAs(ctx context.Context, cfg aws.Config, p *project, part config.Part, doing string, pacer *deploy.Pacer) (*deploy.Deployment, error) {
	options, err := a.options(ctx, p, part.Environment, doing)
	if err != nil {
		return nil, err
	}
	options.Pacer, options.Say = pacer, a.sayFor(part)
	return deploy.Visit(ctx, cfg, target(p, part.Environment), options)
}

// promoted refuses what has not passed the environment before: the release there must name this very assembly among those that were synthesised with its own.
func (a *app) promoted(ctx context.Context, cfg aws.Config, p *project, v *visit, bundle string, pacer *deploy.Pacer) error {
	before, ok := p.config.Environment(v.part.After)
	if !ok {
		return nil
	}
	d, err := a.visitAs(ctx, cfg, p, before.Parts()[0], "deploy", pacer)
	if err != nil {
		return err
	}
	return d.Promotes(ctx, v.part.Name, bundle)
}
