package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/awsclient"
	"lockstep/internal/bootstrap"
	"lockstep/tools"
)

func (a *app) bootstrapCommand() *cobra.Command {
	only := ""
	cmd := &cobra.Command{
		Use: "bootstrap", Short: "Prepare an account for deployments, with the trust that they need", Args: noArgs,
		Long: `Run the CDK's bootstrap on an account, with the qualifier, the execution policies and the trust in the tooling account that
config/pipeline.yaml asks for. --env names an environment, or tooling for the tooling account.

An account is prepared with its own credentials: with --live, yours must belong to the very account that is prepared. Accounts that are
rehearsed on are prepared by themselves.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			accounts := bootstrap.Accounts(p.config.Pipeline, p.config.Environments)
			if a.env != bootstrap.Tooling {
				envs, err := a.selectedEnvironments(p)
				if err != nil {
					return err
				}
				accounts = slices.DeleteFunc(accounts, func(account bootstrap.Account) bool { return !slices.Contains(environmentNames(envs), account.Name) })
			} else {
				accounts = accounts[:1]
			}
			if only != "" {
				accounts = slices.DeleteFunc(accounts, func(account bootstrap.Account) bool { return account.ID != only })
				if len(accounts) == 0 {
					return usagef("--account %s: %s has no such account", only, a.env)
				}
			}
			if a.live {
				return a.bootstrapLive(cmd.Context(), accounts)
			}
			e := a.emulator(p, a.printProgress)
			s, release, err := e.Acquire(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, release()) }()
			if err := e.Bootstrap(cmd.Context(), s, accounts); err != nil {
				return err
			}
			return a.printResult("bootstrapped on emulated accounts: " + enumerate(accountNames(accounts)))
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().StringVar(&only, "account", "", "of an environment with several accounts, prepare only this one, in each of its regions")
	return cmd
}

// bootstrapLive prepares the caller's own account, in each region that is asked for, if it is the one that is meant.
func (a *app) bootstrapLive(ctx context.Context, accounts []bootstrap.Account) error {
	account := accounts[0]
	if slices.ContainsFunc(accounts, func(other bootstrap.Account) bool { return other.ID != account.ID }) {
		return usagef("an account is bootstrapped with its own credentials, so with --live name one environment, or tooling, and one of several accounts with --account")
	}
	cfg, err := a.loadAWSConfig(ctx)
	if err != nil {
		return err
	}
	if err := awsclient.CheckCaller(ctx, cfg, awsclient.Caller{
		Account: account.ID, AccountName: "account " + account.ID + " itself", Region: account.Region, Purpose: "the bootstrap of " + account.Name,
	}); err != nil {
		return err
	}
	installer, err := tools.NewInstaller(a.Environ, a.printProgress)
	if err != nil {
		return err
	}
	template, err := bootstrap.LoadTemplate(ctx, installer)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		a.printProgress("bootstrapping account " + account.ID + " in " + account.Region)
		if err := bootstrap.Apply(ctx, cfg, template, account); err != nil {
			return err
		}
		if err := a.printResult("bootstrapped " + account.Name + ": account " + account.ID + " in " + account.Region); err != nil {
			return err
		}
	}
	return nil
}

func accountNames(accounts []bootstrap.Account) []string {
	var out []string
	for _, account := range accounts {
		out = append(out, account.Name)
	}
	return out
}
