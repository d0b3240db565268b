package command

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/pipeline"
)

// graphFormats are the ways to write the graph.
var graphFormats = map[string]func(io.Writer, *pipeline.Graph) error{
	"text": graphText, "json": graphJSON, "dot": graphDot, "mermaid": graphMermaid,
}

func (a *app) graphCommand() *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use: "graph", Short: "Show the steps, what they wait for, and the digest of it all", Args: noArgs,
		Long: `Show the whole table of steps as a graph. Its digest covers every command, declared input, output, variable and image: two
runs that print the same digest ran the same pipeline.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json {
				format = "json"
			}
			write, ok := graphFormats[format]
			if !ok {
				return usagef("--format %s: write text, json, dot or mermaid", format)
			}
			p, err := a.open()
			if err != nil {
				return err
			}
			g, err := p.graph()
			if err != nil {
				return err
			}
			if a.env != "" {
				envs, err := a.environments(p)
				if err != nil {
					return err
				}
				chosen := names(envs)
				g = g.Select(func(s pipeline.Step) bool { return s.Environment == "" || slices.Contains(chosen, s.Environment) })
			}
			return write(a.Stdout, g)
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text, json, dot or mermaid")
	a.addEnv(cmd)
	return cmd
}

func graphText(w io.Writer, g *pipeline.Graph) error {
	for _, stage := range pipeline.Stages {
		first := true
		for _, s := range g.Steps() {
			if s.Stage != stage {
				continue
			}
			if first {
				fmt.Fprintln(w, stage)
				first = false
			}
			line := fmt.Sprintf("  %-15s %s", s.Name, s.Summary)
			if waits := waitingFor(g, s); len(waits) > 0 {
				line += "  (after " + strings.Join(waits, ", ") + ")"
			}
			fmt.Fprintln(w, line)
		}
	}
	_, err := fmt.Fprintln(w, "digest", g.Digest())
	return err
}

// waitingFor are the steps that the step waits for; where all gates are among them they have one word.
func waitingFor(g *pipeline.Graph, s pipeline.Step) []string {
	all, isGate := true, map[string]bool{}
	waits := g.WaitsFor(s.Name)
	for _, other := range g.Steps() {
		if slices.Contains(pipeline.Gates, other.Stage) && (other.Environment == "" || other.Environment == s.Environment) {
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

func graphJSON(w io.Writer, g *pipeline.Graph) error {
	return json.NewEncoder(w).Encode(map[string]any{"digest": g.Digest(), "steps": g.Steps()})
}

func graphDot(w io.Writer, g *pipeline.Graph) error {
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

func graphMermaid(w io.Writer, g *pipeline.Graph) error {
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
