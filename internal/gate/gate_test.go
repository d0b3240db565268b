package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// repository is a folder with files by their name.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

// testDay is the day of the tests.
var testDay = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// newShellGate is a gate whose program is a shell script, with what it wrote for a person.
func newShellGate(root, script string, reads pipeline.Format) (Gate, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return Gate{Name: "probe", Root: root, Format: reads, Argv: []string{"sh", "-c", script}, Log: log, Now: func() time.Time { return testDay }}, log
}

func readReport(t *testing.T, root string) findings.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, pipeline.ReportFile("probe", pipeline.SARIF)))
	require.NoError(t, err)
	r, err := findings.ReadSARIF(text, root)
	require.NoError(t, err)
	return r
}

const (
	emptySARIF    = `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "probe"}}, "results": []}]}`
	findingsSARIF = `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "probe"}}, "results": [
		{"ruleId": "G1", "level": "error", "message": {"text": "bad"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a/b.go"}, "region": {"startLine": 3}}}]},
		{"ruleId": "G2", "level": "warning", "message": {"text": "doubtful"}}]}]}`
)

func printScript(text string) string { return "cat <<'END'\n" + text + "\nEND\n" }

func TestGate_AlwaysWritesReport(t *testing.T) {
	for _, test := range []struct {
		name, script string
		reads        pipeline.Format
		want         string // of the error; empty for a pass
		broken       string // in the report
	}{
		{"one that finds nothing", printScript(emptySARIF), pipeline.SARIF, "", ""},
		{"one that finds something", printScript(findingsSARIF) + "exit 1", pipeline.SARIF, "2 findings", ""},
		{"one that finds something and ends well all the same", printScript(findingsSARIF), pipeline.SARIF, "2 findings", ""},
		{"one that prints nothing", "exit 0", pipeline.SARIF, "it printed no report", "it printed no report"},
		{"one that prints nothing and fails", "echo panic: nil map >&2; exit 2", pipeline.SARIF, "its program ended with status 2, and it printed no report: panic: nil map", "status 2"},
		{"one that prints garbage", "echo '%PDF-1.7'; exit 0", pipeline.SARIF, "its report is not SARIF", "its report is not SARIF"},
		{"one whose report is cut in half", "printf '" + emptySARIF[:40] + "'", pipeline.SARIF, "its report is not SARIF", "not SARIF"},
		{"one that fails with an empty report", printScript(emptySARIF) + "echo no such package >&2; exit 3", pipeline.SARIF, "its program ended with status 3 but reported nothing: no such package", "status 3"},
		{"one that is killed", printScript(emptySARIF) + "kill -9 $$", pipeline.SARIF, "its program was ended by signal 9 (killed)", "signal 9"},
		{"one that runs out of memory after it found something", printScript(findingsSARIF) + "kill -9 $$", pipeline.SARIF, "its program was ended by signal 9 (killed)", "signal 9"},
		{"lines without any", "true", pipeline.Gofumpt, "", ""},
		{"lines that fail without any", "echo oh no >&2; exit 2", pipeline.Gofumpt, "its program ended with status 2 but reported nothing: oh no", "status 2"},
		{"secrets in garbage", "echo garbage", pipeline.DetectSecrets, "its report cannot be read", "cannot be read"},
		{"secrets in nothing", "true", pipeline.DetectSecrets, "it printed no report", "no report"},
		{"secrets in another format", "echo '{}'", pipeline.DetectSecrets, "it has no results", "no results"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, nil)
			g, _ := newShellGate(root, test.script, test.reads)
			err := g.Run(context.Background())
			r := readReport(t, root)
			assert.Equal(t, "probe", strings.TrimSuffix(r.Tool, "sh")+strings.Repeat("probe", strings.Count(r.Tool, "sh")))
			if test.want == "" {
				require.NoError(t, err)
				assert.Empty(t, r.Broken)
				return
			}
			var failed *FailedError
			require.ErrorAs(t, err, &failed)
			assert.Contains(t, failed.Reason, test.want)
			if test.broken == "" {
				assert.Empty(t, r.Broken)
			} else {
				assert.Contains(t, r.Broken, test.broken)
			}
		})
	}
}

