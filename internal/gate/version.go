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
	"lockstep/internal/project"
	"lockstep/internal/repo"
)

//go:embed *.go
var sources embed.FS

// Version returns a digest of all code that decides a gate's result: this package, package findings and the modules
// they may use. A cached result stays valid while the digest is the same, however the rest of the program changes.
var Version = sync.OnceValue(func() string {
	hash := sha256.New()
	for _, code := range []fs.FS{sources, findings.Sources, project.Sources, repo.Sources} {
		entries, err := fs.ReadDir(code, ".")
		if err != nil {
			panic(err) // embedded folders can always be read
		}
		for _, entry := range entries {
			text, err := fs.ReadFile(code, entry.Name())
			if err == nil && !strings.HasSuffix(entry.Name(), "_test.go") {
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
