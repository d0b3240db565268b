package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/preflight"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/refusal"
)

// checkRefused stops before the first write where AWS would refuse the plan: because of a template, or because of the
// stacks that exist. The plan's stacks must have been read. In a live deployment it only prints what is no limit, since
// AWS may have changed its rules.
func (p *Plan) checkRefused(ctx context.Context) error {
	existing, err := preflight.CheckExisting(p.plannedStacks(), p.exportAccount(ctx))
	if err != nil {
		return err
	}
	if err := errors.Join(p.deployment.checkTemplates(), p.deployment.judge(existing)); err != nil {
		return err
	}
	return p.checkReadiness(ctx)
}

// judge returns an error for what AWS would refuse: a refusal.Error for limits, which stop a live deployment too.
func (d *Deployment) judge(found []preflight.Finding) error {
	var limits, checks []string
	for _, f := range found {
		if f.Level == preflight.Limit {
			limits = append(limits, "  "+f.String())
		} else {
			checks = append(checks, "  "+f.String())
		}
	}
	var errs []error
	if len(limits) > 0 {
		errs = append(errs, refusal.Newf(fault.WouldBeRefused, nil,
			"AWS would refuse this deployment, so nothing was written:\n%s",
			strings.Join(limits, "\n")))
	}
	if len(checks) > 0 {
		err := fault.Errorf(fault.ValuesRefused,
			"AWS would refuse these values, so nothing was written:\n%s", strings.Join(checks, "\n"))
		if d.Run.Mode == Live {
			d.printProgress(strings.Replace(err.Error(), "would refuse these values, so nothing was written",
				"may refuse these values", 1))
			err = nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkTemplates checks the templates of the assembly as the app wrote them, once.
func (d *Deployment) checkTemplates() error {
	d.templatesOnce.Do(func() {
		found, err := d.findRefusedTemplates()
		d.templatesErr = errors.Join(err, d.judge(found))
	})
	return d.templatesErr
}

// findRefusedTemplates returns what AWS would refuse of the templates of the stacks and of those nested in them.
func (d *Deployment) findRefusedTemplates() ([]preflight.Finding, error) {
	asm := d.assembly
	if d.Artifacts.Checked != nil { // a rehearsal deploys it with stand-ins
		var err error
		if asm, _, err = d.ReadAssembly(d.Artifacts.Checked, d.target); err != nil {
			return nil, err
		}
	}
	var found []preflight.Finding
	for _, s := range asm.Stacks {
		found = append(found, preflight.CheckTemplate(s)...)
		for _, a := range s.Assets {
			if !assembly.IsNestedTemplate(a.Path) {
				continue
			}
			text, err := fsx.ReadFileFS(asm.Files, a.Path, fsx.MaxText)
			if err != nil {
				return nil, err
			}
			template, err := assembly.ParseTemplate(string(text))
			if err != nil {
				return nil, fmt.Errorf("nested template %s: %w", a.Path, err)
			}
			found = append(found, preflight.CheckNested(s, a.Path, template)...)
		}
	}
	return found, nil
}

// plannedStacks returns the stacks of the plan with what is deployed of them.
func (p *Plan) plannedStacks() []preflight.PlannedStack {
	var planned []preflight.PlannedStack
	for _, step := range p.steps {
		planned = append(planned, step.planned())
	}
	return planned
}

func (s *planStep) planned() preflight.PlannedStack {
	planned := preflight.PlannedStack{Stack: s.stack}
	if s.current.Phase == cfn.Updatable || s.current.Phase == cfn.NeedsRollback {
		values, keys := s.current.Exports()
		planned.Deployed = &preflight.DeployedStack{Template: s.current.Template, Exports: values, ExportKeys: keys}
	}
	return planned
}

// exportAccount returns who imports and exports what, as CloudFormation answers. A role that may not ask for it is
// answered that nobody does: CloudFormation itself has the last word.
func (p *Plan) exportAccount(ctx context.Context) preflight.Account {
	exporters := map[assembly.Place]map[string]string{}
	return preflight.Account{
		Importers: func(s *assembly.Stack, export string) ([]string, error) {
			client, err := p.deployment.stackClient(ctx, s)
			if err != nil {
				return nil, err
			}
			names, err := client.Importers(ctx, export)
			return names, p.deployment.ignoreDenied(err, "who imports "+export)
		},
		Exporter: func(s *assembly.Stack, export string) (string, error) {
			if exporters[s.Place()] == nil {
				client, err := p.deployment.stackClient(ctx, s)
				if err != nil {
					return "", err
				}
				all, err := client.Exporters(ctx)
				if err := p.deployment.ignoreDenied(err, "what other stacks export"); err != nil {
					return "", err
				}
				exporters[s.Place()] = all
			}
			return exporters[s.Place()][export], nil
		},
	}
}

// ignoreDenied reports that the deploy role may not read something, and returns any other error.
func (d *Deployment) ignoreDenied(err error, what string) error {
	if code := awsclient.ErrorCode(err); code == "AccessDenied" || code == "AccessDeniedException" {
		d.printProgress("the deploy role may not read " + what + ", so that is not checked before the deployment")
		return nil
	}
	return err
}

// checkReplacedExports stops where a change set replaces a resource whose identity another stack imports.
func (p *Plan) checkReplacedExports(ctx context.Context, step *planStep) error {
	var replaced []string
	for _, c := range step.record.Changes {
		if c.Action == change.Replace {
			replaced = append(replaced, c.LogicalID)
		}
	}
	found, err := preflight.CheckReplacedExports(step.planned(), replaced, p.exportAccount(ctx))
	if err != nil {
		return err
	}
	return p.deployment.judge(found)
}
