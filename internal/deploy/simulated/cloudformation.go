package simulated

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// FailingType is a resource type whose resources can be neither created nor deleted.
const FailingType = "Simulated::Always::Fails"

// A stack is a stack of CloudFormation.
type stack struct {
	name, id, status string
	template         map[string]any
	body             string
	// description is that of the template which was executed last, whether that has failed or not.
	description string
	// parameters are the values of all parameters of the template, and resolved is what the template comes to with them.
	parameters, tags map[string]string
	topics           []string
	resolved         map[string]any
	// fromSSM are the values that were read from SSM, by the names of their parameters.
	fromSSM   map[string]string
	policy    string
	protected bool
	// staleAnswer is what DescribeStacks answers staleReads times more: the stack before the current operation.
	staleAnswer      string
	staleReads       int
	created, updated time.Time
	events           []event
	changeSets       map[string]*changeSet
	executions       int
	// token is the client request token of the current or last operation.
	token string
	// operationStart is when an operation begins that was asked for, and startOperation its effect; nil once it has begun.
	operationStart time.Time
	startOperation func()
	// operationEnd is when the current operation ends, and finishOperation its effect; nil for no operation.
	operationEnd    time.Time
	finishOperation func()
	// refusedDetections is how often a comparison was refused because another one runs.
	refusedDetections int
	// drift is what the last comparison has found, and compared is when that was.
	drift      string
	compared   time.Time
	now        func() time.Time
	lateEvents time.Duration
}

type event struct {
	id, logicalID, physicalID, resourceType, status, reason, token string
	// at is when it happened, and visible is from when on it is answered.
	at, visible time.Time
}

// A changeSet is a change set. Its type is CREATE or UPDATE.
type changeSet struct {
	name, id, setType, executionStatus string
	template                           map[string]any
	body                               string
	parameters, tags                   map[string]string
	topics                             []string
	resolved                           map[string]any
	fromSSM                            map[string]string
	created, ready                     time.Time
	// isEmpty says that it would change nothing, and emptyReason is how CloudFormation says it.
	isEmpty     bool
	emptyReason string
	// keepsFailed says that its execution is not rolled back when it fails.
	keepsFailed bool
	// imports says that it takes over resources that exist.
	imports bool
	// gone is from when on it is not listed; zero for a change set that is not deleted.
	gone time.Time
}

// serveCloudFormation answers a call of CloudFormation.
func (a *account) serveCloudFormation(c *Cloud, w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	form := parseForm(r)
	action := form.Get("Action")
	s := a.findStack(form.Get("StackName"))
	if s == nil && form.Get("ChangeSetName") != "" {
		s = a.findByChangeSet(form.Get("ChangeSetName"))
	}
	if s != nil {
		s.advance()
	}
	key, _, _ := parseCredentialScope(r.Header.Get("Authorization"))
	if role := c.roleOf(key); isDeployRole(role) && c.isDenied("cloudformation:"+action) {
		writeError(w, http.StatusForbidden, "AccessDenied", fmt.Sprintf(
			"User: %s is not authorized to perform: cloudformation:%s", role, action))
		return
	}
	do, ok := actions[action]
	if !ok {
		writeError(w, http.StatusBadRequest, "InvalidAction", action)
		return
	}
	if s == nil && !slices.Contains(actionsWithoutStack, action) {
		writeValidationError(w, "Stack with id %s does not exist", form.Get("StackName"))
		return
	}
	do(&call{cloud: c, account: a, form: form, w: w}, s)
}

// A call is one call of an action.
type call struct {
	cloud   *Cloud
	account *account
	form    url.Values
	w       http.ResponseWriter
}

// actionsWithoutStack are the actions whose stack may be nil.
var actionsWithoutStack = []string{
	"CreateChangeSet", "ListStacks", "DescribeStackDriftDetectionStatus", "ListExports", "ListImports", "ListHookResults",
	"DescribeStackResources",
}

// actions are the actions of CloudFormation. Their stack is nil only for those of actionsWithoutStack.
var actions = map[string]func(*call, *stack){
	"DescribeStacks":              (*call).describeStacks,
	"GetTemplate":                 (*call).getTemplate,
	"DescribeStackEvents":         (*call).describeEvents,
	"ListStackResources":          (*call).listResources,
	"DescribeStackResources":      (*call).describeStackResources,
	"ListStacks":                  (*call).listStacks,
	"ListExports":                 (*call).listExports,
	"ListImports":                 (*call).listImports,
	"CreateChangeSet":             (*call).createChangeSet,
	"DescribeChangeSet":           (*call).describeChangeSet,
	"ListChangeSets":              (*call).listChangeSets,
	"DeleteChangeSet":             (*call).deleteChangeSet,
	"ExecuteChangeSet":            (*call).executeChangeSet,
	"DeleteStack":                 (*call).deleteStack,
	"ContinueUpdateRollback":      (*call).continueRollback,
	"RollbackStack":               (*call).rollbackStack,
	"DescribeEvents":              (*call).describeOperationEvents,
	"ListHookResults":             (*call).listHookResults,
	"UpdateTerminationProtection": (*call).updateTerminationProtection,

	"GetStackPolicy": (*call).getStackPolicy,
	"SetStackPolicy": (*call).setStackPolicy,

	"DetectStackDrift":                  (*call).detectDrift,
	"DescribeStackDriftDetectionStatus": (*call).describeDriftDetection,
	"DescribeStackResourceDrifts":       (*call).describeDrifts,
}

