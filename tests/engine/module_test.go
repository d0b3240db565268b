package engine

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

// canary is a secret that must never be shown.
const canary = "canary-that-nobody-may-be-shown"

// The module on a real engine. The sub-tests share a clone of this repository, which they change one after the other.
func TestModule_OnAnEngine(t *testing.T) {
	needEngine(t)
	dir := clone(t)
	// No function is passed this variable, so none may see it.
	t.Setenv("AWS_SESSION_TOKEN", canary)
	for _, test := range []struct {
		name string
		run  func(*testing.T, string)
	}{
		{"functions and checks have names", testFunctionsAndChecks},
		{"the graph is the table's, and is cached", testGraph},
		{"a deployment is rehearsed", testDeploy},
		{"bad input is refused with a reason", testBadInput},
		{"credentials are shown nowhere", testCredentialsHidden},
		{"a plan is saved, approved and applied", testReviewedPlan},
		{"gates pass, or say why they could not be run", testGates},
		{"an edit of the documentation runs what reads it", testDocumentationEdit},
		{"an edit of the deployment's code installs nothing", testDeployCodeEdit},
		{"a gate that fails says what it found", testFailingGate},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, dir) })
	}
}

func testFunctionsAndChecks(t *testing.T, dir string) {
	functions := mustSucceed(t, dir, "functions").stdout
	for _, name := range []string{
		"approve", "check", "deploy", "digests", "drift", "graph", "plan", "plan-file", "quality", "report", "rollback",
		"security",
		"synth", "test", "verify",
	} {
		assert.Regexp(t, `(?m)^`+name+` +\S`, functions)
	}
	checks := mustSucceed(t, dir, "check", "-l").stdout
	for _, gate := range []string{"format", "lint", "unit", "gosec", "templates"} {
		assert.Contains(t, checks, "lockstep:"+gate)
	}
}

func testGraph(t *testing.T, dir string) {
	c, err := config.Load(os.DirFS(filepath.Join(dir, "config")))
	require.NoError(t, err)
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
	assert.Contains(t, mustSucceed(t, dir, "call", "graph").stdout, "digest "+g.Digest())
	assert.Contains(t, mustSucceed(t, dir, "call", "graph").progress, "Lockstep.graph CACHED")

	empty := newEmptyModule(t)
	quickest := map[string]time.Duration{}
	for range 4 { // the first of each is cold
		for name, call := range map[string]func() callResult{
			"graph":   func() callResult { return mustSucceed(t, dir, "call", "graph") },
			"nothing": func() callResult { return mustSucceed(t, empty, "call", "nothing") },
		} {
			if took := call().duration; quickest[name] == 0 || took < quickest[name] {
				quickest[name] = took
			}
		}
	}
	t.Logf("a warm call of graph took %v, one of an empty module %v", quickest["graph"], quickest["nothing"])
}

// newEmptyModule writes a Dagger module with one function that returns a constant, and returns its folder.
func newEmptyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const settings = `{"name": "empty", "engineVersion": "v%s", "sdk": {"source": "go"}}`
	for name, text := range map[string]string{
		"dagger.json": fmt.Sprintf(settings, pipeline.DaggerVersion),
		"main.go":     "package main\n\ntype Empty struct{}\n\nfunc (m *Empty) Nothing() string { return \"nothing\" }\n",
		"go.mod":      "module empty\n\ngo 1.26\n",
	} {
		harness.MustWriteFile(t, filepath.Join(dir, name), text)
	}
	git(t, dir, "init", "--quiet")
	return dir
}

func testDeploy(t *testing.T, dir string) {
	first := mustSucceed(t, dir, "call", "deploy", "--env", "acc")
	assert.Contains(t, first.stdout, "a rehearsal on emulated accounts, nothing reached AWS")
	second := mustSucceed(t, dir, "call", "deploy", "--env", "acc")
	assert.Contains(t, second.stdout, "nothing changed on the emulated accounts, nothing was touched, nothing reached AWS")
	uncached := []string{"lockstep deploy", "lockstep verify", "lockstep summarize", "lockstep rehearsal serve"}
	assert.Empty(t, otherCommands(second, uncached...), "the rest is cached")

	assert.Contains(t, mustSucceed(t, dir, "call", "verify", "--env", "acc").stdout, "verify passed")
	mustSucceed(t, dir, "call", "drift", "--env", "acc")
	replaceInFile(t, filepath.Join(dir, "config/environments/acc.yaml"), "releaseChannel: acc", "releaseChannel: later")
	changed := mustSucceed(t, dir, "call", "deploy", "--env", "acc")
	assert.Contains(t, changed.stdout, "lockstep-acc-artefact       updated: 1 to modify")
	rolledBack := mustSucceed(t, dir, "call", "rollback", "--env", "acc")
	assert.Contains(t, rolledBack.stdout, "UPDATE_COMPLETE SettingreleaseChannel")
	replaceInFile(t, filepath.Join(dir, "config/environments/acc.yaml"), "releaseChannel: later", "releaseChannel: acc")
}

