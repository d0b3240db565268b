package assembly

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// The types of artefact that matter to a deployment. Others, such as trees and feature flags, are ignored.
const (
	stackArtefact  = "aws:cloudformation:stack"
	assetArtefact  = "cdk:asset-manifest"
	nestedArtefact = "cdk:cloud-assembly"
)

// manifestFile is the name of the file that says what is in an assembly.
const manifestFile = "manifest.json"

// A manifest is the manifest.json of a cloud assembly.
type manifest struct {
	Version   string               `json:"version"`
	Artifacts map[string]*artefact `json:"artifacts"`
	// Missing are the look-ups in accounts that were not answered at synthesis.
	Missing []Lookup `json:"missing"`
}

type artefact struct {
	Type         string          `json:"type"`
	Environment  string          `json:"environment"`
	Dependencies []string        `json:"dependencies"`
	Properties   json.RawMessage `json:"properties"`
	// Metadata are the entries by the path of their construct. Newer apps write them into MetadataFile.
	Metadata     map[string][]metadataEntry `json:"metadata"`
	MetadataFile string                     `json:"additionalMetadataFile"`
	DisplayName  string                     `json:"displayName"`
}

type roleProperties struct {
	ARN        string      `json:"assumeRoleArn"`
	ExternalID string      `json:"assumeRoleExternalId"`
	Options    RoleOptions `json:"assumeRoleAdditionalOptions"`
}

type bootstrapProperties struct {
	Version   float64 `json:"requiresBootstrapStackVersion"`
	Parameter string  `json:"bootstrapStackVersionSsmParameter"`
}

type stackProperties struct {
	roleProperties
	bootstrapProperties
	TemplateFile           string            `json:"templateFile"`
	StackName              string            `json:"stackName"`
	Parameters             map[string]any    `json:"parameters"`
	Tags                   map[string]string `json:"tags"`
	TerminationProtection  bool              `json:"terminationProtection"`
	NotificationARNs       []string          `json:"notificationArns"`
	ExecutionRoleARN       string            `json:"cloudFormationExecutionRoleArn"`
	TemplateURL            string            `json:"stackTemplateAssetObjectUrl"`
	AdditionalDependencies []string          `json:"additionalDependencies"`
}

// A node is an artefact in the graph of dependencies. The graph has artefacts that are not stacks: a stack may depend
// on an asset manifest, which depends on the stack with the bucket.
type node struct {
	// stack is nil for an artefact that is not a stack.
	stack *Stack
	// assets is nil for an artefact that is not an asset manifest.
	assets *assetManifest
	// deps are the nodes that this one depends on; for a nested assembly also the nodes inside it.
	deps []*node
}

// A reader reads one cloud assembly.
type reader struct {
	files    fs.FS
	defaults Defaults
	stacks   []*Stack
	// seenFolders are the folders read so far, so that nested assemblies cannot contain each other.
	seenFolders map[string]bool
	// lookups are those of all manifests.
	lookups []Lookup
	// stages are the paths of the stages by the folders of their nested assemblies.
	stages map[string]string
}

// readFolder reads the manifest in dir and returns its nodes. Every one of them also depends on outer, the dependencies
// of the nested assembly that dir is.
func (r *reader) readFolder(dir string, outer []*node) ([]*node, error) {
	r.seenFolders[dir] = true
	file := path.Join(dir, manifestFile)
	var m manifest
	text, err := r.decode(file, &m)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Errorf(fault.AssemblyMissing,
				"there is no %s: this is not a cloud assembly, or the synthesis broke off", file)
		}
		return nil, err
	}
	if err := checkSchemaVersion(file, m.Version); err != nil {
		return nil, err
	}
	if err := m.checkNames(file, text); err != nil {
		return nil, err
	}
	r.lookups = append(r.lookups, m.Missing...)
	ids := sortedKeys(m.Artifacts)
	nodes := make(map[string]*node, len(ids))
	for _, id := range ids {
		nodes[id] = &node{deps: slices.Clone(outer)}
	}
	for _, id := range ids {
		if err := r.readArtefact(dir, id, m.Artifacts[id], nodes); err != nil {
			return nil, err
		}
	}
	all := make([]*node, 0, len(ids))
	for _, id := range ids {
		all = append(all, nodes[id])
	}
	return all, nil
}

