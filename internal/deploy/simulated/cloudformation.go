package simulated

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

// FailingType is a resource type whose resources can be neither created nor deleted.
const FailingType = "Simulated::Always::Fails"

// A stack is a stack of CloudFormation.
type stack struct {
	name, id, status string
	template         map[string]any
	body             string
	parameters, tags map[string]string
	protected        bool
	created, updated time.Time
	events           []event
	changeSets       map[string]*changeSet
	executions       int
	// operationEnd is when the current operation ends, and finishOperation its effect; nil for no operation.
	operationEnd    time.Time
	finishOperation func()
}

type event struct{ id, logicalID, physicalID, resourceType, status, reason string }

// A changeSet is a change set. Its type is CREATE or UPDATE.
type changeSet struct {
	name, id, setType, executionStatus string
	template                           map[string]any
	body                               string
	parameters, tags                   map[string]string
	created, ready                     time.Time
	// isEmpty says that it would change nothing.
	isEmpty bool
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
	if s != nil && s.finishOperation != nil && !time.Now().Before(s.operationEnd) {
		end := s.finishOperation
		s.finishOperation = nil
		end()
	}
	do, ok := actions[action]
	if !ok {
		writeError(w, http.StatusBadRequest, "InvalidAction", action)
		return
	}
	if s == nil && action != "CreateChangeSet" && !accountActions[action] {
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

// accountActions are the actions that name no stack.
var accountActions = map[string]bool{"ListStacks": true, "ListExports": true, "ListImports": true}

// actions are the actions of CloudFormation. Their stack is nil only for CreateChangeSet and accountActions.
var actions = map[string]func(*call, *stack){
	"DescribeStacks":              (*call).describeStacks,
	"GetTemplate":                 (*call).getTemplate,
	"DescribeStackEvents":         (*call).describeEvents,
	"ListStackResources":          (*call).listResources,
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
	"UpdateTerminationProtection": (*call).updateTerminationProtection,
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

func (a *account) newStack(name string) *stack {
	a.serial++
	s := &stack{
		name:    name,
		id:      fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%d", a.region, a.id, name, a.serial),
		created: time.Now(), changeSets: map[string]*changeSet{},
	}
	a.stacks[s.id] = s
	return s
}

// beginOperation lets an operation end after a time, with an effect.
func (s *stack) beginOperation(duration time.Duration, finish func()) {
	s.operationEnd = time.Now().Add(duration)
	s.finishOperation = finish
}

func (s *stack) addEvent(logicalID, resourceType, status, reason string) {
	physicalID := logicalID
	if logicalID == s.name {
		physicalID = s.id
	}
	id := fmt.Sprintf("%s-%d", s.name, len(s.events))
	s.events = append(s.events, event{id, logicalID, physicalID, resourceType, status, reason})
}

const stackType = "AWS::CloudFormation::Stack"

// setStatus sets the stack's status and adds an event of it.
func (s *stack) setStatus(status, reason string) {
	s.status = status
	s.addEvent(s.name, stackType, status, reason)
}

func (c *call) describeStacks(s *stack) {
	var parameters, tags, outputs []string
	for _, k := range slices.Sorted(maps.Keys(s.parameters)) {
		parameters = append(parameters, xmlElements("ParameterKey", k, "ParameterValue", s.parameters[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(s.tags)) {
		tags = append(tags, xmlElements("Key", k, "Value", s.tags[k]))
	}
	declared, _ := s.template["Outputs"].(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(declared)) {
		name, value := export(declared[k])
		outputs = append(outputs, xmlElements("OutputKey", k, "OutputValue", value, "ExportName", name))
	}
	writeResult(c.w, "DescribeStacks", xmlMembers("Stacks", []string{
		s.summary() + xmlElements(
			"LastUpdatedTime", formatTime(s.updated), "EnableTerminationProtection", fmt.Sprint(s.protected)) +
			xmlMembers("Parameters", parameters) + xmlMembers("Tags", tags) + xmlMembers("Outputs", outputs),
	}))
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

func (c *call) getTemplate(s *stack) {
	writeResult(c.w, "GetTemplate", xmlElement("TemplateBody", s.body))
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
	for _, e := range slices.Backward(s.events) {
		out = append(out, xmlElements(
			"StackId", s.id, "StackName", s.name, "EventId", e.id,
			"LogicalResourceId", e.logicalID, "PhysicalResourceId", e.physicalID, "ResourceType", e.resourceType,
			"ResourceStatus", e.status, "ResourceStatusReason", e.reason))
	}
	writeResult(c.w, "DescribeStackEvents", xmlMembers("StackEvents", out))
}

func (c *call) listResources(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(s.template))) {
		out = append(out, xmlElements("LogicalResourceId", id, "PhysicalResourceId", id,
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

func (c *call) createChangeSet(s *stack) {
	set, err := c.parseChangeSet()
	if err != nil {
		writeValidationError(c.w, "Template format error: %v", err)
		return
	}
	switch {
	case s == nil && set.setType == "UPDATE":
		writeValidationError(c.w, "Stack [%s] does not exist", c.form.Get("StackName"))
		return
	case s == nil:
		s = c.account.newStack(c.form.Get("StackName"))
		s.setStatus("REVIEW_IN_PROGRESS", "")
	case s.changeSet(set.name) != nil:
		writeError(c.w, http.StatusBadRequest, "AlreadyExistsException", "ChangeSet already exists")
		return
	case set.setType == "UPDATE" && !updatableStatuses[s.status],
		set.setType == "CREATE" && s.status != "REVIEW_IN_PROGRESS":
		writeValidationError(c.w, "Stack:%s is in %s state and can not be updated.", s.id, s.status)
		return
	}
	set.isEmpty = s.template != nil && reflect.DeepEqual(s.template, set.template) && maps.Equal(s.tags, set.tags)
	s.changeSets[set.id] = set
	writeResult(c.w, "CreateChangeSet", xmlElements("Id", set.id, "StackId", s.id))
}

// parseChangeSet returns the change set that a call creates. The error is that of its template.
func (c *call) parseChangeSet() (*changeSet, error) {
	a := c.account
	a.serial++
	now := time.Now()
	name := c.form.Get("ChangeSetName")
	set := &changeSet{
		name: name, id: fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%d", a.region, a.id, name, a.serial),
		setType: c.form.Get("ChangeSetType"), body: c.form.Get("TemplateBody"), executionStatus: "AVAILABLE",
		parameters: parsePairs(c.form, "Parameters", "ParameterKey", "ParameterValue"),
		tags:       parsePairs(c.form, "Tags", "Key", "Value"),
		created:    now, ready: now.Add(c.cloud.ChangeSetTime),
	}
	if address, err := url.Parse(c.form.Get("TemplateURL")); err == nil && address.Path != "" {
		_, key, _ := strings.Cut(strings.TrimPrefix(address.Path, "/"), "/")
		set.body = string(a.objects[key].data)
	}
	return set, json.Unmarshal([]byte(set.body), &set.template)
}

// writeValidationError answers with a ValidationError, whose message is formatted as by fmt.Sprintf.
func writeValidationError(w http.ResponseWriter, format string, arguments ...any) {
	writeError(w, http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, arguments...))
}

// updatableStatuses are the statuses in which a stack can be updated.
var updatableStatuses = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true,
	"IMPORT_COMPLETE": true, "IMPORT_ROLLBACK_COMPLETE": true, "UPDATE_FAILED": true,
}

func (c *call) describeChangeSet(s *stack) {
	set := s.changeSet(c.form.Get("ChangeSetName"))
	if set == nil {
		writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	}
	status := "CREATE_COMPLETE"
	reason := ""
	switch {
	case time.Now().Before(set.ready):
		status = "CREATE_IN_PROGRESS"
	case set.isEmpty:
		status = "FAILED"
		reason = "The submitted information didn't contain changes."
	}
	writeResult(c.w, "DescribeChangeSet", xmlElements(
		"ChangeSetName", set.name, "ChangeSetId", set.id, "StackId", s.id, "StackName", s.name,
		"Status", status, "StatusReason", reason, "ExecutionStatus", set.executionStatus)+
		xmlMembers("Changes", resourceChanges(s.template, set.template)))
}

// resourceChanges returns the changes from one template to another, as XML.
func resourceChanges(old, next map[string]any) []string {
	var out []string
	before := resources(old)
	after := resources(next)
	all := maps.Clone(after)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, before)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		oldResource, existed := before[id]
		nextResource, exists := after[id]
		change := ""
		switch {
		case !existed:
			change = xmlElements("Action", "Add", "LogicalResourceId", id, "ResourceType", resourceType(next, id))
		case !exists:
			change = xmlElements("Action", "Remove", "LogicalResourceId", id, "ResourceType", resourceType(old, id))
		case !reflect.DeepEqual(oldResource, nextResource):
			change = xmlElements("Action", "Modify", "LogicalResourceId", id, "ResourceType", resourceType(next, id),
				"Replacement", "False")
		default:
			continue
		}
		out = append(out, xmlElement("Type", "Resource")+xmlParent("ResourceChange", change))
	}
	return out
}

func (c *call) listChangeSets(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(s.changeSets)) {
		set := s.changeSets[id]
		out = append(out, xmlElements("ChangeSetName", set.name, "ChangeSetId", set.id, "StackId", s.id,
			"ExecutionStatus", set.executionStatus, "Status", "CREATE_COMPLETE"))
	}
	writeResult(c.w, "ListChangeSets", xmlMembers("Summaries", out))
}

func (c *call) deleteChangeSet(s *stack) {
	if set := s.changeSet(c.form.Get("ChangeSetName")); set != nil {
		delete(s.changeSets, set.id)
	}
	writeResult(c.w, "DeleteChangeSet", "")
}

func (c *call) executeChangeSet(s *stack) {
	set := s.changeSet(c.form.Get("ChangeSetName"))
	switch {
	case set == nil:
		writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	case set.executionStatus != "AVAILABLE":
		writeError(c.w, http.StatusBadRequest, "InvalidChangeSetStatus", "ChangeSet is in "+set.executionStatus+" status")
		return
	}
	s.executions++
	s.setStatus(set.setType+"_IN_PROGRESS", "User Initiated")
	for id := range s.changeSets {
		if id != set.id {
			delete(s.changeSets, id)
		}
	}
	set.executionStatus = "EXECUTE_IN_PROGRESS"
	s.beginOperation(c.cloud.OperationTime, func() { s.finishExecution(set) })
	writeResult(c.w, "ExecuteChangeSet", "")
}

// finishExecution ends the execution of a change set. It fails at the first resource of FailingType.
func (s *stack) finishExecution(set *changeSet) {
	s.updated = time.Now()
	for _, id := range slices.Sorted(maps.Keys(resources(set.template))) {
		if resourceType(set.template, id) == FailingType {
			set.executionStatus = "EXECUTE_FAILED"
			s.addEvent(id, FailingType, set.setType+"_FAILED", failureReason)
			status := "ROLLBACK_COMPLETE"
			if set.setType == "UPDATE" {
				status = "UPDATE_ROLLBACK_COMPLETE"
			}
			s.setStatus(status, "")
			return
		}
		s.addEvent(id, resourceType(set.template, id), set.setType+"_COMPLETE", "")
	}
	set.executionStatus = "EXECUTE_COMPLETE"
	s.template = set.template
	s.body = set.body
	s.parameters = set.parameters
	s.tags = set.tags
	s.setStatus(set.setType+"_COMPLETE", "")
}

// failureReason is the reason of every failure of a resource of FailingType.
const failureReason = "it always does"

func (c *call) deleteStack(s *stack) {
	if s.protected {
		writeValidationError(c.w, "Stack cannot be deleted while TerminationProtection is enabled")
		return
	}
	if s.status == "REVIEW_IN_PROGRESS" {
		delete(c.account.stacks, s.id)
		writeResult(c.w, "DeleteStack", "")
		return
	}
	s.setStatus("DELETE_IN_PROGRESS", "User Initiated")
	s.beginOperation(c.cloud.OperationTime, func() { s.finish("DELETE_FAILED", "DELETE_FAILED", "DELETE_COMPLETE") })
	writeResult(c.w, "DeleteStack", "")
}

// finish ends an operation. A resource of FailingType gets the status resourceFailed, and the stack then gets
// stackFailed.
func (s *stack) finish(resourceFailed, stackFailed, succeeded string) {
	for id := range resources(s.template) {
		if resourceType(s.template, id) == FailingType {
			s.addEvent(id, FailingType, resourceFailed, failureReason)
			s.setStatus(stackFailed, "")
			return
		}
	}
	s.setStatus(succeeded, "")
}

func (c *call) continueRollback(s *stack) {
	if s.status != "UPDATE_ROLLBACK_FAILED" {
		writeValidationError(c.w, "Stack is in %s", s.status)
		return
	}
	s.setStatus("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	s.beginOperation(c.cloud.OperationTime, func() {
		s.finish("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE")
	})
	writeResult(c.w, "ContinueUpdateRollback", "")
}

func (c *call) updateTerminationProtection(s *stack) {
	s.protected = c.form.Get("EnableTerminationProtection") == "true"
	writeResult(c.w, "UpdateTerminationProtection", xmlElement("StackId", s.id))
}