func testBadInput(t *testing.T, dir string) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"an unknown environment": {
			[]string{"deploy", "--env", "nowhere"}, `there is no environment "nowhere"; config/environments has dev, acc, prod`,
		},
		"no environment": {[]string{"deploy", "--env", ""}, "which environment? Write --env with one of"},
		"a mirror that does not exist": {
			[]string{"--image-prefix", "127.0.0.1:1/nothing", "deploy", "--env", "acc"},
			`see that --image-prefix "127.0.0.1:1/nothing" names a mirror that has that image`,
		},
		"a prefix that is not one": {
			[]string{"--image-prefix", "https://mirror", "graph"},
			`--image-prefix "https://mirror" is not the beginning of an image's name`,
		},
		"a source that is not a project": {
			[]string{"--source", "docs", "graph"}, "the source directory holds no config/pipeline.yaml, so nothing was run",
		},
		"a source that does not exist": {[]string{"--source", "missing", "graph"}, "missing"},
		"a folder without assemblies": {
			[]string{"plan", "--env", "acc", "--assembly", "docs"}, "--assembly holds no cloud assembly of acc",
		},
		"an unknown stage": {[]string{"report", "--stage", "nowhere"}, "value should be one of"},
	} {
		t.Run(name, func(t *testing.T) {
			result := mustFail(t, dir, append([]string{"call"}, test.args...)...)
			assert.Contains(t, result.progress, test.want)
		})
	}
}

func testCredentialsHidden(t *testing.T, dir string) {
	exported := func(expires time.Time) string {
		text, err := json.Marshal(map[string]any{
			"Version": 1, "AccessKeyId": "AKIA" + strings.Repeat("0", 16), "SecretAccessKey": canary, "SessionToken": canary,
			"Expiration": expires.Format(time.RFC3339),
		})
		require.NoError(t, err)
		return string(text)
	}
	traces := collectTraces(t)
	for name, test := range map[string]struct{ credentials, want string }{
		"not JSON": {canary, "--aws-credentials is not in the format of"},
		"of another format": {
			`{"Version": 2, "SecretAccessKey": "` + canary + `"}`, "--aws-credentials has Version 2, not 1",
		},
		"expired":               {exported(time.Now().Add(-time.Hour)), "--aws-credentials expired at"},
		"of an account of none": {exported(time.Now().Add(time.Hour)), "plan:acc failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LOCKSTEP_TEST_CREDENTIALS", test.credentials)
			c := mustFail(t, dir, "call", "plan", "--env", "acc", "--aws-credentials", "env:LOCKSTEP_TEST_CREDENTIALS")
			assert.Contains(t, c.progress, test.want)
			assert.NotContains(t, c.combinedOutput(), canary)
		})
	}
	sent := traces()
	assert.Contains(t, sent, "Lockstep.plan", "the calls are in the traces")
	for _, form := range encodedForms(canary) {
		assert.False(t, strings.Contains(sent, form), "the traces show %s", form)
	}
}

// encodedForms returns the forms in which a text may stand in a trace: plain, or within a longer text in base64, as the
// arguments of calls are.
func encodedForms(text string) []string {
	all := []string{text}
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", before) + text))
		first, last := (before*8+5)/6, (before+len(text))*8/6 // the characters that depend on the text alone
		all = append(all, encoded[first:last])
	}
	return all
}

func TestEncodedForms_FindTextInBase64(t *testing.T) {
	for before := range 7 {
		sent := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("-", before) + canary + "and more"))
		isIn := func(form string) bool { return strings.Contains(sent, form) }
		assert.True(t, slices.ContainsFunc(encodedForms(canary), isIn), "after %d bytes", before)
	}
}

// collectTraces makes Dagger send its traces and logs to a collector, and returns a function that returns all that was
// sent so far.
func collectTraces(t *testing.T) func() string {
	t.Helper()
	var mutex sync.Mutex
	var sent strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(body)
			if !assert.NoError(t, err) {
				return
			}
			body = unpacked
		}
		mutex.Lock()
		defer mutex.Unlock()
		_, err := io.Copy(&sent, body)
		assert.NoError(t, err)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	return func() string {
		mutex.Lock()
		defer mutex.Unlock()
		return sent.String()
	}
}

