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

// FailingType is the resource type that cannot be made.
const FailingType = "Simulated::Always::Fails"

// stack is a stack of CloudFormation.
type stack struct {
	name, id, status string
	template         map[string]any
	body             string
	parameters, tags map[string]string
	protected        bool
	created, updated time.Time
	events           []event
	changeSets       map[string]*changeSet
	operationEnd     time.Time // when the operation under way ends
	finishOperation  func()    // what comes of it
	executions       int
}

type event struct{ id, logical, physical, kind, status, reason string }

// changeSet is a change set.
type changeSet struct {
	name, id, kind, executionStatus string
	template                        map[string]any
	body                            string
	parameters, tags                map[string]string
	created, ready                  time.Time
	empty                           bool
}

// serveCloudFormation is CloudFormation.
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
	if s == nil && action != "CreateChangeSet" && action != "ListStacks" {
		writeError(w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack with id %s does not exist", form.Get("StackName")))
		return
	}
	do(&call{cloud: c, account: a, form: form, w: w}, s)
}

// call is one call of an action.
type call struct {
	cloud   *Cloud
	account *account
	form    url.Values
	w       http.ResponseWriter
}

var actions = map[string]func(*call, *stack){
	"DescribeStacks":              (*call).describeStacks,
	"GetTemplate":                 func(c *call, s *stack) { writeResult(c.w, "GetTemplate", xmlElement("TemplateBody", s.body)) },
	"DescribeStackEvents":         (*call).describeEvents,
	"ListStackResources":          (*call).listResources,
	"ListStacks":                  (*call).listStacks,
	"CreateChangeSet":             (*call).createChangeSet,
	"DescribeChangeSet":           (*call).describeChangeSet,
	"ListChangeSets":              (*call).listChangeSets,
	"DeleteChangeSet":             (*call).deleteChangeSet,
	"ExecuteChangeSet":            (*call).executeChangeSet,
	"DeleteStack":                 (*call).deleteStack,
	"ContinueUpdateRollback":      (*call).continueRollback,
	"UpdateTerminationProtection": (*call).updateTerminationProtection,
}

// findStack is the stack of a name or an id; a deleted one has only its id.
func (a *account) findStack(name string) *stack {
	for _, s := range a.stacks {
		if s.id == name || s.name == name && s.status != "DELETE_COMPLETE" {
			return s
		}
	}
	return nil
}

func (a *account) findByChangeSet(changeSet string) *stack {
	for _, s := range a.stacks {
		if s.changeSet(changeSet) != nil {
			return s
		}
	}
	return nil
}

func (s *stack) changeSet(name string) *changeSet {
	for _, x := range s.changeSets {
		if x.name == name || x.id == name {
			return x
		}
	}
	return nil
}

func (a *account) newStack(name string) *stack {
	a.serial++
	s := &stack{
		name: name, id: fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%d", a.region, a.id, name, a.serial),
		created: time.Now(), changeSets: map[string]*changeSet{},
	}
	a.stacks[s.id] = s
	return s
}

func (s *stack) addEvent(logical, kind, status, reason string) {
	physical := logical
	if logical == s.name {
		physical = s.id
	}
	s.events = append(s.events, event{fmt.Sprintf("%s-%d", s.name, len(s.events)), logical, physical, kind, status, reason})
}

const stackType = "AWS::CloudFormation::Stack"

// setStatus puts the stack into a state.
func (s *stack) setStatus(status, reason string) {
	s.status = status
	s.addEvent(s.name, stackType, status, reason)
}

func (c *call) describeStacks(s *stack) {
	var parameters, tags, outputs []string
	for _, k := range slices.Sorted(maps.Keys(s.parameters)) {
		parameters = append(parameters, xmlElement("ParameterKey", k)+xmlElement("ParameterValue", s.parameters[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(s.tags)) {
		tags = append(tags, xmlElement("Key", k)+xmlElement("Value", s.tags[k]))
	}
	declared, _ := s.template["Outputs"].(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(declared)) {
		outputs = append(outputs, xmlElement("OutputKey", k)+xmlElement("OutputValue", "value"))
	}
	writeResult(c.w, "DescribeStacks", xmlMembers("Stacks", []string{
		xmlElement("StackName", s.name) + xmlElement("StackId", s.id) + xmlElement("StackStatus", s.status) + xmlElement("CreationTime", formatTime(s.created)) +
			xmlElement("LastUpdatedTime", formatTime(s.updated)) + xmlElement("EnableTerminationProtection", fmt.Sprint(s.protected)) +
			xmlMembers("Parameters", parameters) + xmlMembers("Tags", tags) + xmlMembers("Outputs", outputs),
	}))
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
			out = append(out, xmlElement("StackName", s.name)+xmlElement("StackId", s.id)+xmlElement("StackStatus", s.status)+xmlElement("CreationTime", formatTime(s.created)))
		}
	}
	writeResult(c.w, "ListStacks", xmlMembers("StackSummaries", out))
}

func (c *call) describeEvents(s *stack) {
	var out []string
	for _, e := range slices.Backward(s.events) {
		out = append(out, xmlElement("StackId", s.id)+xmlElement("StackName", s.name)+xmlElement("EventId", e.id)+xmlElement("LogicalResourceId", e.logical)+
			xmlElement("PhysicalResourceId", e.physical)+xmlElement("ResourceType", e.kind)+xmlElement("ResourceStatus", e.status)+xmlElement("ResourceStatusReason", e.reason))
	}
	writeResult(c.w, "DescribeStackEvents", xmlMembers("StackEvents", out))
}

func (c *call) listResources(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(s.template))) {
		out = append(out, xmlElement("LogicalResourceId", id)+xmlElement("PhysicalResourceId", id)+xmlElement("ResourceType", resourceType(s.template, id))+xmlElement("ResourceStatus", "CREATE_COMPLETE"))
	}
	writeResult(c.w, "ListStackResources", xmlMembers("StackResourceSummaries", out))
}

