package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/refusal"
)

// preflight assumes each role of the assembly and reads each bootstrap version, both once.
func (d *Deployment) preflight(ctx context.Context) error {
	seen := map[assembly.BootstrapRequirement]bool{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, s := range d.assembly.Stacks {
		group.Go(func() error { return d.checkRoles(ctx, s) })
		for _, bootstrap := range s.BootstrapRequirements {
			if bootstrap.Parameter == "" || seen[bootstrap] {
				continue
			}
			seen[bootstrap] = true
			group.Go(func() error {
				cfg, err := d.sessions.Config(ctx, d.stackRole(s), s.Region)
				if err != nil {
					return err
				}
				return checkBootstrap(ctx, awsclient.NewSSM(cfg), bootstrap, d.target)
			})
		}
	}
	return group.Wait()
}

// checkRoles assumes the role of a stack and, if the run publishes assets, theirs.
func (d *Deployment) checkRoles(ctx context.Context, s *assembly.Stack) error {
	_, err := d.sessions.Config(ctx, d.stackRole(s), s.Region)
	if d.Access == ReadAccess {
		return err
	}
	for _, a := range s.Assets {
		if err == nil {
			_, err = d.sessions.Config(ctx, assumedRole(a.Role), a.Region)
		}
	}
	return err
}

// checkAssembly refuses, without a call to AWS, an assembly with anything that is not for the target.
func checkAssembly(asm *assembly.Assembly, target awsclient.Target) error {
	for _, s := range asm.Stacks {
		switch {
		case s.Account != target.Account:
			return refusal.Newf(nil, "stack %s is for account %s, but %s is account %s: synthesise for %s, or correct its "+
				"configuration", s.Name, s.Account, target.Environment, target.Account, target.Environment)
		case s.Region != target.Region:
			return refusal.Newf(nil, "stack %s is for region %s, but %s is in %s: synthesise for %s, or correct its "+
				"configuration", s.Name, s.Region, target.Environment, target.Region, target.Environment)
		}
		if err := checkRole(s.DeployRole.ARN, "stack "+s.Name, target); err != nil {
			return err
		}
		if s.ExecutionRoleARN != "" {
			if err := checkRole(s.ExecutionRoleARN, "stack "+s.Name, target); err != nil {
				return err
			}
		}
		if len(s.Images) > 0 {
			return fmt.Errorf("stack %s needs the container image %s, and images cannot be published yet: "+
				"push it to a repository in a step of its own and refer to it by digest", s.Name, s.Images[0])
		}
		if err := checkAssets(s, target); err != nil {
			return err
		}
	}
	return nil
}

func checkAssets(s *assembly.Stack, target awsclient.Target) error {
	for _, a := range s.Assets {
		if len(a.Executable) > 0 {
			return fmt.Errorf("asset %s of stack %s is made by a command (%s), which is not supported: let the app write the "+
				"file", a.Name, s.Name, a.Executable[0])
		}
		if err := checkRole(a.Role.ARN, "asset "+a.Name+" of stack "+s.Name, target); err != nil {
			return err
		}
	}
	return nil
}

// checkRole refuses a missing role, because nothing is done with the caller's own rights, and a role of another
// account.
func checkRole(role, what string, target awsclient.Target) error {
	if role == "" {
		return refusal.Newf(nil, "%s names no role to assume in %s: use the CDK's DefaultStackSynthesizer; "+
			"nothing is ever done with the caller's own rights", what, target.Account)
	}
	parsed, err := arn.Parse(role)
	if err != nil {
		return refusal.Newf(nil, "%s names the role %q, which is not an ARN", what, role)
	}
	if parsed.AccountID != target.Account {
		return refusal.Newf(nil, "%s names the role %s of account %s, but %s is account %s",
			what, role, parsed.AccountID, target.Environment, target.Account)
	}
	return nil
}

// checkBootstrap reads the bootstrap version with the role of a stack, which is allowed to read that one parameter
// (https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html), and refuses an account prepared for an older CDK.
func checkBootstrap(
	ctx context.Context, client *awsclient.SSM, want assembly.BootstrapRequirement, target awsclient.Target,
) error {
	advice := fmt.Sprintf("run `lockstep bootstrap --env %s`", target.Environment)
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(want.Parameter)})
	if awsclient.ErrorCode(err) == "ParameterNotFound" {
		return refusal.Newf(err, "account %s is not bootstrapped in %s, the SSM parameter %s is missing: %s",
			target.Account, target.Region, want.Parameter, advice)
	}
	if err != nil {
		return err
	}
	if out.Parameter == nil {
		return errors.New("SSM answered without a parameter")
	}
	value := strings.TrimSpace(aws.ToString(out.Parameter.Value))
	version, err := strconv.Atoi(value)
	if err != nil {
		return refusal.Newf(nil, "the bootstrap version of account %s is %q, not a number: %s", target.Account, value, advice)
	}
	if version < want.Version {
		return refusal.Newf(nil, "account %s is bootstrapped with version %d in %s, the assembly needs %d: %s",
			target.Account, version, target.Region, want.Version, advice)
	}
	return nil
}
