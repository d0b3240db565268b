package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/jsonx"
	"lockstep/internal/pipeline"
)

// A reader receives a program's output while it runs. After the program has ended, result returns the findings, with
// paths relative to root.
type reader interface {
	io.Writer
	result(root string) (outcome, error)
}

// A stderrReader is a reader that receives standard error too.
type stderrReader interface{ readsStderr() }

// newReader returns a reader of the gate's format.
func (g Gate) newReader() reader {
	switch g.Format {
	case pipeline.GoTest:
		return newGoTestReader(g.Log, g.Root)
	case pipeline.SARIF:
		return &bufferedReader{read: readSARIF}
	case pipeline.DetectSecrets:
		return &bufferedReader{read: readDetectSecrets}
	case pipeline.Vale:
		return &bufferedReader{read: readVale}
	}
	return &lineReader{pattern: linePatterns[g.Format], log: g.Log}
}

// A bufferedReader reads the whole output at the end. It keeps at most maxReportBytes.
type bufferedReader struct {
	buffer     bytes.Buffer
	overflowed bool
	read       func(text []byte, root string) (findings.Report, error)
}

func (w *bufferedReader) Write(p []byte) (int, error) {
	if room := maxReportBytes - w.buffer.Len(); room < len(p) {
		w.overflowed = true
		w.buffer.Write(p[:room])
		return len(p), nil // an error would end the program
	}
	return w.buffer.Write(p)
}

func (w *bufferedReader) result(root string) (outcome, error) {
	if w.overflowed {
		return outcome{}, fault.Errorf(fault.GateReport, "its report is larger than %d MiB", maxReportBytes>>20)
	}
	report, err := w.read(w.buffer.Bytes(), root)
	return outcome{report: report}, err
}

// readSARIF reads a SARIF report, and refuses the report of a scanner whose database is empty.
func readSARIF(text []byte, root string) (findings.Report, error) {
	r, err := findings.ReadSARIF(bytes.TrimSpace(text), root)
	if err == nil {
		err = checkDatabase(text)
	}
	return r, err
}

// checkDatabase returns a *pipeline.NotRunError if a report says that its database of vulnerabilities is empty.
// govulncheck accepts a folder without a database, finds nothing and ends with status 0.
func checkDatabase(text []byte) error {
	var file struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Properties struct {
						Database string     `json:"db"`
						Modified *time.Time `json:"db_last_modified"`
					} `json:"properties"`
				} `json:"driver"`
			} `json:"tool"`
		} `json:"runs"`
	}
	if jsonx.UnmarshalForeign(text, &file) != nil {
		return nil // another program, whose properties have other types
	}
	for _, run := range file.Runs {
		if p := run.Tool.Driver.Properties; p.Modified != nil && p.Modified.IsZero() {
			return &pipeline.NotRunError{Reason: fmt.Sprintf(
				"the database %s is empty: download it, or name another in config/pipeline.yaml", p.Database)}
		}
	}
	return nil
}

// parseReport stores what a program has printed as JSON. The error is findings.ErrNoReport if it has printed nothing.
func parseReport(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return findings.ErrNoReport
	}
	if err := jsonx.UnmarshalForeign(text, into); err != nil {
		return fault.Errorf(fault.GateReport, "its report cannot be read: %w", err)
	}
	return nil
}

// readVale reads the alerts of vale, which are keyed by the file's name.
func readVale(text []byte, root string) (findings.Report, error) {
	var alerts map[string][]struct {
		Check, Message, Severity string
		Line                     int
		Span                     []int // the first and the last column
	}
	if err := parseReport(text, &alerts); err != nil {
		return findings.Report{}, err
	}
	r := findings.Report{Tool: pipeline.ToolVale}
	for file, found := range alerts {
		for _, a := range found {
			f := findings.Finding{
				Rule: a.Check, Level: findings.Warning, File: findings.RelativePath(root, file), Line: a.Line, Message: a.Message,
			}
			if a.Severity == "error" {
				f.Level = findings.Error
			}
			if len(a.Span) > 0 {
				f.Column = a.Span[0]
			}
			r.Findings = append(r.Findings, f)
		}
	}
	findings.Sort(r.Findings)
	return r, nil
}

