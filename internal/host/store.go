package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"lockstep/internal/pipeline"
)

// store is the content-addressed cache of a repository: entries by a step's key, blobs by their sum.
//
//	.lockstep/cache/entries/KEY.json   what the step made: path, mode and sum of each output, and of its log
//	.lockstep/cache/blobs/SUM          the bytes
//	.lockstep/cache/index.json         the sums of files that have not changed since they were read
type store struct {
	dir   string
	index *index
}

// entry is the outcome of a step.
type entry struct {
	Step string `json:"step"`
	// CreatedAt is when the step ran.
	CreatedAt time.Time    `json:"made"`
	Files     []outputFile `json:"files"`
	Log       string       `json:"log"`
}

// outputFile is a file that a step made. Link is set instead of Sum for a symbolic link.
type outputFile struct {
	Path string      `json:"path"`
	Mode fs.FileMode `json:"mode"`
	Sum  string      `json:"sum,omitempty"`
	Link string      `json:"link,omitempty"`
}

var errMissingOutput = errors.New("ended well but did not make its output")

func openStore(root string) (*store, error) {
	dir := filepath.Join(root, pipeline.StateDir, "cache")
	for _, sub := range []string{"entries", "blobs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("the cache has no place: %w", err)
		}
	}
	return &store{dir: dir, index: openIndex(filepath.Join(dir, "index.json"))}, nil
}

func (s *store) close() error {
	return errors.Join(s.index.save(), s.trim(time.Now()))
}

func (s *store) entryPath(key string) string { return filepath.Join(s.dir, "entries", key+".json") }
func (s *store) blobPath(sum string) string {
	return filepath.Join(s.dir, "blobs", strings.TrimSuffix(sum, "+x"))
}

// save stores what a step made.
func (s *store) save(root, key string, step pipeline.Step, log string) error {
	e := entry{Step: step.Name, CreatedAt: time.Now()}
	var err error
	if e.Log, err = s.storeFile(log); err != nil {
		return err
	}
	for _, out := range step.Outputs {
		files, err := s.storeOutput(root, out)
		if err != nil {
			return err
		}
		e.Files = append(e.Files, files...)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return writeAtomic(s.entryPath(key), data)
}

// storeOutput stores an output, which is a file or a folder with what is in it.
func (s *store) storeOutput(root, out string) ([]outputFile, error) {
	var blobs []outputFile
	top := filepath.Join(root, filepath.FromSlash(out))
	if _, err := os.Lstat(top); err != nil {
		return nil, fmt.Errorf("%w %s", errMissingOutput, out)
	}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		b := outputFile{Path: filepath.ToSlash(relative), Mode: info.Mode()}
		switch {
		case d.IsDir():
		case info.Mode()&fs.ModeSymlink != 0:
			b.Link, err = os.Readlink(path)
		default:
			b.Sum, err = s.storeFile(path)
		}
		blobs = append(blobs, b)
		return err
	})
	return blobs, err
}

// storeFile stores a file's bytes and returns their sum.
func (s *store) storeFile(path string) (string, error) {
	sum, err := s.index.sum(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(s.blobPath(sum)); err == nil {
		return sum, nil
	}
	return sum, copyAtomic(path, s.blobPath(sum), 0o644)
}

// restore puts back what the step of that key made, its log included. False means that there is nothing under the key; an error that
// what is there is damaged, in which case it has been removed. A result that no longer holds is none.
func (s *store) restore(root, key, log string, holds time.Duration) (bool, error) {
	data, err := os.ReadFile(s.entryPath(key))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return false, errors.Join(fmt.Errorf("its entry is damaged: %w", err), os.Remove(s.entryPath(key)))
	}
	if holds > 0 && time.Since(e.CreatedAt) > holds {
		return false, nil
	}
	if err := s.restoreFiles(root, e, log); err != nil {
		s.removeDamagedBlobs(e)
		return false, errors.Join(err, os.Remove(s.entryPath(key)))
	}
	now := time.Now()
	_ = os.Chtimes(s.entryPath(key), now, now) // only decides which entries are dropped first
	return true, nil
}

func (s *store) restoreFiles(root string, e entry, log string) error {
	for _, b := range e.Files {
		if err := s.restoreFile(root, b); err != nil {
			return err
		}
	}
	if err := removeUnlistedFiles(root, e.Files); err != nil {
		return err
	}
	if err := s.verifyBlob(e.Log); err != nil {
		return err
	}
	return copyAtomic(s.blobPath(e.Log), log, 0o644)
}