func TestGate_UnreachableNetworkIsNotRun(t *testing.T) {
	for _, said := range []string{
		`fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": dial tcp: lookup vuln.go.dev: no such host`,
		`could not load db for npm ecosystem: unable to fetch OSV database: no offline version of the OSV database is available`,
		`go: golang.org/x/mod@v0.42.0: Get "https://proxy.example.com": dial tcp 127.0.0.1:1: connect: connection refused`,
	} {
		for _, script := range []string{"exit 1", printScript(emptySARIF) + "exit 127"} {
			root := repository(t, nil)
			g, _ := newShellGate(root, "echo '"+said+"' >&2\n"+script, pipeline.SARIF)
			err := g.Run(context.Background())
			var notRun *NotRunError
			require.ErrorAs(t, err, &notRun, said)
			assert.Contains(t, notRun.Reason, said)
			assert.Contains(t, readReport(t, root).Broken, "not run")
		}
	}
	t.Run("but one that found something has found it", func(t *testing.T) {
		g, _ := newShellGate(repository(t, nil), "echo dial tcp: no such host >&2\n"+printScript(findingsSARIF), pipeline.SARIF)
		assert.EqualError(t, g.Run(context.Background()), "2 findings")
	})
	t.Run("a program that is not there", func(t *testing.T) {
		g, _ := newShellGate(repository(t, nil), "", pipeline.SARIF)
		g.Argv = []string{"no-such-program"}
		var notRun *NotRunError
		require.ErrorAs(t, g.Run(context.Background()), &notRun)
		assert.Contains(t, notRun.Reason, "no-such-program")
	})
	t.Run("a database that holds nothing", func(t *testing.T) {
		g, _ := newShellGate(repository(t, nil), printScript(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "govulncheck",
			"properties": {"db": "file:///nowhere", "db_last_modified": "0001-01-01T00:00:00Z"}}}, "results": []}]}`), pipeline.SARIF)
		var notRun *NotRunError
		require.ErrorAs(t, g.Run(context.Background()), &notRun)
		assert.Contains(t, notRun.Reason, "the database file:///nowhere holds nothing")
	})
}

func TestGate_InterruptIsNotRun(t *testing.T) {
	root := repository(t, nil)
	g, _ := newShellGate(root, "sleep 30", pipeline.SARIF)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, g.Run(ctx), context.DeadlineExceeded)
	assert.Contains(t, readReport(t, root).Broken, "not run")
}

func TestGate_OversizedReportFails(t *testing.T) {
	g, _ := newShellGate(repository(t, nil), fmt.Sprintf("head -c %d /dev/zero", maxReportBytes+1), pipeline.SARIF)
	assert.EqualError(t, g.Run(context.Background()), "its report is larger than 64 MiB")
}

const waiverFile = `waivers:
  - rule: G1
    path: a/*.go
    reason: the input is a constant of ours
    owner: platform@example.com
    until: "%s"
`

func TestWaivers_LetFindingsThroughUntilExpiry(t *testing.T) {
	for _, test := range []struct {
		name, waiver string
		want         int
	}{
		{"one that holds", fmt.Sprintf(waiverFile, "2026-11-24"), 1},
		{"one that ended yesterday", fmt.Sprintf(waiverFile, "2026-11-23"), 2},
		{"one of another file", strings.Replace(fmt.Sprintf(waiverFile, "2027-01-01"), "a/*.go", "b/*.go", 1), 2},
		{"one of another rule", strings.Replace(fmt.Sprintf(waiverFile, "2027-01-01"), "G1", "G9", 1), 2},
		{"a file that is not right", "waivers: 1\n", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{"config/waivers.yaml": test.waiver})
			g, log := newShellGate(root, printScript(findingsSARIF), pipeline.SARIF)
			assert.EqualError(t, g.Run(context.Background()), pluralize(test.want, "finding"))
			r := readReport(t, root)
			assert.Len(t, r.Findings, 2)
			if test.want == 1 {
				assert.Equal(t, "by platform@example.com until 2026-11-24: the input is a constant of ours", r.Findings[0].Waived)
				assert.Contains(t, log.String(), "1 finding let through")
			}
		})
	}
}

func TestWaivers_Gate(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"one that holds", fmt.Sprintf(waiverFile, "2027-01-01"), ""},
		{"one that has ended", fmt.Sprintf(waiverFile, "2026-11-23"), "config/waivers.yaml:2: waiver-expired: the waiver of G1 in a/*.go ended on 2026-11-23"},
		{"one that nobody will look at again", fmt.Sprintf(waiverFile, "2999-01-01"), "config/waivers.yaml:2: waiver-too-long: "},
		{"a day that does not exist", fmt.Sprintf(waiverFile, "2027-02-30"), "config/waivers.yaml:6: waiver-invalid: there is no day 2027-02-30"},
		{"one without a reason", strings.Replace(fmt.Sprintf(waiverFile, "2027-01-01"), "    reason: the input is a constant of ours\n", "", 1), "config/waivers.yaml:2: waiver-invalid: waivers.0.reason is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{"config/waivers.yaml": test.file})
			log := &bytes.Buffer{}
			err := Gate{Name: "waivers", Root: root, Format: pipeline.SARIF, Log: log, Now: func() time.Time { return testDay }}.Run(context.Background())
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, "1 finding")
			assert.Contains(t, log.String(), test.want)
		})
	}
}

func TestGate_PrintsWorstFindingsOnly(t *testing.T) {
	var results []string
	for i := range 25 {
		results = append(results, fmt.Sprintf(`{"ruleId": "R%02d", "level": "%s", "message": {"text": "m"}}`, i, map[bool]string{true: "error", false: "warning"}[i == 24]))
	}
	g, log := newShellGate(repository(t, nil), printScript(`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [`+strings.Join(results, ",")+`]}]}`), pipeline.SARIF)
	assert.EqualError(t, g.Run(context.Background()), "25 findings")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	assert.Len(t, lines, maxPrintedFindings+1)
	assert.Equal(t, ".: R24: m", lines[0])
	assert.Equal(t, "and 5 more; `lockstep report` shows them all", lines[maxPrintedFindings])
}

func TestGate_MinLevel(t *testing.T) {
	g, _ := newShellGate(repository(t, nil), printScript(findingsSARIF), pipeline.SARIF)
	g.MinLevel = findings.Error
	assert.EqualError(t, g.Run(context.Background()), "1 finding")
}

func TestGate_PassesReadableFiles(t *testing.T) {
	root := repository(t, map[string]string{"a b/it's.md": "x", "-rf.md": "x", "bad.md": "one\n\xff", "x.txt": "", "node_modules/y.md": "", ".lockstep/z.md": ""})
	require.NoError(t, os.Symlink(".", filepath.Join(root, "loop")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "dangling.md")))
	big, err := os.Create(filepath.Join(root, "big.md"))
	require.NoError(t, err)
	require.NoError(t, errors.Join(big.Truncate(200<<20), big.Close()))

	g, log := newShellGate(root, `shift 0; for f in "$@"; do echo "got $f"; done`, pipeline.Mdformat)
	g.Argv, g.FilePatterns = append(g.Argv, "sh"), []string{"**/*.md"}
	assert.EqualError(t, g.Run(context.Background()), "2 findings")
	assert.Contains(t, log.String(), "got ./-rf.md got a b/it's.md")
	assert.NotContains(t, log.String(), "node_modules")
	var places []string
	for _, f := range readReport(t, root).Findings {
		places = append(places, f.Location()+" "+f.Rule)
	}
	assert.Equal(t, []string{"bad.md:2 not-utf-8", "big.md too-large"}, places)
}

