// Package sbom owns the software bill of materials of what makes and deploys a release: this program's own modules, and the pinned tools that it calls. It
// knows nothing of deployments.
package sbom

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A PinnedTool is a tool that is installed from a lock file.
type PinnedTool struct {
	Name, Version string
	// Sum is the SHA-256 of its lock files, in hexadecimal, which name every part with its hash.
	Sum string
}

// CycloneDX is the bill of a build and of pinned tools, as CycloneDX in JSON. The same parts give the same bytes: it has no time and no serial number.
func CycloneDX(build *debug.BuildInfo, pins []PinnedTool) ([]byte, error) {
	document := cdx.NewBOM()
	document.Version = 1
	document.Metadata = &cdx.Metadata{Component: &cdx.Component{Type: cdx.ComponentTypeApplication, Name: "lockstep", Version: revision(build)}}
	parts := []cdx.Component{{Type: cdx.ComponentTypePlatform, Name: "go", Version: strings.TrimPrefix(build.GoVersion, "go")}}
	for _, m := range build.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		parts = append(parts, cdx.Component{
			Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: "pkg:golang/" + m.Path + "@" + m.Version, Hashes: moduleHash(m.Sum),
		})
	}
	for _, p := range pins {
		parts = append(parts, cdx.Component{
			Type: cdx.ComponentTypeApplication, Name: p.Name, Version: p.Version, Description: "installed from lock files, whose hash this is",
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: p.Sum}},
		})
	}
	slices.SortStableFunc(parts, func(a, b cdx.Component) int { return cmp.Compare(a.Name, b.Name) })
	document.Components = &parts
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	err := encoder.EncodeVersion(document, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

// moduleHash is a module's sum, h1: and the SHA-256 of its file list in base64, as go.sum has it; nil for a module without one.
func moduleHash(sum string) *[]cdx.Hash {
	encoded, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil
	}
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
}

// revision is the commit that the program was built from; empty when that was not noted.
func revision(build *debug.BuildInfo) string {
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
