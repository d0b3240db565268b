package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// store is the content-addressed cache of a repository: entries by a step's key, blobs by their hash.
//
//	.lockstep/cache/entries/KEY.json   what the step made: path, mode and hash of each output, and of its log
//	.lockstep/cache/blobs/HASH         the bytes
//	.lockstep/cache/index.json         the hashes of files that have not changed since they were read
//	.lockstep/cache/versions.json      the versions that programs printed that have not changed since
//	.lockstep/cache/unreachable.json   the gates that could not reach what they need
type store struct {
	root        string
	dir         string
	seal        sealer
	now         func() time.Time
	index       *index
	versions    *index
	unreachable *unreachableGates
}

// entry is the result of a step.
type entry struct {
	Step string `json:"step"`
	// CreatedAt is when the step ran.
	CreatedAt time.Time    `json:"made"`
	Files     []outputFile `json:"files"`
	// Nothing is why the step had nothing to do, and so no output; empty if it had something to do.
	Nothing string `json:"nothing,omitempty"`
	// Log is the hash of what the step printed.
	Log string `json:"log"`
	// Packages has, for each folder of packages, what the file system said of it when the step had filled it.
	Packages map[string]string `json:"packages,omitempty"`
}

// outputFile is a file, a folder or a link that a step made. Link is set instead of Hash for a symbolic link.
type outputFile struct {
	Path string      `json:"path"`
	Mode fs.FileMode `json:"mode"`
	Hash string      `json:"sum,omitempty"`
	Link string      `json:"link,omitempty"`
}

// An outputError is a step that ended well and whose output is not what it declares.
type outputError struct{ reason string }

func (e *outputError) Error() string { return e.reason }

// Code returns the code of the error.
func (e *outputError) Code() fault.Code { return fault.StepOutput }

// openStore returns the store of the repository at root. If rereads is set, no file is taken for unchanged by its
// times.
func openStore(root string, seal sealer, now func() time.Time, rereads bool) (*store, error) {
	dir := filepath.Join(root, pipeline.StateDir, "cache")
	for _, sub := range []string{"entries", "blobs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), fsx.PrivateDir); err != nil {
			return nil, fmt.Errorf("the cache: %w", tools.ExplainWriteError(dir, err))
		}
	}
	s := &store{
		root: root, dir: dir, seal: seal, now: now, unreachable: openUnreachableGates(dir, seal, now),
		index:    openIndex(filepath.Join(dir, "index.json"), seal, now),
		versions: openIndex(filepath.Join(dir, "versions.json"), seal, now),
	}
	s.index.rereads, s.versions.rereads = rereads, rereads
	return s, nil
}

// close writes the indexes and removes old entries.
func (s *store) close() error {
	return errors.Join(s.index.save(), s.versions.save(), s.unreachable.save(), s.trim())
}

func (s *store) entryPath(key string) string { return filepath.Join(s.dir, "entries", key+".json") }
func (s *store) blobPath(hash string) string { return filepath.Join(s.dir, "blobs", hash) }

// path returns the path on this machine of a slash-separated path in the repository.
func (s *store) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

// checkOutputs returns an *fsx.EscapeError if what a step makes would lie outside of the repository, behind a link in
// the place of a folder. Nothing there is removed, written or read.
func (s *store) checkOutputs(step pipeline.Step) error {
	for _, out := range slices.Concat(step.Outputs, step.Installs) {
		for dir := path.Dir(out); dir != "."; dir = path.Dir(dir) {
			_, err := fs.Stat(fsx.Dir(s.root), dir)
			var escape *fsx.EscapeError
			if errors.As(err, &escape) {
				return fmt.Errorf("its output %s is not in the repository: %w", out, escape)
			}
		}
	}
	return nil
}

