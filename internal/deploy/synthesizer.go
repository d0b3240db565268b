package deploy

import (
	"strings"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

// The CDK's LegacyStackSynthesizer and CliCredentialsStackSynthesizer name no roles: its own command line then deploys
// with the rights of whoever calls it. Nothing is ever done with those here. Such a stack is deployed with the roles of
// its account's bootstrap, and that has to be allowed by name.

// useBootstrapRoles gives a stack that names no role those of the target's bootstrap.
func useBootstrapRoles(s *assembly.Stack, target awsclient.Target) {
	if s.DeployRole.ARN != "" {
		return
	}
	s.NamesNoRole = true
	s.DeployRole = assembly.Role{ARN: bootstrapRole(target, roles.Deploy).ARN}
	if s.ExecutionRoleARN == "" {
		s.ExecutionRoleARN = bootstrapRole(target, roles.Execution).ARN
	}
	for i := range s.Assets {
		if s.Assets[i].Role.ARN == "" {
			s.Assets[i].Role = assembly.Role{ARN: bootstrapRole(target, roles.FilePublishing).ARN}
		}
	}
	for i := range s.Images {
		if s.Images[i].Role.ARN == "" {
			s.Images[i].Role = assembly.Role{ARN: bootstrapRole(target, roles.ImagePublishing).ARN}
		}
	}
	if len(s.BootstrapRequirements) == 0 {
		s.BootstrapRequirements = []assembly.BootstrapRequirement{{
			Version: readiness.MinimumBootstrap, Parameter: "/cdk-bootstrap/" + target.Qualifier + "/version",
		}}
	}
}

// legacyAssetPrefix begins the names of the parameters with which the LegacyStackSynthesizer says where an asset is.
const legacyAssetPrefix = "AssetParameters"

// checkLegacyAssets refuses a stack with assets of the LegacyStackSynthesizer, which no manifest lists.
func checkLegacyAssets(s *assembly.Stack) error {
	for name := range s.Template.Parameters {
		if _, hasDefault := s.ParameterValue(name); !hasDefault && strings.HasPrefix(name, legacyAssetPrefix) {
			return fault.Errorf(fault.AssetNotSupported,
				"stack %s has assets of the LegacyStackSynthesizer, which the assembly only names by parameters such as %s: "+
					"use the CDK's DefaultStackSynthesizer for it", s.Name, name)
		}
	}
	return nil
}

// synthesizerFlags returns what has to be allowed by name of a stack that names no role.
func synthesizerFlags(s *assembly.Stack) []change.Flag {
	if !s.NamesNoRole {
		return nil
	}
	return []change.Flag{{
		Permit: change.Synthesizer, Stack: s.Name, LogicalID: s.Name, Type: change.StackType,
		Why: "its synthesizer (LegacyStackSynthesizer or CliCredentialsStackSynthesizer) names no roles, so the app does " +
			"not limit what deploys it: CloudFormation gets all rights of the execution role of the account's bootstrap",
	}}
}
