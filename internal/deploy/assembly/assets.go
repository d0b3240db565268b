package assembly

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// An assetManifest is an asset manifest: what is to be published before a stack that depends on it.
type assetManifest struct {
	bootstrapProperties
	dir    string
	Files  map[string]fileAsset       `json:"files"`
	Images map[string]json.RawMessage `json:"dockerImages"`
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

func (r *reader) readAssetManifest(dir string, properties json.RawMessage) (*assetManifest, error) {
	var p struct {
		bootstrapProperties
		File string `json:"file"`
	}
	if err := json.Unmarshal(properties, &p); err != nil {
		return nil, err
	}
	file, err := r.resolvePath(dir, p.File)
	if err != nil {
		return nil, err
	}
	out := &assetManifest{}
	if err := r.decode(file, out); err != nil {
		return nil, wrapMissing(file, err)
	}
	out.bootstrapProperties, out.dir = p.bootstrapProperties, dir
	return out, nil
}

// addTo gives a stack the assets of a manifest. Destinations are resolved for the stack: its account and region stand in
// for the placeholders.
func (f *assetManifest) addTo(s *Stack, r *reader) error {
	s.addBootstrapRequirement(f.bootstrapProperties)
	s.Images = append(s.Images, sortedKeys(f.Images)...)
	for _, id := range sortedKeys(f.Files) {
		if err := f.addFile(s, r, id, f.Files[id]); err != nil {
			return fmt.Errorf("asset %s of stack %s: %w", cmp.Or(f.Files[id].DisplayName, id), s.Name, err)
		}
	}
	return nil
}

func (f *assetManifest) addFile(s *Stack, r *reader, id string, a fileAsset) error {
	asset := Asset{Name: cmp.Or(a.DisplayName, id), Zip: a.Source.Packaging == "zip", Executable: a.Source.Executable}
	if len(asset.Executable) == 0 {
		var err error
		if asset.Path, err = r.resolvePath(f.dir, a.Source.Path); err != nil {
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
		asset.Bucket, asset.Key, asset.Role = fill(d.Bucket), fill(d.Key), d.role(fill)
		for _, value := range []string{asset.Bucket, asset.Key, asset.Role.ARN} {
			if err := checkPlaceholders(value); err != nil {
				return err
			}
		}
		s.Assets = append(s.Assets, asset)
	}
	return nil
}

// checkSource returns an error if what an asset is made of is not there, or cannot be published in that way.
func (r *reader) checkSource(name, packaging string) error {
	info, err := fs.Stat(r.files, name)
	switch {
	case err != nil:
		return wrapMissing(name, err)
	case packaging != "" && packaging != "zip" && packaging != "file":
		return fmt.Errorf("packaging %q is neither file nor zip", packaging)
	case info.IsDir() && packaging != "zip":
		return fmt.Errorf("%s is a folder, but its packaging is file: see that the app packages it as zip", name)
	case !info.IsDir() && !info.Mode().IsRegular():
		return fmt.Errorf("%s is neither a file nor a folder, so it cannot be published", name)
	}
	return nil
}

func wrapMissing(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing; synthesise again", file)
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
