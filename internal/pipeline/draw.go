package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DrawFuncs are the functions that draw a graph, by the name of the format.
var DrawFuncs = map[string]func(io.Writer, *Graph) error{
	"text": drawText, "json": drawJSON, "dot": drawDot, "mermaid": drawMermaid, "svg": drawSVG,
}

func drawText(w io.Writer, g *Graph) error {
	width := 0
	for _, s := range g.steps {
		width = max(width, len(s.Name))
	}
	for _, stage := range Stages {
		first := true
		for _, s := range g.Steps() {
			if s.Stage != stage {
				continue
			}
			if first {
				fmt.Fprintln(w, stage)
				first = false
			}
			line := fmt.Sprintf("  %-*s  %s", width, s.Name, s.Summary)
			if waits := predecessorLabels(g, s); len(waits) > 0 {
				line += "  (after " + strings.Join(waits, ", ") + ")"
			}
			fmt.Fprintln(w, line)
		}
	}
	_, err := fmt.Fprintln(w, "digest", g.Digest())
	return err
}

// predecessorLabels returns the names of the steps that the step waits for. If it waits for all gates they become one
// word.
func predecessorLabels(g *Graph, s Step) []string {
	all, isGate := true, map[string]bool{}
	waits := g.Predecessors(s.Name)
	for _, other := range g.Steps() {
		if slices.Contains(GateStages, other.Stage) && (other.Environment == "" || other.Environment == s.Environment) {
			isGate[other.Name] = true
			all = all && slices.Contains(waits, other.Name)
		}
	}
	if !all || len(isGate) == 0 {
		return waits
	}
	var out []string
	for _, name := range waits {
		switch {
		case !isGate[name]:
			out = append(out, name)
		case !slices.Contains(out, everyGate):
			out = append(out, everyGate)
		}
	}
	return out
}

const everyGate = "every gate"

func drawJSON(w io.Writer, g *Graph) error {
	return json.NewEncoder(w).Encode(map[string]any{"digest": g.Digest(), "steps": g.Steps()})
}

func drawDot(w io.Writer, g *Graph) error {
	fmt.Fprintln(w, "digraph lockstep {\n  rankdir=LR\n  node [shape=box]")
	for _, s := range g.Steps() {
		fmt.Fprintf(w, "  %q [tooltip=%q]\n", s.Name, s.Summary)
		for _, need := range s.Needs {
			fmt.Fprintf(w, "  %q -> %q\n", need, s.Name)
		}
		for _, after := range s.After {
			fmt.Fprintf(w, "  %q -> %q [style=dashed]\n", after, s.Name)
		}
	}
	_, err := fmt.Fprintln(w, "}")
	return err
}

func drawMermaid(w io.Writer, g *Graph) error {
	id := strings.NewReplacer(":", "_", "-", "_").Replace
	fmt.Fprintln(w, "flowchart LR")
	for _, s := range g.Steps() {
		fmt.Fprintf(w, "  %s[%s]\n", id(s.Name), s.Name)
		for _, need := range s.Needs {
			fmt.Fprintf(w, "  %s --> %s\n", id(need), id(s.Name))
		}
		for _, after := range s.After {
			fmt.Fprintf(w, "  %s -.-> %s\n", id(after), id(s.Name))
		}
	}
	return nil
}
