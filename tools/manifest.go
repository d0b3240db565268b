package tools

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"lockstep/internal/fsx"
)

const (
	// manifestFile is the name of the file with the sum of each of an installed tool's files.
	manifestFile = "manifest.json"
	// completionFile is the name of the file that is written last.
	completionFile = "complete"
	// maxManifestBytes is more than the manifest of a hundred thousand files.
	maxManifestBytes   = 64 << 20
	maxCompletionBytes = 1 << 10
)

// A manifest has what tells each file of a tool apart from any other, by its slash-separated path in the tool's folder:
// its mode, and the SHA-256 of its content or, for a link, where it leads.
type manifest map[string]string

// A completion is what the completion file says.
type completion struct {
	// ManifestSum is the SHA-256 of the manifest file.
	ManifestSum string `json:"manifest"`
	// Stamps is the hash of what the file system said of all files when their sums were last compared.
	Stamps string `json:"stamps"`
}

// An installedFile is a file of a tool's folder, or a link.
type installedFile struct {
	path string // slash-separated, in the tool's folder
	info fs.FileInfo
	// link is where a link leads, and target is the file outside of the folder that it leads to; nil for none.
	link   string
	target fs.FileInfo
}

// listInstalled returns what is in a tool's folder, without the folders and without what describes it, in lexical order.
func listInstalled(dir string) ([]installedFile, error) {
	var files []installedFile
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path[len(dir):], string(filepath.Separator)))
		if name == manifestFile || name == completionFile {
			return nil
		}
		file := installedFile{path: name}
		if file.info, err = entry.Info(); err != nil {
			return err
		}
		if file.info.Mode()&fs.ModeSymlink != 0 {
			if file.link, err = os.Readlink(path); err != nil {
				return err
			}
			if filepath.IsAbs(file.link) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), file.link)) {
				file.target, _ = os.Stat(path) // one that leads nowhere is another one than it was
			}
		}
		files = append(files, file)
		return nil
	})
	return files, err
}

// stamps returns the hash of what the file system says of files.
func stamps(files []installedFile) string {
	hash := sha256.New()
	for _, f := range files {
		fmt.Fprintf(hash, "%q %q", f.path, f.link)
		for _, info := range []fs.FileInfo{f.info, f.target} {
			if info == nil {
				continue
			}
			fmt.Fprintf(hash, " %o %d %d", info.Mode(), info.Size(), info.ModTime().UnixNano())
			if s, ok := info.Sys().(*syscall.Stat_t); ok {
				fmt.Fprintf(hash, " %d %d", changed(s), s.Ino)
			}
		}
		fmt.Fprintln(hash)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// describe returns what the manifest says of a file of the tool in dir.
func (f installedFile) describe(dir string) (string, error) {
	mode := f.info.Mode()
	switch {
	case mode.IsRegular():
		sum, err := fsx.Hash(filepath.Join(dir, filepath.FromSlash(f.path)))
		return fmt.Sprintf("%s %s", mode, sum), err
	case f.target != nil && f.target.Mode().IsRegular():
		sum, err := fsx.Hash(filepath.Join(dir, filepath.FromSlash(f.path)))
		return fmt.Sprintf("link %s %s", f.link, sum), err
	}
	return fmt.Sprintf("%s %s", mode.Type(), f.link), nil
}

// writeManifest writes down what is in a tool's folder, which counts as complete then.
func writeManifest(dir string) error {
	files, err := listInstalled(dir)
	if err != nil {
		return err
	}
	m := manifest{}
	for _, f := range files {
		if m[f.path], err = f.describe(dir); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if err := fsx.Replace(filepath.Join(dir, manifestFile), text, fsx.PublicFile); err != nil {
		return err
	}
	return writeCompletion(dir, completion{ManifestSum: hexSum(text), Stamps: stamps(files)})
}

func writeCompletion(dir string, c completion) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return fsx.Replace(filepath.Join(dir, completionFile), text, fsx.PublicFile)
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// errChanged says that a tool's folder is not as it was installed.
var errChanged = errors.New("it is not as it was installed")

// checkManifest returns an error unless a tool's folder is as it was installed. It reads the files only if the file
// system says of one of them something else than before.
func checkManifest(dir string) error {
	text, err := fsx.ReadFile(filepath.Join(dir, completionFile), maxCompletionBytes)
	if err != nil {
		return err
	}
	var complete completion
	if err := json.Unmarshal(text, &complete); err != nil {
		return err
	}
	files, err := listInstalled(dir)
	if err != nil {
		return err
	}
	if stamps(files) == complete.Stamps {
		return nil
	}
	if files, err = compareSums(dir, files, complete.ManifestSum); err != nil {
		return err
	}
	complete.Stamps = stamps(files)
	_ = writeCompletion(dir, complete) // the next use reads the files again
	return nil
}

// compareSums compares files with the manifest of that sum, and returns those that are in it. Byte code that Python has
// written since is removed: it would run instead of what it says that it was made of.
func compareSums(dir string, files []installedFile, manifestSum string) ([]installedFile, error) {
	text, err := fsx.ReadFile(filepath.Join(dir, manifestFile), maxManifestBytes)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil || hexSum(text) != manifestSum {
		return nil, fmt.Errorf("%w: %s was changed", errChanged, manifestFile)
	}
	var known []installedFile
	for _, f := range files {
		want, ok := m[f.path]
		if !ok && isByteCode(f.path) {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(f.path))); err != nil {
				return nil, err
			}
			continue
		}
		got, err := f.describe(dir)
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, fmt.Errorf("%w: %s was changed", errChanged, f.path)
		}
		known = append(known, f)
	}
	if len(known) != len(m) {
		return nil, fmt.Errorf("%w: a file is missing", errChanged)
	}
	return known, nil
}

// isByteCode reports whether a file is one that Python writes when it loads a module.
func isByteCode(path string) bool {
	return strings.HasSuffix(path, ".pyc") && strings.Contains(path, "__pycache__/")
}
