package gates

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tests/gates/proof"
)

var update = flag.Bool("update", false, "write the table of gates into the documentation")

// tableOfGates matches the table with the comments around it.
var tableOfGates = regexp.MustCompile(`(?s)(<!-- gates: .*? -->\n\n).*?(<!-- end -->)`)

func TestDocument_GateTableIsCurrent(t *testing.T) {
	file := filepath.Join(proof.Repository(), "docs", "gates.md")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	table := strings.ReplaceAll(gateTable(t), "$", "$$")
	want := tableOfGates.ReplaceAllString(string(text), "${1}"+table+"\n${2}")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(text), "run go test ./tests/gates -update")
}

// gateTable returns the table of gates, in mdformat's format.
func gateTable(t *testing.T) string {
	rows := [][]string{{"gate", "stage", "what it checks", "program"}, {"--", "--", "--", "--"}}
	for _, s := range proof.NewProject(t).Graph.Steps() {
		if !slices.Contains(pipeline.GateStages, s.Stage) {
			continue
		}
		program := proof.ProgramOf(s)
		if tool, ok := pipeline.Tools[program]; ok && tool.Kind != pipeline.Preinstalled {
			program += " " + tool.Version
		}
		name := strings.Replace(s.Name, ":dev", ":ENV", 1)
		summary := strings.Replace(s.Summary, "of dev", "of an environment", 1)
		rows = append(rows, []string{name, string(s.Stage), summary, cmp.Or(program, pipeline.Self)})
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}
