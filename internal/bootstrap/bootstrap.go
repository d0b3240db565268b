// Package bootstrap owns how an account is prepared for CDK deployments: with the CDK's own command line, and with the trust that the
// pipeline needs. It knows nothing of who calls it.
package bootstrap

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"lockstep/config"
	"lockstep/tools"
)

// Stack is the stack that `cdk bootstrap` makes.
const Stack = "CDKToolkit"

// An Account is an account to prepare, in one region.
type Account struct {
	// Name is what the configuration calls the account: an environment, or Tooling.
	Name   string
	ID     string
	Region string
	// Trust is the accounts whose principals may assume the account's deploy roles; empty for the tooling account.
	Trust []string
	// Qualifier and ExecutionPolicies are those of `cdk bootstrap`.
	Qualifier         string
	ExecutionPolicies []string
}

// Tooling is the name of the tooling account among the accounts.
const Tooling = config.Tooling

// Accounts are the tooling account and those of the environments, each as the configuration wants it.
func Accounts(p config.Pipeline, environments []config.Environment) []Account {
	account := func(name string, a config.Account, trust ...string) Account {
		return Account{
			Name: name, ID: a.ID, Region: a.Region, Trust: trust,
			Qualifier: p.Bootstrap.Qualifier, ExecutionPolicies: p.Bootstrap.ExecutionPolicies,
		}
	}
	accounts := []Account{account(Tooling, p.Tooling)}
	for _, env := range environments {
		if env.Name == Tooling {
			continue // it is the first already, and trusts nobody but itself
		}
		for _, part := range env.Parts() {
			accounts = append(accounts, account(env.Name, part.Account, p.Tooling.ID))
		}
	}
	return accounts
}

// Arguments are what the CDK's command line is called with.
func (a Account) Arguments() []string {
	args := []string{
		"bootstrap", fmt.Sprintf("aws://%s/%s", a.ID, a.Region),
		"--qualifier", a.Qualifier, "--toolkit-stack-name", Stack,
		"--cloudformation-execution-policies", strings.Join(a.ExecutionPolicies, ","),
		"--no-notices", "--progress", "events",
	}
	for _, trusted := range a.Trust {
		args = append(args, "--trust", trusted)
	}
	return args
}

// Run prepares the account with the CDK installed in a folder. It works in dir, where it should find no cdk.json, and sees no variable but
// those of environ and its own settings.
func Run(ctx context.Context, installed, dir string, account Account, environ []string) error {
	node, err := tools.Find(environ, "", "node")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join(installed, tools.CDKProgram)}, account.Arguments()...)...)
	cmd.Dir = dir
	cmd.Env = append(environ, "CI=true", "CDK_DISABLE_VERSION_CHECK=1", "CDK_DISABLE_CLI_TELEMETRY=true", "NO_COLOR=1",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	tools.InGroup(cmd)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("account %s could not be bootstrapped: %w\n%s", account.ID, err, tools.LastLines(out.String(), 12))
	}
	return nil
}
