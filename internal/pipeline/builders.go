package pipeline

import (
	"slices"
	"strings"
)

// The variables for the builder of container images, which a deployment runs.
const (
	// BuilderVariable names the builder's program, as for the CDK's own command line; docker by default.
	BuilderVariable = "CDK_DOCKER"
	// BuildSecretsVariable names the variables and files that builds may read, separated as in PATH.
	BuildSecretsVariable = "LOCKSTEP_BUILD_SECRETS"
	// BuilderHomeVariable is the home folder of the person, where a step's HOME is another one.
	BuilderHomeVariable = "LOCKSTEP_BUILDER_HOME"
)

// An ImageBuilder is a program that builds container images.
type ImageBuilder struct {
	Program string
	// Variables are the variables that the program reads. One that ends with _ stands for all that begin with it.
	Variables []string
}

// ImageBuilders is the table of the builders of container images.
var ImageBuilders = []ImageBuilder{
	{"docker", []string{"DOCKER_", "BUILDX_", "BUILDKIT_"}},
	{"podman", []string{
		"PODMAN_", "CONTAINER_", "CONTAINERS_", "STORAGE_DRIVER", "STORAGE_OPTS", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",
	}},
	{"finch", []string{"FINCH_"}},
	{"nerdctl", []string{"CONTAINERD_"}},
	{Buildah, []string{"BUILDAH_"}},
}

// Buildah is the builder that has another command for the archive of an image than the others.
const Buildah = "buildah"

// IsBuilderVariable reports whether a variable says how container images are built.
func IsBuilderVariable(name string) bool {
	if name == BuilderVariable {
		return true
	}
	reads := func(variable string) bool {
		return name == variable || strings.HasSuffix(variable, "_") && strings.HasPrefix(name, variable)
	}
	return slices.ContainsFunc(ImageBuilders, func(b ImageBuilder) bool { return slices.ContainsFunc(b.Variables, reads) })
}