// findStack returns the stack of a name or an id, or nil. A deleted stack is found by its id only.
func (a *account) findStack(name string) *stack {
	for _, s := range a.stacks {
		if s.id == name || s.name == name && s.status != "DELETE_COMPLETE" {
			return s
		}
	}
	return nil
}

// findByChangeSet returns the stack that holds a change set, or nil.
func (a *account) findByChangeSet(changeSet string) *stack {
	for _, s := range a.stacks {
		if s.changeSet(changeSet) != nil {
			return s
		}
	}
	return nil
}

// changeSet returns the change set of a name or an id, or nil.
func (s *stack) changeSet(name string) *changeSet {
	for _, set := range s.changeSets {
		if set.name == name || set.id == name {
			return set
		}
	}
	return nil
}

func (c *Cloud) newStack(a *account, name string) *stack {
	a.serial++
	s := &stack{
		name:    name,
		id:      fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%d", a.region, a.id, name, a.serial),
		created: c.now(), changeSets: map[string]*changeSet{}, now: c.now, lateEvents: c.LateEvents,
	}
	a.stacks[s.id] = s
	return s
}

// beginOperation lets an operation begin and end in its time, each with an effect.
func (c *call) beginOperation(s *stack, start, finish func()) {
	token := c.form.Get("ClientRequestToken")
	s.operationStart = c.cloud.now().Add(c.cloud.LateStart)
	s.startOperation = func() {
		c.goStale(s)
		s.token = token
		start()
	}
	s.operationEnd = s.operationStart.Add(c.cloud.OperationTime)
	s.finishOperation = finish
	if c.cloud.LateStart == 0 {
		s.startOperation()
		s.startOperation = nil
	}
}

// advance begins and ends what is due, and forgets the change sets that are gone.
func (s *stack) advance() {
	now := s.now()
	if start := s.startOperation; start != nil && !now.Before(s.operationStart) {
		s.startOperation = nil
		start()
	}
	if end := s.finishOperation; end != nil && s.startOperation == nil && !now.Before(s.operationEnd) {
		s.finishOperation = nil
		end()
	}
	for id, set := range s.changeSets {
		if !set.gone.IsZero() && !now.Before(set.gone) {
			delete(s.changeSets, id)
		}
	}
}

// isBusy reports whether an operation was asked for that has not ended.
func (s *stack) isBusy() bool { return s.finishOperation != nil }

func (s *stack) addEvent(logicalID, resourceType, status, reason string) {
	physicalID := logicalID
	if logicalID == s.name {
		physicalID = s.id
	}
	n := len(s.events)
	at := s.now()
	visible := at
	if logicalID != s.name && n%2 == 1 {
		visible = visible.Add(s.lateEvents)
	}
	s.events = append(s.events, event{
		fmt.Sprintf("%s-%d", s.name, n), logicalID, physicalID, resourceType, status, reason, s.token, at, visible,
	})
}

const stackType = "AWS::CloudFormation::Stack"

// setStatus sets the stack's status and adds an event of it.
func (s *stack) setStatus(status, reason string) {
	s.status = status
	s.addEvent(s.name, stackType, status, reason)
}

func (c *call) describeStacks(s *stack) {
	if s.staleReads > 0 {
		s.staleReads--
		writeResult(c.w, "DescribeStacks", s.staleAnswer)
		return
	}
	writeResult(c.w, "DescribeStacks", c.description(s))
}

// goStale lets the next answers of DescribeStacks be those from before an operation that begins now.
// Source: cfn-api.ts of the CDK's toolkit-lib, "DescribeStacks served a status from before the execution".
func (c *call) goStale(s *stack) {
	s.staleAnswer = c.description(s)
	s.staleReads = c.cloud.StaleReads
}

