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

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// newRepository returns a folder with the files, by their names.
func newRepository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

// now is the clock of the tests.
func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// newShellGate returns a gate whose program is a shell script, and its log.
func newShellGate(root, script string, format pipeline.Format) (Gate, *bytes.Buffer) {
	log := &bytes.Buffer{}
	argv := []string{"sh", "-c", script}
	return Gate{Name: "probe", Root: root, Format: format, Argv: argv, Log: log, Now: now}, log
}

func readReport(t *testing.T, root string) findings.Report { return readReportOf(t, root, "probe") }

func readReportOf(t *testing.T, root, gate string) findings.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, pipeline.ReportFile(gate, pipeline.SARIF)))
	require.NoError(t, err)
	r, err := findings.ReadSARIF(text, root)
	require.NoError(t, err)
	return r
}

const (
	emptySARIF    = `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "probe"}}, "results": []}]}`
	findingsSARIF = `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "probe"}}, "results": [
		{"ruleId": "G1", "level": "error", "message": {"text": "bad"}, "locations": [
			{"physicalLocation": {"artifactLocation": {"uri": "a/b.go"}, "region": {"startLine": 3}}}]},
		{"ruleId": "G2", "level": "warning", "message": {"text": "doubtful"}}]}]}`
)

// printScript returns a shell command that prints the text.
func printScript(text string) string { return "cat <<'END'\n" + text + "\nEND\n" }

func TestGate_AlwaysWritesReport(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, test := range []struct {
		name, script string
		format       pipeline.Format
		// wantErr is a part of the error, empty for a pass.
		wantErr string
		// wantBroken is a part of the report's Broken.
		wantBroken string
	}{
		{"no findings", printScript(emptySARIF), pipeline.SARIF, "", ""},
		{"findings", printScript(findingsSARIF) + "exit 1", pipeline.SARIF, "2 findings", ""},
		{"findings and status 0", printScript(findingsSARIF), pipeline.SARIF, "2 findings", ""},
		{"no output", "exit 0", pipeline.SARIF, "it printed no report", "it printed no report"},
		{
			"no output and status 2", "echo panic: nil map >&2; exit 2", pipeline.SARIF,
			"its program ended with status 2, and it printed no report: panic: nil map", "status 2",
		},
		{"garbage", "echo '%PDF-1.7'; exit 0", pipeline.SARIF, "its report is not SARIF", "its report is not SARIF"},
		{"half a report", "printf '" + emptySARIF[:40] + "'", pipeline.SARIF, "its report is not SARIF", "not SARIF"},
		{
			"empty report and status 3", printScript(emptySARIF) + "echo no such package >&2; exit 3", pipeline.SARIF,
			"its program ended with status 3 but reported nothing: no such package", "status 3",
		},
		{
			"killed", printScript(emptySARIF) + "kill -9 $$", pipeline.SARIF,
			"its program was ended by signal 9 (killed)", "signal 9",
		},
		{
			"killed after findings", printScript(findingsSARIF) + "kill -9 $$", pipeline.SARIF,
			"its program was ended by signal 9 (killed)", "signal 9",
		},
		{"lines, no findings", "true", pipeline.Gofumpt, "", ""},
		{
			"lines, no findings and status 2", "echo oh no >&2; exit 2", pipeline.Gofumpt,
			"its program ended with status 2 but reported nothing: oh no", "status 2",
		},
		{"secrets, garbage", "echo garbage", pipeline.DetectSecrets, "its report cannot be read", "cannot be read"},
		{"prose, garbage", "echo garbage", pipeline.Vale, "its report cannot be read", "cannot be read"},
		{"prose, no output", "true", pipeline.Vale, "it printed no report", "no report"},
		{"secrets, no output", "true", pipeline.DetectSecrets, "it printed no report", "no report"},
		{"secrets, other format", "echo '{}'", pipeline.DetectSecrets, "it has no results", "no results"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRepository(t, nil)
			g, _ := newShellGate(root, test.script, test.format)
			err := g.Run(t.Context())
			r := readReport(t, root)
			assert.Contains(t, []string{"probe", "sh", pipeline.ToolDetectSecrets, pipeline.ToolVale}, r.Tool)
			if test.wantErr == "" {
				require.NoError(t, err)
				assert.Empty(t, r.Broken)
				return
			}
			var failed *FailedError
			printed.Error(err)
			require.ErrorAs(t, err, &failed)
			assert.Contains(t, failed.Reason, test.wantErr)
			if test.wantBroken == "" {
				assert.Empty(t, r.Broken)
			} else {
				assert.Contains(t, r.Broken, test.wantBroken)
			}
		})
	}
}

