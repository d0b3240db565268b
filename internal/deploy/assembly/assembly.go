// Package assembly reads a CDK cloud assembly: the folder that `cdk synth`, or the app itself, writes. It owns the
// manifest's format and the order of the stacks; it knows nothing of AWS's API nor of what is deployed.
//
// The format is that of https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema.
package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"lockstep/internal/fsx"
)

// MaxSchema is the newest major version of the cloud assembly schema that Read understands. The CDK raises the major
// version with every change that an older reader would misread, so a newer assembly is refused rather than guessed at.
const MaxSchema = 54

// An Defaults is where the stacks go that do not say so themselves.
type Defaults struct {
	Account string
	Region  string
}

// An Assembly is a cloud assembly with the environment filled in.
type Assembly struct {
	// Digest is the SHA-256 of the folder's files, in hexadecimal; see Digest.
	Digest string
	// Stacks are all stacks, those of nested assemblies included, each after those that it needs and otherwise by id.
	Stacks []*Stack
	// Files is the assembly's folder, which the assets' paths are relative to.
	Files fs.FS
}

// A Stack is one stack artefact.
type Stack struct {
	// ID is the artefact's id, with the folder of its nested assembly before it; unique in the assembly.
	ID string
	// Name is the name in CloudFormation, which need not be the artefact's.
	Name    string
	Account string
	Region  string
	// Template is the template as the app wrote it.
	Template Template
	// TemplateURL is where the template is published as an asset, s3://BUCKET/KEY mostly; empty when it is not.
	TemplateURL           string
	Parameters            map[string]string
	Tags                  map[string]string
	TerminationProtection bool
	NotificationARNs      []string
	// DeployRole is assumed for every call; ExecutionRoleARN is handed to CloudFormation, which works with it.
	DeployRole       Role
	ExecutionRoleARN string
	// BootstrapRequirements are the bootstrap versions that the stack and its assets ask for.
	BootstrapRequirements []BootstrapRequirement
	// Needs are the stacks that must exist before this one.
	Needs []*Stack
	// Assets are the files to publish before the stack can be deployed; Images names the container images.
	Assets []Asset
	Images []string
}

// A Role is a role to assume. The zero Role stands for "none given".
type Role struct {
	ARN        string
	ExternalID string
	Options    RoleOptions
}

// Key tells apart two roles, or two ways to assume one.
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
}

// A BootstrapRequirement is a version of the CDK's bootstrap stack that must at least be there.
type BootstrapRequirement struct {
	Version int
	// Parameter is the SSM parameter that tells the version.
	Parameter string
}

// An Asset is one file or folder and one place that it is published to.
type Asset struct {
	// Name is what the app calls it.
	Name string
	// Path is the file or folder, relative to the assembly; Zip says that it is published as an archive.
	Path string
	Zip  bool
	// Executable is the command that would have to make the asset, empty nearly always.
	Executable []string
	Bucket     string
	Key        string
	Region     string
	Role       Role
}

// Open is the files of the cloud assembly in a folder of this machine.
func Open(dir string) (fs.FS, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no cloud assembly at %s: run `lockstep synth`, or name the folder that `cdk synth` wrote", dir)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file, not the folder of a cloud assembly", dir)
	}
	return fsx.Dir(dir), nil
}

// Read reads the cloud assembly at the root of fsys. Stacks of an unknown account or region get env's.
func Read(fsys fs.FS, env Defaults) (*Assembly, error) {
	r := reader{files: fsys, defaults: env, seenFolders: map[string]bool{}}
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
		return nil, errors.New("the cloud assembly has no stack: see that the CDK app makes some for this environment, and synthesise again")
	}
	digest, err := Digest(fsys)
	if err != nil {
		return nil, err
	}
	return &Assembly{Digest: digest, Stacks: stacks, Files: fsys}, nil
}

// Partition is the AWS partition that a region belongs to
// (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html).
func Partition(region string) string {
	for prefix, partition := range map[string]string{
		"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
		"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
	} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}
