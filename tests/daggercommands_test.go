package tests

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/cli"
	"lockstep/tests/harness"
)

// moduleCounterparts are the functions of the module that have another name than their command.
var moduleCounterparts = map[string]string{"digest": "digests"}

// withoutFunction are the commands that the module has no function for, and why.
var withoutFunction = map[string]string{
	"attest":    "it reads exported files, and is for those who trust no pipeline",
	"bootstrap": "a person runs it once for an account, with rights that no pipeline has",
	"comment":   "a job calls it with the token of its service, for the request that it runs for",
	"config":    "the gate config checks the configuration, and check runs it",
	"context":   "it writes answers of look-ups into the app, before it is committed",
	"diagrams":  "the pictures are files of the repository, and graph draws the steps",
	"doctor":    "it looks at this machine, and containers bring what they need",
	"hooks":     "it installs a hook of Git on this machine",
	"maintain":  "its jobs are pipelines of their own",
	"selftest":  "it is for a person with accounts that nothing else uses",
	"tools":     "containers install their tools themselves",
	"images":    "it writes the table of images of the module itself",
	"version":   "it is the version of a program on a machine, and the module has that of its own reference",
	"workflows": "it writes files that a gate of Lockstep keeps current",
}

// gatesWithSameName are functions that run a gate, and not the command of their name.
var gatesWithSameName = []string{"images", "workflows"}

// Every command of the command line can be called through the module, or has a reason why not.
func TestDagger_HasFunctionForEachCommand(t *testing.T) {
	module := readModule(t, os.DirFS(harness.Repository()))
	for _, cmd := range cli.Commands().Commands() {
		name := cmd.Name()
		if cmd.Hidden || name == "help" || name == "completion" {
			continue
		}
		function := name
		if other := moduleCounterparts[name]; other != "" {
			function = other
		}
		_, hasFunction := module.arguments[function]
		hasFunction = hasFunction && !slices.Contains(gatesWithSameName, function)
		assert.NotEqual(t, withoutFunction[name] != "", hasFunction,
			"%s: the module has the function %s: %v, and the reason against it is %q",
			name, function, hasFunction, withoutFunction[name])
	}
}