// readArtefact reads one artefact into its node.
func (r *reader) readArtefact(dir, id string, a *artefact, nodes map[string]*node) error {
	if a == nil {
		return fault.Errorf(fault.AssemblyDamaged, "artefact %s in %s is empty", id, path.Join(dir, manifestFile))
	}
	n := nodes[id]
	needs := a.Dependencies
	var err error
	switch a.Type {
	case stackArtefact:
		var additional []string
		n.stack, additional, err = r.readStack(dir, id, a)
		needs = append(slices.Clone(needs), additional...)
	case assetArtefact:
		n.assets, err = r.readAssetManifest(dir, a.Properties)
	}
	if err != nil {
		return fmt.Errorf("artefact %s: %w", id, err)
	}
	for _, need := range needs {
		other, ok := nodes[need]
		if !ok {
			return fault.Errorf(fault.AssemblyDamaged, "artefact %s depends on %s, which the manifest does not have", id, need)
		}
		if !slices.Contains(n.deps, other) { // the CDK names assets in both lists
			n.deps = append(n.deps, other)
		}
	}
	if a.Type == nestedArtefact {
		return r.readNested(dir, id, a.Properties, n)
	}
	return nil
}

// readNested reads a nested assembly, which is a stage of the CDK.
func (r *reader) readNested(dir, id string, properties json.RawMessage, n *node) error {
	var p struct {
		DirectoryName string `json:"directoryName"`
		DisplayName   string `json:"displayName"`
	}
	if err := jsonx.UnmarshalForeign(properties, &p); err != nil {
		return fmt.Errorf("artefact %s: %w", id, err)
	}
	inner, err := r.resolvePath(dir, p.DirectoryName)
	if err != nil {
		return fmt.Errorf("artefact %s: %w", id, err)
	}
	if r.seenFolders[inner] {
		return fault.Errorf(fault.AssemblyDamaged, "artefact %s is a nested assembly in %s, which is read already", id, inner)
	}
	r.stages[inner] = cmp.Or(p.DisplayName, path.Join(r.stages[dir], strings.TrimPrefix(id, "assembly-")))
	nodes, err := r.readFolder(inner, n.deps)
	if err != nil {
		return err
	}
	n.deps = append(n.deps, nodes...)
	return nil
}

// readStack reads a stack. It also returns the ids of the artefacts in additionalDependencies.
func (r *reader) readStack(dir, id string, a *artefact) (*Stack, []string, error) {
	var p stackProperties
	if err := jsonx.UnmarshalForeign(a.Properties, &p); err != nil {
		return nil, nil, err
	}
	metadata, err := r.readMetadata(dir, a)
	if err != nil {
		return nil, nil, err
	}
	if err := checkAppErrors(metadata); err != nil {
		return nil, nil, err
	}
	account, region, err := r.parseEnvironment(a.Environment)
	if err != nil {
		return nil, nil, err
	}
	file, err := r.resolvePath(dir, p.TemplateFile)
	if err != nil {
		return nil, nil, err
	}
	template, err := r.readTemplate(file)
	if err != nil {
		return nil, nil, err
	}
	fill := placeholderReplacer(account, region)
	s := &Stack{
		ID: path.Join(dir, id), Name: cmp.Or(p.StackName, id), Path: a.DisplayName, Stage: r.stages[dir],
		Account: account, Region: region, IsAgnostic: strings.Contains(a.Environment, "unknown-"),
		Template: template, TemplateURL: fill(p.TemplateURL), Parameters: parameterStrings(p.Parameters), Tags: p.Tags,
		TerminationProtection: p.TerminationProtection, NotificationARNs: p.NotificationARNs,
		ConstructPaths: constructPaths(metadata),
		DeployRole:     p.role(fill), ExecutionRoleARN: fill(p.ExecutionRoleARN),
	}
	s.addBootstrapRequirement(p.bootstrapProperties)
	for _, value := range []string{s.TemplateURL, s.DeployRole.ARN, s.ExecutionRoleARN} {
		if err := checkPlaceholders(value); err != nil {
			return nil, nil, err
		}
	}
	r.stacks = append(r.stacks, s)
	return s, p.AdditionalDependencies, nil
}

// environmentPrefix begins the environment of a stack.
const environmentPrefix = "aws://"

