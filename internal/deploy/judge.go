package deploy

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/risk"
	"lockstep/internal/fsx"
)

// flagRisks sets the flags of a step that has a change set: what has to be allowed by name. Templates are judged as
// CloudFormation has expanded them, with the values that it has.
func (d *Deployment) flagRisks(ctx context.Context, client *cfn.Client, step *planStep) error {
	before, after := step.versions()
	before.Parameters, after.Parameters = cfn.ParameterValues(step.stack, step.current, step.set)
	var err error
	if hasMacros(after.Template) {
		if after.Processed, err = client.ProcessedTemplate(ctx, step.set.StackID, step.set.ID); err != nil {
			return err
		}
	}
	if hasMacros(before.Template) {
		if before.Processed, err = client.ProcessedTemplate(ctx, step.current.ID(), ""); err != nil {
			return err
		}
	}
	deployed, err := deployedNested(ctx, client, step.set.Changes)
	if err != nil {
		return err
	}
	after.Accounts = d.ProjectAccounts
	before.Nested = nestedByPath(deployed, "")
	after.Nested = d.nestedAsset(step.stack)
	flags, err := risk.Flags(step.stack.Name, step.set.Changes, before, after)
	d.setFlags(ctx, step, flags)
	return err
}

// setFlags records the flags of a step. In a rehearsal of an environment's first release, wider access of a stack that
// does not exist is only listed: there was nothing that it could be wider than.
func (d *Deployment) setFlags(ctx context.Context, step *planStep, flags []change.Flag) {
	isFirst := step.isNew() && d.Run.Mode == Rehearsal && !d.hasRelease(ctx)
	step.record.Flags = slices.Concat(flags, synthesizerFlags(step.stack))
	for i := range step.record.Flags {
		f := &step.record.Flags[i]
		f.LiveOnly = isFirst && f.Permit == change.Permissions
	}
}

// isNew reports whether the step creates its stack.
func (s *planStep) isNew() bool {
	return s.current.Phase == cfn.Absent || s.current.Phase == cfn.NeedsDelete
}

// hasRelease reports whether the environment had a release when the run began. One that cannot be read counts.
func (d *Deployment) hasRelease(ctx context.Context) bool {
	release, err := d.releaseBefore(ctx)
	return err != nil || release != nil
}

// flagDeferred sets the flags of a step that is deferred and whose stack does not exist: everything in its template is
// to be added. What has to be allowed by name is then known before anything is written. What an existing stack is to
// become is judged with its change set.
func (d *Deployment) flagDeferred(ctx context.Context, step *planStep) error {
	if !step.isNew() {
		return nil
	}
	before, after := step.versions()
	before.Template = ""
	_, after.Parameters = cfn.ParameterValues(step.stack, cfn.State{}, &cfn.ChangeSet{})
	after.Accounts, after.Nested = d.ProjectAccounts, d.nestedAsset(step.stack)
	var changes []change.Change
	for _, id := range slices.Sorted(maps.Keys(step.stack.Template.Resources)) {
		changes = append(changes, change.Change{
			LogicalID: id, Type: step.stack.Template.Resources[id].Type, Action: change.Add,
		})
	}
	flags, err := risk.Flags(step.stack.Name, changes, before, after)
	d.setFlags(ctx, step, flags)
	return err
}

// hasMacros reports whether macros may expand a template.
func hasMacros(template string) bool { return strings.Contains(template, "Transform") }

// versions returns a step's stack before and after the change, without what has to be read for that.
func (s *planStep) versions() (before, after risk.Version) {
	pseudo := map[string]string{
		"AWS::AccountId": s.stack.Account, "AWS::Region": s.stack.Region, "AWS::StackName": s.stack.Name,
		"AWS::Partition": assembly.Partition(s.stack.Region), "AWS::URLSuffix": assembly.URLSuffix(s.stack.Region),
	}
	before = risk.Version{
		Template: s.current.Template, Pseudo: pseudo,
		TerminationProtection: aws.ToBool(s.current.EnableTerminationProtection),
	}
	after = risk.Version{
		Template: s.stack.Template.Body, Pseudo: pseudo, TerminationProtection: s.stack.TerminationProtection,
	}
	return before, after
}

// deployedNested returns the templates of the nested stacks that change, by the paths of their resources. One that
// cannot be read is left out.
func deployedNested(ctx context.Context, client *cfn.Client, changes []change.Change) (map[string]string, error) {
	templates := map[string]string{}
	for _, c := range changes {
		if c.Type != change.StackType || c.Action == change.Add || c.PhysicalID == "" {
			continue
		}
		template, err := client.OriginalTemplate(ctx, c.PhysicalID)
		if err != nil {
			return nil, err
		}
		if template != "" {
			templates[c.LogicalID] = template
		}
	}
	return templates, nil
}

// nestedByPath returns the nested stacks below a path among templates.
func nestedByPath(templates map[string]string, prefix string) func(id, url string) (risk.Version, bool) {
	return func(id, _ string) (risk.Version, bool) {
		template, ok := templates[prefix+id]
		return risk.Version{Template: template, Nested: nestedByPath(templates, prefix+id+"/")}, ok
	}
}

// nestedAsset returns the nested stacks whose templates are assets of a stack.
func (d *Deployment) nestedAsset(s *assembly.Stack) func(id, url string) (risk.Version, bool) {
	return func(_, address string) (risk.Version, bool) {
		for _, a := range s.Assets {
			if a.Zip || !isAddressOf(address, a) {
				continue
			}
			body, err := fsx.ReadFileFS(d.assembly.Files, a.Path, fsx.MaxText)
			return risk.Version{Template: string(body), Nested: d.nestedAsset(s)}, err == nil
		}
		return risk.Version{}, false
	}
}

// isAddressOf reports whether an address of S3 is where an asset is published.
func isAddressOf(address string, a assembly.Asset) bool {
	u, err := url.Parse(address)
	if err != nil || a.Bucket == "" || a.Key == "" {
		return false
	}
	return strings.HasPrefix(u.Host, "s3.") && u.Path == "/"+a.Bucket+"/"+a.Key ||
		strings.HasPrefix(u.Host, a.Bucket+".s3.") && u.Path == "/"+a.Key
}