func (s *store) restoreFile(root string, b outputFile) error {
	path := filepath.Join(root, filepath.FromSlash(b.Path))
	info, err := os.Lstat(path)
	there := err == nil
	switch {
	case b.Mode.IsDir():
		if there && !info.IsDir() {
			_ = os.Remove(path)
		}
		return os.MkdirAll(path, 0o755)
	case b.Link != "":
		if target, err := os.Readlink(path); err == nil && target == b.Link {
			return nil
		}
		return errors.Join(os.RemoveAll(path), os.Symlink(b.Link, path))
	case there && info.Mode() == b.Mode:
		if sum, err := s.index.sum(path); err == nil && sum == b.Sum {
			return nil
		}
	}
	if err := s.verifyBlob(b.Sum); err != nil {
		return err
	}
	if there && info.IsDir() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return copyAtomic(s.blobPath(b.Sum), path, b.Mode.Perm())
}

// verifyBlob reads a blob again: a damaged one must never become an output.
func (s *store) verifyBlob(sum string) error {
	got, err := sumFile(s.blobPath(sum))
	switch {
	case err != nil:
		return fmt.Errorf("a part of it is gone: %w", err)
	case got != strings.TrimSuffix(sum, "+x"):
		return fmt.Errorf("a part of it is damaged: %s", s.blobPath(sum))
	}
	return nil
}

// removeDamagedBlobs removes the parts of an entry that are not what their name says, so that they are stored anew.
func (s *store) removeDamagedBlobs(e entry) {
	for _, b := range append(e.Files, outputFile{Sum: e.Log}) {
		if b.Sum != "" && s.verifyBlob(b.Sum) != nil {
			_ = os.Remove(s.blobPath(b.Sum)) // it may be gone already
		}
	}
}

// removeUnlistedFiles takes away what lies in the restored folders and was not made by the step.
func removeUnlistedFiles(root string, made []outputFile) error {
	names := map[string]bool{}
	for _, b := range made {
		names[b.Path] = true
	}
	for _, b := range made {
		if !b.Mode.IsDir() {
			continue
		}
		dir := filepath.Join(root, filepath.FromSlash(b.Path))
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, found := range entries {
			if !names[b.Path+"/"+found.Name()] {
				if err := os.RemoveAll(filepath.Join(dir, found.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// maxEntries is how many outcomes are kept; the ones used longest ago go first, and blobs that no entry names with them.
const maxEntries = 200

func (s *store) trim(now time.Time) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "entries"))
	if err != nil || len(entries) <= maxEntries {
		return err
	}
	modified := func(d fs.DirEntry) time.Time {
		if info, err := d.Info(); err == nil {
			return info.ModTime()
		}
		return now
	}
	sort.Slice(entries, func(i, j int) bool { return modified(entries[i]).Before(modified(entries[j])) })
	for _, old := range entries[:len(entries)-maxEntries/2] {
		_ = os.Remove(filepath.Join(s.dir, "entries", old.Name())) // trimming is tried again after the next run
	}
	return s.removeUnreferencedBlobs(entries[len(entries)-maxEntries/2:])
}

func (s *store) removeUnreferencedBlobs(kept []fs.DirEntry) error {
	var named []string
	for _, d := range kept {
		var e entry
		data, err := os.ReadFile(filepath.Join(s.dir, "entries", d.Name()))
		if err != nil || json.Unmarshal(data, &e) != nil {
			continue
		}
		named = append(named, e.Log)
		for _, b := range e.Files {
			named = append(named, strings.TrimSuffix(b.Sum, "+x"))
		}
	}
	blobs, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	if err != nil {
		return err
	}
	slices.Sort(named)
	for _, b := range blobs {
		if _, found := slices.BinarySearch(named, b.Name()); !found {
			_ = os.Remove(filepath.Join(s.dir, "blobs", b.Name()))
		}
	}
	return nil
}

// writeAtomic replaces a file whole or not at all.
func writeAtomic(path string, data []byte) error {
	return replaceFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// copyAtomic copies a file whole or not at all.
func copyAtomic(from, to string, mode fs.FileMode) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return replaceFile(to, mode, func(w io.Writer) error {
		_, err := io.Copy(w, source)
		return err
	})
}

func replaceFile(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	if err := errors.Join(write(file), file.Chmod(mode), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
