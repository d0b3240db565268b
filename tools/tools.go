// Package tools owns the external tools that Lockstep installs by itself: each one pinned with the hashes of all that it needs, and
// kept in the user's cache.
package tools

import (
	"embed"
	"io/fs"
)

// A Tool is an external program that is installed when it is first needed.
type Tool struct {
	// Name is that of the folder with the tool's lock files.
	Name string
	// about is what the progress line says of it.
	about string
	// commands install the tool in the folder they are run in, which holds the lock files.
	commands [][]string
	// Program is what must be there when the tool is installed, relative to its folder.
	Program string
}

// The tools.
var (
	// Ministack emulates AWS accounts.
	Ministack = Tool{
		Name: "ministack", about: "the emulated accounts (90 MB, once)", Program: "venv/bin/python",
		commands: [][]string{
			{"python3", "-m", "venv", "venv"},
			{"venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"},
			// What the emulator knows is asked once, here: loading its catalogue takes longer than starting it.
			{"venv/bin/python", "-c", knownTypesScript},
		},
	}
	// CDK is the CDK's command line, which bootstraps accounts.
	CDK = Tool{
		Name: "cdk", about: "the CDK command line (once)", Program: "node_modules/aws-cdk/bin/cdk",
		commands: [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"}},
	}
)

const (
	// ResourceTypes is the file, in the emulator's folder, that lists the resource types it can make.
	ResourceTypes    = "resource-types.json"
	knownTypesScript = "import json; from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as known; " +
		"json.dump(sorted(known), open('" + ResourceTypes + "', 'w'))"
)

//go:embed ministack/requirements.txt cdk/package.json cdk/package-lock.json
var files embed.FS

// lockFiles are the files that the tool's installer reads.
func (t Tool) lockFiles() fs.FS {
	sub, err := fs.Sub(files, t.Name)
	if err != nil {
		panic(err) // the folder's name is not a path
	}
	return sub
}
