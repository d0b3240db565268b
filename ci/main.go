// Lockstep runs the pipeline of a CDK app in containers: quality, tests, security, synthesis, deployment.
//
// The steps come from the table that laptops and CodeBuild use too. Gates, synthesis and rehearsals need no AWS
// account. With credentials, plan, deploy and verify work on the real accounts. Call it from a repository that has a
// folder config/, or pass one with --source; the function init writes the configuration of a repository that has none.
package main

import (
	"fmt"
	"regexp"

	"lockstep/ci/internal/dagger"
)

// Lockstep is the pipeline of a repository.
type Lockstep struct {
	// Source is the project's root; nil if the caller has passed none, and it is found in the caller's repository.
	// +private
	Source *dagger.Directory
	// +private
	ImagePrefix string
	// +private
	CI bool
	// +private
	CredentialsEndpoint *dagger.Service
	// Role is the role that credentials are a web identity for; empty for credentials of another kind.
	// +private
	Role string
	// DefaultEnvironment is the environment of calls that name none; empty if they have to.
	// +private
	DefaultEnvironment string
}

// imagePrefixPattern matches a registry and a path in it.
var imagePrefixPattern = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-][a-z0-9]+)*)*/?$`)

// New selects the repository and the settings of the calls that follow.
//
// It asks the caller's machine for nothing. The engine keeps its result for a session alone: one of Dagger 1.0 would
// give a call the environment that dagger.toml sets for another: settings are not in the key of its cache.
//
// +cache="session"
func New(
	// The project's root, which holds config/; by default the nearest such folder from the current one upwards
	// +optional
	// +ignore=[".lockstep", "**/node_modules", "ci/internal", "ci/dagger.gen.go", "**/.env", "**/.venv"]
	source *dagger.Directory,
	// A prefix for the name of each base image, to pull it from a mirror: mirror.example.com/docker-hub/library
	// +optional
	imagePrefix string,
	// Fail the call if a gate cannot run, as CI=true does for the command line; a live deployment always does
	// +optional
	ci bool,
	// Where AWS gives out the credentials of this machine and renews them, as tcp://169.254.170.2:80 in CodeBuild;
	// --aws-credentials is then the path there, as env://AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
	// +optional
	awsCredentialsEndpoint *dagger.Service,
	// The role to assume with a token of web identity, which --aws-credentials then is, as env://LOCKSTEP_ID_TOKEN in a
	// job of GitLab. The token is used again whenever the role's credentials expire
	// +optional
	awsRole string,
	// The environment of the functions environment, status, board and graph if the call names none, as a file dagger.toml
	// sets it for Dagger 1.0
	// +optional
	environment string,
) (*Lockstep, error) {
	if imagePrefix != "" && !imagePrefixPattern.MatchString(imagePrefix) {
		return nil, fmt.Errorf("--image-prefix %q is not the beginning of an image's name: "+
			"write a registry and a path, such as mirror.example.com/docker-hub/library", imagePrefix)
	}
	if err := checkRole(awsRole, awsCredentialsEndpoint); err != nil {
		return nil, err
	}
	return &Lockstep{
		Source: source, ImagePrefix: imagePrefix, CI: ci, CredentialsEndpoint: awsCredentialsEndpoint, Role: awsRole,
		DefaultEnvironment: environment,
	}, nil
}
