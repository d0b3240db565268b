// Lockstep: the pipeline's steps in containers.
//
// The steps are those of the table that a person's machine and CodeBuild run too. Gates, synthesis and rehearsals need no AWS account; with
// credentials handed over, plan, deploy and verify work on the real ones.
package main

import (
	"fmt"
	"regexp"

	"lockstep/ci/internal/dagger"
)

// Lockstep is the pipeline of a repository.
type Lockstep struct {
	// +private
	Source *dagger.Directory
	// +private
	ImagePrefix string
	// +private
	CI bool
}

// imagePrefix is what may stand before an image's name: a registry, and a path in it.
var imagePrefix = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-][a-z0-9]+)*)*/?$`)

// New opens a repository.
func New(
	// The repository's root, the folder that has config/, go.mod and dagger.json
	// +defaultPath="/"
	// +ignore=[".lockstep", "**/node_modules", "ci/internal", "ci/dagger.gen.go", "**/.env", "**/.venv"]
	source *dagger.Directory,
	// What is put before the name of each base image, to pull it from a mirror: mirror.example.com/docker-hub/library
	// +optional
	imagePrefix string,
	// Let a gate that cannot do its work fail the call, as CI=true does on a machine; a live deployment always does
	// +optional
	ci bool,
) (*Lockstep, error) {
	if imagePrefix != "" && !validPrefix(imagePrefix) {
		return nil, fmt.Errorf("--image-prefix %q is no beginning of an image's name: write a registry and a path, such as mirror.example.com/docker-hub/library", imagePrefix)
	}
	return &Lockstep{Source: source, ImagePrefix: imagePrefix, CI: ci}, nil
}

func validPrefix(prefix string) bool { return imagePrefix.MatchString(prefix) }
