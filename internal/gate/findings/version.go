package findings

import "embed"

// Sources is the source code of this package. Cached results of gates depend on it.
//
//go:embed *.go
var Sources embed.FS