// description returns what DescribeStacks answers.
func (c *call) description(s *stack) string {
	var parameters, tags, outputs []string
	for _, k := range slices.Sorted(maps.Keys(s.parameters)) {
		parameters = append(parameters, c.parameter(s.template, k, s.parameters[k], s.fromSSM))
	}
	for _, k := range slices.Sorted(maps.Keys(s.tags)) {
		tags = append(tags, xmlElements("Key", k, "Value", s.tags[k]))
	}
	declared, _ := s.template["Outputs"].(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(declared)) {
		name, value := export(declared[k])
		outputs = append(outputs, xmlElements("OutputKey", k, "OutputValue", value, "ExportName", name))
	}
	return xmlMembers("Stacks", []string{
		s.summary() + xmlElements(
			"Description", s.description,
			"LastUpdatedTime", formatTime(s.updated), "EnableTerminationProtection", fmt.Sprint(s.protected)) +
			s.driftInformation() +
			xmlMembers("Parameters", parameters) + xmlMembers("Tags", tags) + xmlMembers("Outputs", outputs) +
			xmlMembers("NotificationARNs", escapeAll(s.topics)),
	})
}

func descriptionOf(template map[string]any) string {
	text, _ := template["Description"].(string)
	return text
}

// parameter returns a parameter of a stack. CloudFormation hides the values of those with NoEcho, and answers for those
// from SSM the name and the value (API reference, Parameter).
func (c *call) parameter(template map[string]any, name, value string, fromSSM map[string]string) string {
	declared, _ := section(template, "Parameters")[name].(map[string]any)
	switch {
	case fmt.Sprint(declared["NoEcho"]) == "true":
		value = "****"
	case isFromSSM(declared):
		return xmlElements("ParameterKey", name, "ParameterValue", value) +
			xmlElement("ResolvedValue", fromSSM[name])
	}
	return xmlElement("ParameterKey", name) + xmlParent("ParameterValue", escapeAll([]string{value})[0])
}

// export returns the literal name that an output of a template is exported under, empty for none, and its value. A
// value that is not literal is its expression.
func export(output any) (name, value string) {
	declared, _ := output.(map[string]any)
	under, _ := declared["Export"].(map[string]any)
	name, _ = under["Name"].(string)
	value, isText := declared["Value"].(string)
	if !isText {
		text, _ := json.Marshal(declared["Value"]) // it was decoded from JSON
		value = string(text)
	}
	return name, value
}

func (c *call) listExports(*stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(c.account.stacks)) {
		s := c.account.stacks[id]
		declared, _ := s.template["Outputs"].(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(declared)) {
			if name, value := export(declared[k]); name != "" && s.status != "DELETE_COMPLETE" {
				out = append(out, xmlElements("Name", name, "Value", value, "ExportingStackId", s.id))
			}
		}
	}
	writeResult(c.w, "ListExports", xmlMembers("Exports", out))
}

func (c *call) listImports(*stack) {
	name := c.form.Get("ExportName")
	var out []string
	for _, id := range slices.Sorted(maps.Keys(c.account.stacks)) {
		s := c.account.stacks[id]
		if s.template != nil && s.status != "DELETE_COMPLETE" && strings.Contains(s.body, "Fn::ImportValue") &&
			strings.Contains(s.body, `"`+name+`"`) {
			out = append(out, s.name)
		}
	}
	if len(out) == 0 {
		writeValidationError(c.w, "Export '%s' is not imported by any stack.", name)
		return
	}
	writeResult(c.w, "ListImports", xmlMembers("Imports", out))
}

// summary returns the elements that DescribeStacks and ListStacks have in common.
func (s *stack) summary() string {
	return xmlElements(
		"StackName", s.name, "StackId", s.id, "StackStatus", s.status, "CreationTime", formatTime(s.created))
}

// getTemplate answers characters beyond ASCII as question marks, as CloudFormation does:
// https://github.com/aws/aws-cdk/issues/10523.
func (c *call) getTemplate(s *stack) {
	mask := func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}
	body := s.body
	if id := c.form.Get("ChangeSetName"); id != "" {
		set := s.changeSet(id)
		if set == nil {
			writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
			return
		}
		body = set.body
	}
	writeResult(c.w, "GetTemplate", xmlElement("TemplateBody", strings.Map(mask, body)))
}

// wantsStatus reports whether a list of stacks with a filter has those of a status. Without a filter it has all.
func (c *call) wantsStatus(status string) bool {
	for n := 1; ; n++ {
		switch c.form.Get(fmt.Sprintf("StackStatusFilter.member.%d", n)) {
		case status:
			return true
		case "":
			return n == 1
		}
	}
}

func (c *call) listStacks(*stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(c.account.stacks)) {
		if s := c.account.stacks[id]; c.wantsStatus(s.status) {
			out = append(out, s.summary())
		}
	}
	writeResult(c.w, "ListStacks", xmlMembers("StackSummaries", out))
}