func TestGate_UnreachableNetworkIsNotRun(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, stderr := range map[string]string{
		"govulncheck": `fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": ` +
			`dial tcp: lookup vuln.go.dev: no such host`,
		"osv-scanner": `could not load db for npm ecosystem: unable to fetch OSV database: ` +
			`no offline version of the OSV database is available`,
		"go": `go: golang.org/x/mod@v0.42.0: Get "https://proxy.example.com": ` +
			`dial tcp 127.0.0.1:1: connect: connection refused`,
	} {
		for kind, script := range map[string]string{
			"no report": "exit 1", "empty report": printScript(emptySARIF) + "exit 127",
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				root := newRepository(t, nil)
				g, _ := newShellGate(root, "echo '"+stderr+"' >&2\n"+script, pipeline.SARIF)
				var notRun *pipeline.NotRunError
				require.ErrorAs(t, printed.Error(g.Run(t.Context())), &notRun)
				assert.Contains(t, notRun.Reason, stderr)
				assert.Contains(t, readReport(t, root).Broken, "not run")
			})
		}
	}
	t.Run("findings count all the same", func(t *testing.T) {
		script := "echo dial tcp: no such host >&2\n" + printScript(findingsSARIF)
		g, _ := newShellGate(newRepository(t, nil), script, pipeline.SARIF)
		assert.EqualError(t, printed.Error(g.Run(t.Context())), "2 findings")
	})
}

func TestGate_MissingProgramIsNotRun(t *testing.T) {
	g, _ := newShellGate(newRepository(t, nil), "", pipeline.SARIF)
	g.Argv = []string{"no-such-program"}
	var notRun *pipeline.NotRunError
	require.ErrorAs(t, g.Run(t.Context()), &notRun)
	assert.Contains(t, notRun.Reason, "no-such-program")
}

func TestGate_EmptyDatabaseIsNotRun(t *testing.T) {
	report := `{"version": "2.1.0", "runs": [{"results": [], "tool": {"driver": {"name": "govulncheck",
		"properties": {"db": "file:///nowhere", "db_last_modified": "0001-01-01T00:00:00Z"}}}}]}`
	g, _ := newShellGate(newRepository(t, nil), printScript(report), pipeline.SARIF)
	var notRun *pipeline.NotRunError
	require.ErrorAs(t, g.Run(t.Context()), &notRun)
	assert.Contains(t, notRun.Reason, "the database file:///nowhere is empty")
}

// A cancelWriter cancels a context when it is first written to.
type cancelWriter struct{ cancel context.CancelFunc }

func (w cancelWriter) Write(p []byte) (int, error) {
	w.cancel()
	return len(p), nil
}

func TestGate_InterruptIsNotRun(t *testing.T) {
	root := newRepository(t, nil)
	g, _ := newShellGate(root, "echo started >&2; exec sleep 1000", pipeline.SARIF)
	ctx, cancel := context.WithCancel(t.Context())
	g.Log = cancelWriter{cancel}
	require.ErrorIs(t, g.Run(ctx), context.Canceled)
	assert.Contains(t, readReport(t, root).Broken, "not run")
}

func TestGate_OversizedReportFails(t *testing.T) {
	script := fmt.Sprintf("head -c %d /dev/zero", maxReportBytes+1)
	g, _ := newShellGate(newRepository(t, nil), script, pipeline.SARIF)
	assert.EqualError(t, g.Run(t.Context()), "its report is larger than 64 MiB")
}

const waiverFile = `waivers:
  - rule: G1
    gate: gosec
    path: a/b*.go
    reason: the input is a constant of ours
    owner: platform@example.com
    until: "%s"
`