func resources(template map[string]any) map[string]any {
	r, _ := template["Resources"].(map[string]any)
	return r
}

func resourceType(template map[string]any, id string) string {
	r, _ := resources(template)[id].(map[string]any)
	kind, _ := r["Type"].(string)
	return kind
}

// parsePairs reads a list of two fields from a form.
func parsePairs(form url.Values, list, key, value string) map[string]string {
	out := map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d.%s", list, i, key)); i++ {
		prefix := fmt.Sprintf("%s.member.%d.", list, i)
		out[form.Get(prefix+key)] = form.Get(prefix + value)
	}
	return out
}

func (c *call) createChangeSet(s *stack) {
	a := c.account
	body := c.form.Get("TemplateBody")
	if at := c.form.Get("TemplateURL"); at != "" {
		address, _ := url.Parse(at)
		_, key, _ := strings.Cut(strings.TrimPrefix(address.Path, "/"), "/")
		body = string(a.objects[key].data)
	}
	x := &changeSet{name: c.form.Get("ChangeSetName"), kind: c.form.Get("ChangeSetType"), body: body, executionStatus: "AVAILABLE", created: time.Now(), ready: time.Now().Add(c.cloud.ChangeSetTime)}
	if err := json.Unmarshal([]byte(body), &x.template); err != nil {
		writeError(c.w, http.StatusBadRequest, "ValidationError", "Template format error: "+err.Error())
		return
	}
	x.parameters, x.tags = parsePairs(c.form, "Parameters", "ParameterKey", "ParameterValue"), parsePairs(c.form, "Tags", "Key", "Value")
	switch {
	case s == nil && x.kind == "UPDATE":
		writeError(c.w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack [%s] does not exist", c.form.Get("StackName")))
		return
	case s == nil:
		s = a.newStack(c.form.Get("StackName"))
		s.setStatus("REVIEW_IN_PROGRESS", "")
	case s.changeSet(x.name) != nil:
		writeError(c.w, http.StatusBadRequest, "AlreadyExistsException", "it is there")
		return
	case x.kind == "UPDATE" && !updatableStatuses[s.status], x.kind == "CREATE" && s.status != "REVIEW_IN_PROGRESS":
		writeError(c.w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack:%s is in %s state and can not be updated.", s.id, s.status))
		return
	}
	a.serial++
	x.id = fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%d", a.region, a.id, x.name, a.serial)
	x.empty = s.template != nil && reflect.DeepEqual(s.template, x.template) && maps.Equal(s.tags, x.tags)
	s.changeSets[x.id] = x
	writeResult(c.w, "CreateChangeSet", xmlElement("Id", x.id)+xmlElement("StackId", s.id))
}

// updatableStatuses are the states from which a stack can be updated.
var updatableStatuses = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true, "IMPORT_COMPLETE": true, "IMPORT_ROLLBACK_COMPLETE": true, "UPDATE_FAILED": true,
}

func (c *call) describeChangeSet(s *stack) {
	x := s.changeSet(c.form.Get("ChangeSetName"))
	if x == nil {
		writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	}
	status, reason := "CREATE_COMPLETE", ""
	switch {
	case time.Now().Before(x.ready):
		status = "CREATE_IN_PROGRESS"
	case x.empty:
		status, reason = "FAILED", "The submitted information didn't contain changes."
	}
	writeResult(c.w, "DescribeChangeSet", xmlElement("ChangeSetName", x.name)+xmlElement("ChangeSetId", x.id)+xmlElement("StackId", s.id)+xmlElement("StackName", s.name)+
		xmlElement("Status", status)+xmlElement("StatusReason", reason)+xmlElement("ExecutionStatus", x.executionStatus)+xmlMembers("Changes", resourceChanges(s.template, x.template)))
}

func resourceChanges(old, next map[string]any) []string {
	var out []string
	before, after := resources(old), resources(next)
	all := maps.Clone(after)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, before)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		was, had := before[id]
		is, has := after[id]
		action, kind := "", resourceType(next, id)
		switch {
		case !had:
			action = "Add"
		case !has:
			action, kind = "Remove", resourceType(old, id)
		case !reflect.DeepEqual(was, is):
			action = "Modify"
		default:
			continue
		}
		out = append(out, xmlElement("Type", "Resource")+"<ResourceChange>"+xmlElement("Action", action)+xmlElement("LogicalResourceId", id)+xmlElement("ResourceType", kind)+
			xmlElement("Replacement", map[bool]string{true: "False"}[action == "Modify"])+"</ResourceChange>")
	}
	return out
}

