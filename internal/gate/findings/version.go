package findings

import "embed"

// Sources is this package's own code: what it makes of a tool's report depends on it.
//
//go:embed *.go
var Sources embed.FS
