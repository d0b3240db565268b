package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/project"
)

// environmentName makes one name of a path, another one for each. Source: RFC 6901, which escapes them so.
var environmentName = strings.NewReplacer("~", "~0", "/", "~1")

// environmentDir returns the folder of the environment of a project of Python's, which it shares with no other.
func (g Gate) environmentDir(p project.PythonProject) string {
	return filepath.Join(g.packages(pipeline.PythonPackagesDir), environmentName.Replace(p.Folder))
}

// installPython installs the packages of each project of Python's that has tests into an environment of its own.
func installPython(ctx context.Context, g Gate) (outcome, error) {
	var result outcome
	tree, err := g.listTree(ctx)
	if err != nil {
		return result, err
	}
	if err := remake(g.packages(pipeline.PythonPackagesDir)); err != nil {
		return result, err
	}
	projects, problems := project.FindPython(tree)
	result.addProblems(problems)
	for _, p := range projects {
		found, err := g.installEnvironment(ctx, tree, p)
		if err != nil {
			return result, err
		}
		result.report.Findings = append(result.report.Findings, found...)
	}
	return result, nil
}

// installEnvironment makes the environment of a project.
func (g Gate) installEnvironment(
	ctx context.Context, tree project.Tree, p project.PythonProject,
) ([]findings.Finding, error) {
	dir := g.environmentDir(p)
	lock := path.Join(p.Folder, p.Lock)
	commands, requirements, err := project.InstallPython(tree, p, dir)
	if err != nil {
		return []findings.Finding{{Rule: "install", Level: findings.Error, File: lock, Message: err.Error()}}, nil
	}
	if err := remake(dir); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, project.RequirementsFile)
	if err := fsx.Replace(file, []byte(requirements), fsx.PublicFile); err != nil {
		return nil, err
	}
	for _, c := range commands {
		if found, err := g.install(ctx, g.Root, c, lock); err != nil || len(found) > 0 {
			return found, err
		}
	}
	if p.Lock == "" || p.Lock == "pyproject.toml" {
		return []findings.Finding{{
			Rule: "lock-file", Level: findings.Note, File: lock,
			Message: "has no lock file, so that the versions of its packages are not pinned",
		}}, nil
	}
	return nil, nil
}

// sitePackages returns the folder of the packages of a virtual environment.
func sitePackages(venv string) string {
	folders, _ := filepath.Glob(filepath.Join(venv, "lib", "python*", "site-packages"))
	if len(folders) == 0 {
		return filepath.Join(venv, "lib", "site-packages")
	}
	return folders[0]
}

// checkPythonTests runs pytest in each project of Python's that has tests.
func checkPythonTests(ctx context.Context, g Gate) (result outcome, err error) {
	w, err := g.newWorkCopy(ctx, nil)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	projects, _ := project.FindPython(w.tree)
	for _, p := range projects {
		suites, err := w.runPytest(ctx, p)
		if err != nil {
			return result, err
		}
		result.suites = append(result.suites, suites...)
	}
	if !hasTests(result.suites) {
		return result, g.explainNoTest(ctx, project.PythonTests)
	}
	return result, nil
}

