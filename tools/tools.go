// Package tools owns how the tools of the table come onto a machine: from lock files with the hashes of all that they are made of, when
// they are first needed, into the user's cache. Which tools there are stands in internal/pipeline.
package tools

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"lockstep/internal/pipeline"
)

// The lock files of each tool lie in the folder of its name. Those of Go tools are called tool.mod and tool.sum: a folder with a go.mod
// would be a module of its own and could not be part of this program.
//
//go:embed */*.mod */*.sum */*.txt */*.json
var files embed.FS

// The tools that other packages run by themselves.
const (
	Ministack = pipeline.ToolMinistack
	CDK       = pipeline.ToolCDK
	// MinistackPython is the interpreter, in the emulator's folder, that has the emulator.
	MinistackPython = "venv/bin/python"
	// CDKProgram is the CDK's command line in its folder.
	CDKProgram = "node_modules/aws-cdk/bin/cdk"
	// ResourceTypes is the file, in the emulator's folder, that lists the resource types it can make.
	ResourceTypes = pipeline.ResourceTypesFile
	// BootstrapTemplate is the file, in the CDK's folder, that holds the template of `cdk bootstrap`.
	BootstrapTemplate = pipeline.BootstrapTemplateFile
)

// lockFiles are the files that a tool's installation reads.
func lockFiles(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the table's keys are paths
	}
	return sub
}

// Sum is the SHA-256, in hexadecimal, of all that an installed tool is made from: its lock files and the commands that install it. It is empty for
// what the machine must bring.
func Sum(name string) string {
	sumsMu.Lock()
	defer sumsMu.Unlock()
	if sum, ok := sums[name]; ok {
		return sum
	}
	tool := pipeline.Tools[name]
	if tool.Kind == pipeline.Preinstalled {
		return ""
	}
	hash := sha256.New()
	entries, err := fs.ReadDir(files, name)
	if err != nil {
		panic(err) // a test reads every tool's lock files
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(lockFiles(name), entry.Name())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", entry.Name(), len(text), text)
	}
	fmt.Fprint(hash, tool.InstallCommands(), tool.InstallEnv())
	sums[name] = hex.EncodeToString(hash.Sum(nil))
	return sums[name]
}

var (
	sumsMu sync.Mutex
	sums   = map[string]string{}
)

// InstallableNames are the keys of the tools that are installed on first need, in alphabetical order.
func InstallableNames() []string {
	var names []string
	for name, tool := range pipeline.Tools {
		if tool.Kind != pipeline.Preinstalled {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
