package pipeline

import (
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repositoryRoot is the root of the repository, relative to this package.
const repositoryRoot = "../.."

// includes reports whether the container engine would include a file: an exclusion wins over all inclusions.
func (s Selections) includes(name string) bool {
	match := func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) }
	return slices.ContainsFunc(s, func(one Selection) bool {
		return slices.ContainsFunc(one.Include, match) && !slices.ContainsFunc(one.Exclude, match)
	})
}

// On a person's machine the last pattern decides, and in a container an exclusion does. No step may depend on the
// difference.
func TestSourceFiles_MatchHostInputs(t *testing.T) {
	var files []string
	require.NoError(t, fs.WalkDir(os.DirFS(repositoryRoot), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(SkippedDirs, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && name != History:
			files = append(files, name)
		}
		return nil
	}))
	require.NotEmpty(t, files)
	for _, s := range append(testSteps(t), BinaryStep) {
		seen := 0
		for _, name := range files {
			if !assert.Equal(t, Matches(s.Inputs, name), s.SourceFiles().includes(name), "step %s, file %s", s.Name, name) {
				break
			}
			if s.SourceFiles().includes(name) {
				seen++
			}
		}
		if len(s.TriggerPaths) == 0 && s.Name != "history" {
			assert.Positive(t, seen+len(s.UpstreamFiles()), "%s reads nothing", s.Name)
		}
	}
}

func TestSourceFiles_HistoryOnlyWhenDeclared(t *testing.T) {
	reads := Step{Inputs: []string{"**", History}}
	assert.True(t, reads.SourceFiles().includes(".git/HEAD"))
	assert.False(t, Step{Inputs: []string{"**"}}.SourceFiles().includes(".git/HEAD"))
}

func TestUpstreamFiles_SeparateFromSourceFiles(t *testing.T) {
	s := Step{Inputs: []string{"config/**", StateDir + "/assembly/dev/**", "!" + StateDir + "/assembly/dev/*.txt"}}
	assert.Equal(t, Selections{{Include: []string{"config/**"}, Exclude: []string{".git", ".git/**"}}}, s.SourceFiles())
	assert.Equal(t, Selections{{
		Include: []string{StateDir + "/assembly/dev/**"},
		Exclude: []string{StateDir + "/assembly/dev/*.txt"},
	}}, s.UpstreamFiles())
}

func TestSelections_ReincludeAddsSelection(t *testing.T) {
	s := Step{Inputs: []string{"**", "!*.sum", "!docs/**", "go.sum", "!**/secret"}}
	for name, want := range map[string]bool{
		"a": true, "go.sum": true, "x.sum": false, "docs/a": false, "secret": false,
		"go.sum/secret": false,
	} {
		assert.Equal(t, want, s.SourceFiles().includes(name), name)
		assert.Equal(t, want, Matches(s.Inputs, name), name)
	}
	assert.Len(t, s.SourceFiles(), 2)
}

func TestExtraFiles_ImageHasEveryTool(t *testing.T) {
	for _, s := range testSteps(t) {
		extras, err := s.ExtraFiles()
		require.NoError(t, err)
		for _, tool := range s.preinstalledTools() {
			_, has := imageProvides[s.Image][tool]
			added := slices.ContainsFunc(extras, func(from ExtraFiles) bool {
				_, ok := imageProvides[from.Image][tool]
				return ok
			})
			assert.True(t, has || added, "%s needs %s", s.Name, tool)
		}
	}
	_, err := Step{Name: "a", Image: ImagePython, Tools: []string{ToolNode}}.ExtraFiles()
	assert.EqualError(t, err, `step "a" runs in image "python", which does not bring node: let it run in image "go"`)
	_, err = Step{Name: "a", Image: ImagePython, Tools: []string{ToolCCompiler}}.ExtraFiles()
	assert.EqualError(t, err, `step "a" calls cc, which no image brings`)
}

func TestExtraFiles_IncludeToolRuntimes(t *testing.T) {
	got, err := Step{Image: ImageGo, Tools: []string{ToolMinistack, ToolCDK, ToolGosec}}.ExtraFiles()
	require.NoError(t, err)
	var from []string
	for _, extra := range got {
		from = append(from, extra.Image)
	}
	assert.ElementsMatch(t, []string{ImageNode, ImageNode, ImagePython}, from)
	assert.Equal(t, "/tools/gosec/bin:"+systemPath, Step{Tools: []string{ToolGo, ToolGosec}}.SearchPath())
}

func TestInstallStep_ImageHasNeeds(t *testing.T) {
	for name, tool := range Tools {
		if tool.Kind == Preinstalled {
			continue
		}
		s := InstallStep(name)
		_, err := s.ExtraFiles()
		assert.NoError(t, err)
		assert.Equal(t, []string{"tools/" + name + "/**"}, s.Inputs)
	}
}

// The binary is built again exactly when one of its sources changes.
func TestBinaryStep_InputsMatchGoList(t *testing.T) {
	const sources = `{{$dir := .Dir}}{{if not .Standard}}{{with .Module}}{{if .Main}}` +
		`{{range $.GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range $.EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}` +
		`{{end}}{{end}}{{end}}`
	list := exec.Command("go", "list", "-deps", "-f", sources, ".")
	list.Dir = repositoryRoot
	out, err := list.Output()
	require.NoError(t, err)
	here, err := os.Getwd()
	require.NoError(t, err)
	folder := strings.TrimSuffix(here, "/internal/pipeline") + "/"
	count := 0
	for _, file := range strings.Fields(string(out)) {
		name := strings.TrimPrefix(file, folder)
		if strings.HasSuffix(name, "_test.go") {
			continue // embedded only to tell versions of a package apart
		}
		assert.True(t, BinaryStep.SourceFiles().includes(name), name)
		count++
	}
	assert.Greater(t, count, 50)
	for _, other := range []string{
		"docs/architecture.md", "infra/main.go", "ci/main.go", "config/pipeline.yaml",
		"tests/script_test.go", "internal/pipeline/graph_test.go", "README.md",
	} {
		assert.False(t, BinaryStep.SourceFiles().includes(other), other)
	}
}