// baselineFile lists the potential secrets of detect-secrets that a person has reviewed.
const baselineFile = ".secrets.baseline"

// A secretsReport is the part of detect-secrets' report and baseline that is read.
type secretsReport struct {
	Version string `json:"version"`
	// Results are keyed by the file's name.
	Results map[string][]potentialSecret `json:"results"`
}

type potentialSecret struct {
	Type string `json:"type"`
	Hash string `json:"hashed_secret"`
	Line int    `json:"line_number"`
	// Confirmed says whether a person has found it to be a secret. It is nil if nobody has decided.
	Confirmed *bool `json:"is_secret"`
}

// readDetectSecrets finds the potential secrets that are not in the baseline, or that the baseline marks as secrets.
func readDetectSecrets(text []byte, root string) (findings.Report, error) {
	var found secretsReport
	if err := parseReport(text, &found); err != nil {
		return findings.Report{}, err
	}
	if found.Results == nil {
		return findings.Report{}, fault.New(fault.GateReport, "its report cannot be read: it has no results")
	}
	baseline, err := readBaseline(filepath.Join(root, baselineFile))
	if err != nil {
		return findings.Report{}, err
	}
	r := findings.Report{Tool: pipeline.ToolDetectSecrets, Version: found.Version}
	for file, potential := range found.Results {
		for _, s := range potential {
			if isFalsePositive(baseline.Results[file], s) {
				continue
			}
			r.Findings = append(r.Findings, findings.Finding{
				Rule: strings.ReplaceAll(s.Type, " ", ""), Level: findings.Error,
				File: findings.RelativePath(root, file), Line: s.Line, Fingerprint: s.Hash,
				Message: fmt.Sprintf("%s: remove and replace it, or add it to %s if it is no secret", s.Type, baselineFile),
			})
		}
	}
	findings.Sort(r.Findings)
	return r, nil
}

// readBaseline reads the baseline, which is empty if there is no such file.
func readBaseline(file string) (secretsReport, error) {
	var baseline secretsReport
	text, err := fsx.ReadFile(file, fsx.MaxText)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return baseline, nil
	case err != nil:
		return baseline, err
	}
	if err := jsonx.UnmarshalForeign(text, &baseline); err != nil {
		return baseline, fmt.Errorf("%s cannot be read: %w", baselineFile, err)
	}
	return baseline, nil
}

// isFalsePositive reports whether the baseline has the potential secret and does not mark it as a secret.
func isFalsePositive(known []potentialSecret, s potentialSecret) bool {
	for _, k := range known {
		if k.Type == s.Type && k.Hash == s.Hash {
			return k.Confirmed == nil || !*k.Confirmed
		}
	}
	return false
}

// A linePattern reads a program that prints one finding a line.
type linePattern struct {
	// expression has the named groups file, line, column, rule, message and construct. Only file, or construct in its
	// place, is required.
	expression *regexp.Regexp
	// rule and message are those of a finding whose line has none.
	rule, message string
	// prefix begins every finding of a program that breaks long lines. It is empty for other programs.
	prefix string
	// folder is what the program's names of files are relative to; empty for the repository's root.
	folder string
}