// parseEnvironment parses aws://ACCOUNT/REGION. Either may be unknown at synthesis; the assembly's defaults replace it.
func (r *reader) parseEnvironment(text string) (account, region string, err error) {
	rest, hasPrefix := strings.CutPrefix(text, environmentPrefix)
	account, region, hasRegion := strings.Cut(rest, "/")
	if !hasPrefix || !hasRegion || account == "" || region == "" {
		return "", "", fault.Errorf(fault.AssemblyDamaged, "environment %q is not of the form aws://ACCOUNT/REGION", text)
	}
	if account == "unknown-account" {
		account = r.defaults.Account
	}
	if region == "unknown-region" {
		region = r.defaults.Region
	}
	return account, region, nil
}

// decode reads a JSON file, and returns its text too.
func (r *reader) decode(file string, into any) ([]byte, error) {
	text, err := fsx.ReadFileFS(r.files, file, fsx.MaxText)
	if err != nil {
		return nil, err
	}
	if err := jsonx.UnmarshalForeign(text, into); err != nil {
		return nil, explainJSON(file, err)
	}
	return text, nil
}

// explainJSON adds the file, the line and the place to the error of decoding a file's content.
func explainJSON(file string, err error) error {
	var damaged *jsonx.Error
	if !errors.As(err, &damaged) {
		return fault.Wrap(fault.AssemblyDamaged, fmt.Errorf("%s: %w", file, err))
	}
	where := ""
	if damaged.Path != "" {
		where = damaged.Path + ": "
	}
	return fault.Errorf(fault.AssemblyDamaged, "%s:%d: damaged JSON: %s%s; synthesise again",
		file, damaged.Line, where, damaged.Reason)
}

// resolvePath returns the path of a file that a manifest in dir names. It refuses a path outside the assembly: what
// lies there is not part of the digest, and does not move with the assembly to another machine.
func (r *reader) resolvePath(dir, file string) (string, error) {
	full := path.Join(dir, file)
	switch {
	case file == "":
		return "", fault.New(fault.AssemblyDamaged, "the manifest names no file")
	case path.IsAbs(file) || !fs.ValidPath(full):
		return "", fault.Errorf(fault.AssemblyDamaged,
			"%s lies outside the cloud assembly; synthesise with asset staging on", file)
	}
	return full, nil
}

// checkSchemaVersion refuses a manifest whose version is no version of the schema. Which version it is does not matter:
// the names in the manifest do.
func checkSchemaVersion(file, version string) error {
	major, _, _ := strings.Cut(version, ".")
	if _, err := strconv.Atoi(major); err != nil {
		return fault.Errorf(fault.AssemblyDamaged, "%s: %q is not a version of the cloud assembly schema", file, version)
	}
	return nil
}

// role returns the role with its placeholders replaced.
func (p roleProperties) role(fill func(string) string) Role {
	return Role{ARN: fill(p.ARN), ExternalID: p.ExternalID, Options: p.Options}
}

// addBootstrapRequirement adds the bootstrap version that an artefact needs, if it needs one.
func (s *Stack) addBootstrapRequirement(p bootstrapProperties) {
	if p.Version > 0 && p.Parameter != "" {
		requirement := BootstrapRequirement{Version: int(p.Version), Parameter: p.Parameter}
		s.BootstrapRequirements = append(s.BootstrapRequirements, requirement)
	}
}

// placeholderReplacer returns a function that replaces the placeholders in role names and asset destinations
// (EnvironmentPlaceholders of @aws-cdk/cloud-assembly-api).
func placeholderReplacer(account, region string) func(string) string {
	return strings.NewReplacer(
		"${AWS::Partition}", Partition(region),
		"${AWS::AccountId}", account,
		"${AWS::Region}", region,
	).Replace
}

// checkPlaceholders refuses a value with a placeholder that was not replaced: it would become part of a name in AWS.
func checkPlaceholders(value string) error {
	if _, after, ok := strings.Cut(value, "${"); ok {
		name, _, _ := strings.Cut(after, "}")
		return fault.Errorf(fault.AssemblyDamaged, "%s has the placeholder ${%s}, which Lockstep does not know", value, name)
	}
	return nil
}

// parameterStrings returns parameter values as strings, as CloudFormation takes them. A manifest may have numbers.
func parameterStrings(values map[string]any) map[string]string {
	out := make(map[string]string, len(values))
	for k, v := range values {
		if s, ok := v.(string); ok {
			out[k] = s
			continue
		}
		b, _ := json.Marshal(v) // v was decoded from JSON
		out[k] = string(b)
	}
	return out
}
