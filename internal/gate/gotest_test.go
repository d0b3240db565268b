package gate

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

const startedEvents = `{"Action":"start","Package":"lockstep/x"}
{"Action":"run","Package":"lockstep/x","Test":"TestA"}
{"Action":"output","Package":"lockstep/x","Test":"TestA","Output":"=== RUN   TestA\n"}
`

func TestGoTestReader_ReportsEveryOutcome(t *testing.T) {
	for _, test := range []struct {
		name, script, want string
		check              func(t *testing.T, suites []findings.Suite)
	}{
		{
			"tests that pass", printScript(startedEvents + `{"Action":"pass","Package":"lockstep/x","Test":"TestA","Elapsed":0.5}
{"Action":"skip","Package":"lockstep/x","Test":"TestB"}
{"Action":"pass","Package":"lockstep/x","Elapsed":1}`), "",
			func(t *testing.T, suites []findings.Suite) {
				assert.Equal(t, 2, suites[0].Tests)
				assert.Equal(t, 1, suites[0].Skipped)
				assert.InDelta(t, 0.5, suites[0].Cases[0].Seconds, 0.001)
			},
		},
		{
			"a test that fails", printScript(startedEvents+`{"Action":"output","Package":"lockstep/x","Test":"TestA","Output":"    x_test.go:7: want 1\n"}
{"Action":"fail","Package":"lockstep/x","Test":"TestA","Elapsed":0.5}
{"Action":"fail","Package":"lockstep/x","Elapsed":1}`) + "exit 1", "1 failing test",
			func(t *testing.T, suites []findings.Suite) {
				assert.Equal(t, "x/x_test.go", suites[0].Cases[0].File)
				assert.Equal(t, 7, suites[0].Cases[0].Line)
				assert.Equal(t, "x_test.go:7: want 1", suites[0].Cases[0].Failure.Message)
			},
		},
		{
			"an assertion", printScript(startedEvents+`{"Action":"output","Package":"lockstep/x","Test":"TestA","Output":"    x_test.go:7: \n        \tError Trace:\t/r/x/x_test.go:7\n        \tError:      \tNot equal: \n"}
{"Action":"fail","Package":"lockstep/x","Test":"TestA","Elapsed":0.5}
{"Action":"fail","Package":"lockstep/x","Elapsed":1}`) + "exit 1", "1 failing test",
			func(t *testing.T, suites []findings.Suite) {
				assert.Equal(t, "x/x_test.go:7: TestA: Not equal:", findings.TestFailures(suites)[0].String())
			},
		},
		{
			"a script that stops", printScript(startedEvents+`{"Action":"output","Package":"lockstep/x","Test":"TestA/deploy","Output":"    testscript.go:609: # One.\n"}
{"Action":"output","Package":"lockstep/x","Test":"TestA/deploy","Output":"        FAIL: scripts/deploy.txtar:30: unexpected command failure\n"}
{"Action":"fail","Package":"lockstep/x","Test":"TestA/deploy","Elapsed":0.5}
{"Action":"fail","Package":"lockstep/x","Test":"TestA","Elapsed":0.5}
{"Action":"fail","Package":"lockstep/x","Elapsed":1}`) + "exit 1", "1 failing test",
			func(t *testing.T, suites []findings.Suite) {
				assert.Equal(t, []string{"x/scripts/deploy.txtar:30: TestA/deploy: unexpected command failure"}, []string{findings.TestFailures(suites)[0].String()})
			},
		},
		{
			"tests whose process is killed", printScript(startedEvents) + "kill -9 $$", "its program was ended by signal 9 (killed)",
			func(t *testing.T, suites []findings.Suite) {
				assert.Equal(t, unfinishedMessage, suites[0].Cases[0].Error.Message)
			},
		},
		{
			"a package that does not build", printScript(`{"ImportPath":"lockstep/x [lockstep/x.test]","Action":"build-output","Output":"# lockstep/x [lockstep/x.test]\n"}
{"ImportPath":"lockstep/x [lockstep/x.test]","Action":"build-output","Output":"x/x_test.go:3:1: undefined: y\n"}
{"ImportPath":"lockstep/x [lockstep/x.test]","Action":"build-fail"}
{"Action":"start","Package":"lockstep/x"}
{"Action":"fail","Package":"lockstep/x","Elapsed":0,"FailedBuild":"lockstep/x [lockstep/x.test]"}`) + "exit 1", "1 failing test",
			func(t *testing.T, suites []findings.Suite) {
				assert.Equal(t, "x/x_test.go:3:1: undefined: y", suites[0].Cases[0].Error.Message)
				assert.Equal(t, 3, suites[0].Cases[0].Line)
			},
		},
		{"nothing", "true", "no test ran", nil},
		{"packages without a test", printScript(`{"Action":"start","Package":"lockstep/x"}
{"Action":"skip","Package":"lockstep/x"}`), "no test ran", nil},
		{"garbage", "echo 'go: cannot find main module'; exit 1", `its program ended with status 1, and it printed what is no test's outcome: "go: cannot find main module"`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{"go.mod": "module lockstep\n"})
			g, _ := newShellGate(root, test.script, pipeline.GoTest)
			err := g.Run(context.Background())
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.want)
			}
			text, err := os.ReadFile(filepath.Join(root, pipeline.ReportFile("probe", pipeline.GoTest)))
			require.NoError(t, err)
			suites, err := findings.ReadJUnit(text)
			require.NoError(t, err)
			if test.check == nil {
				assert.Empty(t, suites)
				return
			}
			require.Len(t, suites, 1)
			test.check(t, suites)
		})
	}
}
