// Package gates holds the proof that the gates catch what they claim to: for each a seeded defect that it must find and a clean twin that it must
// pass, with the real, pinned tools and the commands of the table.
package gates

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	"lockstep/internal/findings"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// repository is the root of the code under test.
var repository = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Dir(filepath.Dir(dir))
}()

// built is the folder of the program under test.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built) // nobody can be told any more
	os.Exit(code)
}

// self is the program under test, built when it is first needed.
var self = sync.OnceValues(func() (string, error) {
	var err error
	if built, err = os.MkdirTemp("", "lockstep-gates-"); err != nil {
		return "", err
	}
	program := filepath.Join(built, "lockstep")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return program, nil
})

// project is a small repository with the gates' own settings of this one.
type project struct {
	root  string
	graph *pipeline.Graph
	// path goes before everything else on the PATH of the gates' programs; empty for the real ones.
	path string
}

// newProject makes a repository of the files, an empty one being one that says "dir/".
func newProject(t testing.TB, all ...map[string]string) *project {
	t.Helper()
	p := &project{root: t.TempDir()}
	for _, name := range []string{".golangci.yml", ".gosec.json", ".gitleaks.toml", ".mdformat.toml"} {
		text, err := os.ReadFile(filepath.Join(repository, name))
		require.NoError(t, err)
		p.write(t, name, string(text))
	}
	for _, files := range append([]map[string]string{always}, all...) {
		for name, text := range files {
			p.write(t, name, text)
		}
	}
	p.read(t)
	return p
}

// read makes the table from the project's configuration.
func (p *project) read(t testing.TB) {
	t.Helper()
	c, err := config.Load(os.DirFS(filepath.Join(p.root, "config")))
	require.NoError(t, err)
	p.graph, err = pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
}

// always is what every repository of the proof has.
var always = map[string]string{
	"config/pipeline.yaml":         "project: proof\ntooling:\n  account: \"123456789012\"\n  region: eu-west-1\n",
	"config/environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\nnotifications:\n  owners: [platform@example.com]\n",
}

func (p *project) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(p.root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func (p *project) git(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Proof", "-c", "user.email=proof@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = p.root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// run runs one gate as `check` does, without what it needs, and returns how it ended and what it left.
func (p *project) run(name string) (pipeline.Result, findings.Report, error) {
	step, ok := p.graph.Step(name)
	if !ok {
		return pipeline.Result{}, findings.Report{}, fmt.Errorf("there is no step %q", name)
	}
	step.Needs, step.After = nil, nil
	if p.path != "" {
		step.Tools = slices.DeleteFunc(slices.Clone(step.Tools), func(tool string) bool { return pipeline.Tools[tool].Kind != pipeline.Machine })
	}
	g, err := pipeline.NewGraph([]pipeline.Step{step})
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	environ := os.Environ()
	if p.path != "" {
		environ = append(environ, "PATH="+p.path+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	program, err := self()
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	done, err := (&host.Runner{Root: p.root, Self: program, Environ: environ, Jobs: 2}).Run(context.Background(), g)
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	result := done.Results[0]
	report, err := p.report(step)
	if result.Status == pipeline.Nothing || result.Status == pipeline.NotRun {
		err = nil
	}
	return result, report, err
}

func (p *project) report(step pipeline.Step) (findings.Report, error) {
	for _, out := range step.Outputs {
		text, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(out)))
		switch {
		case strings.HasSuffix(out, ".sarif") && err == nil:
			return findings.ReadSARIF(text, "")
		case strings.HasSuffix(out, ".xml") && err == nil:
			suites, err := findings.ReadJUnit(text)
			return findings.Report{Findings: findings.Failing(suites)}, err
		}
	}
	return findings.Report{}, errors.New("the gate left no report")
}

// prove says what is wrong with a gate: nil if it finds the defect, where it is and by its rule, and passes the twin.
func (row proof) prove(t testing.TB, path string) error {
	bad, good := newProject(t, row.files, row.defect), newProject(t, row.files, row.twin)
	for p, prepare := range map[*project]func(testing.TB, *project){bad: row.seed, good: row.prepare} {
		p.path = path
		if prepare != nil {
			prepare(t, p)
		}
	}
	result, report, err := bad.run(row.gate)
	if err != nil {
		return err
	}
	found := slices.ContainsFunc(report.Findings, func(f findings.Finding) bool {
		return f.Fails() && f.Rule == row.rule && f.Place() == row.at
	})
	switch {
	case !found:
		return fmt.Errorf("the seeded defect was not found: want %s at %s, got %v; %s %s%s", row.rule, row.at, report.Findings, result.Status, result.Reason, logOf(result))
	case result.Status != pipeline.Failed:
		return fmt.Errorf("the defect was found, but the gate %s: %s", result.Status, result.Reason)
	}
	if result, report, err = good.run(row.gate); err != nil {
		return err
	}
	if result.Status != pipeline.Ran {
		return fmt.Errorf("the clean twin did not pass: %s %s %v%s", result.Status, result.Reason, report.Findings, logOf(result))
	}
	return nil
}

func logOf(r pipeline.Result) string {
	tail, err := host.Tail(r.Log)
	if err != nil {
		return ""
	}
	return "\n" + strings.Join(tail, "\n")
}

func TestEachGateFindsItsDefectAndPassesTheCleanTwin(t *testing.T) {
	for _, row := range proofs {
		t.Run(strings.ReplaceAll(row.gate, ":", "-")+"/"+row.name, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, row.prove(t, ""))
		})
	}
}

