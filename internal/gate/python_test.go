package gate

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/project"
)

func TestEnvironmentDir_IsNotSharedByProjects(t *testing.T) {
	folders := map[string]string{}
	for _, folder := range []string{".", "a/b", "a~b", "a~1b", "a~/b", "a/~b", "a~0b"} {
		dir := Gate{}.environmentDir(project.PythonProject{Folder: folder})
		assert.Empty(t, folders[dir], "%s has the environment of another project", folder)
		folders[dir] = folder
	}
}
