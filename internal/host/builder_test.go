package host

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/pipeline"
)

// A deployment builds the images that an account lacks, so it sees how; another step does not. A secret for builds
// reaches it only if it was released by name, and no credential of AWS does in a rehearsal.
func TestInvocation_OnlyDeploymentsSeeTheBuilder(t *testing.T) {
	environ := []string{
		"CDK_DOCKER=podman", "DOCKER_HOST=unix:///run/user/1/docker.sock", "NPM_TOKEN=released", "OTHER_TOKEN=kept",
		"AWS_SESSION_TOKEN=kept", "LOCKSTEP_BUILD_SECRETS=NPM_TOKEN:AWS_SESSION_TOKEN",
	}
	deployment := pipeline.Step{Name: "deploy", Effect: pipeline.AWS, Command: []string{pipeline.Self, "deploy"}}
	assert.ElementsMatch(t, []string{environ[0], environ[1], environ[2], environ[5]},
		NewInvocation(deployment, environ, false).Env)
	for _, other := range []pipeline.Step{
		{Name: "own", Effect: pipeline.AWS, Command: []string{"sh"}},
		{Name: "gate", Command: []string{pipeline.Self, "gate"}},
	} {
		assert.Equal(t, []string{environ[5]}, NewInvocation(other, environ, false).Env, other.Name)
	}
}
