package tools

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// Sum is the SHA-256, in hexadecimal, over the names and texts of the lock files that a tool is installed from.
func (t Tool) Sum() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(t.lockFiles(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(t.lockFiles(), name)
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
