package simulated

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

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
		s = c.cloud.newStack(c.account, c.form.Get("StackName"))
		s.setStatus("REVIEW_IN_PROGRESS", "")
	case s.changeSet(set.name) != nil:
		writeError(c.w, http.StatusBadRequest, "AlreadyExistsException", "ChangeSet already exists")
		return
	case s.isBusy(), set.setType == "UPDATE" && !updatableStatuses[s.status],
		set.setType == "CREATE" && s.status != "REVIEW_IN_PROGRESS":
		writeValidationError(c.w, "Stack:%s is in %s state and can not be updated.", s.id, s.status)
		return
	}
	if c.cloud.RemakesEmptyStacks && s.status == "REVIEW_IN_PROGRESS" {
		s.created = s.created.Add(time.Second)
	}
	if name := c.fillChangeSet(s, set); name != "" {
		writeValidationError(c.w, "Parameters: [%s] must have values", name)
		return
	}
	s.changeSets[set.id] = set
	writeResult(c.w, "CreateChangeSet", xmlElements("Id", set.id, "StackId", s.id))
}

// parseChangeSet returns the change set that a call creates. The error is that of its template.
func (c *call) parseChangeSet() (*changeSet, error) {
	a := c.account
	a.serial++
	now := c.cloud.now()
	name := c.form.Get("ChangeSetName")
	set := &changeSet{
		name: name, id: fmt.Sprintf("arn:aws:cloudformation:%s:%s:changeSet/%s/%d", a.region, a.id, name, a.serial),
		setType: c.form.Get("ChangeSetType"), body: c.form.Get("TemplateBody"), executionStatus: "AVAILABLE",
		created: now, ready: now.Add(c.cloud.ChangeSetTime), imports: c.form.Get("ImportExistingResources") == "true",
	}
	if address, err := url.Parse(c.form.Get("TemplateURL")); err == nil && address.Path != "" {
		_, key, _ := strings.Cut(strings.TrimPrefix(address.Path, "/"), "/")
		set.body = string(a.objects[key].data)
	}
	return set, json.Unmarshal([]byte(set.body), &set.template)
}

// fillChangeSet sets the parameters, tags and topics of a change set, and whether it is empty. It returns the name of a
// parameter that has no value, or "". What the call leaves out stays as it is; only an empty list removes it.
// Source: the CloudFormation API reference, UpdateStack, Tags, and CreateChangeSet, NotificationARNs.
func (c *call) fillChangeSet(s *stack, set *changeSet) (missing string) {
	set.tags = s.tags
	if isGiven(c.form, "Tags") {
		set.tags = parsePairs(c.form, "Tags", "Key", "Value")
	}
	set.topics = s.topics
	if isGiven(c.form, "NotificationARNs") {
		set.topics = parseList(c.form, "NotificationARNs")
	}
	parameters := parsePairs(c.form, "Parameters", "ParameterKey", "ParameterValue")
	previous := parsePairs(c.form, "Parameters", "ParameterKey", "UsePreviousValue")
	set.parameters = map[string]string{}
	for name, declared := range section(set.template, "Parameters") {
		value, hasDefault := defaultValue(declared)
		text, isGiven := parameters[name]
		switch {
		case previous[name] == "true":
			set.parameters[name] = s.parameters[name]
		case isGiven:
			set.parameters[name] = text
		case hasDefault:
			set.parameters[name] = value
		default:
			return name
		}
	}
	set.resolved = c.cloud.resolve(set.template, set.parameters)
	set.fromSSM = c.cloud.readSSM(set.template, set.parameters)
	set.isEmpty = set.setType == "UPDATE" && s.template != nil && reflect.DeepEqual(s.resolved, set.resolved) &&
		maps.Equal(s.tags, set.tags) &&
		slices.Equal(s.topics, set.topics)
	set.emptyReason = c.cloud.EmptyReasons[c.account.serial%len(c.cloud.EmptyReasons)]
	return ""
}

// writeValidationError answers with a ValidationError, whose message is formatted as by fmt.Sprintf.
func writeValidationError(w http.ResponseWriter, format string, arguments ...any) {
	writeError(w, http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, arguments...))
}

// updatableStatuses are the statuses in which a stack can be updated.
var updatableStatuses = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true,
	"IMPORT_COMPLETE": true, "IMPORT_ROLLBACK_COMPLETE": true,
}

func (c *call) describeChangeSet(s *stack) {
	set := s.changeSet(c.form.Get("ChangeSetName"))
	if set == nil {
		writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	}
	status, reason := set.status(c.cloud.now())
	var parameters []string
	for _, name := range slices.Sorted(maps.Keys(set.parameters)) {
		parameters = append(parameters, c.parameter(set.template, name, set.parameters[name], set.fromSSM))
	}
	writeResult(c.w, "DescribeChangeSet", xmlElements(
		"ChangeSetName", set.name, "ChangeSetId", set.id, "StackId", s.id, "StackName", s.name,
		"Status", status, "StatusReason", reason, "ExecutionStatus", set.execution(status))+
		xmlMembers("Parameters", parameters)+
		xmlMembers("Changes", c.resourceChanges(s.resolved, set.resolved)))
}

