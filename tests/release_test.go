package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// A releaseConfiguration is the part of .goreleaser.yaml that code and pages rely on.
type releaseConfiguration struct {
	Dist   string
	Builds []struct {
		Main, Binary string
		Flags        []string
		Ldflags      []string
		Goos, Goarch []string
	}
	Archives []struct {
		Formats         []string
		NameTemplate    string `yaml:"name_template"`
		WrapInDirectory any    `yaml:"wrap_in_directory"`
		Files           []string
	}
	Checksum struct {
		NameTemplate string `yaml:"name_template"`
	}
	Images []struct {
		Dockerfile string
		Platforms  []string
	} `yaml:"dockers_v2"`
}

func TestRelease_ConfigurationNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, ".goreleaser.yaml"))
	require.NoError(t, err)
	var c releaseConfiguration
	require.NoError(t, yaml.Unmarshal(text, &c))

	ignored, err := os.ReadFile(filepath.Join(repository, ".gitignore"))
	require.NoError(t, err)
	assert.Contains(t, strings.Split(string(ignored), "\n"), "/"+c.Dist+"/", "the program would record a changed commit")

	require.Len(t, c.Builds, 1)
	build := c.Builds[0]
	assert.Equal(t, ".", build.Main)
	assert.Equal(t, pipeline.Self, build.Binary, "jobs take the program of this name from the archive")
	assert.True(t, hasVariable(t, linkedVariable(t, build.Ldflags)), "main.go has the variable that the linker sets")

	require.Len(t, c.Archives, 1)
	assert.Equal(t, []string{"tar.gz"}, c.Archives[0].Formats, "jobs unpack it with tar")
	assert.Nil(t, c.Archives[0].WrapInDirectory, "jobs find the program at the top of the archive")
	for _, file := range append([]string{c.Images[0].Dockerfile}, c.Archives[0].Files...) {
		assert.FileExists(t, filepath.Join(repository, file))
	}

	page, err := os.ReadFile(filepath.Join(repository, "docs/releasing.md"))
	require.NoError(t, err)
	for _, name := range slices.Concat(build.Goos, build.Goarch, []string{c.Checksum.NameTemplate}) {
		assert.Contains(t, string(page), "`"+name+"`")
	}
	var platforms []string
	for _, arch := range build.Goarch {
		platforms = append(platforms, "linux/"+arch)
	}
	assert.ElementsMatch(t, platforms, c.Images[0].Platforms)
}

// linkedVariable returns the variable of package main that the flags of the linker set.
func linkedVariable(t *testing.T, flags []string) string {
	t.Helper()
	_, rest, found := strings.Cut(strings.Join(flags, " "), "-X main.")
	require.True(t, found)
	name, _, _ := strings.Cut(rest, "=")
	return name
}

// hasVariable reports whether main.go declares a variable of type string without a value, which the linker can set.
func hasVariable(t *testing.T, name string) bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repository, "main.go"), nil, 0)
	require.NoError(t, err)
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			kind, isName := value.Type.(*ast.Ident)
			if value.Names[0].Name == name && isName && kind.Name == "string" && len(value.Values) == 0 {
				return true
			}
		}
	}
	return false
}

func TestRelease_ImageHasTheLanguagesOfTheTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "release/Dockerfile"))
	require.NoError(t, err)
	for key, image := range pipeline.Images {
		assert.Contains(t, string(text), "FROM "+image, key)
	}
}
