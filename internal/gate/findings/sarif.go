package findings

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// ErrNoReport is returned for a tool that printed nothing where its report belongs.
var ErrNoReport = fault.New(fault.GateReport, "it printed no report")

// ReadSARIF reads the findings of a tool's report. Paths become relative to root.
func ReadSARIF(text []byte, root string) (Report, error) {
	runs, err := readRuns(text)
	var r Report
	for _, run := range runs {
		r.addRun(run, root)
	}
	return r, err
}

// ReadMergedSARIF reads the reports of several gates from one file, as WriteSARIF writes them. A file without runs has
// no reports.
func ReadMergedSARIF(text []byte) ([]Report, error) {
	runs, err := readRuns(text)
	if errors.Is(err, errNoRun) {
		return nil, nil
	}
	var all []Report
	for _, run := range runs {
		r := Report{Gate: strings.Trim(strings.TrimPrefix(run.Automation.ID, gatePrefix), "/")}
		r.addRun(run, "")
		all = append(all, r)
	}
	return all, err
}

// gatePrefix begins the id of a gate's run in a file with several.
const gatePrefix = "lockstep/"

var errNoRun = fault.New(fault.GateReport, "its report is not SARIF 2.1.0 with at least one run")

func readRuns(text []byte) ([]sarifRun, error) {
	if len(text) == 0 {
		return nil, ErrNoReport
	}
	var file sarifLog
	if err := jsonx.UnmarshalForeign(text, &file); err != nil {
		return nil, fault.Errorf(fault.GateReport, "its report is not SARIF: %w", err)
	}
	if file.Version != sarifVersion || len(file.Runs) == 0 {
		return nil, errNoRun
	}
	for _, run := range file.Runs {
		if run.Tool.Driver.Name == "" {
			return nil, fault.New(fault.GateReport, "its report has a run that names no tool")
		}
	}
	return file.Runs, nil
}

// addRun adds the rules and results of a run to the report.
func (r *Report) addRun(run sarifRun, root string) {
	driver := run.Tool.Driver
	r.Tool = driver.Name
	r.Version = max(driver.Version, driver.SemanticVersion)
	rules := map[string]sarifRule{}
	for _, rule := range driver.Rules {
		rules[rule.ID] = rule
		r.Rules = append(r.Rules, Rule{ID: rule.ID, Text: rule.text(), Help: rule.HelpURI})
	}
	for _, result := range run.Results {
		if result == nil || result.Kind == "pass" || result.Kind == "notApplicable" {
			continue
		}
		r.Findings = append(r.Findings, result.finding(rules, root))
	}
	for _, invocation := range run.Invocations {
		if invocation.Successful != nil && !*invocation.Successful {
			r.Broken = invocation.failureReason()
		}
	}
}

// failureReason returns what a failed tool says about its failure.
func (i sarifInvocation) failureReason() string {
	for _, n := range i.Notifications {
		if n.Message.Text != "" {
			return n.Message.Text
		}
	}
	return "it reports that it did not finish"
}

// text returns the shortest description of the rule that the tool gives.
func (rule sarifRule) text() string {
	return cmp.Or(rule.ShortDescription.Text, rule.FullDescription.Text, rule.Name)
}

// finding returns the result as a Finding. What the result does not say is taken from its rule.
func (result *sarifResult) finding(rules map[string]sarifRule, root string) Finding {
	rule := rules[result.RuleID]
	f := Finding{
		Rule:     result.RuleID,
		Level:    cmp.Or(result.Level, rule.Configuration.Level),
		Severity: rule.Properties.severity(),
		Message:  cmp.Or(result.Message.Text, rule.text()),
	}
	if _, ok := levelRank[f.Level]; !ok {
		f.Level = Warning // the standard's default, section 3.27.10; "none" must not pass
	}
	for _, s := range result.Suppressions {
		if s != nil && (s.Status == "" || s.Status == "accepted") {
			f.Waived = cmp.Or(s.Justification, "in the code")
		}
	}
	for _, print := range result.Fingerprints {
		f.Fingerprint = max(f.Fingerprint, print) // any of them, but the same one each time
	}
	f.setLocation(root, result.Locations...)
	if call, ok := result.firstCall(); ok {
		f.setLocation(root, call)
	}
	return f
}

