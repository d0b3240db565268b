package gate

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// startedEvents are the events of a test that has begun.
const startedEvents = `{"Action":"start","Package":"lockstep/x"}
{"Action":"run","Package":"lockstep/x","Test":"TestA"}
{"Action":"output","Package":"lockstep/x","Test":"TestA","Output":"=== RUN   TestA\n"}
`

// failedEvents returns the events of a test that prints the lines, each a JSON string, and fails.
func failedEvents(test string, lines ...string) string {
	var b strings.Builder
	b.WriteString(startedEvents)
	for _, line := range lines {
		fmt.Fprintf(&b, `{"Action":"output","Package":"lockstep/x","Test":"%s","Output":"%s"}`+"\n", test, line)
	}
	fmt.Fprintf(&b, `{"Action":"fail","Package":"lockstep/x","Test":"%s","Elapsed":0.5}`+"\n", test)
	if test != "TestA" {
		b.WriteString(`{"Action":"fail","Package":"lockstep/x","Test":"TestA","Elapsed":0.5}` + "\n")
	}
	b.WriteString(`{"Action":"fail","Package":"lockstep/x","Elapsed":1}`)
	return b.String()
}

// runGoTest runs a script in the place of `go test -json` and returns the suites of its report, and the gate's error.
func runGoTest(t *testing.T, script string, files ...map[string]string) ([]findings.Suite, error) {
	t.Helper()
	all := map[string]string{"go.mod": "module lockstep\n"}
	for _, more := range files {
		maps.Copy(all, more)
	}
	root := newRepository(t, all)
	g, _ := newShellGate(root, script, pipeline.GoTest)
	runErr := g.Run(t.Context())
	text, err := os.ReadFile(filepath.Join(root, pipeline.ReportFile("probe", pipeline.GoTest)))
	require.NoError(t, err)
	suites, err := findings.ReadJUnit(text)
	require.NoError(t, err)
	return suites, runErr
}

func TestGoTestReader_PassedAndSkippedTests(t *testing.T) {
	suites, err := runGoTest(t, printScript(startedEvents+
		`{"Action":"pass","Package":"lockstep/x","Test":"TestA","Elapsed":0.5}
{"Action":"skip","Package":"lockstep/x","Test":"TestB"}
{"Action":"pass","Package":"lockstep/x","Elapsed":1}`))
	require.NoError(t, err)
	require.Len(t, suites, 1)
	assert.Equal(t, 2, suites[0].Tests)
	assert.Equal(t, 1, suites[0].Skipped)
	assert.InDelta(t, 0.5, suites[0].Cases[0].Seconds, 0.001)
}

func TestGoTestReader_FailedTestHasLocationAndMessage(t *testing.T) {
	for _, test := range []struct{ name, events, want string }{
		{
			"t.Error", failedEvents("TestA", `    x_test.go:7: want 1\n`),
			"x/x_test.go:7: TestA: x_test.go:7: want 1",
		},
		{
			"testify", failedEvents("TestA",
				`    x_test.go:7: \n        \tError Trace:\t/r/x/x_test.go:7\n        \tError:      \tNot equal: \n`),
			"x/x_test.go:7: TestA: Not equal:",
		},
		{
			"testscript", failedEvents("TestA/deploy", `    testscript.go:609: # One.\n`,
				`        FAIL: scripts/deploy.txtar:30: unexpected command failure\n`),
			"x/scripts/deploy.txtar:30: TestA/deploy: unexpected command failure",
		},
		{
			"no location", failedEvents("TestA", `    oh no\n`),
			".: TestA: oh no",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			suites, err := runGoTest(t, printScript(test.events)+"exit 1")
			require.EqualError(t, err, "1 failing test")
			failures := findings.TestFailures(suites)
			require.Len(t, failures, 1)
			assert.Equal(t, test.want, failures[0].String())
		})
	}
}

func TestGoTestReader_KilledTestIsError(t *testing.T) {
	suites, err := runGoTest(t, printScript(startedEvents)+"kill -9 $$")
	require.EqualError(t, err, "its program was ended by signal 9 (killed)")
	require.Len(t, suites, 1)
	assert.Equal(t, unfinishedMessage, suites[0].Cases[0].Error.Message)
}

func TestGoTestReader_BuildFailureIsError(t *testing.T) {
	const build = `{"ImportPath":"lockstep/x [lockstep/x.test]","Action":"build-%s`
	suites, err := runGoTest(t, printScript(strings.Join([]string{
		fmt.Sprintf(build, `output","Output":"# lockstep/x [lockstep/x.test]\n"}`),
		fmt.Sprintf(build, `output","Output":"x/x_test.go:3:1: undefined: y\n"}`),
		fmt.Sprintf(build, `fail"}`),
		`{"Action":"start","Package":"lockstep/x"}`,
		`{"Action":"fail","Package":"lockstep/x","Elapsed":0,"FailedBuild":"lockstep/x [lockstep/x.test]"}`,
	}, "\n"))+"exit 1")
	require.EqualError(t, err, "1 failing test")
	require.Len(t, suites, 1)
	assert.Equal(t, "x/x_test.go:3:1: undefined: y", suites[0].Cases[0].Error.Message)
	assert.Equal(t, 3, suites[0].Cases[0].Line)
}

func TestGoTestReader_NoTestIsNoPass(t *testing.T) {
	printed := faulttest.Printed(t)
	const skipped = `{"Action":"start","Package":"lockstep/x"}
{"Action":"skip","Package":"lockstep/x"}`
	tested := map[string]string{"x/x_test.go": "package x\n\nfunc TestX(t *testing.T) {}\n"}
	const none = "the repository has no tests: no _test.go file of the module declares one"
	for _, test := range []struct {
		name, script string
		files        map[string]string
		want         string
	}{
		{"no output", "true", nil, none},
		{"packages without tests", printScript(skipped), nil, none},
		{"no packages", "echo 'no packages to test' >&2; exit 1", nil, none},
		{
			"another failure", "echo 'go.mod:1: unknown directive' >&2; exit 1", nil,
			"its program ended with status 1 but reported nothing: go.mod:1: unknown directive",
		},
		{
			"tests in comments", printScript(skipped),
			map[string]string{"x_test.go": "package x\n\n// func TestX(t *testing.T) {}\n"},
			none,
		},
		{
			"tests of another module", printScript(skipped),
			map[string]string{"b/go.mod": "module b\n", "b/b_test.go": tested["x/x_test.go"]},
			none,
		},
		{"tests that were not selected", printScript(skipped), tested, "no test ran, although x/x_test.go has one: see " +
			"which packages gates.goPackages in config/pipeline.yaml names, and the build tags of the file"},
		{
			"garbage", "echo 'go: cannot find main module'; exit 1", nil, `its program ended with status 1, ` +
				`and it printed a line that is no test event: "go: cannot find main module"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			suites, err := runGoTest(t, test.script, test.files)
			require.EqualError(t, printed.Error(err), test.want)
			assert.Empty(t, suites)
			var nothing *pipeline.NothingToDoError
			assert.Equal(t, test.want == none, errors.As(err, &nothing))
		})
	}
}
