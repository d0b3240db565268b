package gate

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"runtime/debug"
	"sync"

	"lockstep/internal/fsx"
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
		fsx.HashSources(hash, code)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			fmt.Fprintln(hash, module.Path, module.Version, module.Sum)
		}
	}
	return fmt.Sprintf("gate %x", hash.Sum(nil))
})
