package sbom

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCycloneDX_ListsEveryComponentReproducibly(t *testing.T) {
	build := &debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "example.com/z", Version: "v1.0.0", Sum: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{Path: "example.com/a", Version: "v2.0.0", Replace: &debug.Module{Path: "example.com/b", Version: "v3.0.0"}},
	}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}}
	tools := []PinnedTool{{Name: "cdk", Version: "2.1", Sum: "ff"}}
	first, err := CycloneDX(build, tools)
	require.NoError(t, err)
	second, err := CycloneDX(build, tools)
	require.NoError(t, err)
	assert.Equal(t, first, second)

	var document struct {
		BOMFormat  string
		Metadata   struct{ Component struct{ Version string } }
		Components []struct {
			Name, Version, PURL string
			Hashes              []struct{ Alg, Content string }
		}
	}
	require.NoError(t, json.Unmarshal(first, &document))
	assert.Equal(t, "CycloneDX", document.BOMFormat)
	assert.Equal(t, "abc", document.Metadata.Component.Version)
	var names []string
	for _, c := range document.Components {
		names = append(names, c.Name)
	}
	assert.Equal(t, []string{"cdk", "example.com/b", "example.com/z", "go"}, names)
	assert.Equal(t, strings.Repeat("0", 64), document.Components[2].Hashes[0].Content)
	assert.Equal(t, "pkg:golang/example.com/z@v1.0.0", document.Components[2].PURL)
}
