package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

func TestCoverageFloor_OnlyRises(t *testing.T) {
	const half = "mode: set\nlockstep/x/x.go:1.1,2.2 1 1\nlockstep/x/x.go:3.1,4.2 1 0\n"
	for _, test := range []struct{ name, profile, floor, want string }{
		{"to half a percent below what was covered", half, "40.0\n", "49.5\n"},
		{"not for what may be chance", half, "49.6\n", "49.6\n"},
		{"and never sinks", half, "80\n", "80\n"},
		{"without a run of the tests it stays", "", "40\n", "40\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &project{root: t.TempDir()}
			for name, text := range map[string]string{
				pipeline.CoverageProfile: test.profile, pipeline.CoverageFloor: test.floor,
			} {
				if text == "" {
					continue
				}
				path := filepath.Join(p.root, filepath.FromSlash(name))
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			a := &app{Process: Process{Stderr: &bytes.Buffer{}}}
			require.NoError(t, a.raiseCoverageFloor(p))
			text, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(pipeline.CoverageFloor)))
			require.NoError(t, err)
			assert.Equal(t, test.want, string(text))
		})
	}
}
