package findings

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// ErrNoReport says that a tool printed nothing where its report belongs.
var ErrNoReport = errors.New("it printed no report")

// ReadSARIF reads the findings of a tool's report. Paths become relative to root.
func ReadSARIF(text []byte, root string) (Report, error) {
	runs, err := readRuns(text)
	var r Report
	for _, run := range runs {
		r.readRun(run, root)
	}
	return r, err
}

// ReadMergedSARIF reads the reports of several gates from one file, as WriteSARIF wrote them.
func ReadMergedSARIF(text []byte) ([]Report, error) {
	runs, err := readRuns(text)
	if errors.Is(err, errNoRun) {
		return nil, nil
	}
	var all []Report
	for _, run := range runs {
		var r Report
		r.readRun(run, "")
		if run.AutomationDetails != nil {
			r.Gate = strings.Trim(strings.TrimPrefix(deref(run.AutomationDetails.ID), gatePrefix), "/")
		}
		all = append(all, r)
	}
	return all, err
}

// gatePrefix is what the id of a gate's run begins with in a file of several.
const gatePrefix = "lockstep/"

var errNoRun = errors.New("its report is not SARIF 2.1.0 with at least one run")

func readRuns(text []byte) ([]*sarif.Run, error) {
	if len(text) == 0 {
		return nil, ErrNoReport
	}
	var file sarif.Report
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("its report is not SARIF: %w", err)
	}
	if file.Version != "2.1.0" || len(file.Runs) == 0 {
		return nil, errNoRun
	}
	for _, run := range file.Runs {
		if run == nil || run.Tool == nil || run.Tool.Driver == nil {
			return nil, errors.New("its report has a run that names no tool")
		}
	}
	return file.Runs, nil
}

func (r *Report) readRun(run *sarif.Run, root string) {
	driver := run.Tool.Driver
	r.Tool, r.Version = deref(driver.Name), max(deref(driver.Version), deref(driver.SemanticVersion))
	defaults := map[string]sarif.ReportingDescriptor{}
	for _, rule := range driver.Rules {
		if rule == nil {
			continue
		}
		id := deref(rule.ID)
		defaults[id] = *rule
		r.Rules = append(r.Rules, Rule{ID: id, Text: ruleText(rule), Help: deref(rule.HelpURI)})
	}
	for _, result := range run.Results {
		if result == nil || result.Kind == "pass" || result.Kind == "notApplicable" {
			continue
		}
		r.Findings = append(r.Findings, readResult(result, defaults, root))
	}
	for _, invocation := range run.Invocations {
		if invocation != nil && invocation.ExecutionSuccessful != nil && !*invocation.ExecutionSuccessful {
			r.Broken = failureReason(invocation)
		}
	}
}

func failureReason(invocation *sarif.Invocation) string {
	for _, n := range invocation.ToolExecutionNotifications {
		if n != nil && n.Message != nil && deref(n.Message.Text) != "" {
			return deref(n.Message.Text)
		}
	}
	return "it says that it did not run to its end"
}

func ruleText(rule *sarif.ReportingDescriptor) string {
	for _, text := range []*sarif.MultiformatMessageString{rule.ShortDescription, rule.FullDescription} {
		if text != nil && deref(text.Text) != "" {
			return deref(text.Text)
		}
	}
	return deref(rule.Name)
}

func readResult(result *sarif.Result, rules map[string]sarif.ReportingDescriptor, root string) Finding {
	f := Finding{Rule: deref(result.RuleID), Level: Level(result.Level)}
	rule, known := rules[f.Rule]
	if f.Level == "" && known && rule.DefaultConfiguration != nil {
		f.Level = Level(rule.DefaultConfiguration.Level)
	}
	if _, ok := levelRank[f.Level]; !ok {
		f.Level = Warning // what the standard says of a result without a level; and "none" must not slip through
	}
	if known {
		f.Severity = securitySeverity(rule.Properties)
	}
	if result.Message != nil {
		f.Message = deref(result.Message.Text)
	}
	if f.Message == "" && known {
		f.Message = ruleText(&rule)
	}
	for _, s := range result.Suppressions {
		if s != nil && (s.Status == nil || *s.Status == "accepted") {
			f.Waived = cmp.Or(deref(s.Justification), "in the code")
		}
	}
	for _, print := range result.PartialFingerprints {
		f.Fingerprint = max(f.Fingerprint, print) // whichever, as long as it is always the same
	}
	f.setLocation(result.Locations, root)
	if call := firstCallLocation(result); call != nil {
		f.setLocation([]*sarif.Location{call}, root)
	}
	return f
}

