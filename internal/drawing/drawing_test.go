package drawing

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/diagram"
	"lockstep/internal/fault/faulttest"
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
	printed := faulttest.Printed(t)
	dir := t.TempDir()
	_, err := FindAssemblies(filepath.Join(dir, "missing"), "", nil)
	printed.Error(err)
	assert.ErrorContains(t, err, "there is no cloud assembly at")
	_, err = FindAssemblies(dir, "", nil)
	printed.Error(err)
	assert.ErrorContains(t, err, "there is no manifest.json: this is not a cloud assembly")
	for i := range maxAssemblies + 1 {
		writeFile(t, filepath.Join(dir, "a", string(rune('a'+i%26))+string(rune('a'+i/26)), "manifest.json"), "{}")
	}
	_, err = FindAssemblies(dir, "", nil)
	printed.Error(err)
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
	d2 := writeProgram(t, "d2", "echo 'err: no such shape' >&2; exit 1")
	_, err := SVG(t.Context(), d2, diagram.Diagram{Name: "x"})
	assert.EqualError(t, err, "drawing x: "+d2+": exit status 1\n  err: no such shape")
	_, err = SVG(t.Context(), filepath.Join(t.TempDir(), "d2"), diagram.Diagram{Name: "x"})
	assert.ErrorContains(t, err, "cannot be started")
}

// fakeNode is a Node.js that answers with its input, after the beginning of a PNG.
const fakeNode = `test -f "$1" || exit 9; printf '\211PNG\r\n'; read -r line; printf %s "$line"`

func TestPNG_IsMadeOfTheSVGAndItsFonts(t *testing.T) {
	svg, err := os.ReadFile("../../docs/diagrams/flow.svg")
	require.NoError(t, err)
	r := &Rasterizer{node: writeProgram(t, "node", fakeNode), library: "/tools/resvg/index_bg.wasm"}
	png, err := r.PNG(t.Context(), svg)
	require.NoError(t, err)
	var input struct {
		SVG, Module, WASM string
		Fonts             []string
		Scale             int
	}
	require.NoError(t, json.Unmarshal(png[len("\x89PNG\r\n"):], &input))
	assert.Equal(t, "/tools/resvg/index_bg.wasm", input.WASM)
	assert.Equal(t, "/tools/resvg/index.mjs", input.Module)
	assert.Equal(t, pngScale, input.Scale)
	assert.NotContains(t, input.SVG, "@font-face")
	assert.Contains(t, input.SVG, `font-family: "Source Sans Pro"; font-style: italic;`)
	require.Len(t, input.Fonts, 2)
	for _, font := range input.Fonts {
		data, err := base64.StdEncoding.DecodeString(font)
		require.NoError(t, err)
		assertFont(t, data)
	}
}

// assertFont checks that a font is TrueType, and that each of its tables has the checksum that the font says. That of
// the table head is over a head without the checksum of the whole font.
func assertFont(t *testing.T, font []byte) {
	t.Helper()
	number := binary.BigEndian.Uint32
	require.EqualValues(t, 0x00010000, number(font))
	entries := font[fontHeader : fontHeader+fontEntry*int(binary.BigEndian.Uint16(font[4:]))]
	for entry := range slices.Chunk(entries, fontEntry) {
		table := font[number(entry[8:]):]
		sum := uint32(0)
		for i := uint32(0); i < number(entry[12:]); i += 4 {
			if word := table[i:]; string(entry[:4]) != "head" || i != 8 {
				sum += number(word)
			}
		}
		assert.Equal(t, number(entry[4:]), sum, "table %s", entry[:4])
	}
}

func TestPNG_ProgramWithoutPicture(t *testing.T) {
	for name, script := range map[string]string{"fails": "echo no memory; exit 3", "writes something else": "echo x"} {
		t.Run(name, func(t *testing.T) {
			r := &Rasterizer{node: writeProgram(t, "node", script)}
			_, err := r.PNG(t.Context(), []byte("<svg/>"))
			assert.ErrorContains(t, err, r.node)
		})
	}
}

func TestUnpackWOFF_RefusesWhatIsNone(t *testing.T) {
	header := func(entry string) string {
		return "wOFF\x00\x01\x00\x00" + strings.Repeat("\x00", 5) + "\x01" + strings.Repeat("\x00", 30) + entry
	}
	for name, text := range map[string]string{
		"nothing":                    "",
		"another format":             strings.Repeat("x", 100),
		"a table that is missing":    header(""),
		"a table behind the end":     header("cmap\x00\x00\x01\x00\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00\x00"),
		"a table that is too large":  header("cmap\x00\x00\x00\x00\x00\x00\x00\x08\xff\x00\x00\x08\x00\x00\x00\x00"),
		"a table that is not packed": header("cmap\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x09\x00\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpackWOFF([]byte(text))
			assert.ErrorIs(t, err, errBadFont)
		})
	}
}
