package deploy

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// A cloud assembly names roles, buckets, keys, addresses, topics and parameters. Each kind of name may lead only to
// what belongs to the bootstrap of the target account; this file has one function for each. They call nobody.

// checkStackName refuses a stack that would replace the account's bootstrap, and with it the roles that deployments
// rely on: that of the target, and that of others, which has the name that the CDK gives it.
func checkStackName(name string, target awsclient.Target) error {
	var others roles.Names
	own := target.Names
	if !slices.Contains([]string{
		own.Toolkit(), own.RolesStack(target.Qualifier), others.Toolkit(), others.RolesStack(target.Qualifier),
	}, name) {
		return nil
	}
	return refusal.Newf(fault.Destination, nil,
		"stack %s would replace the account's bootstrap: give the stack another name in the app, "+
			"and use `lockstep bootstrap` for the account", name)
}

// checkRole refuses a missing role, because nothing is done with the caller's own rights, and any role but the one of
// that kind of the account's bootstrap.
func checkRole(role string, kind roles.Kind, what string, target awsclient.Target) error {
	if role == "" {
		return refusal.Newf(fault.RoleUnusable, nil,
			"%s names no role to assume in %s: use the CDK's DefaultStackSynthesizer; "+
				"nothing is ever done with the caller's own rights", what, target.Account)
	}
	parsed, err := arn.Parse(role)
	if err != nil {
		return refusal.Newf(fault.RoleUnusable, nil,
			"%s names the role %q, which is not an ARN", what, role)
	}
	if parsed.AccountID != target.Account {
		return refusal.Newf(fault.RoleOtherAccount, nil,
			"%s names the role %s of account %s, but %s is account %s",
			what, role, parsed.AccountID, target.Environment, target.Account)
	}
	if want := bootstrapRole(target, kind).ARN; role != want {
		return refusal.Newf(fault.RoleUnusable, nil,
			"%s names the role %s, but only %s of the account's bootstrap is used: let the app use the "+
				"CDK's DefaultStackSynthesizer with the qualifier %s and that role, or give the app's qualifier, or the name of "+
				"the role, under bootstrap in the configuration of the environment",
			what, role, want, target.Qualifier)
	}
	return nil
}

// A destination is where an asset goes.
type destination struct {
	// kind is bucket or repository.
	kind, name, region string
}

// checkDestination refuses an asset that goes anywhere but to the destination of the account's bootstrap.
func checkDestination(what string, got, bootstrap destination) error {
	if got == bootstrap {
		return nil
	}
	return refusal.Newf(fault.Destination, nil,
		"%s goes to the %[2]s %[3]s in %[4]s, but only %[5]s in %[6]s, of the account's bootstrap, is published to: let the "+
			"app use the CDK's DefaultStackSynthesizer with that %[2]s, or give its name under bootstrap in the "+
			"configuration of the environment",
		what, got.kind, got.name, got.region, bootstrap.name, bootstrap.region)
}

// checkAssetDestination refuses an asset that goes anywhere but to the staging bucket of the account's bootstrap, under
// a key that is a hash with an extension: nothing else in the bucket, the ledger least of all, can have such a key.
func checkAssetDestination(a assembly.Asset, what string, target awsclient.Target) error {
	bucket := destination{"bucket", stagingBucketName(target), target.Region}
	if err := checkDestination(what, destination{"bucket", a.Bucket, a.Region}, bucket); err != nil {
		return err
	}
	if !staging.IsAssetKey(a.Key) {
		return refusal.Newf(fault.Destination, nil,
			"%s has the key %q in the bucket, which is not a hash of 64 hexadecimal digits with an "+
				"extension: let the app use the CDK's DefaultStackSynthesizer without a prefix", what, a.Key)
	}
	return nil
}

// tagPattern matches the tags of images. Source: the ECR API reference, ImageIdentifier.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// checkImageDestination refuses an image that goes anywhere but to the repository of the account's bootstrap.
func checkImageDestination(i assembly.Image, what string, target awsclient.Target) error {
	repository := destination{"repository", stagingRepositoryName(target), target.Region}
	if err := checkDestination(what, destination{"repository", i.Repository, i.Region}, repository); err != nil {
		return err
	}
	if !tagPattern.MatchString(i.Tag) {
		return refusal.Newf(fault.Destination, nil,
			"%s has the tag %q, which is no tag of an image: letters, digits, dots, dashes and underscores, 128 at most, and "+
				"neither a dot nor a dash at the beginning", what, i.Tag)
	}
	return nil
}

