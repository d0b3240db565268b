package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// SynthDigest returns the digest of the cloud assembly of one account, as it was synthesised.
func SynthDigest(fsys fs.FS) (digest.Synth, error) {
	sum, err := sumMeaning(fsys)
	return digest.Synth(sum), err
}

// EnvironmentDigest returns the digest of the folder that holds the cloud assemblies of all accounts of an environment.
func EnvironmentDigest(fsys fs.FS) (digest.Environment, error) {
	sum, err := sumMeaning(fsys)
	return digest.Environment(sum), err
}

// EarlierSynthDigest returns what SynthDigest returned in earlier versions of this program, whose records have it: the
// digest of every file.
func EarlierSynthDigest(fsys fs.FS) (digest.Synth, error) {
	sum, err := digest.OfFiles(fsys)
	return digest.Synth(sum), err
}

// EarlierEnvironmentDigest returns what EnvironmentDigest returned in earlier versions of this program.
func EarlierEnvironmentDigest(fsys fs.FS) (digest.Environment, error) {
	sum, err := digest.OfFiles(fsys)
	return digest.Environment(sum), err
}

// sumMeaning returns the SHA-256, in hexadecimal, of what a deployment is made of: the stacks with their properties and
// templates, and the assets with their destinations and contents. What says where, when and how the app was synthesised
// does not count: metadata with its stack traces, construct trees, feature flags, reports, the versions of the schema
// and of libraries. The fsys may hold one assembly, or several in folders of their own.
//
// A file that Read refuses counts with its text, so that the caller gets Read's message. The error is an
// *fsx.EscapeError for a link that leads out of fsys.
func sumMeaning(fsys fs.FS) (string, error) {
	if err := checkFiles(fsys); err != nil { // before anything is read through a link
		return "", err
	}
	m := meaning{files: fsys, sum: sha256.New(), seen: map[string]bool{}}
	fmt.Fprintln(m.sum, "cloud assembly, by meaning")
	manifests, err := fs.Glob(fsys, "*/"+manifestFile)
	if err != nil {
		return "", err
	}
	for _, file := range append([]string{manifestFile}, manifests...) {
		if folder := path.Dir(file); folder == "." || accountFolderPattern.MatchString(folder) {
			if err := m.addFolder(folder); err != nil {
				return "", err
			}
		}
	}
	if len(m.seen) == 0 {
		return digest.OfFiles(fsys)
	}
	return hex.EncodeToString(m.sum.Sum(nil)), nil
}

// accountFolderPattern matches the folder of one account's assembly in that of an environment with several:
// ACCOUNT-REGION.
var accountFolderPattern = regexp.MustCompile(`^[0-9]{12}-[a-z0-9-]+$`)

// A meaning adds what a deployment is made of to a sum.
type meaning struct {
	files fs.FS
	sum   hash.Hash
	// seen are the files and folders that were added.
	seen map[string]bool
}

