package simulated

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// serveIAM answers a call of the policy simulator.
func (c *Cloud) serveIAM(w http.ResponseWriter, r *http.Request) {
	form := parseForm(r)
	if form.Get("Action") != "SimulatePrincipalPolicy" {
		writeError(w, http.StatusBadRequest, "InvalidAction", form.Get("Action"))
		return
	}
	if c.DeniesInquiries {
		writeError(w, http.StatusForbidden, "AccessDenied", "not authorized to perform: iam:SimulatePrincipalPolicy")
		return
	}
	var results []string
	for _, action := range parseList(form, "ActionNames") {
		decision := "allowed"
		if c.isDenied(action) {
			decision = "implicitDeny"
		}
		results = append(results, xmlElements("EvalActionName", action, "EvalDecision", decision, "EvalResourceName", "*"))
	}
	writeResult(w, "SimulatePrincipalPolicy", xmlMembers("EvaluationResults", results)+xmlElement("IsTruncated", "false"))
}

// PutResource creates a resource outside of every stack.
func (c *Cloud) PutResource(account, region, resourceType, identifier string, properties map[string]any) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.resources[resourceType] == nil {
		a.resources[resourceType] = map[string]map[string]any{}
	}
	a.resources[resourceType][identifier] = properties
}

// An inquiry is what the calls of Cloud Control and Service Quotas have that are simulated.
type inquiry struct{ TypeName, Identifier, ServiceCode, QuotaCode string }

func readInquiry(r *http.Request) (operation string, call inquiry) {
	_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	text, _ := io.ReadAll(r.Body) // a call that is cut off has no input
	_ = json.Unmarshal(text, &call)
	return operation, call
}

// serveCloudControl answers a call of Cloud Control about the resources that are in no stack.
func (c *Cloud) serveCloudControl(a *account, w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	operation, call := readInquiry(r)
	resources := a.resources[call.TypeName]
	switch properties, exists := resources[call.Identifier]; {
	case c.DeniesInquiries:
		writeJSONError(w, "AccessDeniedException")
	case operation == "ListResources":
		var list []any
		for _, id := range sortedKeys(resources) {
			list = append(list, resourceDescription(id, resources[id]))
		}
		writeJSON(w, http.StatusOK, map[string]any{"TypeName": call.TypeName, "ResourceDescriptions": list})
	case exists:
		writeJSON(w, http.StatusOK, map[string]any{
			"TypeName": call.TypeName, "ResourceDescription": resourceDescription(call.Identifier, properties),
		})
	default:
		writeJSONError(w, "ResourceNotFoundException")
	}
}

func resourceDescription(identifier string, properties map[string]any) map[string]string {
	text, _ := json.Marshal(properties) // a test has written them
	return map[string]string{"Identifier": identifier, "Properties": string(text)}
}

// serveServiceQuotas answers a call of Service Quotas. A quota that nobody has set is large.
func (c *Cloud) serveServiceQuotas(w http.ResponseWriter, r *http.Request) {
	_, call := readInquiry(r)
	value, isSet := c.Quotas[call.ServiceCode+"/"+call.QuotaCode]
	switch {
	case c.DeniesInquiries:
		writeJSONError(w, "AccessDeniedException")
	case !isSet:
		value = 1000
		fallthrough
	default:
		writeJSON(w, http.StatusOK, map[string]any{"Quota": map[string]any{"QuotaCode": call.QuotaCode, "Value": value}})
	}
}

// describeStackResources answers which stack has a resource with a physical id: a name among its properties.
func (c *call) describeStackResources(*stack) {
	id := c.form.Get("PhysicalResourceId")
	for _, stackID := range sortedKeys(c.account.stacks) {
		s := c.account.stacks[stackID]
		for _, logicalID := range sortedKeys(resources(s.resolved)) {
			if s.status == "DELETE_COMPLETE" || !hasName(s.resolved, logicalID, id) {
				continue
			}
			writeResult(c.w, "DescribeStackResources", xmlMembers("StackResources", []string{xmlElements(
				"StackName", s.name, "StackId", s.id, "LogicalResourceId", logicalID, "PhysicalResourceId", id,
				"ResourceType", resourceType(s.resolved, logicalID), "ResourceStatus", "CREATE_COMPLETE",
			)}))
			return
		}
	}
	writeValidationError(c.w, "Stack for %s does not exist", id)
}

// hasName reports whether a resource of a template has a name among its properties.
func hasName(template map[string]any, logicalID, name string) bool {
	r, _ := resources(template)[logicalID].(map[string]any)
	properties, _ := r["Properties"].(map[string]any)
	for _, value := range properties {
		if value == name {
			return true
		}
	}
	return false
}

// nameInUse returns the resource of a change set whose name another resource has that is in no stack, "" for none. The
// change set takes it over if it imports what exists.
func (a *account) nameInUse(s *stack, set *changeSet) string {
	for _, logicalID := range sortedKeys(resources(set.resolved)) {
		if _, isOld := resources(s.resolved)[logicalID]; isOld {
			continue
		}
		for identifier := range a.resources[resourceType(set.resolved, logicalID)] {
			if hasName(set.resolved, logicalID, identifier) && !set.imports {
				return logicalID
			}
		}
	}
	return ""
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
