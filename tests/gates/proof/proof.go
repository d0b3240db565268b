// Package proof holds the proof that the gates catch what they claim to: for each a seeded defect that it must find and a clean twin that it must
// pass, with the real, pinned tools and the commands of the table. The packages around it run it, each with tools that are built in a few minutes.
package proof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/gate/findings"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// repository is the root of the code under test: tests run in the folder of their package, which lies below it.
var repository = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "config", "pipeline.yaml")); missing == nil {
			return dir
		}
	}
	panic(fmt.Sprintf("the tests do not run below the repository's root: %v", err))
})

// Repository is the root of the code under test.
func Repository() string { return repository() }

// programDir is the folder of the program under test.
var programDir string

// Main runs a package's tests and takes away what they made.
func Main(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(programDir) // nobody can be told any more
	os.Exit(code)
}

// buildProgram is the program under test, built when it is first needed.
var buildProgram = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "lockstep-gates-"); err != nil {
		return "", err
	}
	program := filepath.Join(programDir, "lockstep")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = repository()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return program, nil
})

// Run proves the rows of the gates, each beside the others.
func Run(t *testing.T, gates ...string) {
	t.Helper()
	for _, row := range Rows {
		if !slices.Contains(gates, row.Gate) {
			continue
		}
		t.Run(strings.ReplaceAll(row.Gate, ":", "-")+"/"+row.Name, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, row.Prove(t, ""))
		})
	}
}

// A Project is a small repository with the gates' own settings of this one.
type Project struct {
	Root  string
	Graph *pipeline.Graph
	// Path goes before everything else on the PATH of the gates' programs; empty for the real ones.
	Path string
}

// NewProject makes a repository of the files.
func NewProject(t testing.TB, all ...map[string]string) *Project {
	t.Helper()
	p := &Project{Root: t.TempDir()}
	for _, name := range []string{".golangci.yml", ".gosec.json", ".gitleaks.toml", ".mdformat.toml"} {
		text, err := os.ReadFile(filepath.Join(repository(), name))
		require.NoError(t, err)
		p.Write(t, name, string(text))
	}
	for _, files := range append([]map[string]string{commonFiles}, all...) {
		for name, text := range files {
			p.Write(t, name, text)
		}
	}
	p.loadGraph(t)
	return p
}

// loadGraph makes the table from the project's configuration.
func (p *Project) loadGraph(t testing.TB) {
	t.Helper()
	c, err := config.Load(os.DirFS(filepath.Join(p.Root, "config")))
	require.NoError(t, err)
	p.Graph, err = pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
}

// commonFiles is what every repository of the proof has.
var commonFiles = map[string]string{
	"config/pipeline.yaml":         "project: proof\ntooling:\n  account: \"123456789012\"\n  region: eu-west-1\n",
	"config/environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\nnotifications:\n  owners: [platform@example.com]\n",
}

func (p *Project) Write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(p.Root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func (p *Project) Git(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Proof", "-c", "user.email=proof@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = p.Root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// Run runs one gate as `check` does, without what it needs, and returns how it ended and what it left.
func (p *Project) Run(name string) (pipeline.Result, findings.Report, error) {
	step, ok := p.Graph.Step(name)
	if !ok {
		return pipeline.Result{}, findings.Report{}, fmt.Errorf("there is no step %q", name)
	}
	step.Needs, step.After = nil, nil
	if p.Path != "" {
		step.Tools = slices.DeleteFunc(slices.Clone(step.Tools), func(tool string) bool { return pipeline.Tools[tool].Kind != pipeline.Preinstalled })
	}
	g, err := pipeline.NewGraph([]pipeline.Step{step})
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	environ := os.Environ()
	if p.Path != "" {
		environ = append(environ, "PATH="+p.Path+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	program, err := buildProgram()
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	done, err := (&host.Runner{Root: p.Root, Executable: program, Environ: environ, Jobs: 2}).Run(context.Background(), g)
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	result := done.Results[0]
	report, err := p.report(step)
	if result.Status == pipeline.NothingToDo || result.Status == pipeline.NotRun {
		err = nil
	}
	return result, report, err
}

func (p *Project) report(step pipeline.Step) (findings.Report, error) {
	for _, out := range step.Outputs {
		text, err := os.ReadFile(filepath.Join(p.Root, filepath.FromSlash(out)))
		switch {
		case strings.HasSuffix(out, ".sarif") && err == nil:
			return findings.ReadSARIF(text, "")
		case strings.HasSuffix(out, ".xml") && err == nil:
			suites, err := findings.ReadJUnit(text)
			return findings.Report{Findings: findings.TestFailures(suites)}, err
		}
	}
	return findings.Report{}, errors.New("the gate left no report")
}

// Clean is the row's clean twin.
func (row Row) Clean(t testing.TB) *Project {
	p := NewProject(t, row.files, row.twin)
	if row.prepare != nil {
		row.prepare(t, p)
	}
	return p
}

// Prove says what is wrong with a gate: nil if it finds the defect, where it is and by its rule, and passes the twin.
func (row Row) Prove(t testing.TB, path string) error {
	bad, good := NewProject(t, row.files, row.defect), row.Clean(t)
	if row.seed != nil {
		row.seed(t, bad)
	}
	bad.Path, good.Path = path, path
	result, report, err := bad.Run(row.Gate)
	if err != nil {
		return err
	}
	found := slices.ContainsFunc(report.Findings, func(f findings.Finding) bool {
		return f.Fails() && f.Rule == row.rule && f.Location() == row.location
	})
	switch {
	case !found:
		return fmt.Errorf("the seeded defect was not found: want %s at %s, got %v; %s %s%s", row.rule, row.location, report.Findings, result.Status, result.Reason, logTail(result))
	case result.Status != pipeline.Failed:
		return fmt.Errorf("the defect was found, but the gate %s: %s", result.Status, result.Reason)
	}
	if result, report, err = good.Run(row.Gate); err != nil {
		return err
	}
	if result.Status != pipeline.Ran {
		return fmt.Errorf("the clean twin did not pass: %s %s %v%s", result.Status, result.Reason, report.Findings, logTail(result))
	}
	return nil
}

func logTail(r pipeline.Result) string {
	tail, err := host.Tail(r.Log)
	if err != nil {
		return ""
	}
	return "\n" + strings.Join(tail, "\n")
}

// ProgramOf is the program behind a gate; empty if it is this very one.
func ProgramOf(s pipeline.Step) string {
	if i := slices.Index(s.Command, "--"); i >= 0 {
		return s.Command[i+1]
	}
	return ""
}