// pytestCommand returns the command that tests a project: pytest of the project's own packages if they have it, and
// otherwise the pinned one, which finds the project's packages too.
func (w *workCopy) pytestCommand(p project.PythonProject, report string) project.Command {
	venv := filepath.Join(w.gate.environmentDir(p), "venv")
	site, folder := sitePackages(venv), w.path(p.Folder)
	c := project.Command{Folder: p.Folder, Argv: []string{filepath.Join(venv, "bin", "python"), "-m", "pytest"}}
	search := []string{folder}
	if p.HasSource {
		search = []string{filepath.Join(folder, "src"), folder}
	}
	hasCoverage := isThere(filepath.Join(site, "pytest_cov"))
	if !isThere(filepath.Join(site, "pytest")) {
		c.Argv, search, hasCoverage = []string{"pytest"}, append(search, site), true
	}
	c.Env = []string{
		"CI=true", "COLUMNS=120", "PYTHONDONTWRITEBYTECODE=1",
		"PYTHONPATH=" + strings.Join(search, string(os.PathListSeparator)),
		"PATH=" + filepath.Join(venv, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"), "VIRTUAL_ENV=" + venv,
	}
	c.Argv = append(c.Argv, "-q", "-p", "no:cacheprovider", "--rootdir", folder, "--junitxml", report, "-o",
		"junit_family=xunit1")
	if hasCoverage && !p.HasCoverage {
		c.Argv = append(c.Argv, "--cov", "--cov-report", "term")
	}
	return c
}

func isThere(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// pytestNoTests is the exit status of pytest when it has found no tests.
// Source: https://docs.pytest.org/en/stable/reference/exit-codes.html.
const pytestNoTests = 5

// runPytest runs the tests of a project. What fails besides tests is one more test, called pytest.
func (w *workCopy) runPytest(ctx context.Context, p project.PythonProject) ([]findings.Suite, error) {
	report := filepath.Join(w.parent, "pytest.xml")
	if err := os.RemoveAll(report); err != nil {
		return nil, err
	}
	tail := &tailReader{log: w.gate.Log}
	c := w.pytestCommand(p, report)
	_, err := w.gate.execute(ctx, program{argv: c.Argv, dir: w.path(c.Folder), env: c.Env}, tail)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return nil, notRunWithout(c.Argv[0], err)
	}
	suites := w.readJUnit(report, p.Folder)
	var exit *exec.ExitError
	status := 0
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	}
	switch {
	case status == pytestNoTests:
		fmt.Fprintf(w.gate.Log, "%s has no tests\n", p.Folder)
		return suites, nil
	case err != nil && len(findings.TestFailures(suites)) == 0:
		suites = append(suites, findings.Suite{Name: p.Folder, Cases: []findings.Case{{
			Name: "pytest", Class: p.Folder, Failure: &findings.Outcome{Message: tail.reason(describeExit(err))},
		}}})
	}
	return suites, nil
}

// readJUnit reads the report of tests of a project, with the files relative to the repository. Tests without a report
// are none.
func (w *workCopy) readJUnit(name, folder string) []findings.Suite {
	text, err := fsx.ReadFile(name, maxReportBytes)
	if err != nil {
		return nil
	}
	suites, err := findings.ReadForeignJUnit(text)
	if err != nil {
		return nil
	}
	for i := range suites {
		for j := range suites[i].Cases {
			if c := &suites[i].Cases[j]; c.File != "" {
				c.File = path.Join(folder, filepath.ToSlash(c.File))
				c.Line++ // pytest counts lines from 0
			}
		}
	}
	return suites
}

// shedPattern reads what shed prints of files that it cannot read or form: it ends well all the same.
var shedPattern = linePattern{
	expression: regexp.MustCompile(`^[Ss]kipping '(?P<file>.+)' due to (?P<message>.*)$`), rule: "shed-skipped",
}

// shedMessage is what is found of a file that shed has changed.
const shedMessage = "is not formatted by shed; run `shed` on it"

// checkShed runs shed, which only changes files, on a copy of the Python files, and finds those that it has changed.
func checkShed(ctx context.Context, g Gate) (result outcome, err error) {
	isPython := func(name string) bool { return pipeline.Matches(pipeline.PythonFiles, name) }
	w, err := g.newWorkCopy(ctx, isPython)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	files := slices.DeleteFunc(slices.Clone(w.tree.Files), func(name string) bool { return !isPython(name) })
	if len(files) == 0 {
		return result, nil
	}
	// It takes the folders of the repository that git says it is in for the repository's own packages.
	git := project.Command{Folder: ".", Argv: []string{"git", "init", "--quiet"}}
	switch reason, err := w.runPlain(ctx, git); {
	case err != nil:
		return result, err
	case reason != "":
		return result, &FailedError{fault.GateProgram, "git failed: " + reason}
	}
	c := project.Command{Folder: ".", Argv: append([]string{"shed"}, fileArguments(files)...)}
	if result, err = w.run(ctx, c, &lineReader{pattern: shedPattern, log: g.Log}); err != nil {
		return result, err
	}
	for _, name := range files {
		before, err := fsx.ReadFile(filepath.Join(g.Root, filepath.FromSlash(name)), fsx.MaxText)
		if err != nil {
			return result, err
		}
		after, err := fsx.ReadFile(w.path(name), fsx.MaxText)
		if err != nil {
			return result, err
		}
		if line := firstDifference(before, after); line > 0 {
			result.report.Findings = append(result.report.Findings, findings.Finding{
				Rule: "shed", Level: findings.Error, File: name, Line: line, Message: shedMessage,
			})
		}
	}
	return result, nil
}

// firstDifference returns the number of the first line in which two texts differ; 0 if they are the same.
func firstDifference(before, after []byte) int {
	if bytes.Equal(before, after) {
		return 0
	}
	same := 0
	for same < min(len(before), len(after)) && before[same] == after[same] {
		same++
	}
	return 1 + bytes.Count(before[:same], []byte("\n"))
}
