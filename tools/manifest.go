package tools

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
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
	// Stamps is the hash of what the file system said of all files and the manifest when their sums were last compared.
	Stamps string `json:"stamps"`
}

// An installedFile is a file of a tool's folder, or a link.
type installedFile struct {
	path string // slash-separated, in the tool's folder
	stat unix.Stat_t
	// link is where a link leads, and target is what is there if it is outside of the folder; nil for anything else.
	link   string
	target *unix.Stat_t
}

// listInstalled returns what is in a tool's folder, without the folders and without what describes it, in a fixed
// order. It is called whenever a tool is used, and some have ten thousand files.
func listInstalled(dir string) ([]installedFile, error) {
	var files []installedFile
	for waiting := []string{"."}; len(waiting) > 0; {
		folder := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		found, folders, err := listFolder(dir, folder)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
		waiting = append(waiting, folders...)
	}
	return files, nil
}

// listFolder returns the files and the folders in one of a tool's folders.
func listFolder(dir, folder string) (files []installedFile, folders []string, err error) {
	opened, err := fsx.OpenDir(filepath.Join(dir, folder))
	if err != nil {
		return nil, nil, err
	}
	defer opened.Close()
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		file := installedFile{path: path.Join(folder, name)}
		if file.path == manifestFile || file.path == completionFile {
			continue
		}
		err := unix.Fstatat(int(opened.Fd()), name, &file.stat, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil {
			return nil, nil, &fs.PathError{Op: "stat", Path: filepath.Join(dir, file.path), Err: err}
		}
		switch file.stat.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			folders = append(folders, file.path)
			continue
		case unix.S_IFLNK:
			if err := file.follow(dir); err != nil {
				return nil, nil, err
			}
		}
		files = append(files, file)
	}
	return files, folders, nil
}

// follow reads where a link leads. One that leads out of the folder to nothing is another one than it was.
func (f *installedFile) follow(dir string) (err error) {
	if f.link, err = os.Readlink(filepath.Join(dir, f.path)); err != nil {
		return err
	}
	if path.IsAbs(f.link) || !filepath.IsLocal(path.Join(path.Dir(f.path), f.link)) {
		var target unix.Stat_t
		if unix.Stat(filepath.Join(dir, f.path), &target) == nil {
			f.target = &target
		}
	}
	return nil
}

// stamps returns the hash of what the file system says of files. A program can set the time of modification back, but
// not the time of change.
func stamps(files []installedFile) string {
	hash := sha256.New()
	var line []byte
	for _, f := range files {
		line = fmt.Appendf(line[:0], "%s\x00%s\x00", f.path, f.link)
		for _, s := range []*unix.Stat_t{&f.stat, f.target} {
			if s != nil {
				for _, n := range []int64{int64(s.Mode), s.Size, s.Mtim.Nano(), s.Ctim.Nano()} {
					line = append(strconv.AppendInt(line, n, 10), 0)
				}
				line = append(strconv.AppendUint(line, s.Ino, 10), 0)
			}
		}
		hash.Write(line)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// toolStamps returns the stamps of a tool's files and of their manifest.
func toolStamps(dir string, files []installedFile) (string, error) {
	m := installedFile{path: manifestFile}
	name := filepath.Join(dir, manifestFile)
	if err := unix.Lstat(name, &m.stat); err != nil {
		return "", &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return stamps(files) + stamps([]installedFile{m}), nil
}

// FolderStamp returns a hash of what the file system says of all files in a folder. It changes when one of them does.
func FolderStamp(dir string) (string, error) {
	files, err := listInstalled(dir)
	if err != nil {
		return "", err
	}
	return stamps(files), nil
}

// describe returns what the manifest says of a file of the tool in dir.
func (f installedFile) describe(dir string) (string, error) {
	isRegular := func(s *unix.Stat_t) bool { return s != nil && s.Mode&unix.S_IFMT == unix.S_IFREG }
	sum := ""
	if isRegular(&f.stat) || isRegular(f.target) {
		var err error
		if sum, err = fsx.Hash(filepath.Join(dir, f.path)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%o %s%s", f.stat.Mode, sum, f.link), nil
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
	if err := fsx.Replace(filepath.Join(dir, manifestFile), text, fsx.PrivateFile); err != nil {
		return err
	}
	c := completion{ManifestSum: hexSum(text)}
	if c.Stamps, err = toolStamps(dir, files); err != nil {
		return err
	}
	return writeCompletion(dir, c)
}

func writeCompletion(dir string, c completion) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return fsx.Replace(filepath.Join(dir, completionFile), text, fsx.PrivateFile)
}

func readCompletion(dir string) (c completion, err error) {
	text, err := fsx.ReadFile(filepath.Join(dir, completionFile), maxCompletionBytes)
	if err != nil {
		return c, err
	}
	return c, jsonx.Unmarshal(text, &c)
}

// readManifest returns the text of the manifest with that sum.
func readManifest(dir, sum string) ([]byte, error) {
	text, err := fsx.ReadFile(filepath.Join(dir, manifestFile), maxManifestBytes)
	if err == nil && hexSum(text) != sum {
		err = fmt.Errorf("%w: %s was changed", errChanged, manifestFile)
	}
	return text, err
}

// readInstalled returns the content of a regular file in a tool's folder, which is as it was installed. It looks at no
// other file but those that describe the folder.
func readInstalled(dir, name string) ([]byte, error) {
	complete, err := readCompletion(dir)
	if err != nil {
		return nil, err
	}
	m, err := readManifest(dir, complete.ManifestSum)
	if err != nil {
		return nil, err
	}
	text, err := fsx.ReadFile(filepath.Join(dir, filepath.FromSlash(name)), fsx.MaxText)
	if err != nil {
		return nil, err
	}
	// The manifest has a line for each file. To parse ten thousand takes ten times as long as to find one.
	key, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	_, after, _ := bytes.Cut(m, fmt.Appendf(nil, "\n %s: \"", key))
	if want, _, ok := bytes.Cut(after, []byte{'"'}); !ok || !bytes.HasSuffix(want, []byte(" "+hexSum(text))) {
		return nil, fmt.Errorf("%w: %s was changed", errChanged, name)
	}
	return text, nil
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// errChanged says that a tool's folder is not as it was installed.
var errChanged = fault.New(fault.ToolChanged, "it is not as it was installed")

// checkManifest returns an error unless a tool's folder is as it was installed. It reads the files only if the file
// system says of one of them something else than before.
func checkManifest(dir string) error {
	complete, err := readCompletion(dir)
	if err != nil {
		return err
	}
	files, err := listInstalled(dir)
	if err != nil {
		return err
	}
	current, err := toolStamps(dir, files)
	if err != nil || current == complete.Stamps {
		return err
	}
	if files, err = compareSums(dir, files, complete.ManifestSum); err != nil {
		return err
	}
	if complete.Stamps, err = toolStamps(dir, files); err != nil {
		return err
	}
	_ = writeCompletion(dir, complete) // the next use reads the files again
	return nil
}

// compareSums compares files with the manifest of that sum, and returns those that are in it. Byte code that Python has
// written since is removed: it would run instead of what it says that it was made of.
func compareSums(dir string, files []installedFile, manifestSum string) ([]installedFile, error) {
	text, err := readManifest(dir, manifestSum)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := jsonx.Unmarshal(text, &m); err != nil {
		return nil, err
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
func isByteCode(name string) bool {
	return strings.HasSuffix(name, ".pyc") && strings.Contains(name, "__pycache__/")
}
