package gate

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"sync"

	"lockstep/internal/gate/findings"
	"lockstep/internal/repo"
)

//go:embed *.go
var sources embed.FS

// Version tells this package, and what it reads reports with, apart from another version of them. The rest of the program may change without
// changing what a gate comes to.
var Version = sync.OnceValue(func() string {
	hash := sha256.New()
	for _, code := range []fs.FS{sources, findings.Sources, repo.Sources} {
		entries, err := fs.ReadDir(code, ".")
		if err != nil {
			panic(err) // what is embedded can be read
		}
		for _, entry := range entries {
			if text, err := fs.ReadFile(code, entry.Name()); err == nil && !strings.HasSuffix(entry.Name(), "_test.go") {
				fmt.Fprintf(hash, "%s %d\n%s", entry.Name(), len(text), text)
			}
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			fmt.Fprintln(hash, module.Path, module.Version, module.Sum)
		}
	}
	return fmt.Sprintf("gate %x", hash.Sum(nil))
})