// removeOutputs removes what an earlier run of a step has made, and makes the folders of what it will make.
func (s *store) removeOutputs(step pipeline.Step) error {
	if err := s.checkOutputs(step); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.root) // another step may exchange a folder meanwhile
	if err != nil {
		return err
	}
	defer root.Close()
	for _, out := range slices.Concat(step.Outputs, step.Installs) {
		name := filepath.FromSlash(out)
		if err := root.RemoveAll(name); err != nil {
			return fmt.Errorf("its output of the last run cannot be removed: %w", err)
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("the folder of its output cannot be created: %w", err)
		}
	}
	return nil
}

// save stores what a step made, or why it had nothing to do. The error is an *outputError if what it made is not what
// it declares.
func (s *store) save(key string, step pipeline.Step, log, nothing string) error {
	if err := s.checkOutputs(step); err != nil { // the step may have made a link
		return &outputError{err.Error()}
	}
	if nothing != "" {
		step.Outputs, step.Installs = nil, nil
	}
	e := entry{Step: step.Name, CreatedAt: s.now(), Nothing: nothing}
	var err error
	if e.Log, err = s.storeFile(log); err != nil {
		return err
	}
	for _, out := range step.Outputs {
		files, err := s.storeOutput(out)
		if err != nil {
			return err
		}
		e.Files = append(e.Files, files...)
	}
	if e.Packages, err = s.packageStamps(step); err != nil {
		return err
	}
	return s.seal.writeJSON(s.entryPath(key), e)
}

// packageStamps returns what the file system says of the step's folders of packages.
func (s *store) packageStamps(step pipeline.Step) (map[string]string, error) {
	stamps := map[string]string{}
	for _, folder := range step.Installs {
		stamp, err := tools.FolderStamp(s.path(folder))
		if err != nil {
			return nil, &outputError{"ended well but did not make the folder of packages " + folder}
		}
		stamps[folder] = stamp
	}
	return stamps, nil
}

// hasPackages reports whether the folders of packages are as the step left them. Where nothing is believed because of
// its times, they are not.
func (s *store) hasPackages(e entry, step pipeline.Step) bool {
	if len(step.Installs) == 0 {
		return true
	}
	now, err := s.packageStamps(step)
	return err == nil && !s.index.rereads && maps.Equal(now, e.Packages)
}

// storeOutput stores an output, which is a file or a folder with what is in it.
func (s *store) storeOutput(out string) ([]outputFile, error) {
	if _, err := os.Lstat(s.path(out)); err != nil {
		return nil, &outputError{"ended well but did not make its output " + out}
	}
	var files []outputFile
	err := filepath.WalkDir(s.path(out), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(s.root, path)
		if err != nil {
			return err
		}
		file := outputFile{Path: filepath.ToSlash(relative), Mode: info.Mode()}
		switch mode := info.Mode(); {
		case mode.IsDir():
		case mode&fs.ModeSymlink != 0:
			file.Link, err = os.Readlink(path)
		case mode.IsRegular():
			file.Hash, err = s.storeFile(path)
		default:
			const format = "made %s, which is no file, folder or link: an output cannot be a %s"
			err = &outputError{fmt.Sprintf(format, file.Path, kindOf(mode))}
		}
		files = append(files, file)
		return err
	})
	return files, err
}

