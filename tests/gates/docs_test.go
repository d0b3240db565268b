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

var tableOfGates = regexp.MustCompile(`(?s)(<!-- gates: .*? -->\n\n).*?(<!-- end -->)`)

func TestDocument_GateTableIsCurrent(t *testing.T) {
	file := filepath.Join(proof.Repository(), "docs", "gates.md")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	want := tableOfGates.ReplaceAllString(string(text), "${1}"+strings.ReplaceAll(gateRows(t), "$", "$$")+"\n${2}")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(text), "run go test ./tests/gates -update")
}

// gateRows is the table as mdformat would write it.
func gateRows(t *testing.T) string {
	rows := [][]string{{"gate", "stage", "what it holds to", "program"}}
	for _, s := range proof.NewProject(t).Graph.Steps() {
		if !slices.Contains(pipeline.GateStages, s.Stage) {
			continue
		}
		program := proof.ProgramOf(s)
		if tool := pipeline.Tools[program]; tool.Kind != pipeline.Preinstalled && program != "" {
			program += " " + tool.Version
		}
		name, summary := strings.Replace(s.Name, ":dev", ":ENV", 1), strings.Replace(s.Summary, "of dev", "of an environment", 1)
		rows = append(rows, []string{name, string(s.Stage), summary, cmp.Or(program, pipeline.Self)})
	}
	rows = slices.Insert(rows, 1, []string{"--", "--", "--", "--"})
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}