func (c *call) listChangeSets(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(s.changeSets)) {
		x := s.changeSets[id]
		out = append(out, xmlElement("ChangeSetName", x.name)+xmlElement("ChangeSetId", x.id)+xmlElement("StackId", s.id)+xmlElement("ExecutionStatus", x.executionStatus)+xmlElement("Status", "CREATE_COMPLETE"))
	}
	writeResult(c.w, "ListChangeSets", xmlMembers("Summaries", out))
}

func (c *call) deleteChangeSet(s *stack) {
	if x := s.changeSet(c.form.Get("ChangeSetName")); x != nil {
		delete(s.changeSets, x.id)
	}
	writeResult(c.w, "DeleteChangeSet", "")
}

func (c *call) executeChangeSet(s *stack) {
	x := s.changeSet(c.form.Get("ChangeSetName"))
	switch {
	case x == nil:
		writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	case x.executionStatus != "AVAILABLE":
		writeError(c.w, http.StatusBadRequest, "InvalidChangeSetStatus", "ChangeSet is in "+x.executionStatus+" status")
		return
	}
	verb := x.kind
	s.executions++
	s.setStatus(verb+"_IN_PROGRESS", "User Initiated")
	for id := range s.changeSets {
		if id != x.id {
			delete(s.changeSets, id)
		}
	}
	x.executionStatus = "EXECUTE_IN_PROGRESS"
	s.operationEnd, s.finishOperation = time.Now().Add(c.cloud.OperationTime), func() { s.finishExecution(x, verb) }
	writeResult(c.w, "ExecuteChangeSet", "")
}

// finishExecution is the end of an execution.
func (s *stack) finishExecution(x *changeSet, verb string) {
	s.updated = time.Now()
	for _, id := range slices.Sorted(maps.Keys(resources(x.template))) {
		if resourceType(x.template, id) == FailingType {
			x.executionStatus = "EXECUTE_FAILED"
			s.addEvent(id, FailingType, verb+"_FAILED", "it always does")
			s.setStatus(map[string]string{"CREATE": "ROLLBACK_COMPLETE", "UPDATE": "UPDATE_ROLLBACK_COMPLETE"}[verb], "")
			return
		}
		s.addEvent(id, resourceType(x.template, id), verb+"_COMPLETE", "")
	}
	x.executionStatus = "EXECUTE_COMPLETE"
	s.template, s.body, s.parameters, s.tags = x.template, x.body, x.parameters, x.tags
	s.setStatus(verb+"_COMPLETE", "")
}

func (c *call) deleteStack(s *stack) {
	if s.protected {
		writeError(c.w, http.StatusBadRequest, "ValidationError", "Stack cannot be deleted while TerminationProtection is enabled")
		return
	}
	if s.status == "REVIEW_IN_PROGRESS" {
		delete(c.account.stacks, s.id)
		writeResult(c.w, "DeleteStack", "")
		return
	}
	s.setStatus("DELETE_IN_PROGRESS", "User Initiated")
	s.operationEnd, s.finishOperation = time.Now().Add(c.cloud.OperationTime), func() {
		for id := range resources(s.template) {
			if resourceType(s.template, id) == FailingType {
				s.addEvent(id, FailingType, "DELETE_FAILED", "it always does")
				s.setStatus("DELETE_FAILED", "")
				return
			}
		}
		s.setStatus("DELETE_COMPLETE", "")
	}
	writeResult(c.w, "DeleteStack", "")
}

func (c *call) continueRollback(s *stack) {
	if s.status != "UPDATE_ROLLBACK_FAILED" {
		writeError(c.w, http.StatusBadRequest, "ValidationError", "Stack is in "+s.status)
		return
	}
	s.setStatus("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	s.operationEnd, s.finishOperation = time.Now().Add(c.cloud.OperationTime), func() {
		for id := range resources(s.template) {
			if resourceType(s.template, id) == FailingType {
				s.addEvent(id, FailingType, "UPDATE_FAILED", "it always does")
				s.setStatus("UPDATE_ROLLBACK_FAILED", "")
				return
			}
		}
		s.setStatus("UPDATE_ROLLBACK_COMPLETE", "")
	}
	writeResult(c.w, "ContinueUpdateRollback", "")
}

func (c *call) updateTerminationProtection(s *stack) {
	s.protected = c.form.Get("EnableTerminationProtection") == "true"
	writeResult(c.w, "UpdateTerminationProtection", xmlElement("StackId", s.id))
}
