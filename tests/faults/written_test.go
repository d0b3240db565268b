package faults

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

const document = "../../docs/deployment.md"

// faults are the rows of the document's table, in its order. Each is shown by a test of this package.
var faults = []string{
	"429 and 5xx", "connection resets", "late answers", "expiring credentials", "the caller's credentials expire", "the endpoint goes and comes back", "kill -9", "two at once",
	"a template that fails", "clock skew", "a full disk", "a plan cut in half or edited", "a release record is altered",
}

// written compares what the tests have shown with the document's table, or writes it there. Whoever runs only a part of the tests compares nothing.
func written() error {
	table.Lock()
	defer table.Unlock()
	var rows []string
	for _, fault := range faults {
		row, ok := table.rows[fault]
		if !ok {
			return nil
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |", fault, row[0], row[1]))
	}
	if len(table.rows) != len(faults) {
		return errors.New("a test shows a fault that the list of faults lacks")
	}
	want := "\n| fault | how it is made | what comes of it |\n| -- | -- | -- |\n" + strings.Join(rows, "\n") + "\n\n"
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	begin, end := "<!-- faults: written by the tests -->\n", "<!-- end of faults -->"
	before, rest, ok := strings.Cut(string(text), begin)
	now, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		return fmt.Errorf("%s has no place for the table of faults", document)
	case *update:
		return os.WriteFile(document, []byte(before+begin+want+end+after), 0o644)
	case now != want:
		return fmt.Errorf("%s says something else than the tests have shown: run them with -update", document)
	}
	return nil
}
