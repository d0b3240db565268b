package faults

import (
	"errors"
	"fmt"
	"strings"

	"lockstep/tests/harness"
)

const deploymentGuide = "../../docs/deployment.md"

// faultNames are the faults of the document's table, in its order. Each is shown by a test of this package.
var faultNames = []string{
	"429 and 5xx", "connection resets", "late answers", "expiring credentials", "the caller's credentials expire",
	"the endpoint goes and comes back", "kill -9", "signals and a closed pipe",
	"two at once", "a template that fails", "clock skew", "a full disk",
	"a plan cut in half or edited", "a release record is altered",
}

// checkFaultTable compares what the tests have shown with the document's table, or writes it there. It does neither
// where only some of the tests ran.
func checkFaultTable() error {
	faultRows.Lock()
	defer faultRows.Unlock()
	var rows []string
	for _, fault := range faultNames {
		row, ok := faultRows.rows[fault]
		if !ok {
			return nil
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", fault, row[0], row[1]))
	}
	if len(faultRows.rows) != len(faultNames) {
		return errors.New("faultNames lacks a fault that a test shows")
	}
	want := "\n| fault | how it is made | result |\n| -- | -- | -- |\n" + strings.Join(rows, "\n") + "\n\n"
	const begin, end = "<!-- faults: written by the tests -->\n", "<!-- end of faults -->"
	return harness.CheckSection(deploymentGuide, begin, end, want, *update)
}
