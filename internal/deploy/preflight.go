package deploy

import (
	"context"
	"io/fs"
	"slices"
	"strings"

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

// checkRoles assumes the role of a stack and, if the run publishes assets, theirs.
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
	return err
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
	return checkImages(asm.Stacks)
}

// checkImages names all stacks that need a container image, so that they are left out, or changed, together.
func checkImages(stacks []*assembly.Stack) error {
	var names []string
	for _, s := range stacks {
		if len(s.Images) > 0 {
			names = append(names, s.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil
	case 1:
		i := slices.IndexFunc(stacks, func(s *assembly.Stack) bool { return s.Name == names[0] })
		return fault.Errorf(fault.AssetNotSupported,
			"stack %s needs the container image %s, and images cannot be published yet: "+
				"push it to a repository in a step of its own and refer to it by digest", names[0], stacks[i].Images[0])
	}
	return fault.Errorf(fault.AssetNotSupported,
		"stacks %s need container images, and images cannot be published yet: push them to a repository in a step of its "+
			"own and refer to them by digest, or select the other stacks with `stacks.include`", strings.Join(names, ", "))
}

// checkDestinations refuses a stack with a name that leads anywhere but to the target's bootstrap.
func checkDestinations(files fs.FS, s *assembly.Stack, target awsclient.Target) error {
	errs := []error{checkStackName(s.Name), checkRole(s.DeployRole.ARN, roles.Deploy, "stack "+s.Name, target)}
	if s.ExecutionRoleARN != "" {
		errs = append(errs, checkRole(s.ExecutionRoleARN, roles.Execution, "stack "+s.Name, target))
	}
	errs = append(errs, checkLegacyAssets(s), checkAssets(s, target), checkTemplateURL(s, target), checkTopics(s, target),
		checkVersionParameter(s, target))
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
