package pipeline

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIsBuilderVariable(t *testing.T) {
	for name, want := range map[string]bool{
		"CDK_DOCKER": true, "DOCKER_HOST": true, "BUILDX_BUILDER": true, "CONTAINERS_STORAGE_CONF": true,
		"STORAGE_DRIVER": true, "XDG_RUNTIME_DIR": true,
		"CDK_DOCKER_X": false, "MY_DOCKER_HOST": false, "STORAGE_DRIVERS": false, "XDG_RUNTIME": false, "": false,
	} {
		assert.Equal(t, want, IsBuilderVariable(name), name)
	}
}
