package app

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"lockstep/internal/fsx"
)

// Version returns a digest of the code of this package. An assembly that was kept is made again when it changes.
var Version = sync.OnceValue(func() string {
	hash := sha256.New()
	fsx.HashSources(hash, sources)
	return fmt.Sprintf("%x", hash.Sum(nil))
})
