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

	"lockstep/internal/findings"
)

// goTest reads what `go test -json` prints while it prints it, so that what was done is known however the program ends.
// Source of the events: `go doc test2json`.
type goTest struct {
	log      io.Writer
	root     string
	module   string
	rest     []byte
	packages []*testPackage
	// garbage is the first line that is no event.
	garbage string
}

type testPackage struct {
	name    string
	ended   string // pass, fail or skip
	seconds float64
	output  []string // of no test, a build's messages included
	tests   []*test
}

type test struct {
	name    string
	ended   string
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

func newGoTest(log io.Writer, root string) *goTest {
	g := &goTest{log: log, root: root}
	if text, err := os.ReadFile(filepath.Join(root, "go.mod")); err == nil {
		if match := regexp.MustCompile(`(?m)^module (\S+)`).FindSubmatch(text); match != nil {
			g.module = string(match[1])
		}
	}
	return g
}

func (g *goTest) Write(p []byte) (int, error) {
	g.rest = append(g.rest, p...)
	for {
		line, rest, whole := bytes.Cut(g.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		g.event(line)
		g.rest = rest
	}
}

func (g *goTest) event(line []byte) {
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
	p := g.pkg(max(e.Package, name))
	switch e.Action {
	case "output", "build-output":
		p.printed(e)
	case "pass", "fail", "skip":
		p.end(e)
		g.show(p, e)
	case "build-fail":
	case "run":
		p.test(e.Test)
	}
}

func (g *goTest) pkg(name string) *testPackage {
	i := slices.IndexFunc(g.packages, func(p *testPackage) bool { return p.name == name })
	if i < 0 {
		g.packages = append(g.packages, &testPackage{name: name})
		i = len(g.packages) - 1
	}
	return g.packages[i]
}

func (p *testPackage) test(name string) *test {
	i := slices.IndexFunc(p.tests, func(t *test) bool { return t.name == name })
	if i < 0 {
		p.tests = append(p.tests, &test{name: name})
		i = len(p.tests) - 1
	}
	return p.tests[i]
}

func (p *testPackage) printed(e testEvent) {
	if e.Test == "" {
		p.output = append(p.output, e.Output)
		return
	}
	t := p.test(e.Test)
	t.output = append(t.output, e.Output)
}

func (p *testPackage) end(e testEvent) {
	if e.Test == "" {
		p.ended, p.seconds = e.Action, e.Elapsed
		return
	}
	t := p.test(e.Test)
	t.ended, t.seconds = e.Action, e.Elapsed
}

// show tells a person what `go test` would have: each package, and what a failed test printed.
func (g *goTest) show(p *testPackage, e testEvent) {
	switch {
	case e.Test != "" && e.Action == "fail":
		fmt.Fprint(g.log, strings.Join(p.test(e.Test).output, ""))
	case e.Test == "" && e.Action == "fail":
		fmt.Fprint(g.log, strings.Join(p.output, ""))
	case e.Test == "" && e.Action == "pass":
		fmt.Fprintf(g.log, "ok  \t%s\t%.1fs\n", e.Package, e.Elapsed)
	}
}

func (g *goTest) result(string) (outcome, error) {
	var o outcome
	for _, p := range g.packages {
		if suite, ok := g.suite(p); ok {
			o.suites = append(o.suites, suite)
		}
	}
	slices.SortFunc(o.suites, func(a, b findings.Suite) int { return strings.Compare(a.Name, b.Name) })
	o.report = findings.Report{Tool: "go test", Findings: findings.Failing(o.suites)}
	switch ran := slices.ContainsFunc(o.suites, func(s findings.Suite) bool { return len(s.Cases) > 0 }); {
	case !ran && g.garbage != "":
		return o, fmt.Errorf("it printed what is no test's outcome: %.100q", g.garbage)
	case !ran:
		return o, errors.New("no test ran")
	}
	return o, nil
}

// suite is a package with its tests; packages that have none, and only such, are left out.
func (g *goTest) suite(p *testPackage) (findings.Suite, bool) {
	suite := findings.Suite{Name: p.name, Seconds: p.seconds}
	failed := false
	for _, t := range p.tests {
		c := g.testCase(p, t)
		failed = failed || c.Failure != nil || c.Error != nil
		suite.Cases = append(suite.Cases, c)
	}
	switch text := findings.Printable(strings.Join(p.output, "")); {
	case p.ended == "fail" && !failed:
		c := findings.Case{Name: "package", Class: p.name, Error: &findings.Outcome{Message: firstLine(text, "it failed outside of its tests, or does not build"), Text: text}}
		c.File, c.Line = g.place(p.name, text)
		suite.Cases = append(suite.Cases, c)
	case p.ended == "" && len(p.tests) == 0 && text != "":
		suite.Cases = append(suite.Cases, findings.Case{Name: "package", Class: p.name, Error: &findings.Outcome{Message: firstLine(text, unended), Text: text}})
	}
	suite.Count()
	return suite, len(suite.Cases) > 0
}

// unended is what is known of a test whose process was gone before it ended.
const unended = "came to no end: its process crashed or was killed"

func (g *goTest) testCase(p *testPackage, t *test) findings.Case {
	c := findings.Case{Name: t.name, Class: p.name, Seconds: t.seconds}
	text := findings.Printable(strings.Join(t.output, ""))
	switch t.ended {
	case "pass":
		return c
	case "skip":
		c.Skipped = &findings.Outcome{Message: firstLine(text, "")}
	case "fail":
		c.Failure = &findings.Outcome{Message: complaint(text), Text: text}
	default:
		c.Error = &findings.Outcome{Message: unended, Text: text}
	}
	c.File, c.Line = g.place(p.name, text)
	return c
}

// scriptPlace is how a testscript says where it stopped, and why.
var scriptPlace = regexp.MustCompile(`(?m)^\s*FAIL: (\S+):(\d+): (.*)$`)

// complaint is what a failed test says is wrong.
func complaint(text string) string {
	if match := scriptPlace.FindStringSubmatch(text); match != nil {
		return match[3]
	}
	if match := assertion.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return firstLine(text, "failed")
}

// assertion is the line of testify's message that says what is wrong.
var assertion = regexp.MustCompile(`(?m)^\s*Error:\s+(\S.*)$`)

var testPlace = regexp.MustCompile(`(?m)^\s*(?:Error Trace:\s+)?(?:\.\./)*([^\s:]*\.go):(\d+)`)

// place is where a test complained, relative to the repository.
func (g *goTest) place(pkg, text string) (string, int) {
	match := scriptPlace.FindStringSubmatch(text)
	if match != nil {
		match[1] = path.Join(strings.TrimPrefix(strings.TrimPrefix(pkg, g.module), "/"), match[1])
	} else if match = testPlace.FindStringSubmatch(text); match == nil {
		return "", 0
	}
	line, _ := strconv.Atoi(match[2]) // the expression lets only digits through
	file := findings.Relative(g.root, match[1])
	if path.Base(file) == file && file != "" {
		file = path.Join(strings.TrimPrefix(strings.TrimPrefix(pkg, g.module), "/"), file)
	}
	return file, line
}

var testNoise = regexp.MustCompile(`^(=== |--- |=+$|\s*$|FAIL|#|\s*Error Trace:|\s*Error:\s*$)`)

// firstLine is the first line that says something.
func firstLine(text, otherwise string) string {
	for line := range strings.Lines(text) {
		if !testNoise.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return otherwise
}

var _ reader = (*goTest)(nil)