// kindOf names the kind of what is neither a file, nor a folder, nor a link.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// storeFile stores a file's bytes and returns their hash.
func (s *store) storeFile(path string) (string, error) {
	hash, err := s.index.hash(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(s.blobPath(hash)); err == nil {
		return hash, nil
	}
	return hash, fsx.CopyFile(path, s.blobPath(hash), fsx.PrivateFile)
}

// maxEntryBytes is more than an entry of a hundred thousand outputs.
const maxEntryBytes = 64 << 20

// restore restores what the step of that key made, its log included, and returns the entry; nil if there was nothing to
// restore. A result that is older than the step's CacheTTL does not count if that is not 0, nor does one from the
// future, when the clock was wrong. The error says what is damaged or not sealed by this user, which has been removed.
func (s *store) restore(key string, step pipeline.Step, log string) (*entry, error) {
	if err := s.checkOutputs(step); err != nil {
		return nil, err
	}
	data, err := s.seal.read(s.entryPath(key), maxEntryBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errNotSealed):
		return nil, errors.Join(err, os.Remove(s.entryPath(key)))
	case err != nil:
		return nil, err
	}
	var e entry
	if err := jsonx.Unmarshal(data, &e); err != nil {
		return nil, errors.Join(fmt.Errorf("its entry is damaged: %w", err), os.Remove(s.entryPath(key)))
	}
	if err := e.check(step); err != nil {
		return nil, errors.Join(err, os.Remove(s.entryPath(key)))
	}
	now := s.now()
	if age := now.Sub(e.CreatedAt); age < 0 || step.CacheTTL > 0 && age > step.CacheTTL {
		return nil, nil
	}
	if e.Nothing != "" {
		if err := s.removeOutputs(step); err != nil { // those of an earlier run
			return nil, err
		}
		step.Installs = nil
	}
	if !s.hasPackages(e, step) {
		return nil, nil
	}
	if err := s.restoreFiles(e, log); err != nil {
		s.removeDamagedBlobs(e)
		return nil, errors.Join(err, os.Remove(s.entryPath(key)))
	}
	_ = os.Chtimes(s.entryPath(key), now, now) // only decides which entries are removed first
	return &e, nil
}

// check refuses an entry with a file that is not of the step's outputs, or that would be written or read through a
// link: every folder of an output is itself in the entry, before what is in it.
func (e entry) check(step pipeline.Step) error {
	isDir := map[string]bool{}
	for _, file := range e.Files {
		_, isKnown := isDir[file.Path]
		isOutput := slices.Contains(step.Outputs, file.Path) || isDir[path.Dir(file.Path)]
		if isKnown || !isOutput || !filepath.IsLocal(filepath.FromSlash(file.Path)) || path.Clean(file.Path) != file.Path {
			return fault.Errorf(fault.RunDamaged, "its entry has the file %q, which is none of its outputs", file.Path)
		}
		isDir[file.Path] = file.Mode.IsDir()
		if file.Link != "" && !staysInOutput(step, file) {
			return fault.Errorf(fault.RunDamaged,
				"its entry has the link %s to %s, which leads out of its outputs", file.Path, file.Link)
		}
		if file.Hash != "" && !hashPattern.MatchString(file.Hash) {
			return fault.Errorf(fault.RunDamaged, "its entry has the hash %q", file.Hash)
		}
	}
	if !hashPattern.MatchString(e.Log) {
		return fault.Errorf(fault.RunDamaged, "its entry has the hash %q", e.Log)
	}
	return nil
}

// hashPattern matches the name of a blob.
var hashPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// staysInOutput reports whether a link leads to something in the output that it is in.
func staysInOutput(step pipeline.Step, link outputFile) bool {
	target := path.Join(path.Dir(link.Path), link.Link)
	return !path.IsAbs(link.Link) && slices.ContainsFunc(step.Outputs, func(out string) bool {
		return strings.HasPrefix(link.Path+"/", out+"/") && strings.HasPrefix(target+"/", out+"/")
	})
}

func (s *store) restoreFiles(e entry, log string) error {
	for _, file := range e.Files {
		if err := s.restoreFile(file); err != nil {
			return err
		}
	}
	if err := s.removeUnlistedFiles(e.Files); err != nil {
		return err
	}
	return s.restoreLog(e.Log, log)
}

// restoreLog copies the log of a cached step into the run's folder. Unlike an output, it need not survive a crash of
// the machine, so nothing waits for the disk.
func (s *store) restoreLog(hash, log string) error {
	if err := s.verifyBlob(hash); err != nil {
		return err
	}
	source, err := fsx.Open(s.blobPath(hash))
	if err != nil {
		return err
	}
	defer source.Close()
	file, err := fsx.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fsx.PrivateFile)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	return errors.Join(err, file.Close())
}

