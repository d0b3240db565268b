package gate

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/jsonx"
)

// A goTestReader reads the events of `go test -json` as they come, so that the results so far are known if the program
// is killed. The events are described by `go doc test2json`.
type goTestReader struct {
	log  io.Writer
	root string
	// module is the path of the module at root, empty if there is none.
	module string
	// pending is the beginning of a line whose end has not been written yet.
	pending  []byte
	packages []*testPackage
	// invalidLine is the first line that is no event.
	invalidLine string
}

type testPackage struct {
	name string
	// status is pass, fail or skip; empty until the package ends.
	status  string
	seconds float64
	// output is the output outside of tests, which includes messages of the build.
	output []string
	tests  []*test
}

type test struct {
	name string
	// status is pass, fail or skip; empty until the test ends.
	status  string
	seconds float64
	output  []string
}

// A testEvent is one line of `go test -json`. The fields have the names of the JSON.
type testEvent struct {
	Action  string
	Package string
	// ImportPath is set instead of Package in the events of a build. It is PACKAGE or PACKAGE [PACKAGE.test].
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

func newGoTestReader(log io.Writer, root string) *goTestReader {
	g := &goTestReader{log: log, root: root}
	if text, err := fsx.ReadFile(filepath.Join(root, "go.mod"), fsx.MaxText); err == nil {
		g.module = modfile.ModulePath(text)
	}
	return g
}

func (g *goTestReader) Write(p []byte) (int, error) {
	g.pending = append(g.pending, p...)
	for {
		line, rest, complete := bytes.Cut(g.pending, []byte("\n"))
		if !complete {
			return len(p), nil
		}
		g.handleEvent(line)
		g.pending = rest
	}
}

// handleEvent applies one line of the output.
func (g *goTestReader) handleEvent(line []byte) {
	var e testEvent
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if err := jsonx.UnmarshalForeign(line, &e); err != nil || e.Action == "" {
		if g.invalidLine == "" {
			g.invalidLine = string(line)
		}
		fmt.Fprintln(g.log, string(line))
		return
	}
	name, _, _ := strings.Cut(e.ImportPath, " ")
	p := g.ensurePackage(cmp.Or(e.Package, name))
	switch e.Action {
	case "output", "build-output":
		p.addOutput(e)
	case "pass", "fail", "skip":
		p.setStatus(e)
		g.printEvent(p, e)
	case "build-fail":
	case "run":
		p.ensureTest(e.Test)
	}
}

// ensurePackage returns the package with this name, which it adds if it is new.
func (g *goTestReader) ensurePackage(name string) *testPackage {
	return ensure(&g.packages, &testPackage{name: name}, func(p *testPackage) bool { return p.name == name })
}

// ensureTest returns the test with this name, which it adds if it is new.
func (p *testPackage) ensureTest(name string) *test {
	return ensure(&p.tests, &test{name: name}, func(t *test) bool { return t.name == name })
}

// ensure returns the first element of a list that matches. If none does, it adds the new one and returns it.
func ensure[T any](list *[]T, added T, matches func(T) bool) T {
	if i := slices.IndexFunc(*list, matches); i >= 0 {
		return (*list)[i]
	}
	*list = append(*list, added)
	return added
}

func (p *testPackage) addOutput(e testEvent) {
	if e.Test == "" {
		p.output = append(p.output, e.Output)
		return
	}
	t := p.ensureTest(e.Test)
	t.output = append(t.output, e.Output)
}

func (p *testPackage) setStatus(e testEvent) {
	if e.Test == "" {
		p.status, p.seconds = e.Action, e.Elapsed
		return
	}
	t := p.ensureTest(e.Test)
	t.status, t.seconds = e.Action, e.Elapsed
}

// printEvent prints what `go test` without -json prints: each package, and the output of failed tests.
func (g *goTestReader) printEvent(p *testPackage, e testEvent) {
	switch {
	case e.Test != "" && e.Action == "fail":
		fmt.Fprint(g.log, strings.Join(p.ensureTest(e.Test).output, ""))
	case e.Test == "" && e.Action == "fail":
		fmt.Fprint(g.log, strings.Join(p.output, ""))
	case e.Test == "" && e.Action == "pass":
		fmt.Fprintf(g.log, "ok  \t%s\t%.1fs\n", e.Package, e.Elapsed)
	}
}

func (g *goTestReader) result(string) (outcome, error) {
	var o outcome
	for _, p := range g.packages {
		if suite, ok := g.suite(p); ok {
			o.suites = append(o.suites, suite)
		}
	}
	slices.SortFunc(o.suites, func(a, b findings.Suite) int { return strings.Compare(a.Name, b.Name) })
	o.report = findings.Report{Tool: "go test", Findings: findings.TestFailures(o.suites)}
	if !hasTests(o.suites) && g.invalidLine != "" {
		return o, fault.Errorf(fault.GateReport, "it printed a line that is no test event: %.100q", g.invalidLine)
	}
	return o, nil
}

// suite returns the package as a suite, and false if there is nothing to report of it. A package that failed outside of
// its tests gets a test case of its own, called "package".
func (g *goTestReader) suite(p *testPackage) (findings.Suite, bool) {
	suite := findings.Suite{Name: p.name, Seconds: p.seconds}
	failed := false
	for _, t := range p.tests {
		c := g.testCase(p, t)
		failed = failed || c.Failure != nil || c.Error != nil
		suite.Cases = append(suite.Cases, c)
	}
	text := findings.Printable(strings.Join(p.output, ""))
	addError := func(message string) {
		c := findings.Case{Name: "package", Class: p.name}
		c.Error = &findings.Outcome{Message: firstLine(text, message), Text: text}
		c.File, c.Line = g.failureLocation(p.name, text)
		suite.Cases = append(suite.Cases, c)
	}
	switch {
	case p.status == "fail" && !failed:
		addError("it failed outside of its tests, or does not build")
	case p.status == "" && len(p.tests) == 0 && text != "":
		addError(unfinishedMessage)
	}
	suite.UpdateCounts()
	return suite, len(suite.Cases) > 0
}

// unfinishedMessage is the message of a test whose process ended before the test did.
const unfinishedMessage = "did not finish: its process crashed or was killed"

// testCase returns the test as a case of its suite.
func (g *goTestReader) testCase(p *testPackage, t *test) findings.Case {
	c := findings.Case{Name: t.name, Class: p.name, Seconds: t.seconds}
	text := findings.Printable(strings.Join(t.output, ""))
	switch t.status {
	case "pass":
		return c
	case "skip":
		c.Skipped = &findings.Outcome{Message: firstLine(text, "")}
	case "fail":
		c.Failure = &findings.Outcome{Message: failureMessage(text), Text: text}
	default:
		c.Error = &findings.Outcome{Message: unfinishedMessage, Text: text}
	}
	c.File, c.Line = g.failureLocation(p.name, text)
	return c
}

var (
	// scriptFailurePattern matches the line by which a testscript reports where it failed, and why.
	scriptFailurePattern = regexp.MustCompile(`(?m)^\s*FAIL: (\S+):(\d+): (.*)$`)
	// assertionPattern matches the line of testify's message that says what is wrong.
	assertionPattern = regexp.MustCompile(`(?m)^\s*Error:\s+(\S.*)$`)
	// testLocationPattern matches the location of a failure in Go code.
	testLocationPattern = regexp.MustCompile(`(?m)^\s*(?:Error Trace:\s+)?(?:\.\./)*([^\s:]*\.go):(\d+)`)
	// testNoisePattern matches lines that do not say what is wrong.
	testNoisePattern = regexp.MustCompile(`^(=== |--- |=+$|\s*$|FAIL|#|\s*Error Trace:|\s*Error:\s*$)`)
)

// failureMessage returns the line of a failed test's output that says what is wrong.
func failureMessage(text string) string {
	if match := scriptFailurePattern.FindStringSubmatch(text); match != nil {
		return match[3]
	}
	if match := assertionPattern.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return firstLine(text, "failed")
}

// failureLocation returns the file, relative to the repository, and the line where a test failed. The file is empty if
// the output does not say it, or names a file outside of the repository.
func (g *goTestReader) failureLocation(pkg, text string) (file string, line int) {
	dir := strings.TrimPrefix(strings.TrimPrefix(pkg, g.module), "/")
	match := scriptFailurePattern.FindStringSubmatch(text)
	isScript := match != nil
	if !isScript {
		match = testLocationPattern.FindStringSubmatch(text)
	}
	if match == nil {
		return "", 0
	}
	file = findings.RelativePath(g.root, match[1])
	switch {
	case isScript:
		file = path.Join(dir, file)
	case path.IsAbs(file):
		return "", 0
	case path.Base(file) == file:
		file = path.Join(dir, file)
	}
	line, _ = strconv.Atoi(match[2]) // the expressions match only digits
	return file, line
}

// firstLine returns the first line that is not noise, or fallback if all are.
func firstLine(text, fallback string) string {
	for line := range strings.Lines(text) {
		if !testNoisePattern.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return fallback
}
