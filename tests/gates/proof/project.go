package proof

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
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/gate/findings"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// A Project is a small repository with this repository's settings of the gates' programs.
type Project struct {
	Root  string
	Graph *pipeline.Graph
	// Path goes before everything else on the PATH of the gates' programs. Empty means that the pinned programs run.
	Path string
}

// commonFiles are in every repository.
var commonFiles = map[string]string{
	"config/pipeline.yaml": `project: proof
tooling:
  account: "123456789012"
  region: eu-west-1
`,
	"config/environments/dev.yaml": `account: "111122223333"
region: eu-west-1
notifications:
  owners: [platform@example.com]
`,
}

// goProject is a small module. It has the packages that the test steps of the table name.
var goProject = map[string]string{
	"go.mod":                         "module lockstep\n\ngo 1.26.0\n",
	"main.go":                        "// Command lockstep does nothing.\npackage main\n\nfunc main() {}\n",
	"config/config.go":               "// Package config is empty.\npackage config\n",
	"config/schema/generate/main.go": "// Command generate does nothing.\npackage main\n\nfunc main() {}\n",
	"infra/infra.go":                 "// Package infra is empty.\npackage infra\n",
	"infra/infra_test.go":            passingTest("infra"),
	"internal/deploy/plan.go":        "// Package deploy is empty.\npackage deploy\n",
	"internal/host/host.go":          "// Package host is empty.\npackage host\n",
	"internal/pipeline/p.go":         "// Package pipeline is empty.\npackage pipeline\n",
	"internal/x/x.go": `// Package x doubles numbers.
package x

// Double returns twice n.
func Double(n int) int { return 2 * n }
`,
	"internal/x/x_test.go": passingTest("x"),
	"tests/doc.go":         "// Package tests has tests only.\npackage tests\n",
	"tests/tests_test.go":  passingTest("tests"),
	// These are the files by which the gates of this repository's own tests are known.
	"tests/scripts/none.txtar":    "",
	"tests/documentation_test.go": "package tests\n",
	"tools/tools.go":              "// Package tools is empty.\npackage tools\n",
	pipeline.CoverageFloor:        "0\n",
}

// siteProject has a site of two pages.
var siteProject = map[string]string{
	"mkdocs.yml": "site_name: proof\nhooks: [tools/mkdocs/hooks.py]\ntheme: {name: material, font: false}\n" +
		"plugins: [search]\nvalidation: {anchors: warn}\n",
	"README.md":      "# Proof\n",
	"docs/README.md": "# Documentation\n\n## By reader\n\n| you want to | read |\n| -- | -- |\n| try it | [a](a.md) |\n",
	"docs/b.md":      "# B\n\n## B b\n",
}

// oneFile returns a map of one file.
func oneFile(name, text string) map[string]string { return map[string]string{name: text} }

// NewProject makes a repository of the files. Later maps overwrite the files of earlier ones.
func NewProject(t testing.TB, fileSets ...map[string]string) *Project {
	t.Helper()
	p := &Project{Root: t.TempDir()}
	for _, name := range []string{".golangci.yml", ".gosec.json", ".gitleaks.toml", ".mdformat.toml", ".vale.ini"} {
		text, err := os.ReadFile(filepath.Join(repository(), name))
		require.NoError(t, err)
		p.Write(t, name, string(text))
	}
	for _, folder := range []string{"tools/vale/styles", "tools/mkdocs"} {
		folder = filepath.FromSlash(folder)
		require.NoError(t, os.CopyFS(filepath.Join(p.Root, folder), os.DirFS(filepath.Join(repository(), folder))))
	}
	for _, files := range append([]map[string]string{commonFiles}, fileSets...) {
		for name, text := range files {
			p.Write(t, name, text)
		}
	}
	p.loadGraph(t)
	return p
}

// loadGraph makes the graph of steps from the project's configuration.
func (p *Project) loadGraph(t testing.TB) {
	t.Helper()
	c, err := config.Load(os.DirFS(filepath.Join(p.Root, "config")))
	require.NoError(t, err)
	p.Graph, err = pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
}

// Configure writes the smallest configuration.
func (p *Project) Configure(t testing.TB) {
	t.Helper()
	for name, text := range commonFiles {
		p.Write(t, name, text)
	}
	p.loadGraph(t)
}

// Load makes the graph of steps from the project's configuration.
func (p *Project) Load(t testing.TB) {
	t.Helper()
	p.loadGraph(t)
}

// Program returns the path of the program under test.
func (p *Project) Program(t testing.TB) string {
	t.Helper()
	program, err := buildProgram()
	require.NoError(t, err)
	return program
}