// restoreFile makes an output what it was, unless it still is.
func (s *store) restoreFile(file outputFile) error {
	path := s.path(file.Path)
	info, err := os.Lstat(path)
	if err == nil && s.isUnchanged(path, info, file) {
		return nil
	}
	if err == nil && info.Mode().Type() != file.Mode.Type() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	switch {
	case file.Mode.IsDir():
		return os.MkdirAll(path, 0o755)
	case file.Link != "":
		return errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(file.Link, path))
	}
	return s.restoreBlob(file.Hash, path, file.Mode.Perm())
}

// isUnchanged reports whether what lies at path is the output as the step made it.
func (s *store) isUnchanged(path string, info fs.FileInfo, file outputFile) bool {
	switch {
	case file.Mode.IsDir():
		return info.IsDir()
	case file.Link != "":
		target, err := os.Readlink(path)
		return err == nil && target == file.Link
	case info.Mode() != file.Mode:
		return false
	}
	hash, err := s.index.hash(path)
	return err == nil && hash == file.Hash
}

// restoreBlob copies a blob to path after reading it: a damaged one must never become an output.
func (s *store) restoreBlob(hash, path string, perm fs.FileMode) error {
	if err := s.verifyBlob(hash); err != nil {
		return err
	}
	return fsx.CopyFile(s.blobPath(hash), path, perm)
}

// verifyBlob returns an error if a blob is not what its name says.
func (s *store) verifyBlob(hash string) error {
	got, err := fsx.Hash(s.blobPath(hash))
	switch {
	case err != nil:
		return fmt.Errorf("one of its files is missing: %w", err)
	case got != hash:
		return fault.Errorf(fault.RunDamaged, "one of its files is damaged: %s", s.blobPath(hash))
	}
	return nil
}

// removeDamagedBlobs removes the blobs of an entry that are not what their name says, so that they are stored again.
func (s *store) removeDamagedBlobs(e entry) {
	for _, file := range append(e.Files, outputFile{Hash: e.Log}) {
		if file.Hash != "" && s.verifyBlob(file.Hash) != nil {
			_ = os.Remove(s.blobPath(file.Hash)) // it may be missing
		}
	}
}

// removeUnlistedFiles removes what lies in the restored folders and is no output of the step.
func (s *store) removeUnlistedFiles(outputs []outputFile) error {
	names := map[string]bool{}
	for _, file := range outputs {
		names[file.Path] = true
	}
	for _, file := range outputs {
		if !file.Mode.IsDir() {
			continue
		}
		entries, err := os.ReadDir(s.path(file.Path))
		if err != nil {
			return err
		}
		for _, found := range entries {
			if name := file.Path + "/" + found.Name(); !names[name] {
				if err := os.RemoveAll(s.path(name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// maxEntries is how many results are kept. Beyond it, the half that was used longest ago is removed, and the blobs
// that no entry names with it.
const maxEntries = 200

func (s *store) trim() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "entries"))
	if err != nil || len(entries) <= maxEntries {
		return err
	}
	used := map[string]time.Time{}
	for _, found := range entries {
		if info, err := found.Info(); err == nil {
			used[found.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return used[a.Name()].Compare(used[b.Name()]) })
	old, recent := entries[:len(entries)-maxEntries/2], entries[len(entries)-maxEntries/2:]
	for _, found := range old {
		_ = os.Remove(filepath.Join(s.dir, "entries", found.Name())) // the next run tries again
	}
	return s.removeUnreferencedBlobs(recent)
}

// removeUnreferencedBlobs removes the blobs that none of the entries names.
func (s *store) removeUnreferencedBlobs(entries []fs.DirEntry) error {
	referenced := map[string]bool{}
	for _, found := range entries {
		var e entry
		data, err := s.seal.read(filepath.Join(s.dir, "entries", found.Name()), maxEntryBytes)
		if err != nil || jsonx.Unmarshal(data, &e) != nil {
			continue
		}
		referenced[e.Log] = true
		for _, file := range e.Files {
			referenced[file.Hash] = true
		}
	}
	blobs, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	if err != nil {
		return err
	}
	for _, blob := range blobs {
		if !referenced[blob.Name()] {
			_ = os.Remove(filepath.Join(s.dir, "blobs", blob.Name())) // the next run tries again
		}
	}
	return nil
}
