package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/awsclient"
	"lockstep/internal/bootstrap"
	"lockstep/internal/fault"
	"lockstep/tools"
)

func (a *app) bootstrapCommand() *cobra.Command {
	only := ""
	mayChange := false
	cmd := &cobra.Command{
		Use: "bootstrap", Short: "Prepare an account for deployments, with the trust that they need", Args: noArgs,
		Long: `Run the CDK's bootstrap on an account, with the qualifier, the execution policies and the trust in
the tooling account that config/pipeline.yaml asks for. --env names an environment, or tooling for the tooling
account.

A bootstrap that exists keeps every parameter that the configuration does not set, its bucket, its key and its
trust in other accounts. What would change is shown, and takes --change-parameters.

An account is prepared with its own credentials: with --live, yours must belong to the very account that is
prepared. Accounts that are rehearsed on are prepared automatically.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			accounts, err := p.bootstrapAccounts(a.env, only)
			if err != nil {
				return nil, err
			}
			for i := range accounts {
				accounts[i].MayChange = mayChange
			}
			if a.live {
				return a.bootstrapLive(ctx, p, accounts)
			}
			return a.bootstrapEmulated(ctx, p, accounts)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().BoolVar(&mayChange, "change-parameters", false,
		"change the parameters of a bootstrap that exists to those of the configuration")
	cmd.Flags().StringVar(&only, "account", "",
		"in an environment with several accounts, prepare only this one, in each of its regions")
	return cmd
}

// bootstrapAccounts returns the accounts of an environment, or only the one with an id, in each of its regions.
func (p *project) bootstrapAccounts(environment, only string) ([]bootstrap.Account, error) {
	accounts := bootstrap.Accounts(p.config.Pipeline, p.config.Environments)
	if environment == bootstrap.Tooling {
		accounts = accounts[:1]
	} else {
		environments, err := p.selectEnvironments(environment)
		if err != nil {
			return nil, err
		}
		names := environmentNames(environments)
		accounts = slices.DeleteFunc(accounts, func(b bootstrap.Account) bool { return !slices.Contains(names, b.Name) })
	}
	if only == "" {
		return accounts, nil
	}
	accounts = slices.DeleteFunc(accounts, func(b bootstrap.Account) bool { return b.ID != only })
	if len(accounts) == 0 {
		return nil, usagef(fault.UnknownName, "--account %s: %s has no such account", only, environment)
	}
	return accounts, nil
}

func (a *app) bootstrapEmulated(
	ctx context.Context, p *project, accounts []bootstrap.Account,
) (_ result, err error) {
	e := a.session(p).Emulator(a.printProgress)
	s, release, err := e.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := e.Bootstrap(ctx, s, accounts); err != nil {
		return nil, err
	}
	return messagef("bootstrapped on emulated accounts: %s", enumerate(accountNames(accounts))), nil
}

// bootstrapLive bootstraps one account, in each of the regions, if the caller's credentials belong to it.
func (a *app) bootstrapLive(ctx context.Context, p *project, accounts []bootstrap.Account) (result, error) {
	first := accounts[0]
	if slices.ContainsFunc(accounts, func(other bootstrap.Account) bool { return other.ID != first.ID }) {
		return nil, usagef(fault.FlagMissing,
			"an account is bootstrapped with its own credentials, so with --live name one environment, "+
				"or tooling, and one of several accounts with --account")
	}
	cfg, err := a.session(p).LoadAWSConfig(ctx)
	if err != nil {
		return nil, err
	}
	if err := awsclient.CheckCaller(ctx, cfg, awsclient.Caller{
		Account: first.ID, AccountName: "account " + first.ID + " itself", Region: first.Region,
		Purpose: "the bootstrap of " + first.Name,
	}); err != nil {
		return nil, err
	}
	installer, err := tools.NewInstaller(a.Environ, a.printProgress)
	if err != nil {
		return nil, err
	}
	template, err := bootstrap.LoadTemplate(ctx, installer)
	if err != nil {
		return nil, err
	}
	done := &message{}
	for _, account := range accounts {
		a.printProgress("bootstrapping account " + account.ID + " in " + account.Region)
		if err := bootstrap.Apply(ctx, cfg, template, account); err != nil {
			return done, err
		}
		done.addLinef("bootstrapped %s: account %s in %s", account.Name, account.ID, account.Region)
	}
	return done, nil
}

func accountNames(accounts []bootstrap.Account) []string {
	var names []string
	for _, account := range accounts {
		names = append(names, account.Name)
	}
	return names
}