func (c *call) describeEvents(s *stack) {
	var out []string
	next := ""
	isFound := c.form.Get("NextToken") == ""
	for _, e := range slices.Backward(s.events) {
		isFound = isFound || e.id == c.form.Get("NextToken")
		if !isFound || c.cloud.now().Before(e.visible) {
			continue
		}
		if c.cloud.PageSize > 0 && len(out) == c.cloud.PageSize {
			next = e.id
			break
		}
		out = append(out, xmlElements(
			"StackId", s.id, "StackName", s.name, "EventId", e.id,
			"LogicalResourceId", e.logicalID, "PhysicalResourceId", e.physicalID, "ResourceType", e.resourceType,
			"ResourceStatus", e.status, "ResourceStatusReason", e.reason, "ClientRequestToken", e.token,
			"Timestamp", formatTime(e.at)))
	}
	writeResult(c.w, "DescribeStackEvents", xmlMembers("StackEvents", out)+xmlElement("NextToken", next))
}

func (c *call) listResources(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(s.template))) {
		out = append(out, xmlElements("LogicalResourceId", id, "PhysicalResourceId", c.account.physicalID(s, id),
			"ResourceType", resourceType(s.template, id), "ResourceStatus", "CREATE_COMPLETE"))
	}
	writeResult(c.w, "ListStackResources", xmlMembers("StackResourceSummaries", out))
}

func resources(template map[string]any) map[string]any {
	r, _ := template["Resources"].(map[string]any)
	return r
}

func resourceType(template map[string]any, id string) string {
	r, _ := resources(template)[id].(map[string]any)
	name, _ := r["Type"].(string)
	return name
}

// parsePairs parses a list whose members have a key and a value.
func parsePairs(form url.Values, list, key, value string) map[string]string {
	out := map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d.%s", list, i, key)); i++ {
		prefix := fmt.Sprintf("%s.member.%d.", list, i)
		out[form.Get(prefix+key)] = form.Get(prefix + value)
	}
	return out
}

func (c *call) deleteStack(s *stack) {
	if s.protected {
		writeValidationError(c.w, "Stack cannot be deleted while TerminationProtection is enabled")
		return
	}
	if s.status == "REVIEW_IN_PROGRESS" {
		for _, set := range s.changeSets {
			if !set.gone.IsZero() { // the toolkit of the CDK waits until it is gone
				writeValidationError(c.w, "Stack %s cannot be deleted while change set %s is being deleted", s.id, set.name)
				return
			}
		}
		delete(c.account.stacks, s.id)
		writeResult(c.w, "DeleteStack", "")
		return
	}
	c.beginOperation(s, func() { s.setStatus("DELETE_IN_PROGRESS", "User Initiated") },
		func() { s.finish("DELETE_FAILED", "DELETE_FAILED", "DELETE_COMPLETE") })
	writeResult(c.w, "DeleteStack", "")
}

// finish ends an operation. A resource of FailingType gets the status resourceFailed, and the stack then gets
// stackFailed.
func (s *stack) finish(resourceFailed, stackFailed, succeeded string) {
	for _, id := range slices.Sorted(maps.Keys(resources(s.template))) {
		if resourceType(s.template, id) == FailingType {
			s.addEvent(id, FailingType, resourceFailed, failureReason)
			s.setStatus(stackFailed, "")
			return
		}
	}
	s.setStatus(succeeded, "")
}

func (c *call) continueRollback(s *stack) {
	c.rollBack(s, "ContinueUpdateRollback", "UPDATE_ROLLBACK_FAILED")
}

// rollbackStack rolls back an update whose rollback was switched off.
func (c *call) rollbackStack(s *stack) { c.rollBack(s, "RollbackStack", "UPDATE_FAILED") }

// rollBack answers an action that rolls a stack back from a status.
func (c *call) rollBack(s *stack, action, from string) {
	if s.status != from || s.isBusy() {
		writeValidationError(c.w, "Stack %s is in %s state and can not be rolled back with %s.", s.id, s.status, action)
		return
	}
	c.beginOperation(s, func() { s.setStatus("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated") }, func() {
		s.finish("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE")
	})
	writeResult(c.w, action, xmlElement("StackId", s.id))
}

// physicalID returns the physical id of a resource. That of a nested stack is the ARN of the stack PARENT-RESOURCE.
func (a *account) physicalID(s *stack, id string) string {
	if resourceType(s.template, id) == stackType {
		if nested := a.findStack(s.name + "-" + id); nested != nil {
			return nested.id
		}
	}
	return id
}

func (c *call) updateTerminationProtection(s *stack) {
	s.protected = c.form.Get("EnableTerminationProtection") == "true"
	writeResult(c.w, "UpdateTerminationProtection", xmlElement("StackId", s.id))
}