// waiverUntil returns a waiver file with one waiver, until a day.
func waiverUntil(day string) string { return fmt.Sprintf(waiverFile, day) }

func TestWaivers_LetFindingsThroughUntilExpiry(t *testing.T) {
	for _, test := range []struct {
		name, waiver string
		want         int
	}{
		{"last day", waiverUntil("2026-11-24"), 1},
		{"expired yesterday", waiverUntil("2026-11-23"), 2},
		{"other file", strings.Replace(waiverUntil("2027-01-01"), "a/b*.go", "b/b*.go", 1), 3},
		{"other rule", strings.Replace(waiverUntil("2027-01-01"), "G1", "G9", 1), 3},
		{"other gate", strings.Replace(waiverUntil("2027-01-01"), "gosec", "lint", 1), 2},
		{"a tree", strings.Replace(waiverUntil("2027-01-01"), "a/b*.go", "a/**", 1), 2},
		{"invalid file", "waivers: 1\n", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRepository(t, map[string]string{"config/waivers.yaml": test.waiver})
			g, log := newShellGate(root, printScript(findingsSARIF), pipeline.SARIF)
			g.Name = "gosec"
			assert.EqualError(t, g.Run(t.Context()), pluralize(test.want, "finding"))
			r := readReportOf(t, root, g.Name)
			assert.Len(t, r.Findings, max(test.want, 2))
			if test.want == 3 {
				assert.Equal(t, "waiver-unused", r.Findings[2].Rule)
				assert.Equal(t, config.WaiversFile, r.Findings[2].File)
			}
			if test.want == 1 {
				const want = "by platform@example.com until 2026-11-24: the input is a constant of ours"
				assert.Equal(t, want, r.Findings[0].Waived)
				assert.Contains(t, log.String(), "1 finding let through")
			}
		})
	}
}

