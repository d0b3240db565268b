package assembly

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// An assetManifest lists what is published before the stacks that depend on it.
type assetManifest struct {
	bootstrapProperties
	// dir is the folder of the manifest.
	dir     string
	Version string                `json:"version"`
	Files   map[string]fileAsset  `json:"files"`
	Images  map[string]imageAsset `json:"dockerImages"`
}

type fileAsset struct {
	DisplayName string `json:"displayName"`
	Source      struct {
		Path       string   `json:"path"`
		Packaging  string   `json:"packaging"`
		Executable []string `json:"executable"`
	} `json:"source"`
	Destinations map[string]struct {
		roleProperties
		Bucket string `json:"bucketName"`
		Key    string `json:"objectKey"`
		Region string `json:"region"`
	} `json:"destinations"`
}

// readAssetManifest reads the asset manifest that an artefact in a folder names.
func (r *reader) readAssetManifest(dir string, properties json.RawMessage) (*assetManifest, error) {
	var p struct {
		bootstrapProperties
		File string `json:"file"`
	}
	if err := jsonx.UnmarshalForeign(properties, &p); err != nil {
		return nil, err
	}
	file, err := r.resolvePath(dir, p.File)
	if err != nil {
		return nil, err
	}
	m := &assetManifest{}
	text, err := r.decode(file, m)
	if err != nil {
		return nil, wrapMissing(file, err)
	}
	if err := unknownNames(file, m.Version, knownNames().AssetManifest.findUnknown(text, "")); err != nil {
		return nil, err
	}
	m.bootstrapProperties = p.bootstrapProperties
	m.dir = dir
	return m, nil
}

// addTo adds the assets of the manifest to a stack, whose account and region replace the placeholders in destinations.
func (m *assetManifest) addTo(s *Stack, r *reader) error {
	s.addBootstrapRequirement(m.bootstrapProperties)
	for _, id := range sortedKeys(m.Images) {
		if err := m.addImage(s, r, id, m.Images[id]); err != nil {
			return fmt.Errorf("image %s of stack %s: %w", cmp.Or(m.Images[id].DisplayName, id), s.Name, err)
		}
	}
	for _, id := range sortedKeys(m.Files) {
		if err := m.addFile(s, r, id, m.Files[id]); err != nil {
			return fmt.Errorf("asset %s of stack %s: %w", cmp.Or(m.Files[id].DisplayName, id), s.Name, err)
		}
	}
	return nil
}

// addFile adds a file asset to a stack, once for each destination.
func (m *assetManifest) addFile(s *Stack, r *reader, id string, a fileAsset) error {
	asset := Asset{Name: cmp.Or(a.DisplayName, id), Zip: a.Source.Packaging == "zip", Executable: a.Source.Executable}
	if len(asset.Executable) == 0 {
		var err error
		if asset.Path, err = r.resolvePath(m.dir, a.Source.Path); err != nil {
			return err
		}
		if err := r.checkSource(asset.Path, a.Source.Packaging); err != nil {
			return err
		}
	}
	for _, key := range sortedKeys(a.Destinations) {
		d := a.Destinations[key]
		asset.Region = cmp.Or(placeholderReplacer(s.Account, s.Region)(d.Region), s.Region)
		fill := placeholderReplacer(s.Account, asset.Region)
		asset.Bucket = fill(d.Bucket)
		asset.Key = fill(d.Key)
		asset.Role = d.role(fill)
		for _, value := range []string{asset.Bucket, asset.Key, asset.Role.ARN} {
			if err := checkPlaceholders(value); err != nil {
				return err
			}
		}
		s.Assets = append(s.Assets, asset)
	}
	return nil
}

// checkSource returns an error if what an asset is made of is missing, or cannot be published in that way.
func (r *reader) checkSource(name, packaging string) error {
	info, err := fs.Stat(r.files, name)
	switch {
	case err != nil:
		return wrapMissing(name, err)
	case packaging != "" && packaging != "zip" && packaging != "file":
		return fault.Errorf(fault.AssetUnusable, "packaging %q is neither file nor zip", packaging)
	case info.IsDir() && packaging != "zip":
		return fault.Errorf(fault.AssetUnusable,
			"%s is a folder, but its packaging is file: see that the app packages it as zip", name)
	case !info.IsDir() && !info.Mode().IsRegular():
		return fault.Errorf(fault.AssetUnusable, "%s is neither a file nor a folder, so it cannot be published", name)
	}
	return nil
}

// wrapMissing says which file of the assembly is missing, if err is such an error.
func wrapMissing(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.AssetUnusable, "%s is missing; synthesise again", file)
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
