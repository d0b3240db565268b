package host

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/tools"
)

// A sealer writes files of the cache with a seal that only this user can make. The cache lies in the project, where a
// clone may bring one along.
type sealer struct{ key []byte }

// errNotSealed says that somebody else has written a file of the cache, or that it was changed.
var errNotSealed = fault.New(fault.RunDamaged, "this user has not stored it, or it was changed")

// sealKeyBytes is the length of the key, that of the hash.
const sealKeyBytes = sha256.Size

// newSealer returns the sealer of a user with that environment, whose key is made the first time. Where no key can be
// kept outside of the project, the sealer has one for this run alone: nothing from earlier runs is believed.
func newSealer(environ []string, root string) sealer {
	key, err := loadSealKey(environ, root)
	if err != nil {
		key = newSealKey()
	}
	return sealer{key}
}

func newSealKey() []byte {
	key := make([]byte, sealKeyBytes)
	_, _ = rand.Read(key) // it never fails
	return key
}

// loadSealKey returns the user's key, which is in a folder of the user's cache. Only a file that is the user's alone
// counts.
func loadSealKey(environ []string, root string) ([]byte, error) {
	path, err := tools.PrivatePath(environ, root, "cache.key")
	if err != nil {
		return nil, err
	}
	key, err := fsx.LoadPrivate(path, sealKeyBytes, func() ([]byte, error) { return newSealKey(), nil })
	if err == nil && len(key) != sealKeyBytes {
		err = fault.Errorf(fault.RunDamaged, "%s is damaged", path)
	}
	return key, err
}

// seal returns the seal of a file of that path with that content: one that is moved to another name has another seal.
func (s sealer) seal(path string, data []byte) string {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%q\n", filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path))
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil))
}

// writeJSON replaces a file of the cache: a line with its seal, then the value as JSON.
func (s sealer) writeJSON(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return fsx.Replace(path, slices.Concat([]byte(s.seal(path, data)), []byte("\n"), data), fsx.PrivateFile)
}

// read returns the JSON that writeJSON has written. The error is errNotSealed for anything else.
func (s sealer) read(path string, limit int64) ([]byte, error) {
	text, err := fsx.ReadFile(path, limit)
	if err != nil {
		return nil, err
	}
	seal, data, ok := bytes.Cut(text, []byte("\n"))
	if !ok || !hmac.Equal(seal, []byte(s.seal(path, data))) {
		return nil, errNotSealed
	}
	return data, nil
}