var linePatterns = map[pipeline.Format]linePattern{
	pipeline.Gofumpt: {
		expression: regexp.MustCompile(`^(?P<file>[^:]+\.go)(?::(?P<line>\d+):(?P<column>\d+): (?P<message>.*))?$`),
		rule:       "gofumpt", message: "is not formatted by gofumpt; run `lockstep fix`",
	},
	pipeline.Mdformat: {
		expression: regexp.MustCompile(`^Error: File "(?P<file>.+)" is not formatted\.?$`),
		rule:       "mdformat", message: "is not formatted by mdformat; run `lockstep fix`", prefix: "Error: ",
	},
	pipeline.Actionlint: {
		expression: regexp.MustCompile(`^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<message>.*) ` +
			`\[(?P<rule>[a-z-]+)\]$`),
		rule: "actionlint",
	},
	pipeline.CDKNag: {
		expression: regexp.MustCompile(`^(?P<construct>[^\s:]+/[^\s:]+): (?P<rule>[A-Za-z0-9-]+(?:\[[^\]]*\])?): ` +
			`(?P<message>.*)$`),
		rule: "cdk-nag",
	},
	pipeline.RuffFormat: {
		expression: regexp.MustCompile(`^Would reformat: (?P<file>.+)$`),
		rule:       "ruff-format", message: "is not formatted by ruff; run `ruff format` on it",
	},
	pipeline.Mypy: {
		expression: regexp.MustCompile(`^(?P<file>[^:]+):(?P<line>\d+)(?::(?P<column>\d+))?: error: (?P<message>.*?)` +
			`(?:  \[(?P<rule>[a-z-]+)\])?$`),
		rule: "mypy",
	},
	pipeline.Xenon: {
		expression: regexp.MustCompile(`^ERROR:xenon:(?P<message>(?:block|module) "(?P<file>[^":]+)` +
			`(?::(?P<line>\d+))?[^"]*" has a rank of [A-F])$`),
		rule: "xenon",
	},
	pipeline.Bandit: {
		expression: regexp.MustCompile(`^(?P<file>[^:]+):(?P<line>\d+): (?P<message>.*) \[(?P<rule>B\d+)\]$`),
		rule:       "bandit",
	},
	pipeline.Ssort: {
		expression: regexp.MustCompile(`^ERROR: (?P<message>(?:.* in )?(?P<file>[^:]+?)(?: is incorrectly sorted|` +
			`: line (?P<line>\d+), column (?P<column>\d+)|: .*))$`),
		rule: "ssort",
	},
	pipeline.MkDocs: {
		expression: regexp.MustCompile(`^WARNING +- +(?P<message>.*?'(?P<file>[^']+\.md)'.*)$`),
		rule:       "mkdocs", folder: "docs",
	},
	pipeline.PipelineFiles: {
		expression: regexp.MustCompile(`^(?P<message>differs|missing|obsolete|foreign) +(?P<file>\S+)$`),
		rule:       "pipeline-files",
	},
	pipeline.Tidy: {
		expression: regexp.MustCompile(`^\+\+\+ tidy/(?P<file>\S+)$`),
		rule:       "tidy", message: "differs from what the code imports; run `lockstep fix`",
	},
}

// joinLines returns the text without control characters. The findings of a program that breaks its lines are put on
// one line each.
func (p linePattern) joinLines(text string) string {
	text = findings.Printable(text)
	if p.prefix == "" {
		return text
	}
	text = strings.ReplaceAll(text, "\n", " ")
	return strings.ReplaceAll(text, " "+p.prefix, "\n"+p.prefix)
}

// A lineReader reads one finding a line. It reads both streams, because such programs do not agree on one.
type lineReader struct {
	bufferedReader
	pattern linePattern
	log     io.Writer
}

func (*lineReader) readsStderr() {}

// result returns the findings, and prints the other lines to the log.
func (l *lineReader) result(root string) (outcome, error) {
	var r findings.Report
	for line := range strings.Lines(l.pattern.joinLines(l.buffer.String())) {
		line = strings.TrimRight(line, "\r\n ")
		match := l.pattern.expression.FindStringSubmatch(line)
		if match == nil {
			if line != "" {
				fmt.Fprintln(l.log, line)
			}
			continue
		}
		r.Findings = append(r.Findings, l.pattern.finding(match, root))
	}
	return outcome{report: r}, nil
}

// finding returns the finding of a line that matches.
func (p linePattern) finding(match []string, root string) findings.Finding {
	f := findings.Finding{Level: findings.Error, Rule: p.rule, Message: p.message}
	var construct string
	for i, name := range p.expression.SubexpNames() {
		text := match[i]
		if text == "" {
			continue
		}
		switch name {
		case "file":
			f.File = findings.RelativePath(root, path.Join(p.folder, text))
		case "line":
			f.Line, _ = strconv.Atoi(text) // the expression matches only digits
		case "column":
			f.Column, _ = strconv.Atoi(text)
		case "construct":
			construct = text
		case "rule":
			f.Rule = text
		case "message":
			f.Message = text
		}
	}
	if construct != "" {
		f.File, f.Line = constructLocation(root, construct)
		f.Message = construct + ": " + f.Message
	}
	return f
}
