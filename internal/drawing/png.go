package drawing

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/tools"
)

// A Rasterizer makes PNGs of SVGs with resvg, a library in WebAssembly that Node.js runs.
type Rasterizer struct {
	node string
	// library is the WebAssembly of resvg.
	library string
}

// NewRasterizer finds Node.js on the PATH of an environment and installs resvg, if need be.
func NewRasterizer(ctx context.Context, installer *tools.Installer, environ []string) (*Rasterizer, error) {
	node, err := tools.FindProgram(environ, "node")
	if err != nil {
		return nil, err
	}
	library, err := installer.InstallData(ctx, tools.Resvg)
	if err != nil {
		return nil, err
	}
	return &Rasterizer{node, library}, nil
}

// rasterizeScript is the program that Node.js runs.
//
//go:embed rasterize.mjs
var rasterizeScript []byte

// pngScale is how many pixels of a PNG are one of the SVG: it is sharp on screens of a high resolution.
const pngScale = 2

// PNG returns a picture of an annotated SVG as it is on a light screen.
func (r *Rasterizer) PNG(ctx context.Context, svg []byte) ([]byte, error) {
	text, fonts, err := extractFonts(svg)
	if err != nil {
		return nil, err
	}
	input, err := json.Marshal(map[string]any{
		"svg": string(text), "fonts": fonts, "scale": pngScale,
		"wasm": r.library, "module": filepath.Join(filepath.Dir(r.library), "index.mjs"),
	})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lockstep-png-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "rasterize.mjs")
	if err := fsx.Replace(script, rasterizeScript, fsx.PrivateFile); err != nil {
		return nil, err
	}
	png, err := run(ctx, bytes.NewReader(input), r.node, script)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(png, []byte("\x89PNG")) {
		return nil, fault.Errorf(fault.ToolBroken, "%s made no PNG of the SVG", r.node)
	}
	return png, nil
}

// Both match what D2 writes into an SVG: a font in base64, and the rule that a kind of text has it.
var (
	embeddedFont = regexp.MustCompile(
		`@font-face \{\s*font-family: d2-\d+-font-\w+;\s*src: url\("data:application/font-woff;base64,([^"]*)"\);\s*\}`)
	fontRule = regexp.MustCompile(`font-family: "d2-\d+-font-(\w+)";`)
)

// fontStyles are the rules for what D2 calls a kind of its font.
var fontStyles = map[string]string{"bold": " font-weight: bold;", "italic": " font-style: italic;"}

// extractFonts returns an SVG without its fonts, and the fonts in base64. resvg reads no fonts out of an SVG, and knows
// each by the name of its family: that of D2, for all text.
func extractFonts(svg []byte) (text []byte, fonts []string, err error) {
	for _, found := range embeddedFont.FindAllSubmatch(svg, -1) {
		packed, err := base64.StdEncoding.DecodeString(string(found[1]))
		if err != nil {
			return nil, nil, fault.Errorf(fault.ToolBroken, "the SVG has a font that is not in base64: %w", err)
		}
		font, err := unpackWOFF(packed)
		if err != nil {
			return nil, nil, err
		}
		fonts = append(fonts, base64.StdEncoding.EncodeToString(font))
	}
	text = fontRule.ReplaceAllFunc(embeddedFont.ReplaceAll(svg, nil), func(rule []byte) []byte {
		return []byte(`font-family: "Source Sans Pro";` + fontStyles[string(fontRule.FindSubmatch(rule)[1])])
	})
	return text, fonts, nil
}
