// Package tools installs the tools of internal/pipeline's table on a machine: from lock files with the hashes of all
// that they are made of, when they are first needed, into the user's cache.
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

// files holds the lock files of each tool in the folder of its name. Those of Go tools are called tool.mod and
// tool.sum: a folder with a go.mod would be a module of its own, and could not be embedded.
//
//go:embed */*.mod */*.sum */*.txt */*.json
var files embed.FS

// The tools that other packages run, and files in their folders.
const (
	Ministack = pipeline.ToolMinistack
	CDK       = pipeline.ToolCDK
	// MinistackPython is the Python interpreter that has the emulator installed, in the emulator's folder.
	MinistackPython = "venv/bin/python"
	// CDKProgram is the CDK's command line, in the CDK's folder.
	CDKProgram = "node_modules/aws-cdk/bin/cdk"
	// ResourceTypes is the file that lists the resource types that the emulator can create, in the emulator's folder.
	ResourceTypes = pipeline.ResourceTypesFile
	// BootstrapTemplate is the template of `cdk bootstrap`, in the CDK's folder.
	BootstrapTemplate = pipeline.BootstrapTemplateFile
)

// lockFiles returns the files that a tool's installation reads.
func lockFiles(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the table's keys are paths
	}
	return sub
}

// Sum returns the SHA-256, in hexadecimal, of all that an installed tool is made from: its lock files and the
// commands that install it. It is empty for what the machine must have.
func Sum(name string) string { return sums()[name] }

// sums returns the sum of each tool that is installed.
var sums = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, name := range InstallableNames() {
		all[name] = computeSum(name)
	}
	return all
})

func computeSum(name string) string {
	tool := pipeline.Tools[name]
	return sumFiles(name, tool.InstallCommands(), tool.InstallEnv())
}

// computeDataSum is computeSum of a data source.
func computeDataSum(name string) string { return sumFiles(name, dataCommands(), nil) }

// sumFiles returns the SHA-256, in hexadecimal, of lock files and of what installs from them.
func sumFiles(name string, commands [][]string, environment map[string]string) string {
	hash := sha256.New()
	entries, err := fs.ReadDir(files, name)
	if err != nil {
		panic(err) // a test reads all lock files
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(lockFiles(name), entry.Name())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(hash, "%s %d\n%s", entry.Name(), len(text), text)
	}
	fmt.Fprint(hash, commands, environment)
	return hex.EncodeToString(hash.Sum(nil))
}

// InstallableNames returns the keys of the tools that are installed when they are first needed, in alphabetical order.
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
