// Package check measures how long the gates take when nothing has changed since they passed.
package check

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockstep/bench/measure"
	"lockstep/config"
	"lockstep/internal/gate/findings"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// BenchmarkCheck compares a run of all gates with nothing to do with what it cannot do without: reading the
// configuration and making the graph, and looking at every file, as `git status` does. A program that finds nothing
// stands for the gates. Run it with `go test ./bench/check -run '^$' -bench Check -benchtime 20x`.
func BenchmarkCheck(b *testing.B) {
	root := filepath.Join(b.TempDir(), "project")
	run(b, ".", "git", "clone", "--quiet", "../..", root)
	runner := host.Runner{
		Root: root, Executable: newGateProgram(b, loadGates(b, root)), Environ: os.Environ(), Jobs: 2,
		ComponentVersion: func([]string) string { return "benchmark" },
	}
	check := func(b *testing.B, want pipeline.Status) {
		report, err := runner.Run(context.Background(), loadGates(b, root))
		require.NoError(b, err)
		for _, result := range report.Results {
			require.Contains(b, []pipeline.Status{want, pipeline.NothingToDo}, result.Status, "%v", result)
		}
	}
	check(b, pipeline.Ran)
	// The hash of a file is only kept once the file is 2 s old, so the files' hashes are kept by the second run.
	time.Sleep(3 * time.Second)
	check(b, pipeline.Cached)

	graph := measure.Average(b, "graph", func(b *testing.B) { loadGates(b, root).Digest() })
	status := measure.Average(b, "git status", func(b *testing.B) { run(b, root, "git", "status", "--porcelain") })
	checked := measure.Average(b, "check", func(b *testing.B) { check(b, pipeline.Cached) })
	b.Logf("a check takes %.1f times as long as the graph and %.1f times as long as git status",
		float64(checked)/float64(graph), float64(checked)/float64(status))
}

// loadGates returns the graph of all steps that call no account.
func loadGates(b *testing.B, root string) *pipeline.Graph {
	b.Helper()
	c, err := config.Load(os.DirFS(filepath.Join(root, "config")))
	require.NoError(b, err)
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(b, err)
	return g.Select(func(s pipeline.Step) bool { return s.Effect == pipeline.Compute })
}

// newGateProgram returns a program that makes the outputs of a step of the graph and finds nothing.
func newGateProgram(b *testing.B, g *pipeline.Graph) string {
	b.Helper()
	dir := b.TempDir()
	var empty bytes.Buffer
	require.NoError(b, findings.WriteSARIF(&empty, []findings.Report{{Gate: "none", Tool: "none"}}))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "sarif"), empty.Bytes(), 0o644))
	suites := []findings.Suite{{Name: "none", Cases: []findings.Case{{Name: "TestNone", Class: "none"}}}}
	empty.Reset()
	require.NoError(b, findings.WriteJUnit(&empty, suites))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "junit"), empty.Bytes(), 0o644))

	script := "#!/bin/sh\ncase $1:$2 in\n"
	for _, step := range g.Steps() {
		if !step.IsGate() {
			continue
		}
		script += step.Command[1] + ":" + step.Command[2] + ")\n"
		for _, out := range step.Outputs {
			switch {
			case strings.HasSuffix(out, ".sarif"):
				script += fmt.Sprintf("cp %s/sarif %s\n", dir, out)
			case strings.HasSuffix(out, ".xml"):
				script += fmt.Sprintf("cp %s/junit %s\n", dir, out)
			default:
				script += fmt.Sprintf("mkdir -p %s\n", out)
			}
		}
		script += ";;\n"
	}
	program := filepath.Join(dir, "gate")
	require.NoError(b, os.WriteFile(program, []byte(script+"esac\n"), 0o755))
	return program
}

func run(b *testing.B, dir, name string, args ...string) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
}
