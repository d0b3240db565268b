package findings

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const toolReport = `{"version": "2.1.0", "runs": [{
	"tool": {"driver": {"name": "scanner", "version": "1.2", "rules": [
		{"id": "R1", "shortDescription": {"text": "one"}, "helpUri": "https://example.com/R1",
			"defaultConfiguration": {"level": "error"}, "properties": {"security-severity": "8.1"}},
		{"id": "R2", "fullDescription": {"text": "two"}}
	]}},
	"results": [
		{"ruleId": "R1", "message": {"text": "bad"}, "partialFingerprints": {"a": "f1"},
			"locations": [{"physicalLocation": {"artifactLocation": {"uri": "file:///repo/a%20b/x.go"},
				"region": {"startLine": 3, "startColumn": 7, "snippet": {"text": "password"}}}}]},
		{"ruleId": "R2", "level": "note", "message": {"text": "hm"},
			"locations": [{"physicalLocation": {"artifactLocation": {"uri": "y.go", "uriBaseId": "%SRCROOT%"}}}]},
		{"ruleId": "R3", "level": "none", "message": {"text": "odd"}},
		{"ruleId": "R2", "kind": "pass", "message": {"text": "fine"}},
		{"ruleId": "R2", "level": "warning", "message": {"text": "agreed"},
			"suppressions": [{"kind": "inSource", "justification": "it is a test"}]},
		{"ruleId": "R2", "level": "warning", "message": {"text": "asked for"},
			"suppressions": [{"kind": "inSource", "status": "rejected"}]},
		{"ruleId": "R2", "level": "warning", "message": {"text": "commented"}, "suppressions": [{"kind": "inSource"}]},
		{"ruleId": "R2", "level": "warning", "message": {"text": "not suppressed"}, "suppressions": [null]},
		{"ruleId": "R2", "level": "error", "message": {"text": "called"},
			"locations": [{"physicalLocation": {"artifactLocation": {"uri": "go.mod"}, "region": {"startLine": 1}}}],
			"codeFlows": [{"threadFlows": [{"locations": [{"location": {"physicalLocation": {
				"artifactLocation": {"uri": "main.go"}, "region": {"startLine": 9}}}}]}]}]},
		null
	]}]}`

func TestReadSARIF_ToolReport(t *testing.T) {
	r, err := ReadSARIF([]byte(toolReport), "/repo")
	require.NoError(t, err)
	assert.Equal(t, "scanner", r.Tool)
	assert.Equal(t, "1.2", r.Version)
	assert.Equal(t, []Finding{
		{Rule: "R1", Level: Error, Message: "bad", Severity: 8.1, File: "a b/x.go", Line: 3, Column: 7, Fingerprint: "f1"},
		{Rule: "R2", Level: Note, Message: "hm", File: "y.go"},
		{Rule: "R3", Level: Warning, Message: "odd"},
		{Rule: "R2", Level: Warning, Message: "agreed", Waived: "it is a test"},
		{Rule: "R2", Level: Warning, Message: "asked for"},
		{Rule: "R2", Level: Warning, Message: "commented", Waived: "in the code"},
		{Rule: "R2", Level: Warning, Message: "not suppressed"},
		{Rule: "R2", Level: Error, Message: "called", File: "main.go", Line: 9},
	}, r.Findings)
	assert.Equal(t, []string{
		"a b/x.go:3: R1: bad", "main.go:9: R2: called", ".: R2: asked for", ".: R2: not suppressed", ".: R3: odd",
	}, findingLines(r.Failing()))
}

func findingLines(all []Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.String())
	}
	return out
}

func TestReadSARIF_InvalidReportIsError(t *testing.T) {
	for name, text := range map[string]string{
		"empty":         "",
		"garbage":       "Segmentation fault",
		"other format":  `{"results": []}`,
		"list":          "[]",
		"cut in half":   toolReport[:len(toolReport)/2],
		"no run":        `{"version": "2.1.0", "runs": []}`,
		"null run":      `{"version": "2.1.0", "runs": [null]}`,
		"no tool":       `{"version": "2.1.0", "runs": [{}]}`,
		"other version": `{"version": "1.0.0", "runs": [{"tool": {"driver": {"name": "x"}}}]}`,
	} {
		_, err := ReadSARIF([]byte(text), "/repo")
		assert.Error(t, err, name)
	}
}