// resourceChanges returns the changes from one resolved template to another, as XML. With property values it leaves out
// the resources of Cloud.UnrenderableTypes.
func (c *call) resourceChanges(old, next map[string]any) []string {
	withValues := c.form.Get("IncludePropertyValues") == "true"
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
		isOmitted := func(template map[string]any) bool {
			return withValues && slices.Contains(c.cloud.UnrenderableTypes, resourceType(template, id))
		}
		if isOmitted(old) || isOmitted(next) {
			continue
		}
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

// status returns the status of a change set and its reason.
func (set *changeSet) status(now time.Time) (status, reason string) {
	refusal := refusalOf(set.resolved)
	switch {
	case !set.gone.IsZero():
		return "DELETE_IN_PROGRESS", ""
	case now.Before(set.ready):
		return "CREATE_IN_PROGRESS", ""
	case set.isEmpty:
		return "FAILED", set.emptyReason
	case refusal != "":
		return "FAILED", refusal
	}
	return "CREATE_COMPLETE", ""
}

// execution returns the execution status of a change set with a status.
func (set *changeSet) execution(status string) string {
	if status != "CREATE_COMPLETE" {
		return "UNAVAILABLE"
	}
	return set.executionStatus
}

func (c *call) listChangeSets(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(s.changeSets)) {
		set := s.changeSets[id]
		status, reason := set.status(c.cloud.now())
		out = append(out, xmlElements("ChangeSetName", set.name, "ChangeSetId", set.id, "StackId", s.id,
			"ExecutionStatus", set.execution(status), "Status", status, "StatusReason", reason))
	}
	writeResult(c.w, "ListChangeSets", xmlMembers("Summaries", out))
}

func (c *call) deleteChangeSet(s *stack) {
	if set := s.changeSet(c.form.Get("ChangeSetName")); set != nil {
		set.gone = c.cloud.now().Add(c.cloud.DeletionTime)
		s.advance()
	}
	writeResult(c.w, "DeleteChangeSet", "")
}

func (c *call) executeChangeSet(s *stack) {
	set := s.changeSet(c.form.Get("ChangeSetName"))
	switch {
	case set == nil:
		writeError(c.w, http.StatusNotFound, "ChangeSetNotFound", "ChangeSet does not exist")
		return
	case s.isBusy() && set.executionStatus == "AVAILABLE":
		writeError(c.w, http.StatusBadRequest, "InvalidChangeSetStatus", "Another operation is in progress on the stack")
		return
	case set.executionStatus != "AVAILABLE" || !set.gone.IsZero():
		writeError(c.w, http.StatusBadRequest, "InvalidChangeSetStatus", "ChangeSet is in "+set.executionStatus+" status")
		return
	}
	s.executions++
	set.keepsFailed = c.form.Get("DisableRollback") == "true"
	set.executionStatus = "EXECUTE_IN_PROGRESS"
	c.beginOperation(s, func() {
		s.description = descriptionOf(set.template)
		s.setStatus(set.setType+"_IN_PROGRESS", "User Initiated")
		for id := range s.changeSets {
			if id != set.id {
				delete(s.changeSets, id)
			}
		}
	}, func() { s.finishExecution(c.account, set) })
	writeResult(c.w, "ExecuteChangeSet", "")
}

// finishExecution ends the execution of a change set. It fails if there is a resource of FailingType, or one whose name
// is in use; the others that were not created yet are cancelled then.
func (s *stack) finishExecution(a *account, set *changeSet) {
	s.updated = s.now()
	if failing := resourcesOf(set.template, FailingType); len(failing) > 0 {
		s.failExecution(set, failing[0], failureReason)
		return
	}
	if failing := refusedParameter(set.resolved); failing != "" {
		s.failExecution(set, failing, "Parameter value failed to satisfy its AllowedPattern")
		return
	}
	if failing := a.nameInUse(s, set); failing != "" {
		s.failExecution(set, failing, "a resource of that name already exists")
		return
	}
	for _, id := range slices.Sorted(maps.Keys(resources(set.template))) {
		s.addEvent(id, resourceType(set.template, id), set.setType+"_COMPLETE", "")
	}
	set.executionStatus = "EXECUTE_COMPLETE"
	s.template = set.template
	s.body = set.body
	s.parameters = set.parameters
	s.tags = set.tags
	s.topics = set.topics
	s.resolved = set.resolved
	s.fromSSM = set.fromSSM
	s.setStatus(set.setType+"_COMPLETE", "")
}

// failExecution rolls back: the failure of one resource cancels all others.
func (s *stack) failExecution(set *changeSet, failing, reason string) {
	set.executionStatus = "EXECUTE_FAILED"
	verb := strings.ToLower(set.setType)
	s.addEvent(failing, resourceType(set.template, failing), set.setType+"_FAILED", reason)
	for _, id := range slices.Sorted(maps.Keys(resources(set.template))) {
		if id != failing {
			s.addEvent(id, resourceType(set.template, id), set.setType+"_FAILED", "Resource "+verb+" cancelled")
		}
	}
	status := "ROLLBACK"
	if set.keepsFailed {
		s.setStatus(set.setType+"_FAILED", "The following resource(s) failed to "+verb+": ["+failing+"].")
		return
	}
	if set.setType == "UPDATE" {
		status = "UPDATE_ROLLBACK"
	}
	s.setStatus(status+"_IN_PROGRESS", "The following resource(s) failed to "+verb+": ["+failing+"].")
	s.setStatus(status+"_COMPLETE", "")
}

// failureReason is the reason of every failure of a resource of FailingType.
const failureReason = "it always does"

// refusedParameter returns a parameter of SSM whose value does not match its pattern, "" for none.
func refusedParameter(template map[string]any) string {
	for _, id := range resourcesOf(template, "AWS::SSM::Parameter") {
		r, _ := resources(template)[id].(map[string]any)
		properties, _ := r["Properties"].(map[string]any)
		pattern, hasPattern := properties["AllowedPattern"].(string)
		value, isText := properties["Value"].(string)
		if matches, err := regexp.MatchString(pattern, value); hasPattern && isText && err == nil && !matches {
			return id
		}
	}
	return ""
}
