package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"lockstep/config"
	"lockstep/internal/awsclient"
	"lockstep/internal/bootstrap"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
)

// emulator is the project's emulated accounts.
func (a *app) emulator(p *project, say func(string)) *rehearsal.Emulator {
	return &rehearsal.Emulator{Dir: p.statePath("rehearsal"), Environ: a.Environ, Region: p.config.Pipeline.Tooling.Region, Progress: say, Interrupted: a.interrupted}
}

// acquireEmulator brings up the emulated accounts of the environments, bootstrapped. The caller calls release when done.
func (a *app) acquireEmulator(ctx context.Context, p *project, environments []config.Environment, say func(string)) (e *rehearsal.Emulator, s *rehearsal.Session, release func() error, err error) {
	e = a.emulator(p, say)
	accounts := bootstrap.Accounts(p.config.Pipeline, environments)
	if elsewhere, err := rehearsal.RemoteSession(a.Environ); err != nil {
		return nil, nil, nil, &UsageError{err}
	} else if elsewhere != nil {
		return e, elsewhere, func() error { return nil }, elsewhere.CheckAccounts(ctx, accounts)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prepared := make(chan error, 1)
	go func() { prepared <- host.EnsureTools(ctx, a.Environ, say, pipeline.ToolCDK) }() // beside the start, because both may have to be installed first
	if err := host.EnsureTools(ctx, a.Environ, say, pipeline.ToolMinistack); err != nil {
		cancel()
		return nil, nil, nil, errors.Join(err, ignoreCancelled(<-prepared))
	}
	s, release, err = e.Acquire(ctx)
	if err != nil {
		cancel()
		return nil, nil, nil, errors.Join(err, ignoreCancelled(<-prepared))
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

func ignoreCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// accountAccess is a way to the accounts: whose credentials to begin with, and what becomes of an assembly on the way.
type accountAccess struct {
	callerConfig func(region string) (aws.Config, error)
	// adaptAssembly is the assembly as the accounts can take it, and which part of it that is; nil coverage where it is all of it.
	adaptAssembly func(fs.FS) (fs.FS, *rehearsal.Coverage, error)
	release       func() error
}

// acquireAccess opens the way to the environments' accounts: the caller's own credentials with --live, and else the emulated ones.
func (a *app) acquireAccess(ctx context.Context, p *project, environments []config.Environment) (*accountAccess, error) {
	if a.live {
		cfg, err := a.loadAWSConfig(ctx)
		if err != nil {
			return nil, err
		}
		return &accountAccess{
			callerConfig:  func(string) (aws.Config, error) { return cfg, nil },
			adaptAssembly: func(files fs.FS) (fs.FS, *rehearsal.Coverage, error) { return files, nil, nil },
			release:       func() error { return nil },
		}, nil
	}
	e, s, release, err := a.acquireEmulator(ctx, p, environments, a.printProgress)
	if err != nil {
		return nil, err
	}
	known := sync.OnceValues(func() (map[string]bool, error) { return e.KnownTypes(ctx) })
	return &accountAccess{
		callerConfig: func(region string) (aws.Config, error) { return s.AWSConfig(p.config.Pipeline.Tooling.ID, region) },
		adaptAssembly: func(files fs.FS) (fs.FS, *rehearsal.Coverage, error) {
			types, err := known()
			if err != nil {
				return nil, nil, err
			}
			seen, coverage, err := rehearsal.ReplaceUnknownTypes(files, types)
			return seen, &coverage, err
		},
		release: release,
	}, nil
}

// loadAWSConfig are the caller's own AWS settings.
func (a *app) loadAWSConfig(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return cfg, fmt.Errorf("the AWS settings of this machine cannot be read: %w", err)
	}
	return cfg, nil
}

// guard refuses credentials that do not belong where deployments start from, before anything else is done.
func (a *app) guard(ctx context.Context, p *project, environments []config.Environment) error {
	cfg, err := a.loadAWSConfig(ctx)
	if err != nil {
		return err
	}
	for _, env := range environments {
		if err := awsclient.CheckCaller(ctx, cfg, target(p, env).Caller()); err != nil {
			return err
		}
	}
	return nil
}

func target(p *project, env config.Environment) awsclient.Target {
	return awsclient.Target{
		Project: p.config.Pipeline.Project, Environment: env.Name, Account: env.ID, Region: env.Region,
		ToolingAccount: p.config.Pipeline.Tooling.ID, Qualifier: p.config.Pipeline.Bootstrap.Qualifier,
	}
}