// firstCall returns where the repository's own code begins the code flow of the result, if the tool reports one. A
// scanner of modules locates a vulnerability in go.mod, but it is fixed where the vulnerable function is called.
func (result *sarifResult) firstCall() (sarifLocation, bool) {
	for _, flow := range result.CodeFlows {
		for _, thread := range flow.ThreadFlows {
			if len(thread.Locations) > 0 {
				return thread.Locations[0].Location, true
			}
		}
	}
	return sarifLocation{}, false
}

// setLocation sets the finding's file, line and column from the first location that has a file.
func (f *Finding) setLocation(root string, locations ...sarifLocation) {
	for _, location := range locations {
		uri := location.Physical.Artifact.URI
		if uri == "" {
			continue
		}
		if plain, err := url.PathUnescape(uri); err == nil {
			uri = plain
		}
		f.File = RelativePath(root, uri)
		f.Line = location.Physical.Region.StartLine
		f.Column = location.Physical.Region.StartColumn
		return
	}
}

// severity returns the security severity as a number, 0 if there is none.
func (p sarifProperties) severity() float64 {
	switch v := p.SecuritySeverity.(type) {
	case string:
		n, _ := strconv.ParseFloat(v, 64) // 0 if it is no number
		return n
	case float64:
		return v
	}
	return 0
}

// WriteSARIF writes the reports as one file, with a run for each. It writes no snippets of code, because a snippet
// could be the secret that was found.
func WriteSARIF(w io.Writer, reports []Report) error {
	file := sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: []sarifRun{}}
	for _, r := range reports {
		file.Runs = append(file.Runs, r.sarifRun())
	}
	return json.NewEncoder(display.NewPlainWriter(w)).Encode(file)
}

func (r Report) sarifRun() sarifRun {
	driver := sarifDriver{Name: r.Tool, Version: r.Version}
	indexes := map[string]int{}
	for i, rule := range r.usedRules() {
		indexes[rule.ID] = i
		driver.Rules = append(driver.Rules, rule.sarifRule(r.Findings))
	}
	successful := r.Broken == ""
	invocation := sarifInvocation{Successful: &successful}
	if !successful {
		invocation.Notifications = []sarifNotification{{Level: Error, Message: sarifMessage{r.Broken}}}
	}
	run := sarifRun{
		Tool:        sarifTool{driver},
		Automation:  sarifAutomationDetails{ID: gatePrefix + r.Gate + "/"},
		Invocations: []sarifInvocation{invocation},
		Results:     []*sarifResult{},
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, f.sarifResult(indexes[f.Rule]))
	}
	return run
}

// usedRules returns the rules of the findings, including rules that the tool does not describe, in the order of the
// findings.
func (r Report) usedRules() []Rule {
	var rules []Rule
	for _, f := range r.Findings {
		if slices.ContainsFunc(rules, func(rule Rule) bool { return rule.ID == f.Rule }) {
			continue
		}
		rule := Rule{ID: f.Rule}
		if i := slices.IndexFunc(r.Rules, func(known Rule) bool { return known.ID == f.Rule }); i >= 0 {
			rule = r.Rules[i]
		}
		rules = append(rules, rule)
	}
	return rules
}

// sarifRule returns the rule with the severity of its first finding that has one.
func (rule Rule) sarifRule(all []Finding) sarifRule {
	out := sarifRule{ID: rule.ID, ShortDescription: sarifMessage{rule.Text}, HelpURI: rule.Help}
	for _, f := range all {
		if f.Rule == rule.ID && f.Severity > 0 {
			out.Properties.SecuritySeverity = strconv.FormatFloat(f.Severity, 'f', 1, 64)
			break
		}
	}
	return out
}

func (f Finding) sarifResult(ruleIndex int) *sarifResult {
	result := &sarifResult{
		RuleID: f.Rule, RuleIndex: ruleIndex, Level: f.Level, Message: sarifMessage{f.Message},
	}
	if f.Fingerprint != "" {
		result.Fingerprints = map[string]string{"lockstep/v1": f.Fingerprint}
	}
	if f.Waived != "" {
		result.Suppressions = []*sarifSuppression{{Kind: "external", Status: "accepted", Justification: f.Waived}}
	}
	if f.File == "" {
		return result
	}
	location := sarifPhysicalLocation{
		Artifact: sarifArtifactLocation{URI: (&url.URL{Path: f.File}).EscapedPath(), URIBaseID: "%SRCROOT%"},
	}
	if f.Line > 0 {
		location.Region = sarifRegion{StartLine: f.Line, StartColumn: f.Column}
	}
	result.Locations = []sarifLocation{{Physical: location}}
	return result
}
