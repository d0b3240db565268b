// Package sbom writes the software bill of materials of this program: its modules and the pinned tools that it calls.
// It knows nothing of deployments.
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

// A PinnedTool is a tool that is installed from lock files.
type PinnedTool struct {
	Name, Version string
	// Sum is the SHA-256 of the tool's lock files, in hexadecimal. They hold the hash of each of its modules or packages.
	Sum string
}

// CycloneDX returns the bill of materials of a build and of pinned tools as CycloneDX 1.6 in JSON. The same input gives
// the same bytes: the document has no time and no serial number.
func CycloneDX(build *debug.BuildInfo, tools []PinnedTool) ([]byte, error) {
	document := cdx.NewBOM()
	document.Version = 1
	document.Metadata = &cdx.Metadata{Component: &cdx.Component{
		Type: cdx.ComponentTypeApplication, Name: "lockstep", Version: revision(build),
	}}
	components := []cdx.Component{{
		Type: cdx.ComponentTypePlatform, Name: "go", Version: strings.TrimPrefix(build.GoVersion, "go"),
	}}
	for _, m := range build.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, cdx.Component{
			Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
			PackageURL: "pkg:golang/" + m.Path + "@" + m.Version, Hashes: moduleHash(m.Sum),
		})
	}
	for _, tool := range tools {
		components = append(components, cdx.Component{
			Type: cdx.ComponentTypeApplication, Name: tool.Name, Version: tool.Version,
			Description: "installed from lock files, whose hash this is",
			Hashes:      &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: tool.Sum}},
		})
	}
	slices.SortStableFunc(components, func(a, b cdx.Component) int { return cmp.Compare(a.Name, b.Name) })
	document.Components = &components
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	err := encoder.EncodeVersion(document, cdx.SpecVersion1_6)
	return out.Bytes(), err
}

// moduleHash returns the hash of a module's sum, which is h1: and a SHA-256 in base64 as in go.sum. It returns nil for
// a module without a sum.
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

// revision returns the commit that the program was built from. It is empty if the build did not record it.
func revision(build *debug.BuildInfo) string {
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
