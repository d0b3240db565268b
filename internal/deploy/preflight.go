package deploy

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// preflight assumes each role of the assembly and checks the bootstrap of each place, both once.
func (d *Deployment) preflight(ctx context.Context) error {
	places := map[assembly.Place][]*assembly.Stack{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, s := range d.assembly.Stacks {
		group.Go(func() error { return d.checkRoles(ctx, s) })
		places[s.Place()] = append(places[s.Place()], s)
	}
	for _, stacks := range places {
		group.Go(func() error { return d.checkPlace(ctx, stacks) })
	}
	return group.Wait()
}

// checkRoles assumes the role of a stack and, if the run publishes assets, theirs. An image that is not published yet
// needs a builder.
func (d *Deployment) checkRoles(ctx context.Context, s *assembly.Stack) error {
	_, err := d.sessions.Config(ctx, d.stackRole(s), s.Region)
	if d.Access == ReadAccess {
		return err
	}
	for _, a := range s.Assets {
		if err == nil {
			var role awsclient.Role
			if role, err = publishingRole(a.Role, d.targetOf(s)); err == nil {
				_, err = d.sessions.Config(ctx, role, a.Region)
			}
		}
	}
	if err != nil {
		return err
	}
	return d.checkBuilder(ctx, s)
}

// checkAssembly refuses, without a call to AWS, an assembly with anything that is not for the target.
func (d *Deployment) checkAssembly(asm *assembly.Assembly) error {
	if err := checkStackNames(asm.Stacks); err != nil {
		return err
	}
	env := d.target.Environment
	for _, s := range asm.Stacks {
		if !slices.Contains(d.places(), s.Place()) {
			return refusal.Newf(fault.StackOtherAccount, nil,
				"stack %s is for %s, but %s is %s: synthesise for %s, or correct its configuration",
				s.Name, s.Place(), env, d.placesText(), env)
		}
		if err := checkDestinations(asm.Files, s, d.targetOf(s)); err != nil {
			return err
		}
	}
	return nil
}

// checkDestinations refuses a stack with a name that leads anywhere but to the target's bootstrap.
func checkDestinations(files fs.FS, s *assembly.Stack, target awsclient.Target) error {
	errs := []error{checkStackName(s.Name, target), checkRole(s.DeployRole.ARN, roles.Deploy, "stack "+s.Name, target)}
	if s.ExecutionRoleARN != "" {
		errs = append(errs, checkRole(s.ExecutionRoleARN, roles.Execution, "stack "+s.Name, target))
	}
	errs = append(errs, checkLegacyAssets(s), checkAssets(s, target), checkImages(s, target),
		checkTemplateURL(s, target), checkTopics(s, target), checkVersionParameter(s, target))
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return checkNestedTemplates(files, s, target)
}

func checkAssets(s *assembly.Stack, target awsclient.Target) error {
	for _, a := range s.Assets {
		what := "asset " + a.Name + " of stack " + s.Name
		if len(a.Executable) > 0 {
			return fault.Errorf(fault.AssetNotSupported,
				"%s is made by a command (%s), which runs only as a part of Lockstep's own synthesis: deploy without "+
					"--assembly, or let the app write the file", what, a.Executable[0])
		}
		if err := checkRole(a.Role.ARN, roles.FilePublishing, what, target); err != nil {
			return err
		}
		if err := checkAssetDestination(a, what, target); err != nil {
			return err
		}
	}
	return nil
}

func checkImages(s *assembly.Stack, target awsclient.Target) error {
	for _, i := range s.Images {
		what := "image " + i.Name + " of stack " + s.Name
		if err := checkRole(i.Role.ARN, roles.ImagePublishing, what, target); err != nil {
			return err
		}
		if err := checkImageDestination(i, what, target); err != nil {
			return err
		}
		if err := i.CheckSource(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}