func TestGate_NoFileIsNothingToCheck(t *testing.T) {
	g, log := newShellGate(repository(t, nil), "exit 1", pipeline.Mdformat)
	g.FilePatterns = []string{"**/*.md"}
	require.NoError(t, g.Run(context.Background()))
	assert.Contains(t, log.String(), "nothing to check: no file matches **/*.md")
}

func TestLineReader_Formats(t *testing.T) {
	for _, test := range []struct {
		reads pipeline.Format
		text  string
		want  []string
	}{
		{pipeline.Gofumpt, "a b/x.go\ny.go:3:1: expected 'IDENT'\nwarning: something else\n", []string{"a b/x.go: gofumpt: is not in gofumpt's form; `lockstep fix` mends it", "y.go:3: gofumpt: expected 'IDENT'"}},
		{pipeline.Mdformat, "Error: File\n\"ROOT/a rather long\nname.md\" is not formatted.\n\nError: File \"ROOT/b.md\" is not formatted.\n", []string{
			"a rather long name.md: mdformat: is not in mdformat's form; `lockstep fix` mends it", "b.md: mdformat: is not in mdformat's form; `lockstep fix` mends it",
		}},
		{pipeline.Actionlint, ".github/workflows/ci.yml:8:3: job \"a\" needs [b] [job-needs]\n", []string{".github/workflows/ci.yml:8: job-needs: job \"a\" needs [b]"}},
		{pipeline.CDKNag, "p-acc-storage/Objects/Resource: AwsSolutions-S1: The S3 Bucket has no logs.\np-acc-storage/Other/Resource: AwsSolutions-IAM5[Action::s3:*]: too wide\n", []string{
			"infra/stacks/storage.go:3: AwsSolutions-S1: p-acc-storage/Objects/Resource: The S3 Bucket has no logs.", ".: AwsSolutions-IAM5[Action::s3:*]: p-acc-storage/Other/Resource: too wide",
		}},
		{pipeline.Tidy, "diff current/go.mod tidy/go.mod\n--- current/go.mod\n+++ tidy/go.mod\n@@ -1 +1 @@\n", []string{"go.mod: tidy: does not say exactly what is imported; `lockstep fix` mends it"}},
	} {
		t.Run(string(test.reads), func(t *testing.T) {
			root := repository(t, map[string]string{"infra/stacks/storage.go": "package stacks\n\nvar name = \"Objects\"\n", "infra/stacks/storage_test.go": "\"Other\""})
			g, log := newShellGate(root, printScript(strings.ReplaceAll(test.text, "ROOT", root))+"exit 1", test.reads)
			assert.Error(t, g.Run(context.Background()))
			for _, want := range test.want {
				assert.Contains(t, log.String(), want+"\n")
			}
			assert.Len(t, readReport(t, root).Findings, len(test.want))
		})
	}
}

func TestDetectSecrets_Baseline(t *testing.T) {
	const suspect = `{"type": "Secret Keyword", "hashed_secret": "h1", "line_number": 4%s}`
	report := `{"version": "1.5.0", "results": {"a.py": [` + fmt.Sprintf(suspect, "") + `]}}`
	for _, test := range []struct {
		name, baseline string
		want           string
	}{
		{"none", "", "1 finding"},
		{"one that has it", report, ""},
		{"one in which a person said that it is one", `{"results": {"a.py": [` + fmt.Sprintf(suspect, `, "is_secret": true`) + `]}}`, "1 finding"},
		{"one of another file", strings.ReplaceAll(report, "a.py", "b.py"), "1 finding"},
		{"garbage", "garbage", ".secrets.baseline cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{}
			if test.baseline != "" {
				files[".secrets.baseline"] = test.baseline
			}
			g, _ := newShellGate(repository(t, files), printScript(report), pipeline.DetectSecrets)
			err := g.Run(context.Background())
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.want)
			}
		})
	}
}
