package findings

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"unicode"

	"lockstep/internal/display"
	"lockstep/internal/fault"
)

// A Suite is the tests of one package, as a testsuite of JUnit.
type Suite struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	// Seconds is how long the package took.
	Seconds float64 `xml:"time,attr"`
	Cases   []Case  `xml:"testcase"`
}

// A Case is one test. It passed if Failure, Error and Skipped are nil.
type Case struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	File    string   `xml:"file,attr,omitempty"`
	Line    int      `xml:"line,attr,omitempty"`
	Seconds float64  `xml:"time,attr"`
	Failure *Outcome `xml:"failure"`
	// Error is set for a test that did not finish, for example because its process was killed.
	Error   *Outcome `xml:"error"`
	Skipped *Outcome `xml:"skipped"`
}

// An Outcome says why a test did not pass.
type Outcome struct {
	Message string `xml:"message,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// suites is a whole file.
type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	Tests   int      `xml:"tests,attr"`
	Failed  int      `xml:"failures,attr"`
	Errors  int      `xml:"errors,attr"`
	Suites  []Suite  `xml:"testsuite"`
}

// UpdateCounts sets the numbers of tests, failures, errors and skipped tests from the cases.
func (s *Suite) UpdateCounts() {
	s.Tests, s.Failures, s.Errors, s.Skipped = len(s.Cases), 0, 0, 0
	for _, c := range s.Cases {
		switch {
		case c.Error != nil:
			s.Errors++
		case c.Failure != nil:
			s.Failures++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
}

// hasFailedSubtest reports whether a sub-test of the named test failed or did not finish.
func (s Suite) hasFailedSubtest(name string) bool {
	return slices.ContainsFunc(s.Cases, func(c Case) bool {
		return strings.HasPrefix(c.Name, name+"/") && (c.Failure != nil || c.Error != nil)
	})
}

// TestFailures returns the tests that failed or did not finish, as findings. A test is left out if one of its sub-tests
// is a finding.
func TestFailures(all []Suite) []Finding {
	var failing []Finding
	for _, s := range all {
		for _, c := range s.Cases {
			outcome := c.Failure
			if c.Error != nil {
				outcome = c.Error
			}
			if outcome == nil || s.hasFailedSubtest(c.Name) {
				continue
			}
			failing = append(failing, Finding{
				Rule: c.Name, Level: Error, Message: outcome.Message, File: c.File, Line: c.Line,
			})
		}
	}
	return failing
}

// WriteJUnit writes the suites as one file. It updates their counts.
func WriteJUnit(w io.Writer, all []Suite) error {
	w = display.NewPlainWriter(w)
	file := suites{Suites: all}
	for i := range all {
		all[i].UpdateCounts()
		file.Tests += all[i].Tests
		file.Failed += all[i].Failures
		file.Errors += all[i].Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(file); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// ReadJUnit reads a file that WriteJUnit wrote.
func ReadJUnit(text []byte) ([]Suite, error) {
	var file suites
	if err := xml.Unmarshal(text, &file); err != nil {
		return nil, fault.Errorf(fault.GateReport, "it is no JUnit report: %w", err)
	}
	if file.XMLName.Local != "testsuites" {
		return nil, fault.New(fault.GateReport, "it is no JUnit report")
	}
	return file.Suites, nil
}

// ReadForeignJUnit reads a report of another program, of one suite or of several.
func ReadForeignJUnit(text []byte) ([]Suite, error) {
	var one struct {
		XMLName xml.Name
		Suite
	}
	if err := xml.Unmarshal(text, &one); err != nil {
		return nil, fault.Errorf(fault.GateReport, "it is no JUnit report: %w", err)
	}
	if one.XMLName.Local == "testsuite" {
		return []Suite{one.Suite}, nil
	}
	return ReadJUnit(text)
}

// Printable returns the text without control characters other than tabs and line feeds, and without bytes that are not
// UTF-8. XML can hold neither.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || (unicode.IsPrint(r) && r != unicode.ReplacementChar) {
			return r
		}
		return -1
	}, text)
}
