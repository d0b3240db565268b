package host

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// index remembers the sums of files by what the file system says of them, so that only files that changed are read.
type index struct {
	mu     sync.Mutex
	path   string
	stamps map[string]stamp
	dirty  bool
}

// stamp is a file as it was when it was read.
type stamp struct {
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	Sum      string `json:"sum"`
}

// minStampAge is how old a file must be for its stamp to be trusted: a younger one may change again within the resolution of
// the file system's clock and keep its size.
const minStampAge = 2 * time.Second

// openIndex reads the index. One that is damaged or missing is an empty one: it only saves time.
func openIndex(path string) *index {
	x := &index{path: path, stamps: map[string]stamp{}}
	if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &x.stamps) != nil {
		x.stamps = map[string]stamp{}
	}
	return x
}

// sum is the SHA-256 of a file's bytes and of whether it can be executed, in hexadecimal.
func (x *index) sum(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	now := stamp{Size: info.Size(), Modified: info.ModTime().UnixNano()}
	key := path + executableMark(info.Mode())
	x.mu.Lock()
	old, ok := x.stamps[key]
	x.mu.Unlock()
	if ok && old.Size == now.Size && old.Modified == now.Modified {
		return old.Sum, nil
	}
	if now.Sum, err = sumFile(path); err != nil {
		return "", err
	}
	now.Sum += executableMark(info.Mode())
	if time.Since(info.ModTime()) > minStampAge {
		x.mu.Lock()
		x.stamps[key], x.dirty = now, true
		x.mu.Unlock()
	}
	return now.Sum, nil
}

func executableMark(mode os.FileMode) string {
	if mode&0o111 != 0 {
		return "+x"
	}
	return ""
}

func sumFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// save writes the index for the next run, without the files that are gone.
func (x *index) save() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.dirty {
		return nil
	}
	data, err := json.Marshal(x.stamps)
	if err != nil {
		return err
	}
	return writeAtomic(x.path, data)
}
