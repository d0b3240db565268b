// Package tools holds the external tools that Lockstep installs by itself: each one pinned, with the hashes of all that it needs.
package tools

import (
	"embed"
	"io/fs"
)

//go:embed ministack/requirements.txt cdk/package.json cdk/package-lock.json
var files embed.FS

// The folders of Files, one for each tool.
const (
	// Ministack emulates AWS accounts; installed with pip.
	Ministack = "ministack"
	// CDK is the CDK's command line, which bootstraps accounts; installed with npm.
	CDK = "cdk"
)

// Files are the lock files of a tool, by the names that its installer wants.
func Files(tool string) fs.FS {
	sub, err := fs.Sub(files, tool)
	if err != nil {
		panic(err) // the folder's name is not a path
	}
	return sub
}
