// Package assemblytest makes cloud assemblies for tests.
package assemblytest

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

// Read returns the cloud assembly of an account and region that has the artefacts, by their ids, and the files that
// they name.
func Read(
	t *testing.T, place assembly.Defaults, artefacts map[string]any, files fstest.MapFS,
) *assembly.Assembly {
	t.Helper()
	manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": artefacts})
	require.NoError(t, err)
	files["manifest.json"] = &fstest.MapFile{Data: manifest}
	asm, err := assembly.Read(files, place)
	require.NoError(t, err)
	return asm
}
