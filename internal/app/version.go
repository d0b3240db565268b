package app

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

// Version returns a digest of the code of this package. An assembly that was kept is made again when it changes.
var Version = sync.OnceValue(func() string {
	hash := sha256.New()
	entries, err := fs.ReadDir(sources, ".")
	if err != nil {
		panic(err) // embedded folders can always be read
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(sources, entry.Name())
		if err == nil && !strings.HasSuffix(entry.Name(), "_test.go") {
			fmt.Fprintf(hash, "%s %d\n%s", entry.Name(), len(text), text)
		}
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
})
