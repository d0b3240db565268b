// Package assembly reads cloud assemblies: the folders that `cdk synth`, or a CDK app itself, writes. It owns their
// format and the order of the stacks, and it is the only package that parses manifests and templates. It knows nothing
// about AWS's API, nor about what is deployed.
//
// The format is that of https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema.
package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// Defaults are the account and region of the stacks that name none.
type Defaults struct {
	Account string
	Region  string
}

// An Assembly is a cloud assembly whose stacks all have an account and a region.
type Assembly struct {
	// Digest is the digest of what is deployed.
	Digest digest.Account
	// Stacks are all stacks, those of nested assemblies included. Each comes after those that it needs, and otherwise they
	// are in the order of their ids.
	Stacks []*Stack
	// Lookups are what the app looks up in an account and had no answer for, so that its templates hold placeholders.
	Lookups []Lookup
	// Files is the assembly's folder. The paths of assets are relative to it.
	Files fs.FS
}

// A Stack is a stack of a cloud assembly.
type Stack struct {
	// ID is the id of the stack's artefact, below the folder of its nested assembly. It is unique in the assembly.
	ID string
	// Name is the stack's name in CloudFormation, and Path that of its construct in the app; empty if the app does not
	// give it.
	Name string
	Path string
	// Stage is the path of the CDK Stage that the stack is in; empty for none.
	Stage string
	// IsAgnostic says that the app names no account or no region for the stack, so that the defaults take their place.
	IsAgnostic bool
	Account    string
	Region     string
	// Template is the template as the app wrote it.
	Template Template
	// TemplateURL is where the template is published as an asset, mostly s3://BUCKET/KEY; empty if it is not published.
	TemplateURL           string
	Parameters            map[string]string
	Tags                  map[string]string
	TerminationProtection bool
	NotificationARNs      []string
	// ConstructPaths are the paths of the app's constructs by the logical id of their resource, as far as the manifest
	// has them.
	ConstructPaths map[string]string
	// DeployRole is assumed for every call.
	DeployRole Role
	// NamesNoRole says that the app names no role for the stack, so that those it has were not read from the assembly.
	NamesNoRole bool
	// ExecutionRoleARN is the role that CloudFormation assumes.
	ExecutionRoleARN string
	// BootstrapRequirements are the bootstrap versions that the stack and its assets need.
	BootstrapRequirements []BootstrapRequirement
	// Needs are the stacks that must exist before this one.
	Needs []*Stack
	// Assets are the files to publish before the stack is deployed.
	Assets []Asset
	// Images are the container images to publish before the stack is deployed.
	Images []Image
}

// A Role is a role to assume. The zero Role stands for none.
type Role struct {
	ARN        string
	ExternalID string
	Options    RoleOptions
}

// Key returns a text that differs for two roles, and for two ways to assume one role.
func (r Role) Key() string { return fmt.Sprint(r.ARN, " ", r.ExternalID, " ", r.Options, " ") }

// RoleOptions are the AssumeRole options that a synthesizer may add (assumeRoleAdditionalOptions).
type RoleOptions struct {
	Tags []struct {
		Key   string `json:"Key"`
		Value string `json:"Value"`
	} `json:"Tags"`
	TransitiveTagKeys []string `json:"TransitiveTagKeys"`
	SourceIdentity    string   `json:"SourceIdentity"`
	Policy            string   `json:"Policy"`
	PolicyARNs        []struct {
		ARN string `json:"arn"`
	} `json:"PolicyArns"`
}

// A BootstrapRequirement is the lowest version that the CDK's bootstrap stack must have.
type BootstrapRequirement struct {
	Version int
	// Parameter is the name of the SSM parameter that holds the version.
	Parameter string
}

// An Asset is a file or folder and one destination that it is published to.
type Asset struct {
	// Name is the app's name for it.
	Name string
	// Path is the path of the file or folder in the assembly.
	Path string
	// Zip says that it is published as an archive.
	Zip bool
	// Executable is the command that creates the asset; mostly empty.
	Executable []string
	Bucket     string
	Key        string
	Region     string
	Role       Role
}

// Open returns the files of the cloud assembly in a folder of this machine.
func Open(dir string) (fs.FS, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Errorf(fault.AssemblyMissing, "there is no cloud assembly at %s: "+
			"run `lockstep synth`, or name the folder that `cdk synth` wrote", dir)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fault.Errorf(fault.AssemblyMissing, "%s is a file, not the folder of a cloud assembly", dir)
	}
	return fsx.Dir(dir), nil
}

// Read reads the cloud assembly at the root of fsys.
func Read(fsys fs.FS, defaults Defaults) (*Assembly, error) {
	sum, err := sumMeaning(fsys) // refuses links that lead out of the assembly before anything is read through one
	if err != nil {
		return nil, err
	}
	r := reader{files: fsys, defaults: defaults, seenFolders: map[string]bool{}, stages: map[string]string{}}
	roots, err := r.readFolder(".", nil)
	if err != nil {
		return nil, err
	}
	if err := r.linkStacks(roots); err != nil {
		return nil, err
	}
	stacks, err := sortByDependency(r.stacks)
	if err != nil {
		return nil, err
	}
	if len(stacks) == 0 {
		return nil, fault.New(fault.AssemblyEmpty, "the cloud assembly has no stack: "+
			"let the CDK app define some for this environment, and synthesise again")
	}
	return &Assembly{
		Digest: digest.Account(sum), Stacks: stacks, Lookups: uniqueLookups(r.lookups), Files: fsys,
	}, nil
}

// Partition returns the AWS partition that a region belongs to
// (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html).
func Partition(region string) string {
	for _, p := range []struct{ regionPrefix, partition string }{
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"},
		{"us-isof-", "aws-iso-f"},
		{"eu-isoe-", "aws-iso-e"},
		{"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.regionPrefix) {
			return p.partition
		}
	}
	return "aws"
}