// WriteOSVDatabase writes a database of vulnerabilities with one in the package unsafe-thing, and configures it.
func (p *Project) WriteOSVDatabase(t testing.TB) {
	t.Helper()
	writeOSVDatabase(t, p)
}

// RunAll runs the named gates and what they need, as `check` does, and returns their results.
func (p *Project) RunAll(t testing.TB, gates ...string) map[string]pipeline.Result {
	t.Helper()
	graph := p.Graph.Select(func(s pipeline.Step) bool { return slices.Contains(gates, s.Name) })
	runner := &host.Runner{Root: p.Root, Executable: p.Program(t), Environ: os.Environ(), Jobs: 2}
	run, err := runner.Run(context.Background(), graph)
	require.NoError(t, err)
	results := map[string]pipeline.Result{}
	for _, result := range run.Results {
		results[result.Step] = result
	}
	return results
}

// Write writes a file, whose name is slash-separated and relative to the project's root.
func (p *Project) Write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(p.Root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// Append appends text to a file.
func (p *Project) Append(t testing.TB, name, text string) {
	t.Helper()
	old, err := os.ReadFile(filepath.Join(p.Root, filepath.FromSlash(name)))
	require.NoError(t, err)
	p.Write(t, name, string(old)+text)
}

// Call runs the program under test in the project.
func (p *Project) Call(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command(p.Program(t), args...)
	cmd.Dir = p.Root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// Git runs git in the project.
func (p *Project) Git(t testing.TB, args ...string) {
	t.Helper()
	settings := []string{"-c", "user.name=Proof", "-c", "user.email=proof@example.com", "-c", "commit.gpgsign=false"}
	cmd := exec.Command("git", append(settings, args...)...)
	cmd.Dir = p.Root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// Run runs one gate as `check` does, without the steps that it needs. It returns the gate's result and its report. A
// gate that did not run, or had nothing to do, may have no report.
func (p *Project) Run(name string) (pipeline.Result, findings.Report, error) {
	step, ok := p.Graph.Step(name)
	if !ok {
		return pipeline.Result{}, findings.Report{}, fmt.Errorf("there is no step %q", name)
	}
	step.Needs, step.After = nil, nil
	environ := os.Environ()
	if p.Path != "" {
		step.Tools = slices.DeleteFunc(slices.Clone(step.Tools), func(tool string) bool {
			return pipeline.Tools[tool].Kind != pipeline.Preinstalled
		})
		environ = append(environ, "PATH="+p.Path+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	result, err := p.runStep(step, environ)
	if err != nil {
		return pipeline.Result{}, findings.Report{}, err
	}
	report, err := p.readReport(step)
	if result.Status == pipeline.NothingToDo || result.Status == pipeline.NotRun {
		err = nil
	}
	return result, report, err
}

// runStep runs one step with the program under test.
func (p *Project) runStep(step pipeline.Step, environ []string) (pipeline.Result, error) {
	graph, err := pipeline.NewGraph([]pipeline.Step{step})
	if err != nil {
		return pipeline.Result{}, err
	}
	program, err := buildProgram()
	if err != nil {
		return pipeline.Result{}, err
	}
	runner := &host.Runner{Root: p.Root, Executable: program, Environ: environ, Jobs: 2}
	run, err := runner.Run(context.Background(), graph)
	if err != nil {
		return pipeline.Result{}, err
	}
	return run.Results[0], nil
}

// readReport reads the report of a gate, SARIF or JUnit.
func (p *Project) readReport(step pipeline.Step) (findings.Report, error) {
	for _, out := range step.Outputs {
		text, err := os.ReadFile(filepath.Join(p.Root, filepath.FromSlash(out)))
		switch {
		case err != nil:
		case strings.HasSuffix(out, ".sarif"):
			return findings.ReadSARIF(text, "")
		case strings.HasSuffix(out, ".xml"):
			suites, err := findings.ReadJUnit(text)
			return findings.Report{Findings: findings.TestFailures(suites)}, err
		}
	}
	return findings.Report{}, errors.New("the gate left no report")
}

// ProgramOf returns the name of a gate's program, which is empty for a built-in gate.
func ProgramOf(s pipeline.Step) string {
	if i := slices.Index(s.Command, "--"); i >= 0 {
		return s.Command[i+1]
	}
	return ""
}

// scriptsProject returns goProject with tests that make the folder of what the program's runs covered, as the table
// expects it of the scripts.
func scriptsProject() map[string]string {
	files := maps.Clone(goProject)
	files["tests/main_test.go"] = "package tests\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n" +
		"func TestMain(m *testing.M) {\n\tif os.MkdirAll(\"../" + pipeline.ScriptsCoverageDir + "\", 0o755) != nil {\n" +
		"\t\tos.Exit(1)\n\t}\n\tos.Exit(m.Run())\n}\n"
	return files
}
