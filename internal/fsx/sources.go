package fsx

import (
	"fmt"
	"hash"
	"io/fs"
	"strings"
)

// HashSources adds the embedded sources of a package, without those of its tests, to a sum.
func HashSources(sum hash.Hash, sources fs.FS) {
	entries, err := fs.ReadDir(sources, ".")
	if err != nil {
		panic(err) // embedded folders can always be read
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(sources, entry.Name())
		if err == nil && !strings.HasSuffix(entry.Name(), "_test.go") {
			fmt.Fprintf(sum, "%s %d\n%s", entry.Name(), len(text), text)
		}
	}
}