// addFolder adds the assembly in a folder, with those nested in it.
func (m meaning) addFolder(dir string) error {
	file := path.Join(dir, manifestFile)
	text, err := fsx.ReadFileFS(m.files, file, fsx.MaxText)
	var read manifest
	if err != nil || jsonx.UnmarshalForeign(text, &read) != nil {
		return m.addPath(file)
	}
	if m.isSeen(file) {
		return nil
	}
	fmt.Fprintf(m.sum, "assembly %q\n", dir)
	for _, id := range sortedKeys(read.Artifacts) {
		if a := read.Artifacts[id]; a != nil && !isDescription(a.Type) {
			if err := m.addArtefact(dir, id, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// isDescription reports whether artefacts of a type describe the app, and have nothing that is deployed.
func isDescription(artefactType string) bool {
	return artefactType == "cdk:tree" || artefactType == "cdk:feature-flag-report" || artefactType == "none"
}

// addArtefact adds an artefact and the files that it names.
func (m meaning) addArtefact(dir, id string, a *artefact) error {
	dependencies := slices.Sorted(slices.Values(a.Dependencies))
	fmt.Fprintf(m.sum, "artefact %q %q %q %q %s\n", id, a.Type, a.Environment, dependencies, canonical(a.Properties))
	var p struct {
		TemplateFile  string `json:"templateFile"`
		File          string `json:"file"`
		DirectoryName string `json:"directoryName"`
	}
	if jsonx.UnmarshalForeign(a.Properties, &p) != nil {
		return nil // Read refuses it, and canonical has added its text
	}
	switch a.Type {
	case stackArtefact:
		return m.addPath(path.Join(dir, p.TemplateFile))
	case assetArtefact:
		return m.addAssets(dir, path.Join(dir, p.File))
	case nestedArtefact:
		if folder := path.Join(dir, p.DirectoryName); fs.ValidPath(folder) {
			return m.addFolder(folder)
		}
	}
	return nil
}

// addAssets adds a manifest of assets and what the assets are made of.
func (m meaning) addAssets(dir, file string) error {
	if !fs.ValidPath(file) {
		return nil // Read refuses it
	}
	text, err := fsx.ReadFileFS(m.files, file, fsx.MaxText)
	var read struct {
		Files  map[string]assetEntry `json:"files"`
		Images map[string]assetEntry `json:"dockerImages"`
	}
	if err != nil || jsonx.UnmarshalForeign(text, &read) != nil {
		return m.addPath(file)
	}
	if err := m.addAssetEntries(dir, "file", read.Files); err != nil {
		return err
	}
	return m.addAssetEntries(dir, "image", read.Images)
}

// An assetEntry is a file or an image in a manifest of assets.
type assetEntry struct {
	Source       json.RawMessage `json:"source"`
	Destinations json.RawMessage `json:"destinations"`
}

func (m meaning) addAssetEntries(dir, kind string, entries map[string]assetEntry) error {
	for _, id := range sortedKeys(entries) {
		e := entries[id]
		fmt.Fprintf(m.sum, "%s %q %s %s\n", kind, id, canonical(e.Source), canonical(e.Destinations))
		var source struct {
			Path       string   `json:"path"`
			Directory  string   `json:"directory"`
			Executable []string `json:"executable"`
		}
		if jsonx.UnmarshalForeign(e.Source, &source) != nil {
			continue // Read refuses it
		}
		names := archivePaths(dir, source.Executable)
		for _, name := range []string{source.Path, source.Directory} {
			if name != "" {
				names = append(names, path.Join(dir, name))
			}
		}
		for _, name := range names {
			if err := m.addPath(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// addPath adds a file, or a folder with all that is in it, once. A name outside of the files, or of none of them, adds
// nothing: Read refuses it.
func (m meaning) addPath(name string) error {
	if !fs.ValidPath(name) {
		return nil
	}
	if _, err := fs.Lstat(m.files, name); err != nil || m.isSeen(name) {
		return nil //nolint:nilerr // Read refuses a missing file
	}
	return fs.WalkDir(m.files, name, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return m.addLink(name)
		case entry.Type().IsRegular():
			return digest.AddFile(m.sum, m.files, name)
		}
		return nil
	})
}

// addLink adds a link and what it leads to, which need not be among what the manifests name.
func (m meaning) addLink(name string) error {
	if err := digest.AddLink(m.sum, m.files, name); err != nil {
		return err
	}
	target, err := fs.ReadLink(m.files, name)
	if err != nil {
		return err
	}
	return m.addPath(path.Join(path.Dir(name), target))
}

// isSeen reports whether a file was added, and counts it as added. The sum has the name of one that is added again.
func (m meaning) isSeen(name string) bool {
	if m.seen[name] {
		fmt.Fprintf(m.sum, "again %q\n", name)
		return true
	}
	m.seen[name] = true
	return false
}

// canonical returns a JSON value with its names in order and without white space; the text itself if it is damaged.
func canonical(text json.RawMessage) []byte {
	value, err := jsonx.Document(text)
	if err != nil {
		return text
	}
	out, err := json.Marshal(value)
	if err != nil {
		return text
	}
	return out
}

// checkFiles refuses links that lead out of fsys, with an *fsx.EscapeError, and what is neither a file, a folder nor a
// link.
func checkFiles(fsys fs.FS) error {
	return fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return fsx.CheckLink(fsys, name)
		case !entry.Type().IsRegular() && !entry.IsDir():
			return fault.Errorf(fault.AssetUnusable,
				"%s is neither a file, a folder nor a link: remove it, and synthesise again", name)
		}
		return nil
	})
}
