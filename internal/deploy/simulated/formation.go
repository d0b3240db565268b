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

// Failing is the resource type that cannot be made.
const Failing = "Simulated::Always::Fails"

// stack is a stack of CloudFormation.
type stack struct {
	name, id, status string
	template         map[string]any
	body             string
	parameters, tags map[string]string
	protected        bool
	created, updated time.Time
	events           []event
	sets             map[string]*set
	until            time.Time // when the operation under way ends
	end              func()    // what comes of it
	executions       int
}

type event struct{ id, logical, physical, kind, status, reason string }

// set is a change set.
type set struct {
	name, id, kind, execution string
	template                  map[string]any
	body                      string
	parameters, tags          map[string]string
	made, ready               time.Time
	empty                     bool
}

// formation is CloudFormation.
func (a *account) formation(c *Cloud, w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	form := formOf(r)
	action := form.Get("Action")
	s := a.find(form.Get("StackName"))
	if s == nil && form.Get("ChangeSetName") != "" {
		s = a.holding(form.Get("ChangeSetName"))
	}
	if s != nil && s.end != nil && !time.Now().Before(s.until) {
		end := s.end
		s.end = nil
		end()
	}
	do, ok := actions[action]
	if !ok {
		fault(w, http.StatusBadRequest, "InvalidAction", action)
		return
	}
	if s == nil && action != "CreateChangeSet" && action != "ListStacks" {
		fault(w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack with id %s does not exist", form.Get("StackName")))
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
	"GetTemplate":                 func(c *call, s *stack) { answer(c.w, "GetTemplate", element("TemplateBody", s.body)) },
	"DescribeStackEvents":         (*call).describeEvents,
	"ListStackResources":          (*call).listResources,
	"ListStacks":                  (*call).listStacks,
	"CreateChangeSet":             (*call).createSet,
	"DescribeChangeSet":           (*call).describeSet,
	"ListChangeSets":              (*call).listSets,
	"DeleteChangeSet":             (*call).deleteSet,
	"ExecuteChangeSet":            (*call).executeSet,
	"DeleteStack":                 (*call).deleteStack,
	"ContinueUpdateRollback":      (*call).continueRollback,
	"UpdateTerminationProtection": (*call).protect,
}

// find is the stack of a name or an id; a deleted one has only its id.
func (a *account) find(name string) *stack {
	for _, s := range a.stacks {
		if s.id == name || s.name == name && s.status != "DELETE_COMPLETE" {
			return s
		}
	}
	return nil
}

func (a *account) holding(changeSet string) *stack {
	for _, s := range a.stacks {
		if s.set(changeSet) != nil {
			return s
		}
	}
	return nil
}

func (s *stack) set(name string) *set {
	for _, x := range s.sets {
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
		created: time.Now(), sets: map[string]*set{},
	}
	a.stacks[s.id] = s
	return s
}

func (s *stack) happened(logical, kind, status, reason string) {
	physical := logical
	if logical == s.name {
		physical = s.id
	}
	s.events = append(s.events, event{fmt.Sprintf("%s-%d", s.name, len(s.events)), logical, physical, kind, status, reason})
}

const stackType = "AWS::CloudFormation::Stack"

// enter puts the stack into a state.
func (s *stack) enter(status, reason string) {
	s.status = status
	s.happened(s.name, stackType, status, reason)
}

func (c *call) describeStacks(s *stack) {
	var parameters, tags, outputs []string
	for _, k := range slices.Sorted(maps.Keys(s.parameters)) {
		parameters = append(parameters, element("ParameterKey", k)+element("ParameterValue", s.parameters[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(s.tags)) {
		tags = append(tags, element("Key", k)+element("Value", s.tags[k]))
	}
	declared, _ := s.template["Outputs"].(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(declared)) {
		outputs = append(outputs, element("OutputKey", k)+element("OutputValue", "value"))
	}
	answer(c.w, "DescribeStacks", members("Stacks", []string{
		element("StackName", s.name) + element("StackId", s.id) + element("StackStatus", s.status) + element("CreationTime", stamp(s.created)) +
			element("LastUpdatedTime", stamp(s.updated)) + element("EnableTerminationProtection", fmt.Sprint(s.protected)) +
			members("Parameters", parameters) + members("Tags", tags) + members("Outputs", outputs),
	}))
}

func (c *call) listStacks(*stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(c.account.stacks)) {
		if s := c.account.stacks[id]; s.status != "DELETE_COMPLETE" {
			out = append(out, element("StackName", s.name)+element("StackId", s.id)+element("StackStatus", s.status)+element("CreationTime", stamp(s.created)))
		}
	}
	answer(c.w, "ListStacks", members("StackSummaries", out))
}

func (c *call) describeEvents(s *stack) {
	var out []string
	for _, e := range slices.Backward(s.events) {
		out = append(out, element("StackId", s.id)+element("StackName", s.name)+element("EventId", e.id)+element("LogicalResourceId", e.logical)+
			element("PhysicalResourceId", e.physical)+element("ResourceType", e.kind)+element("ResourceStatus", e.status)+element("ResourceStatusReason", e.reason))
	}
	answer(c.w, "DescribeStackEvents", members("StackEvents", out))
}

func (c *call) listResources(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(s.template))) {
		out = append(out, element("LogicalResourceId", id)+element("PhysicalResourceId", id)+element("ResourceType", kindOf(s.template, id))+element("ResourceStatus", "CREATE_COMPLETE"))
	}
	answer(c.w, "ListStackResources", members("StackResourceSummaries", out))
}

func resources(template map[string]any) map[string]any {
	r, _ := template["Resources"].(map[string]any)
	return r
}

func kindOf(template map[string]any, id string) string {
	r, _ := resources(template)[id].(map[string]any)
	kind, _ := r["Type"].(string)
	return kind
}

// pairs reads a list of two fields from a form.
func pairs(form url.Values, list, key, value string) map[string]string {
	out := map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d.%s", list, i, key)); i++ {
		prefix := fmt.Sprintf("%s.member.%d.", list, i)
		out[form.Get(prefix+key)] = form.Get(prefix + value)
	}
	return out
}

func (c *call) createSet(s *stack) {
	a := c.account
	body := c.form.Get("TemplateBody")
	if at := c.form.Get("TemplateURL"); at != "" {
		address, _ := url.Parse(at)
		_, key, _ := strings.Cut(strings.TrimPrefix(address.Path, "/"), "/")
		body = string(a.objects[key].data)
	}
	x := &set{name: c.form.Get("ChangeSetName"), kind: c.form.Get("ChangeSetType"), body: body, execution: "AVAILABLE", made: time.Now(), ready: time.Now().Add(c.cloud.Working)}
	if err := json.Unmarshal([]byte(body), &x.template); err != nil {
		fault(c.w, http.StatusBadRequest, "ValidationError", "Template format error: "+err.Error())
		return
	}
	x.parameters, x.tags = pairs(c.form, "Parameters", "ParameterKey", "ParameterValue"), pairs(c.form, "Tags", "Key", "Value")
	switch {
	case s == nil && x.kind == "UPDATE":
		fault(c.w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack [%s] does not exist", c.form.Get("StackName")))
		return
	case s == nil:
		s = a.newStack(c.form.Get("StackName"))
		s.enter("REVIEW_IN_PROGRESS", "")
	case s.set(x.name) != nil:
		fault(c.w, http.StatusBadRequest, "AlreadyExistsException", "it is there")
		return
	case x.kind == "UPDATE" && !updatable[s.status], x.kind == "CREATE" && s.status != "REVIEW_IN_PROGRESS":
		fault(c.w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack:%s is in %s state and can not be updated.", s.id, s.status))
		return
	}
	a.serial++
	x.id = fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%d", a.region, a.id, x.name, a.serial)
	x.empty = s.template != nil && reflect.DeepEqual(s.template, x.template) && maps.Equal(s.tags, x.tags)
	s.sets[x.id] = x
	answer(c.w, "CreateChangeSet", element("Id", x.id)+element("StackId", s.id))
}

// updatable are the states from which a stack can be updated.
var updatable = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true, "IMPORT_COMPLETE": true, "IMPORT_ROLLBACK_COMPLETE": true, "UPDATE_FAILED": true,
}

func (c *call) describeSet(s *stack) {
	x := s.set(c.form.Get("ChangeSetName"))
	if x == nil {
		fault(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	}
	status, reason := "CREATE_COMPLETE", ""
	switch {
	case time.Now().Before(x.ready):
		status = "CREATE_IN_PROGRESS"
	case x.empty:
		status, reason = "FAILED", "The submitted information didn't contain changes."
	}
	answer(c.w, "DescribeChangeSet", element("ChangeSetName", x.name)+element("ChangeSetId", x.id)+element("StackId", s.id)+element("StackName", s.name)+
		element("Status", status)+element("StatusReason", reason)+element("ExecutionStatus", x.execution)+members("Changes", changesOf(s.template, x.template)))
}

func changesOf(old, next map[string]any) []string {
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
		action, kind := "", kindOf(next, id)
		switch {
		case !had:
			action = "Add"
		case !has:
			action, kind = "Remove", kindOf(old, id)
		case !reflect.DeepEqual(was, is):
			action = "Modify"
		default:
			continue
		}
		out = append(out, element("Type", "Resource")+"<ResourceChange>"+element("Action", action)+element("LogicalResourceId", id)+element("ResourceType", kind)+
			element("Replacement", map[bool]string{true: "False"}[action == "Modify"])+"</ResourceChange>")
	}
	return out
}

func (c *call) listSets(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(s.sets)) {
		x := s.sets[id]
		out = append(out, element("ChangeSetName", x.name)+element("ChangeSetId", x.id)+element("StackId", s.id)+element("ExecutionStatus", x.execution)+element("Status", "CREATE_COMPLETE"))
	}
	answer(c.w, "ListChangeSets", members("Summaries", out))
}

func (c *call) deleteSet(s *stack) {
	if x := s.set(c.form.Get("ChangeSetName")); x != nil {
		delete(s.sets, x.id)
	}
	answer(c.w, "DeleteChangeSet", "")
}

func (c *call) executeSet(s *stack) {
	x := s.set(c.form.Get("ChangeSetName"))
	switch {
	case x == nil:
		fault(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	case x.execution != "AVAILABLE":
		fault(c.w, http.StatusBadRequest, "InvalidChangeSetStatus", "ChangeSet is in "+x.execution+" status")
		return
	}
	verb := x.kind
	s.executions++
	s.enter(verb+"_IN_PROGRESS", "User Initiated")
	for id := range s.sets {
		if id != x.id {
			delete(s.sets, id)
		}
	}
	x.execution = "EXECUTE_IN_PROGRESS"
	s.until, s.end = time.Now().Add(c.cloud.Operation), func() { s.apply(x, verb) }
	answer(c.w, "ExecuteChangeSet", "")
}

// apply is the end of an execution.
func (s *stack) apply(x *set, verb string) {
	s.updated = time.Now()
	for _, id := range slices.Sorted(maps.Keys(resources(x.template))) {
		if kindOf(x.template, id) == Failing {
			x.execution = "EXECUTE_FAILED"
			s.happened(id, Failing, verb+"_FAILED", "it always does")
			s.enter(map[string]string{"CREATE": "ROLLBACK_COMPLETE", "UPDATE": "UPDATE_ROLLBACK_COMPLETE"}[verb], "")
			return
		}
		s.happened(id, kindOf(x.template, id), verb+"_COMPLETE", "")
	}
	x.execution = "EXECUTE_COMPLETE"
	s.template, s.body, s.parameters, s.tags = x.template, x.body, x.parameters, x.tags
	s.enter(verb+"_COMPLETE", "")
}

func (c *call) deleteStack(s *stack) {
	if s.protected {
		fault(c.w, http.StatusBadRequest, "ValidationError", "Stack cannot be deleted while TerminationProtection is enabled")
		return
	}
	if s.status == "REVIEW_IN_PROGRESS" {
		delete(c.account.stacks, s.id)
		answer(c.w, "DeleteStack", "")
		return
	}
	s.enter("DELETE_IN_PROGRESS", "User Initiated")
	s.until, s.end = time.Now().Add(c.cloud.Operation), func() {
		for id := range resources(s.template) {
			if kindOf(s.template, id) == Failing {
				s.happened(id, Failing, "DELETE_FAILED", "it always does")
				s.enter("DELETE_FAILED", "")
				return
			}
		}
		s.enter("DELETE_COMPLETE", "")
	}
	answer(c.w, "DeleteStack", "")
}

func (c *call) continueRollback(s *stack) {
	if s.status != "UPDATE_ROLLBACK_FAILED" {
		fault(c.w, http.StatusBadRequest, "ValidationError", "Stack is in "+s.status)
		return
	}
	s.enter("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	s.until, s.end = time.Now().Add(c.cloud.Operation), func() {
		for id := range resources(s.template) {
			if kindOf(s.template, id) == Failing {
				s.happened(id, Failing, "UPDATE_FAILED", "it always does")
				s.enter("UPDATE_ROLLBACK_FAILED", "")
				return
			}
		}
		s.enter("UPDATE_ROLLBACK_COMPLETE", "")
	}
	answer(c.w, "ContinueUpdateRollback", "")
}

func (c *call) protect(s *stack) {
	s.protected = c.form.Get("EnableTerminationProtection") == "true"
	answer(c.w, "UpdateTerminationProtection", element("StackId", s.id))
}