// checkTemplateURL refuses a template that is not taken from the asset that the assembly publishes it as.
func checkTemplateURL(s *assembly.Stack, target awsclient.Target) error {
	if s.TemplateURL == "" {
		return nil
	}
	if _, err := publishedTemplate(s, s.TemplateURL, target); err != nil {
		return refusal.Newf(fault.Destination, nil,
			"stack %s takes its template from %s, %v", s.Name, s.TemplateURL, err)
	}
	if !s.TemplateMatchesURL() {
		return refusal.Newf(fault.AssemblyAltered, nil,
			"stack %s: its template %s was edited after it was synthesised, and is not what the hash "+
				"in its address is of: synthesise again", s.Name, s.Template.File)
	}
	return nil
}

// publishedTemplate returns the asset of a stack that an address leads to. The error ends a sentence about the address.
func publishedTemplate(s *assembly.Stack, address string, target awsclient.Target) (assembly.Asset, error) {
	bucket, key, ok := assembly.ParseS3Address(address, target.Region)
	if !ok || bucket != stagingBucketName(target) {
		return assembly.Asset{}, fault.Errorf(fault.Destination,
			"but templates are taken from the bucket %s of the account's bootstrap only", stagingBucketName(target))
	}
	i := slices.IndexFunc(s.Assets, func(a assembly.Asset) bool { return a.Key == key && !a.Zip })
	if i < 0 {
		return assembly.Asset{}, fault.New(fault.Destination,
			"which is not among the files that the assembly publishes: synthesise again")
	}
	return s.Assets[i], nil
}

// checkNestedTemplates refuses a stack with a nested template, at any depth, that is not among the files that the
// assembly publishes.
func checkNestedTemplates(files fs.FS, s *assembly.Stack, target awsclient.Target) error {
	seen := map[string]bool{}
	for waiting := []assembly.Template{s.Template}; len(waiting) > 0; waiting = waiting[1:] {
		for _, nested := range s.NestedTemplates(waiting[0]) {
			a, err := publishedTemplate(s, nested.URL, target)
			if err != nil {
				return refusal.Newf(fault.Destination, nil,
					"stack %s: %v, %v", s.Name, nested, err)
			}
			if seen[a.Path] {
				continue
			}
			seen[a.Path] = true
			text, err := fsx.ReadFileFS(files, a.Path, fsx.MaxText)
			if err != nil {
				return err
			}
			template, err := assembly.ParseTemplate(string(text))
			if err != nil {
				return fmt.Errorf("nested template %s: %w", a.Path, err)
			}
			waiting = append(waiting, template)
		}
	}
	return nil
}

// checkTopics refuses a stack whose events would be sent to a topic outside of the target account and region.
func checkTopics(s *assembly.Stack, target awsclient.Target) error {
	for _, topic := range s.NotificationARNs {
		parsed, err := arn.Parse(topic)
		if err != nil || parsed.Service != "sns" || parsed.Partition != assembly.Partition(target.Region) ||
			parsed.AccountID != target.Account || parsed.Region != target.Region {
			return refusal.Newf(fault.Destination, nil,
				"stack %s sends its events to %q, which is not a topic of account %s in %s: let the app "+
					"name a topic of the account", s.Name, topic, target.Account, target.Region)
		}
	}
	return nil
}

// checkVersionParameter refuses a bootstrap version that is read from anywhere but the account's bootstrap.
func checkVersionParameter(s *assembly.Stack, target awsclient.Target) error {
	want := "/cdk-bootstrap/" + target.Qualifier + "/version"
	for _, b := range s.BootstrapRequirements {
		if b.Parameter != want {
			return refusal.Newf(fault.Destination, nil,
				"stack %s reads the version of the bootstrap from the SSM parameter %s, but the account's "+
					"bootstrap keeps it in %s: let the app use the qualifier %s, or write the app's as bootstrap.qualifier into the "+
					"configuration", s.Name, b.Parameter, want, target.Qualifier)
		}
	}
	return nil
}
