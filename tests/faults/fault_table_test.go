package faults

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

const deploymentGuide = "../../docs/deployment.md"

// faultNames are the rows of the document's table, in its order. Each is shown by a test of this package.
var faultNames = []string{
	"429 and 5xx", "connection resets", "late answers", "expiring credentials", "the caller's credentials expire", "the endpoint goes and comes back", "kill -9", "two at once",
	"a template that fails", "clock skew", "a full disk", "a plan cut in half or edited", "a release record is altered",
}

// checkFaultTable compares what the tests have shown with the document's table, or writes it there. Whoever runs only a part of the tests compares nothing.
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
		return errors.New("a test shows a fault that the list of faults lacks")
	}
	want := "\n| fault | how it is made | what comes of it |\n| -- | -- | -- |\n" + strings.Join(rows, "\n") + "\n\n"
	text, err := os.ReadFile(deploymentGuide)
	if err != nil {
		return err
	}
	begin, end := "<!-- faults: written by the tests -->\n", "<!-- end of faults -->"
	before, rest, ok := strings.Cut(string(text), begin)
	now, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		return fmt.Errorf("%s has no place for the table of faults", deploymentGuide)
	case *update:
		return os.WriteFile(deploymentGuide, []byte(before+begin+want+end+after), 0o644)
	case now != want:
		return fmt.Errorf("%s says something else than the tests have shown: run them with -update", deploymentGuide)
	}
	return nil
}
