package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"lockstep/internal/display"
)

// AlignColumns returns a line for each row, with the cells of a column below each other and no space at the end.
// A cell is one line, whose colours stay.
func AlignColumns(rows [][]string) []string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for _, cell := range row {
			fmt.Fprint(w, display.Styled(strings.ReplaceAll(cell, "\t", " ")), "\t")
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // writing to a strings.Builder does not fail
	lines := strings.Split(text.String(), "\n")[:len(rows)]
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}
