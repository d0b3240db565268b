// Package project knows the projects of a repository in the languages that Lockstep itself is not written in: where
// they are, how their packages are installed from lock files, and which checks their own settings name. It reads files
// and starts nothing.
package project

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fsx"
)

// Sources has the code of this package, which decides the results of gates.
//
//go:embed *.go
var Sources embed.FS

// A Tree is the files of a repository: their slash-separated names, and where their content is.
type Tree struct {
	Files []string
	FS    fs.FS
}

// A Command is a program that runs in a folder of the repository, or of a copy of it.
type Command struct {
	// Folder is slash-separated and relative to the repository; "." for the repository itself.
	Folder string
	Argv   []string
	// Env are variables of its environment, as NAME=VALUE.
	Env []string
}

// A Problem is why a project cannot be installed or checked.
type Problem struct {
	// File is what it is about.
	File string
	// Rule is the kind of problem.
	Rule, Message string
	// IsNote is set if it fails no gate.
	IsNote bool
}

// foreignFolders hold no projects of the repository's own: samples for tests, packages and outputs.
var foreignFolders = []string{
	"testdata", "fixtures", "__fixtures__", "node_modules", "vendor", "cdk.out", ".yarn", ".venv", "venv", ".lockstep",
}

// isForeign reports whether a file is in one of foreignFolders.
func isForeign(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(folder string) bool {
		return slices.Contains(foreignFolders, folder)
	})
}

// has reports whether the repository has the file.
func (t Tree) has(folder, name string) bool {
	return slices.Contains(t.Files, path.Join(folder, name))
}

// named returns the files of the repository's own with one of the names, in alphabetical order.
func (t Tree) named(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(t.Files), func(file string) bool {
		return isForeign(file) || !slices.Contains(names, path.Base(file))
	})
}

// read returns the content of a file, which is empty if the file cannot be read: whatever needs it says so itself.
func (t Tree) read(folder, name string) []byte {
	text, err := fsx.ReadFileFS(t.FS, path.Join(folder, name), fsx.MaxText)
	if err != nil {
		return nil
	}
	return text
}

// above returns the folder and those that it is in, the innermost first, down to the repository itself.
func above(folder string) []string {
	folders := []string{folder}
	for folder != "." {
		folder = path.Dir(folder)
		folders = append(folders, folder)
	}
	return folders
}

// nearest returns the innermost of the folders that the file or folder is in.
func nearest(folders []string, name string) (string, bool) {
	for _, folder := range above(path.Dir(name)) {
		if slices.Contains(folders, folder) {
			return folder, true
		}
	}
	return "", false
}

// foldersOf returns the folders of the files, sorted and without duplicates.
func foldersOf(files []string) []string {
	var folders []string
	for _, file := range files {
		folders = append(folders, path.Dir(file))
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