// firstCallLocation is where the repository's own code begins what leads to the finding; nil where the tool does not tell. A vulnerability is found
// in a module's code and put down to go.mod, but it is mended where it is called.
func firstCallLocation(result *sarif.Result) *sarif.Location {
	for _, flow := range result.CodeFlows {
		if flow == nil {
			continue
		}
		for _, thread := range flow.ThreadFlows {
			if thread != nil && len(thread.Locations) > 0 && thread.Locations[0] != nil {
				return thread.Locations[0].Location
			}
		}
	}
	return nil
}

func (f *Finding) setLocation(locations []*sarif.Location, root string) {
	for _, location := range locations {
		if location == nil || location.PhysicalLocation == nil || location.PhysicalLocation.ArtifactLocation == nil {
			continue
		}
		uri := deref(location.PhysicalLocation.ArtifactLocation.URI)
		if plain, err := url.PathUnescape(uri); err == nil {
			uri = plain
		}
		f.File = RelativePath(root, uri)
		if region := location.PhysicalLocation.Region; region != nil {
			f.Line, f.Column = derefInt(region.StartLine), derefInt(region.StartColumn)
		}
		return
	}
}

// securitySeverity is what code scanning services call security-severity.
func securitySeverity(properties *sarif.PropertyBag) float64 {
	if properties == nil {
		return 0
	}
	switch v := properties.Properties["security-severity"].(type) {
	case string:
		n, _ := strconv.ParseFloat(v, 64) // 0 where it is no number
		return n
	case float64:
		return v
	}
	return 0
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func derefInt(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// WriteSARIF writes the reports as one file, a run each. A snippet of code is never part of it: it could be the secret that was found.
func WriteSARIF(w io.Writer, reports []Report) error {
	file := sarif.NewReport()
	for _, r := range reports {
		file.AddRun(r.sarifRun())
	}
	return file.Write(w)
}

func (r Report) sarifRun() *sarif.Run {
	driver := sarif.NewToolComponent().WithName(r.Tool)
	if r.Version != "" {
		driver.WithVersion(r.Version)
	}
	indexes := map[string]int{}
	for _, rule := range r.usedRules() {
		indexes[rule.ID] = len(driver.Rules)
		driver.AddRule(rule.sarifDescriptor(r.Findings))
	}
	run := sarif.NewRun().WithTool(sarif.NewTool().WithDriver(driver)).
		WithAutomationDetails(sarif.NewRunAutomationDetails().WithID(gatePrefix + r.Gate + "/"))
	invocation := sarif.NewInvocation().WithExecutionSuccessful(r.Broken == "")
	if r.Broken != "" {
		invocation.AddToolExecutionNotification(sarif.NewNotification().WithLevel("error").WithMessage(sarif.NewTextMessage(r.Broken)))
	}
	run.AddInvocation(invocation)
	for _, f := range r.Findings {
		run.AddResult(f.sarifResult(indexes[f.Rule]))
	}
	return run
}

// usedRules are the rules that something was found of, those that the tool does not describe included.
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

func (rule Rule) sarifDescriptor(found []Finding) *sarif.ReportingDescriptor {
	d := sarif.NewReportingDescriptor().WithID(rule.ID)
	if rule.Text != "" {
		d.WithShortDescription(sarif.NewMultiformatMessageString().WithText(rule.Text))
	}
	if rule.Help != "" {
		d.WithHelpURI(rule.Help)
	}
	for _, f := range found {
		if f.Rule == rule.ID && f.Severity > 0 {
			d.WithProperties(sarif.NewPropertyBag().Add("security-severity", strconv.FormatFloat(f.Severity, 'f', 1, 64)))
			break
		}
	}
	return d
}

func (f Finding) sarifResult(ruleIndex int) *sarif.Result {
	result := sarif.NewRuleResult(f.Rule).WithRuleIndex(ruleIndex).WithLevel(string(f.Level)).WithMessage(sarif.NewTextMessage(f.Message))
	if f.Fingerprint != "" {
		result.WithPartialFingerprints(map[string]string{"lockstep/v1": f.Fingerprint})
	}
	if f.Waived != "" {
		result.AddSuppression(sarif.NewSuppression().WithKind("external").WithStatus("accepted").WithJustification(f.Waived))
	}
	if f.File == "" {
		return result
	}
	place := sarif.NewPhysicalLocation().WithArtifactLocation(
		sarif.NewSimpleArtifactLocation((&url.URL{Path: f.File}).EscapedPath()).WithURIBaseID("%SRCROOT%").WithIndex(-1))
	if f.Line > 0 {
		region := sarif.NewRegion().WithStartLine(f.Line).WithByteOffset(-1).WithCharOffset(-1)
		if f.Column > 0 {
			region.WithStartColumn(f.Column)
		}
		place.WithRegion(region)
	}
	result.AddLocation(sarif.NewLocation().WithID(-1).WithPhysicalLocation(place))
	return result
}