func TestEveryGateOfTheTableIsProven(t *testing.T) {
	proven := map[string]bool{}
	for _, row := range proofs {
		proven[row.gate] = true
	}
	for _, step := range newProject(t).graph.Steps() {
		if slices.Contains(pipeline.Gates, step.Stage) {
			assert.True(t, proven[step.Name], "%s has no row in the table of proofs: seed a defect that it must find", step.Name)
		}
	}
}

// empty is what a program that has nothing to say prints, by the format that its gate reads.
var empty = map[pipeline.Format]string{
	pipeline.SARIF:         `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "liar"}}, "results": []}]}`,
	pipeline.DetectSecrets: `{"version": "1.5.0", "results": {}}`,
	pipeline.GoTest:        `{"Action": "pass", "Package": "x", "Test": "TestX"}`,
}

func TestToolThatAlwaysEndsWellIsNoticed(t *testing.T) {
	for _, row := range proofs {
		step, ok := newProject(t).graph.Step(row.gate)
		require.True(t, ok)
		program := programOf(step)
		if program == "" || row.own {
			continue // this very program finds it
		}
		for kind, says := range map[string]string{"silent": "", "lying": empty[readsOf(step)]} {
			t.Run(strings.ReplaceAll(row.gate, ":", "-")+"/"+row.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				bin := t.TempDir()
				script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = version ] && echo go version go1.26.8 && exit\ncat <<'END'\n%s\nEND\nexit 0\n", says)
				require.NoError(t, os.WriteFile(filepath.Join(bin, program), []byte(script), 0o755))
				err := row.prove(t, bin)
				assert.ErrorContains(t, err, "the seeded defect was not found")
				if kind == "silent" && !line(readsOf(step)) {
					p := newProject(t, row.files, row.twin)
					if row.prepare != nil {
						row.prepare(t, p)
					}
					p.path = bin
					result, _, err := p.run(row.gate)
					require.NoError(t, err)
					assert.Equal(t, pipeline.Failed, result.Status, "a program that prints no report must not pass")
				}
			})
		}
	}
}

// line says whether findings come a line each, so that a program without any prints nothing.
func line(reads pipeline.Format) bool {
	return !slices.Contains(slices.Collect(maps.Keys(empty)), reads)
}

func programOf(s pipeline.Step) string {
	if i := slices.Index(s.Command, "--"); i >= 0 {
		return s.Command[i+1]
	}
	return ""
}

func readsOf(s pipeline.Step) pipeline.Format {
	return pipeline.Format(s.Command[slices.Index(s.Command, "--reads")+1])
}

func TestHistoryThatIsNotHereHasNotBeenLookedAt(t *testing.T) {
	p := newProject(t)
	result, _, err := p.run("history")
	require.NoError(t, err)
	assert.Equal(t, pipeline.NotRun, result.Status)
	assert.Equal(t, "this is no Git repository, so there is no history to look at", result.Reason)

	p.git(t, "init", "-q")
	result, _, err = p.run("history")
	require.NoError(t, err)
	assert.Equal(t, pipeline.Ran, result.Status, "a repository without a commit holds no secret in its history")

	whole := newProject(t)
	commits(t, whole, "a\n", "b\n")
	part := newProject(t)
	part.git(t, "clone", "-q", "--depth", "1", "file://"+whole.root, "part")
	part.root = filepath.Join(part.root, "part")
	result, _, err = part.run("history")
	require.NoError(t, err)
	assert.Equal(t, pipeline.NotRun, result.Status)
	assert.Contains(t, result.Reason, "only a part of the history is here")
}