func testReviewedPlan(t *testing.T, dir string) {
	saved := filepath.Join(t.TempDir(), "plan")
	mustSucceed(t, dir, "call", "plan-file", "--env", "prod", "export", "--path", saved)
	for _, name := range []string{pipeline.PlanFile, "plan.md", "digest", "summary"} {
		assert.FileExists(t, filepath.Join(saved, name))
	}
	assertNoCanary(t, saved)
	file := filepath.Join(saved, pipeline.PlanFile)
	assert.Contains(t, mustFail(t, dir, "call", "deploy", "--env", "prod", "--plan", file).progress, "approve --plan")
	digest, err := os.ReadFile(filepath.Join(saved, "digest"))
	require.NoError(t, err)
	mustSucceed(t, dir, "call", "approve", "--plan", file, "--expect-plan", string(digest), "--note", "tests")
	mustSucceed(t, dir, "call", "deploy", "--env", "prod", "--plan", file, "--expect-plan", string(digest))
}

// hasUnreachableGate reports whether a gate could not run because the engine cannot reach its database.
func hasUnreachableGate(c callResult) bool {
	return strings.Contains(c.combinedOutput(), "not run: LS-431: it could not reach what it needs")
}

func testGates(t *testing.T, dir string) {
	c := mustSucceed(t, dir, "call", "check")
	assert.Contains(t, c.stdout, "check passed")
	mustSucceed(t, dir, "check")
	strict := runDagger(t, dir, time.Hour, "call", "--ci", "security")
	assert.Equal(t, hasUnreachableGate(c), strict.failed, "%s", tail(strict.combinedOutput()))
	if strict.failed {
		assert.Contains(t, c.stdout, "not run here, and no pass elsewhere: ")
		assert.NotRegexp(t, `(?m)^\w+(:\w+)? failed: `, strict.progress)
	}
	report := filepath.Join(t.TempDir(), "report")
	mustSucceed(t, dir, "call", "report", "--stage", string(pipeline.Quality), "export", "--path", report)
	for _, name := range []string{"report.html", "findings.sarif", "gates.xml", "summary.json"} {
		assert.FileExists(t, filepath.Join(report, name))
	}
	assertNoCanary(t, report)
}

func testDocumentationEdit(t *testing.T, dir string) {
	mustSucceed(t, dir, "call", "check")
	appendToFile(t, filepath.Join(dir, "docs/architecture.md"), "\nOne line more.\n")
	c := mustSucceed(t, dir, "call", "check")
	assert.Empty(t, otherCommands(c, "lockstep summarize",
		// These read the documentation.
		"lockstep gate documentation", "lockstep gate markdown", "lockstep gate prose", "lockstep gate secrets",
		"lockstep gate baseline", "lockstep gate site",
		// These read the commits.
		"lockstep gate history", "lockstep gate coverage",
		// The results of these expire.
		"lockstep gate waivers", "lockstep gate govulncheck", "lockstep gate osv",
	))
}

func testDeployCodeEdit(t *testing.T, dir string) {
	mustSucceed(t, dir, "call", "deploy", "--env", "acc")
	appendToFile(t, filepath.Join(dir, "internal/deploy/engine.go"), "\n// One line more.\n")
	c := mustSucceed(t, dir, "call", "deploy", "--env", "acc")
	const build = "go build -trimpath -buildvcs=false -o .lockstep/bin/lockstep"
	assert.Contains(t, strings.Join(c.executedCommands(), "\n"), build)
	assert.Empty(t, otherCommands(c, build, pipeline.Self+" "), "tools and the CDK app are cached")
	assert.NotContains(t, c.progress, "go: downloading")
}

func testFailingGate(t *testing.T, dir string) {
	harness.MustWriteFile(t, filepath.Join(dir, "tests/engine/testdata/seeded.go"), "package seeded\nfunc  Seeded( ) {}\n")
	c := mustFail(t, dir, "call", "quality")
	assert.Contains(t, c.progress, "did not pass: ")
	assert.Contains(t, c.progress, "tests/engine/testdata/seeded.go")
	report := filepath.Join(t.TempDir(), "report")
	mustSucceed(t, dir, "call", "report", "--stage", string(pipeline.Quality), "export", "--path", report)
	text, err := os.ReadFile(filepath.Join(report, "findings.sarif"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "tests/engine/testdata/seeded.go")
}

// otherCommands returns the commands that ran and begin with none of the prefixes.
func otherCommands(c callResult, prefixes ...string) []string {
	return slices.DeleteFunc(c.executedCommands(), func(command string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(command, prefix) })
	})
}

// assertNoCanary checks that no file of a folder has the canary.
func assertNoCanary(t *testing.T, dir string) {
	t.Helper()
	files := 0
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(filepath.Join(dir, name))
		assert.NotContains(t, string(text), canary, name)
		return err
	}))
	assert.NotZero(t, files)
}

// replaceInFile replaces a text that stands in a file once.
func replaceInFile(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	changed, err := harness.ReplaceOnce(string(text), from, to)
	require.NoError(t, err, file)
	harness.MustWriteFile(t, file, changed)
}