func TestReadSARIF_FailedInvocationIsBroken(t *testing.T) {
	r, err := ReadSARIF([]byte(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}},
		"invocations": [{"executionSuccessful": false,
			"toolExecutionNotifications": [{"message": {"text": "out of memory"}}]}]}]}`), "/repo")
	require.NoError(t, err)
	assert.Equal(t, "out of memory", r.Broken)
}

func FuzzReadSARIF(f *testing.F) {
	for _, seed := range []string{
		toolReport, "", "{}",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[null]}},"results":[null,{"locations":[null]}]}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ReadSARIF([]byte(text), "/repo") })
}

func TestWriteSARIF_MergedReportsRoundTrip(t *testing.T) {
	first, err := ReadSARIF([]byte(toolReport), "/repo")
	require.NoError(t, err)
	first.Gate = "gosec"
	first.Findings[0].Waived = "by a@example.com until 2027-01-01: agreed"
	second := Report{Gate: "templates:acc", Tool: "cfn-lint", Broken: "its program was ended by signal 9 (killed)"}

	var out bytes.Buffer
	require.NoError(t, WriteSARIF(&out, []Report{first, second}))
	assert.NotContains(t, out.String(), "password", "a snippet may be the secret itself")
	assert.NotContains(t, out.String(), "/repo")
	assert.Contains(t, out.String(), `"uri":"a%20b/x.go"`)

	assertIsSARIF(t, out.Bytes())
	var file sarifLog
	require.NoError(t, json.Unmarshal(out.Bytes(), &file))
	for _, run := range file.Runs {
		for _, result := range run.Results {
			assert.Equal(t, result.RuleID, run.Tool.Driver.Rules[result.RuleIndex].ID)
		}
	}
	all, err := ReadMergedSARIF(out.Bytes())
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, first.Findings, all[0].Findings)
	assert.Equal(t, "gosec", all[0].Gate)
	assert.Equal(t, "templates:acc", all[1].Gate)
	assert.Equal(t, second.Broken, all[1].Broken)
}

// assertIsSARIF validates a file with the schema of the standard.
func assertIsSARIF(t *testing.T, text []byte) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("testdata/sarif-schema-2.1.0.json")
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	assert.NoError(t, schema.Validate(value))
}

func TestWriteSARIF_NoReports(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteSARIF(&out, nil))
	assertIsSARIF(t, out.Bytes())
	all, err := ReadMergedSARIF(out.Bytes())
	require.NoError(t, err)
	assert.Empty(t, all)
}

func TestSort_WorstFirst(t *testing.T) {
	all := []Finding{
		{Rule: "note", Level: Note},
		{Rule: "warning", Level: Warning, File: "a"},
		{Rule: "mild", Level: Error, Severity: 3, File: "a"},
		{Rule: "b", Level: Error, File: "b", Line: 2},
		{Rule: "a", Level: Error, File: "b", Line: 2},
		{Rule: "first", Level: Error, File: "b", Line: 1},
		{Rule: "severe", Level: Error, Severity: 9, File: "z"},
	}
	Sort(all)
	var rules []string
	for _, f := range all {
		rules = append(rules, f.Rule)
	}
	assert.Equal(t, []string{"severe", "mild", "first", "a", "b", "warning", "note"}, rules)
}

func TestFinding_StringIsOneLine(t *testing.T) {
	forged := Finding{Rule: "r\nr", Level: Error, File: "a\nfailed: 0 findings\x1b[2K.md", Line: 1, Message: "m\nm"}
	assert.Equal(t, `a\nfailed: 0 findings\u001b[2K.md:1: r\nr: m m`, forged.String())
	f := Finding{Rule: "R", File: "x.go", Line: 1, Message: "two\n  lines " + strings.Repeat("é", 400)}
	assert.NotContains(t, f.String(), "\n")
	assert.True(t, strings.HasPrefix(f.String(), "x.go:1: R: two lines é"))
	assert.True(t, strings.HasSuffix(f.String(), "é ..."))
	assert.Equal(t, "x.go: R: m (waived by me)", Finding{Rule: "R", File: "x.go", Message: "m", Waived: "by me"}.String())
}

func TestRelativePath(t *testing.T) {
	for give, want := range map[string]string{
		"/repo/a/b.go": "a/b.go", "file:///repo/a.go": "a.go", "./a.go": "a.go", "a//b.go": "a/b.go", "/repo": "",
		"/repository/a.go": "/repository/a.go", "../x.go": "../x.go",
	} {
		assert.Equal(t, want, RelativePath("/repo", give), give)
	}
}

func TestJUnit_RoundTrip(t *testing.T) {
	give := []Suite{{Name: "x", Seconds: 1.5, Cases: []Case{
		{Name: "TestGood", Class: "x", Seconds: 1},
		{
			Name: "TestBad", Class: "x", File: "x/x_test.go", Line: 4,
			Failure: &Outcome{Message: "a < b & \"c\"", Text: "all of it"},
		},
		{Name: "TestKilled", Class: "x", Error: &Outcome{Message: "killed"}},
		{Name: "TestSkipped", Class: "x", Skipped: &Outcome{Message: "no network"}},
	}}}
	var out bytes.Buffer
	require.NoError(t, WriteJUnit(&out, give))
	assert.Contains(t, out.String(), `<testsuites tests="4" failures="1" errors="1">`)
	got, err := ReadJUnit(out.Bytes())
	require.NoError(t, err)
	assert.Equal(t, give, got)
	assert.Equal(t, []string{"x/x_test.go:4: TestBad: a < b & \"c\"", ".: TestKilled: killed"},
		findingLines(TestFailures(got)))

	for _, text := range []string{"", "garbage", "<html></html>", out.String()[:200]} {
		_, err := ReadJUnit([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestPrintable_DropsControlCharacters(t *testing.T) {
	assert.Equal(t, "a[31mred\n\tb", Printable("a\x1b[31mred\x00\n\tb\xff"))
}
