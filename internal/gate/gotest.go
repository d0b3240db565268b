package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/gate/findings"
)

// goTestReader reads what `go test -json` prints while it prints it, so that what was done is known however the program ends.
// Source of the events: `go doc test2json`.
type goTestReader struct {
	log      io.Writer
	root     string
	module   string
	pending  []byte
	packages []*testPackage
	// garbage is the first line that is no event.
	garbage string
}

type testPackage struct {
	name    string
	status  string // pass, fail or skip
	seconds float64
	output  []string // of no test, a build's messages included
	tests   []*test
}

type test struct {
	name    string
	status  string
	seconds float64
	output  []string
}

type testEvent struct {
	Action  string
	Package string
	// ImportPath is set instead of Package for what a build prints: PACKAGE or PACKAGE [PACKAGE.test].
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

func newGoTestReader(log io.Writer, root string) *goTestReader {
	g := &goTestReader{log: log, root: root}
	if text, err := os.ReadFile(filepath.Join(root, "go.mod")); err == nil {
		if match := regexp.MustCompile(`(?m)^module (\S+)`).FindSubmatch(text); match != nil {
			g.module = string(match[1])
		}
	}
	return g
}

func (g *goTestReader) Write(p []byte) (int, error) {
	g.pending = append(g.pending, p...)
	for {
		line, rest, whole := bytes.Cut(g.pending, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		g.handleEvent(line)
		g.pending = rest
	}
}

func (g *goTestReader) handleEvent(line []byte) {
	var e testEvent
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		if g.garbage == "" {
			g.garbage = string(line)
		}
		fmt.Fprintln(g.log, string(line))
		return
	}
	name, _, _ := strings.Cut(e.ImportPath, " ")
	p := g.ensurePackage(max(e.Package, name))
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

func (g *goTestReader) ensurePackage(name string) *testPackage {
	i := slices.IndexFunc(g.packages, func(p *testPackage) bool { return p.name == name })
	if i < 0 {
		g.packages = append(g.packages, &testPackage{name: name})
		i = len(g.packages) - 1
	}
	return g.packages[i]
}

func (p *testPackage) ensureTest(name string) *test {
	i := slices.IndexFunc(p.tests, func(t *test) bool { return t.name == name })
	if i < 0 {
		p.tests = append(p.tests, &test{name: name})
		i = len(p.tests) - 1
	}
	return p.tests[i]
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

// printEvent tells a person what `go test` would have: each package, and what a failed test printed.
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
	switch ran := slices.ContainsFunc(o.suites, func(s findings.Suite) bool { return len(s.Cases) > 0 }); {
	case !ran && g.garbage != "":
		return o, fmt.Errorf("it printed what is no test's outcome: %.100q", g.garbage)
	case !ran:
		return o, errors.New("no test ran")
	}
	return o, nil
}

// suite is a package with its tests; packages that have none, and only such, are left out.
func (g *goTestReader) suite(p *testPackage) (findings.Suite, bool) {
	suite := findings.Suite{Name: p.name, Seconds: p.seconds}
	failed := false
	for _, t := range p.tests {
		c := g.testCase(p, t)
		failed = failed || c.Failure != nil || c.Error != nil
		suite.Cases = append(suite.Cases, c)
	}
	switch text := findings.Printable(strings.Join(p.output, "")); {
	case p.status == "fail" && !failed:
		c := findings.Case{Name: "package", Class: p.name, Error: &findings.Outcome{Message: firstLine(text, "it failed outside of its tests, or does not build"), Text: text}}
		c.File, c.Line = g.failureLocation(p.name, text)
		suite.Cases = append(suite.Cases, c)
	case p.status == "" && len(p.tests) == 0 && text != "":
		suite.Cases = append(suite.Cases, findings.Case{Name: "package", Class: p.name, Error: &findings.Outcome{Message: firstLine(text, unfinishedMessage), Text: text}})
	}
	suite.UpdateCounts()
	return suite, len(suite.Cases) > 0
}

// unfinishedMessage is what is known of a test whose process was gone before it ended.
const unfinishedMessage = "came to no end: its process crashed or was killed"

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

// scriptFailurePattern is how a testscript says where it stopped, and why.
var scriptFailurePattern = regexp.MustCompile(`(?m)^\s*FAIL: (\S+):(\d+): (.*)$`)

// failureMessage is what a failed test says is wrong.
func failureMessage(text string) string {
	if match := scriptFailurePattern.FindStringSubmatch(text); match != nil {
		return match[3]
	}
	if match := assertionPattern.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return firstLine(text, "failed")
}

// assertionPattern is the line of testify's message that says what is wrong.
var assertionPattern = regexp.MustCompile(`(?m)^\s*Error:\s+(\S.*)$`)

var testLocationPattern = regexp.MustCompile(`(?m)^\s*(?:Error Trace:\s+)?(?:\.\./)*([^\s:]*\.go):(\d+)`)

// failureLocation is where a test complained, relative to the repository.
func (g *goTestReader) failureLocation(pkg, text string) (string, int) {
	match := scriptFailurePattern.FindStringSubmatch(text)
	if match != nil {
		match[1] = path.Join(strings.TrimPrefix(strings.TrimPrefix(pkg, g.module), "/"), match[1])
	} else if match = testLocationPattern.FindStringSubmatch(text); match == nil {
		return "", 0
	}
	line, _ := strconv.Atoi(match[2]) // the expression lets only digits through
	file := findings.RelativePath(g.root, match[1])
	if path.IsAbs(file) {
		return "", 0 // in the library that ended the tests, not in what is tested
	}
	if path.Base(file) == file && file != "" {
		file = path.Join(strings.TrimPrefix(strings.TrimPrefix(pkg, g.module), "/"), file)
	}
	return file, line
}

var testNoisePattern = regexp.MustCompile(`^(=== |--- |=+$|\s*$|FAIL|#|\s*Error Trace:|\s*Error:\s*$)`)

// firstLine is the first line that says something.
func firstLine(text, otherwise string) string {
	for line := range strings.Lines(text) {
		if !testNoisePattern.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return otherwise
}

var _ reader = (*goTestReader)(nil)
