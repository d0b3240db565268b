package host

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// index remembers the hashes of files, or what else depends on their bytes alone, by what the file system says of them,
// so that only files that changed are read. It trusts what Git's index trusts: see stamp and isRacy.
type index struct {
	path string
	seal sealer
	now  func() time.Time
	// rereads is set if every file is read, whatever its stamp is.
	rereads bool

	mu      sync.Mutex
	stamps  map[string]stamp
	changed bool
}

// stamp is what the file system said of a file when it was read. A program can set the time of modification back, but
// not the time of change.
type stamp struct {
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	Changed  int64  `json:"changed"`  // nanoseconds since 1970
	Inode    uint64 `json:"inode"`
	Device   uint64 `json:"device"`
	// Hash is the hash of the file's bytes, or what else the index remembers.
	Hash string `json:"sum"`
}

// minStampAge is how old a file must be for its stamp to be kept. A younger file may change again within the
// resolution of the file system's clock, which is 2 s at worst (FAT), and keep its size and times.
const minStampAge = 2 * time.Second

// maxIndexBytes is more than the index of a million files.
const maxIndexBytes = 512 << 20

// openIndex loads the index. One that is damaged, missing or not sealed by this user is empty: it only saves time.
func openIndex(path string, seal sealer, now func() time.Time) *index {
	x := &index{path: path, seal: seal, now: now, stamps: map[string]stamp{}}
	info, err := os.Stat(path)
	if err != nil {
		return x
	}
	data, err := seal.read(path, maxIndexBytes)
	if err != nil || jsonx.Unmarshal(data, &x.stamps) != nil {
		x.stamps = map[string]stamp{}
	}
	for name, s := range x.stamps {
		if s.isRacy(info.ModTime()) {
			delete(x.stamps, name)
			x.changed = true
		}
	}
	return x
}

// isRacy reports whether the file may have changed unnoticed after it was read: its times are not older than the
// index. The rule is Git's, from Documentation/technical/racy-git.txt. It compares times of the same file system's
// clock.
func (s stamp) isRacy(indexWritten time.Time) bool {
	return max(s.Modified, s.Changed) >= indexWritten.UnixNano()
}

// hash returns the SHA-256 of a file's bytes in hexadecimal. What is no regular file is an error, and never opened.
func (x *index) hash(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return x.lookup(path, info, fsx.Hash)
}

// inputHash returns what a step can see of a file: its bytes and whether it can be executed.
func (x *index) inputHash(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	hash, err := x.lookup(path, info, fsx.Hash)
	if info.Mode()&0o111 != 0 {
		hash += "+x"
	}
	return hash, err
}

// lookup returns what compute returns for the file, which it does not call if the file has not changed since it did.
func (x *index) lookup(path string, info fs.FileInfo, compute func(path string) (string, error)) (string, error) {
	current := newStamp(info)
	x.mu.Lock()
	known, ok := x.stamps[path]
	x.mu.Unlock()
	current.Hash = known.Hash
	if ok && known == current && !x.rereads {
		return known.Hash, nil
	}
	var err error
	if current.Hash, err = compute(path); err != nil {
		return "", err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if current.isRacy(x.now().Add(-minStampAge)) {
		delete(x.stamps, path)
		x.changed = x.changed || ok
	} else {
		x.stamps[path] = current
		x.changed = true
	}
	return current.Hash, nil
}

// save writes the index for the next run, without the files that are gone.
func (x *index) save() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for path := range x.stamps {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			delete(x.stamps, path)
			x.changed = true
		}
	}
	if !x.changed {
		return nil
	}
	return x.seal.writeJSON(x.path, x.stamps)
}
