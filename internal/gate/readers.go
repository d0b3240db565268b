package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// A reader takes what a program prints, and says what that means when the program has ended.
type reader interface {
	io.Writer
	result(root string) (outcome, error)
}

// A stderrReader also wants what the program says on its error stream.
type stderrReader interface{ readsStderr() }

// newReader is the reader of the gate's format.
func (g Gate) newReader() reader {
	switch g.Format {
	case pipeline.GoTest:
		return newGoTestReader(g.Log, g.Root)
	case pipeline.SARIF:
		return &bufferedReader{read: readSARIF}
	case pipeline.DetectSecrets:
		return &bufferedReader{read: readDetectSecrets}
	}
	return &lineReader{pattern: linePatterns[g.Format], bufferedReader: bufferedReader{}, log: g.Log}
}

// bufferedReader keeps all that is printed, up to a limit, and reads it at the end.
type bufferedReader struct {
	buffer     bytes.Buffer
	overflowed bool
	read       func(text []byte, root string) (findings.Report, error)
}

func (w *bufferedReader) Write(p []byte) (int, error) {
	if room := maxReportBytes - w.buffer.Len(); room < len(p) {
		w.overflowed = true
		w.buffer.Write(p[:room])
		return len(p), nil // the program is not to fail because of it
	}
	return w.buffer.Write(p)
}

func (w *bufferedReader) result(root string) (outcome, error) {
	if w.overflowed {
		return outcome{}, fmt.Errorf("its report is larger than %d MiB", maxReportBytes>>20)
	}
	report, err := w.read(w.buffer.Bytes(), root)
	return outcome{report: report}, err
}

func readSARIF(text []byte, root string) (findings.Report, error) {
	r, err := findings.ReadSARIF(bytes.TrimSpace(text), root)
	if err == nil {
		err = checkDatabase(text)
	}
	return r, err
}

// checkDatabase tells of a database of vulnerabilities that holds nothing: govulncheck takes a folder in which there is none for one, finds nothing
// and ends well.
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
	if json.Unmarshal(text, &file) != nil {
		return nil // then it is another program's, with properties of its own
	}
	for _, run := range file.Runs {
		if p := run.Tool.Driver.Properties; p.Modified != nil && p.Modified.IsZero() {
			return &NotRunError{fmt.Sprintf("the database %s holds nothing: download it, or name another in config/pipeline.yaml", p.Database)}
		}
	}
	return nil
}

// baselineFile is the file that says which finds of detect-secrets were looked at and are no secrets.
const baselineFile = ".secrets.baseline"

// secretsReport is the part of detect-secrets' format that counts.
type secretsReport struct {
	Version string                       `json:"version"`
	Results map[string][]potentialSecret `json:"results"`
}

type potentialSecret struct {
	Type string `json:"type"`
	Hash string `json:"hashed_secret"`
	Line int    `json:"line_number"`
	// IsSecret is set where a person said what it is.
	IsSecret *bool `json:"is_secret"`
}

// readDetectSecrets finds what is not in the baseline, and what is there as a true secret.
func readDetectSecrets(text []byte, root string) (findings.Report, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return findings.Report{}, findings.ErrNoReport
	}
	var found, known secretsReport
	if err := json.Unmarshal(text, &found); err != nil || found.Results == nil {
		return findings.Report{}, fmt.Errorf("its report cannot be read: %w", errors.Join(err, missingResultsError(found.Results == nil)))
	}
	switch before, err := os.ReadFile(filepath.Join(root, baselineFile)); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return findings.Report{}, err
	default:
		if err := json.Unmarshal(before, &known); err != nil {
			return findings.Report{}, fmt.Errorf("%s cannot be read: %w", baselineFile, err)
		}
	}
	r := findings.Report{Tool: pipeline.ToolDetectSecrets, Version: found.Version}
	for file, suspects := range found.Results {
		for _, s := range suspects {
			if isFalsePositive(known.Results[file], s) {
				continue
			}
			r.Findings = append(r.Findings, findings.Finding{
				Rule: strings.ReplaceAll(s.Type, " ", ""), Level: findings.Error, File: findings.RelativePath(root, file), Line: s.Line, Fingerprint: s.Hash,
				Message: fmt.Sprintf("%s: take it out and replace it, or add it to %s if it is none", s.Type, baselineFile),
			})
		}
	}
	findings.Sort(r.Findings)
	return r, nil
}

func missingResultsError(missing bool) error {
	if missing {
		return errors.New("it has no results")
	}
	return nil
}

func isFalsePositive(known []potentialSecret, s potentialSecret) bool {
	for _, k := range known {
		if k.Type == s.Type && k.Hash == s.Hash {
			return k.IsSecret == nil || !*k.IsSecret
		}
	}
	return false
}

// linePattern is how a program writes a finding a line: an expression with the groups file, line, column, rule and message, of which only the
// first is needed, and what stands for those that are missing.
type linePattern struct {
	expression    *regexp.Regexp
	rule, message string
	// prefix is what a finding begins with, for a program that breaks its lines in the middle of one; empty for others.
	prefix string
}

var linePatterns = map[pipeline.Format]linePattern{
	pipeline.Gofumpt: {
		regexp.MustCompile(`^(?P<file>[^:]+\.go)(?::(?P<line>\d+):(?P<column>\d+): (?P<message>.*))?$`), "gofumpt", "is not in gofumpt's form; `lockstep fix` mends it", "",
	},
	pipeline.Mdformat: {
		regexp.MustCompile(`^Error: File "(?P<file>.+)" is not formatted\.?$`), "mdformat", "is not in mdformat's form; `lockstep fix` mends it", "Error: ",
	},
	pipeline.Actionlint: {
		regexp.MustCompile(`^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<message>.*) \[(?P<rule>[a-z-]+)\]$`), "actionlint", "", "",
	},
	pipeline.CDKNag: {
		regexp.MustCompile(`^(?P<construct>[^\s:]+/[^\s:]+): (?P<rule>[A-Za-z0-9-]+(?:\[[^\]]*\])?): (?P<message>.*)$`), "cdk-nag", "", "",
	},
	pipeline.Tidy: {
		regexp.MustCompile(`^\+\+\+ tidy/(?P<file>\S+)$`), "tidy", "does not say exactly what is imported; `lockstep fix` mends it", "",
	},
}

// whole lines of a text, those that the program broke put together again.
func (p linePattern) joinLines(text string) string {
	text = findings.Printable(text)
	if p.prefix == "" {
		return text
	}
	text = strings.ReplaceAll(text, "\n", " ")
	return strings.ReplaceAll(text, " "+p.prefix, "\n"+p.prefix)
}

// lineReader reads findings a line, from both streams: such programs do not agree on which one they are for.
type lineReader struct {
	bufferedReader
	pattern linePattern
	log     io.Writer
}

func (*lineReader) readsStderr() {}

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

func (p linePattern) finding(match []string, root string) findings.Finding {
	f := findings.Finding{Level: findings.Error, Rule: p.rule, Message: p.message}
	construct := ""
	for i, name := range p.expression.SubexpNames() {
		text := match[i]
		if text == "" {
			continue
		}
		switch name {
		case "file":
			f.File = findings.RelativePath(root, text)
		case "line":
			f.Line, _ = strconv.Atoi(text) // the expression lets only digits through
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