// What a waiver lets through is judged where it was looked at.
func TestWaivers_UnusedOnlyWhereGateHasLooked(t *testing.T) {
	unused := strings.Replace(waiverUntil("2027-01-01"), "G1", "G9", 1)
	for name, test := range map[string]struct {
		change func(g *Gate)
		want   string
	}{
		"the gate looked at everything":     {func(*Gate) {}, "1 finding"},
		"it looked at that file":            {func(g *Gate) { g.FilePatterns = []string{"a/*.go"} }, "1 finding"},
		"it looked at other files":          {func(g *Gate) { g.FilePatterns = []string{"c/*.go"} }, ""},
		"there was nothing to look at":      {func(g *Gate) { g.OnlyWith = "none.go" }, ""},
		"it could not look":                 {func(g *Gate) { g.Argv = []string{"false"} }, "ended with status 1"},
		"it is the gate of one environment": {func(g *Gate) { g.Name = "gosec:dev" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := newRepository(t, map[string]string{
				"config/waivers.yaml": unused, "a/b.go": "package a\n", "c/d.go": "package c\n",
			})
			g, _ := newShellGate(root, printScript(emptySARIF), pipeline.SARIF)
			g.Name = "gosec"
			test.change(&g)
			err := g.Run(t.Context())
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestWaivers_Gate(t *testing.T) {
	printed := faulttest.Printed(t)
	reason := "    reason: the input is a constant of ours\n"
	for _, test := range []struct{ name, file, want string }{
		{"valid", waiverUntil("2027-01-01"), ""},
		{
			"expired", waiverUntil("2026-11-23"),
			"config/waivers.yaml:2: waiver-expired: the waiver of G1 in a/b*.go ended on 2026-11-23",
		},
		{"more than a year ahead", waiverUntil("2999-01-01"), "config/waivers.yaml:2: waiver-too-long: "},
		{
			"no such day", waiverUntil("2027-02-30"),
			"config/waivers.yaml:7: waiver-invalid: there is no day 2027-02-30",
		},
		{
			"no reason", strings.Replace(waiverUntil("2027-01-01"), reason, "", 1),
			"config/waivers.yaml:2: waiver-invalid: waivers.0.reason is missing",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRepository(t, map[string]string{"config/waivers.yaml": test.file})
			log := &bytes.Buffer{}
			err := Gate{Name: "waivers", Root: root, Format: pipeline.SARIF, Log: log, Now: now}.Run(t.Context())
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			printed.Error(err)
			if test.name == "expired" {
				assert.Equal(t, fault.WaiverExpired, fault.Of(err))
			} else {
				assert.EqualError(t, err, "1 finding")
				assert.Empty(t, fault.Of(err))
			}
			assert.Contains(t, log.String(), test.want)
		})
	}
}

func TestGate_PrintsWorstFindingsOnly(t *testing.T) {
	var results []string
	for i := range 25 {
		level := "warning"
		if i == 24 {
			level = "error"
		}
		results = append(results, fmt.Sprintf(`{"ruleId": "R%02d", "level": "%s", "message": {"text": "m"}}`, i, level))
	}
	report := `{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [` +
		strings.Join(results, ",") + `]}]}`
	g, log := newShellGate(newRepository(t, nil), printScript(report), pipeline.SARIF)
	assert.EqualError(t, g.Run(t.Context()), "25 findings")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	assert.Len(t, lines, maxPrintedFindings+1)
	assert.Equal(t, ".: R24: m", lines[0])
	assert.Equal(t, "and 5 more; `lockstep report` shows them all", lines[maxPrintedFindings])
}

func TestGate_MinLevel(t *testing.T) {
	g, _ := newShellGate(newRepository(t, nil), printScript(findingsSARIF), pipeline.SARIF)
	g.MinLevel = findings.Error
	assert.EqualError(t, g.Run(t.Context()), "1 finding")
}

func TestGate_PassesReadableFiles(t *testing.T) {
	root := newRepository(t, map[string]string{
		"a b/it's.md": "x", "-rf.md": "x", "bad.md": "one\n\xff", "x.txt": "", "node_modules/y.md": "", ".lockstep/z.md": "",
	})
	require.NoError(t, os.Symlink(".", filepath.Join(root, "loop")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "dangling.md")))
	big, err := os.Create(filepath.Join(root, "big.md"))
	require.NoError(t, err)
	require.NoError(t, errors.Join(big.Truncate(200<<20), big.Close()))

	g, log := newShellGate(root, `for f in "$@"; do echo "got $f"; done`, pipeline.Mdformat)
	g.Argv = append(g.Argv, "sh")
	g.FilePatterns = []string{"**/*.md"}
	assert.EqualError(t, g.Run(t.Context()), "2 findings")
	assert.Contains(t, log.String(), "got ./-rf.md got a b/it's.md")
	assert.NotContains(t, log.String(), "node_modules")
	var got []string
	for _, f := range readReport(t, root).Findings {
		got = append(got, f.Location()+" "+f.Rule)
	}
	assert.Equal(t, []string{"bad.md:2 not-utf-8", "big.md too-large"}, got)
}

func TestGate_NoFileIsNothingToCheck(t *testing.T) {
	g, log := newShellGate(newRepository(t, nil), "exit 1", pipeline.Mdformat)
	g.FilePatterns = []string{"**/*.md"}
	require.NoError(t, g.Run(t.Context()))
	assert.Contains(t, log.String(), "nothing to check: no file matches **/*.md")
}

func TestGate_OnlyRunsWithItsFile(t *testing.T) {
	g, log := newShellGate(newRepository(t, nil), "exit 1", pipeline.Vale)
	g.OnlyWith = ".vale.ini"
	require.NoError(t, g.Run(t.Context()))
	assert.Contains(t, log.String(), "nothing to check: there is no .vale.ini")

	g.Root = newRepository(t, map[string]string{".vale.ini": ""})
	assert.Error(t, g.Run(t.Context()))
}

func TestReaders_Formats(t *testing.T) {
	for _, test := range []struct {
		format pipeline.Format
		// text is the program's output, in which ROOT is the repository's root.
		text string
		want []string
	}{
		{
			pipeline.Gofumpt, "a b/x.go\ny.go:3:1: expected 'IDENT'\nwarning: something else\n",
			[]string{
				"a b/x.go: gofumpt: is not formatted by gofumpt; run `lockstep fix`",
				"y.go:3: gofumpt: expected 'IDENT'",
			},
		},
		{
			pipeline.Mdformat,
			"Error: File\n\"ROOT/a rather long\nname.md\" is not formatted.\n\nError: File \"ROOT/b.md\" is not formatted.\n",
			[]string{
				"a rather long name.md: mdformat: is not formatted by mdformat; run `lockstep fix`",
				"b.md: mdformat: is not formatted by mdformat; run `lockstep fix`",
			},
		},
		{
			pipeline.Actionlint, ".github/workflows/ci.yml:8:3: job \"a\" needs [b] [job-needs]\n",
			[]string{".github/workflows/ci.yml:8: job-needs: job \"a\" needs [b]"},
		},
		{
			pipeline.CDKNag, "p-acc-storage/Objects/Resource: AwsSolutions-S1: The S3 Bucket has no logs.\n" +
				"p-acc-storage/Other/Resource: AwsSolutions-IAM5[Action::s3:*]: too wide\n",
			[]string{
				"infra/stacks/storage.go:3: AwsSolutions-S1: p-acc-storage/Objects/Resource: The S3 Bucket has no logs.",
				".: AwsSolutions-IAM5[Action::s3:*]: p-acc-storage/Other/Resource: too wide",
			},
		},
		{
			pipeline.MkDocs, "INFO    -  Cleaning site directory\n" +
				"WARNING -  Doc file 'howto/a.md' contains a link 'c.md', but the target is not found.\n" +
				"\nAborted with 1 warnings in strict mode!\n",
			[]string{"docs/howto/a.md: mkdocs: Doc file 'howto/a.md' contains a link 'c.md', but the target is not found."},
		},
		{
			pipeline.Vale, `{"docs/a.md": [{"Check": "Lockstep.Words", "Message": "write x", "Severity": "error", ` +
				`"Line": 3, "Span": [7, 9]}], "docs/b.md": [{"Check": "Lockstep.Sentences", "Message": "split it", ` +
				`"Severity": "warning", "Line": 1, "Span": [1, 1]}]}`,
			[]string{"docs/a.md:3: Lockstep.Words: write x", "docs/b.md:1: Lockstep.Sentences: split it"},
		},
		{
			pipeline.Tidy, "diff current/go.mod tidy/go.mod\n--- current/go.mod\n+++ tidy/go.mod\n@@ -1 +1 @@\n",
			[]string{"go.mod: tidy: differs from what the code imports; run `lockstep fix`"},
		},
	} {
		t.Run(string(test.format), func(t *testing.T) {
			root := newRepository(t, map[string]string{
				"infra/stacks/storage.go":      "package stacks\n\nvar name = \"Objects\"\n",
				"infra/stacks/storage_test.go": "\"Other\"",
			})
			script := printScript(strings.ReplaceAll(test.text, "ROOT", root)) + "exit 1"
			g, log := newShellGate(root, script, test.format)
			assert.Error(t, g.Run(t.Context()))
			for _, want := range test.want {
				assert.Contains(t, log.String(), want+"\n")
			}
			assert.Len(t, readReport(t, root).Findings, len(test.want))
		})
	}
}

func TestDetectSecrets_Baseline(t *testing.T) {
	const secret = `{"type": "Secret Keyword", "hashed_secret": "h1", "line_number": 4%s}`
	report := `{"version": "1.5.0", "results": {"a.py": [` + fmt.Sprintf(secret, "") + `]}}`
	confirmed := `{"results": {"a.py": [` + fmt.Sprintf(secret, `, "is_secret": true`) + `]}}`
	for _, test := range []struct{ name, baseline, want string }{
		{"no baseline", "", "1 finding"},
		{"listed", report, ""},
		{"listed as a secret", confirmed, "1 finding"},
		{"listed for another file", strings.ReplaceAll(report, "a.py", "b.py"), "1 finding"},
		{"garbage", "garbage", ".secrets.baseline cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{}
			if test.baseline != "" {
				files[".secrets.baseline"] = test.baseline
			}
			g, _ := newShellGate(newRepository(t, files), printScript(report), pipeline.DetectSecrets)
			err := g.Run(t.Context())
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.want)
			}
		})
	}
}
