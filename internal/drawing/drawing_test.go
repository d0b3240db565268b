package drawing

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/diagram"
)

const emptyTemplate = `{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`

// writeAssembly writes an assembly with one stack of that name, which names no account, into a folder.
func writeAssembly(t *testing.T, dir, stack string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "t.json"), emptyTemplate)
	writeFile(t, filepath.Join(dir, "manifest.json"), `{"version": "36.0.0", "artifacts": {"`+stack+`": {
		"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
		"properties": {"templateFile": "t.json"}}}}`)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
}

func TestFindAssemblies(t *testing.T) {
	account := func(id string) config.Account { return config.Account{ID: id, Region: "eu-west-1"} }
	targets := []config.Environment{
		{Name: "dev", Account: account("111122223333")},
		{Name: "prod", Account: account("777788889999"), AdditionalWaves: []config.Wave{
			{Accounts: []config.Account{account("888899990000")}},
		}},
	}
	for name, test := range map[string]struct {
		folders []string
		name    string
		targets []config.Environment
		// want are the names and accounts of the assemblies.
		want [][2]string
	}{
		"one assembly":            {[]string{"."}, "", nil, [][2]string{{"", ""}}},
		"one of an environment":   {[]string{"."}, "dev", targets, [][2]string{{"dev", "111122223333"}}},
		"one of each of any app":  {[]string{"b", "a"}, "", nil, [][2]string{{"a", ""}, {"b", ""}}},
		"one of each environment": {[]string{"dev", "old"}, "", targets, [][2]string{{"dev", "111122223333"}}},
		"one of an environment's accounts": {
			[]string{"prod/888899990000-eu-west-1"}, "", targets, [][2]string{{"prod", "888899990000"}},
		},
		"a stage of the CDK in one": {[]string{"a", "a/assembly-stage"}, "", nil, [][2]string{{"a", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, folder := range test.folders {
				writeAssembly(t, filepath.Join(dir, folder), "web")
			}
			found, err := FindAssemblies(dir, test.name, test.targets)
			require.NoError(t, err)
			var got [][2]string
			for _, a := range found {
				got = append(got, [2]string{a.Name, a.Stacks[0].Account})
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestFindAssemblies_Refuses(t *testing.T) {
	dir := t.TempDir()
	_, err := FindAssemblies(filepath.Join(dir, "missing"), "", nil)
	assert.ErrorContains(t, err, "there is no cloud assembly at")
	_, err = FindAssemblies(dir, "", nil)
	assert.ErrorContains(t, err, "there is no manifest.json: this is not a cloud assembly")
	for i := range maxAssemblies + 1 {
		writeFile(t, filepath.Join(dir, "a", string(rune('a'+i%26))+string(rune('a'+i/26)), "manifest.json"), "{}")
	}
	_, err = FindAssemblies(dir, "", nil)
	assert.ErrorContains(t, err, "there are 201 cloud assemblies, more than the 200 that fit")
}

// writeProgram writes a shell script and returns its path.
func writeProgram(t *testing.T, name, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	writeFile(t, path, "#!/bin/sh\n"+script+"\n")
	return path
}

func TestSVG_RunsLayoutWithoutEnvironment(t *testing.T) {
	t.Setenv("D2_LAYOUT", "elk")
	d := diagram.Diagram{Name: "x", Title: "X", Boxes: []*diagram.Box{{Lines: []string{"a box"}}}}
	svg, err := SVG(t.Context(), writeProgram(t, "d2", `
echo '<svg viewBox="0 0 10 20">'"$D2_LAYOUT"
while read -r line; do echo "$line"; done
echo '</svg>'`), d)
	require.NoError(t, err)
	assert.Contains(t, string(svg), `b0: "a box" {`)
	assert.NotContains(t, string(svg), "elk")
	assert.True(t, diagram.IsDrawingOf(svg, d))
}

func TestSVG_FailureHasTheProgramsMessage(t *testing.T) {
	_, err := SVG(t.Context(), writeProgram(t, "d2", "echo 'err: no such shape' >&2; exit 1"), diagram.Diagram{Name: "x"})
	assert.EqualError(t, err, "drawing x: d2: exit status 1\n  err: no such shape")
	_, err = SVG(t.Context(), filepath.Join(t.TempDir(), "d2"), diagram.Diagram{Name: "x"})
	assert.ErrorContains(t, err, "cannot be started")
}

func TestFindBrowser_PrefersTheFirst(t *testing.T) {
	_, err := FindBrowser([]string{"PATH=" + t.TempDir()})
	assert.ErrorContains(t, err, "none of chromium, chromium-browser, google-chrome")

	first, second := writeProgram(t, "chromium", ""), writeProgram(t, "google-chrome", "")
	b, err := FindBrowser([]string{"PATH=" + filepath.Dir(second) + ":" + filepath.Dir(first)})
	require.NoError(t, err)
	assert.Equal(t, first, b.program)
}

func TestPNG_TakesTheSizeOfTheSVG(t *testing.T) {
	program := writeProgram(t, "chromium", `
for word; do
	case $word in
	--window-size=*) size=${word#*=} ;;
	--screenshot=*) file=${word#*=} ;;
	esac
done
printf %s "$size" > "$file"`)
	b, err := FindBrowser([]string{"PATH=" + filepath.Dir(program)})
	require.NoError(t, err)
	d := diagram.Diagram{Name: "x"}
	svg, err := d.Annotate([]byte(`<svg viewBox="0 0 640 480"></svg>`))
	require.NoError(t, err)
	png, err := b.PNG(t.Context(), svg)
	require.NoError(t, err)
	assert.Equal(t, "640,480", string(png))

	_, err = b.PNG(t.Context(), []byte("<svg/>"))
	assert.EqualError(t, err, "the SVG has no size")
}

func TestPNG_BrowserWithoutPicture(t *testing.T) {
	for name, script := range map[string]string{"fails": "echo no display; exit 3", "writes nothing": "exit 0"} {
		t.Run(name, func(t *testing.T) {
			program := writeProgram(t, "chromium", script)
			b, err := FindBrowser([]string{"PATH=" + filepath.Dir(program)})
			require.NoError(t, err)
			svg, err := diagram.Diagram{Name: "x"}.Annotate([]byte(`<svg viewBox="0 0 1 1"></svg>`))
			require.NoError(t, err)
			_, err = b.PNG(t.Context(), svg)
			assert.ErrorContains(t, err, program)
		})
	}
}
