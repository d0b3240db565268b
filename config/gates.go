package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Gates are the settings of the gates in config/pipeline.yaml.
type Gates struct {
	// Registries are the container registries that images may come from; docker.io and registry.dagger.io by default.
	Registries []string `json:"registries,omitempty" schema:"registry" jsonschema:"minItems=1"`
	// GoVulnerabilities is the address of the database of vulnerabilities in Go modules; https://vuln.go.dev by default.
	// A folder is written file:///PATH.
	GoVulnerabilities string `json:"goVulnerabilities,omitempty" schema:"databaseURL"`
	// OSVDatabases is the folder of downloaded OSV databases, for machines without access to osv.dev. It holds
	// osv-scalibr/ECOSYSTEM/all.zip, as osv-scanner --download-offline-databases writes it. If it is empty, osv.dev is
	// asked.
	OSVDatabases string `json:"osvDatabases,omitempty" schema:"folder"`
	// GoPackages are the packages whose unit tests the gate unit runs, as the go command names them; ./... by default.
	GoPackages []string `json:"goPackages,omitempty" schema:"goPackage" jsonschema:"minItems=1"`
	// Off are the gates that do not run, each with the reason, which reports show. A release needs them no more.
	Off map[string]string `json:"off,omitempty" schema:"offReasons"`
}

// EnvironmentGates are the settings of the gates for an environment.
type EnvironmentGates struct {
	// MayBeAbsent is the list of the gates that a release may be deployed without when they cannot run at all. A gate
	// that runs and finds something always counts.
	MayBeAbsent []string `json:"mayBeAbsent,omitempty" schema:"gateName"`
}

// minReasonLength is the length of the shortest reason that says something.
const minReasonLength = 10

// checkGatesOff requires gates that exist, and a reason for each that is off.
func checkGatesOff(l *loader) {
	d := l.documents[pipelineFile]
	if d == nil || len(l.pipeline.Gates.Off) == 0 {
		return
	}
	known := gateNames()
	for _, name := range slices.Sorted(maps.Keys(l.pipeline.Gates.Off)) {
		path := []string{"gates", "off"}
		switch reason := l.pipeline.Gates.Off[name]; {
		case !slices.Contains(known, name):
			hint := "the gates are " + strings.Join(known, ", ")
			if near := closestMatch(name, known); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			l.addKeyProblem(d, path, name, fmt.Sprintf("there is no gate %q", name), hint)
		case len(strings.TrimSpace(reason)) < minReasonLength:
			l.addKeyProblem(d, path, name, "the gate "+name+" is off without a reason",
				"write why the repository does without it")
		}
	}
}

// gateNames returns the names of the gates, which the schema has as the values of mayBeAbsent.
func gateNames() []string {
	schema, err := validators["environment"]()
	if err != nil {
		return nil // validateDocument has reported it
	}
	var names []string
	for _, name := range subschema(schema, []string{"gates", "mayBeAbsent", "0"}).Enum.Values {
		names = append(names, fmt.Sprint(name))
	}
	return names
}
