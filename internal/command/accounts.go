package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"lockstep/config"
	"lockstep/internal/bootstrap"
	"lockstep/internal/deploy"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
)

// emulator is the project's emulated accounts.
func (a *app) emulator(p *project, say func(string)) *rehearsal.Emulator {
	return &rehearsal.Emulator{Dir: p.state("rehearsal"), Environ: a.Environ, Region: p.config.Pipeline.Tooling.Region, Say: say, Hurry: a.interrupted}
}

// emulated brings up the emulated accounts of the environments, bootstrapped. The caller calls release when done.
func (a *app) emulated(ctx context.Context, p *project, environments []config.Environment, say func(string)) (e *rehearsal.Emulator, s *rehearsal.Session, release func() error, err error) {
	e = a.emulator(p, say)
	accounts := bootstrap.Accounts(p.config.Pipeline, environments)
	if elsewhere, err := rehearsal.Elsewhere(a.Environ); err != nil {
		return nil, nil, nil, &UsageError{err}
	} else if elsewhere != nil {
		return e, elsewhere, func() error { return nil }, elsewhere.Reach(ctx, accounts)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prepared := make(chan error, 1)
	go func() { prepared <- host.Provide(ctx, a.Environ, say, pipeline.ToolCDK) }() // beside the start, because both may have to be installed first
	if err := host.Provide(ctx, a.Environ, say, pipeline.ToolMinistack); err != nil {
		cancel()
		return nil, nil, nil, errors.Join(err, unlessCancelled(<-prepared))
	}
	s, release, err = e.Acquire(ctx)
	if err != nil {
		cancel()
		return nil, nil, nil, errors.Join(err, unlessCancelled(<-prepared))
	}
	err = <-prepared
	if err == nil {
		err = e.Bootstrap(ctx, s, accounts)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, release())
	}
	return e, s, release, nil
}

func unlessCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// reach is a way to the accounts: whose credentials to begin with, and what becomes of an assembly on the way.
type reach struct {
	caller func(region string) (aws.Config, error)
	// seen is the assembly as the accounts can take it, and which part of it that is; nil coverage where it is all of it.
	seen    func(fs.FS) (fs.FS, *rehearsal.Coverage, error)
	release func() error
}

// reachAccounts opens the way to the environments' accounts: the caller's own credentials with --live, and else the emulated ones.
func (a *app) reachAccounts(ctx context.Context, p *project, environments []config.Environment) (*reach, error) {
	if a.live {
		cfg, err := a.credentials(ctx)
		if err != nil {
			return nil, err
		}
		return &reach{
			caller:  func(string) (aws.Config, error) { return cfg, nil },
			seen:    func(files fs.FS) (fs.FS, *rehearsal.Coverage, error) { return files, nil, nil },
			release: func() error { return nil },
		}, nil
	}
	e, s, release, err := a.emulated(ctx, p, environments, a.say)
	if err != nil {
		return nil, err
	}
	known := sync.OnceValues(func() (map[string]bool, error) { return e.KnownTypes(ctx) })
	return &reach{
		caller: func(region string) (aws.Config, error) { return s.AWSConfig(p.config.Pipeline.Tooling.ID, region) },
		seen: func(files fs.FS) (fs.FS, *rehearsal.Coverage, error) {
			types, err := known()
			if err != nil {
				return nil, nil, err
			}
			seen, coverage, err := rehearsal.Rehearse(files, types)
			return seen, &coverage, err
		},
		release: release,
	}, nil
}

// credentials are the caller's own AWS settings.
func (a *app) credentials(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return cfg, fmt.Errorf("the AWS settings of this machine cannot be read: %w", err)
	}
	return cfg, nil
}

// guard refuses credentials that do not belong where deployments start from, before anything else is done.
func (a *app) guard(ctx context.Context, p *project, environments []config.Environment) error {
	cfg, err := a.credentials(ctx)
	if err != nil {
		return err
	}
	for _, env := range environments {
		if err := deploy.Guard(ctx, cfg, target(p, env)); err != nil {
			return err
		}
	}
	return nil
}

func target(p *project, env config.Environment) deploy.Target {
	return deploy.Target{
		Project: p.config.Pipeline.Project, Environment: env.Name, Account: env.ID, Region: env.Region,
		Tooling: p.config.Pipeline.Tooling.ID, Qualifier: p.config.Pipeline.Bootstrap.Qualifier,
	}
}
