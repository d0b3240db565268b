package simulated

import (
	"maps"
	"slices"
)

// InvalidType is a resource type that early validation refuses, and HookedType one that a hook refuses.
const (
	InvalidType = "Simulated::Early::Invalid"
	HookedType  = "Simulated::Hook::Refused"
)

// What CloudFormation says of a change set that it refuses, and what it says of that elsewhere.
const (
	validationReason = "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. " +
		"To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information."
	validationDetail = "#/Properties: extraneous key [" + invalidProperty + "] is not permitted"
	hookName         = "Simulated::Guard::Hook"
	hookReason       = "The following hook(s) failed: [" + hookName + "]"
	hookDetail       = "buckets have to be encrypted"
)

// resourcesOf returns the logical ids of a template's resources of a type.
func resourcesOf(template map[string]any, kind string) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(template))) {
		if resourceType(template, id) == kind {
			out = append(out, id)
		}
	}
	return out
}

// invalidProperty is a property that no resource type has.
const invalidProperty = "Colour"

// invalidResources returns the logical ids of the resources that early validation refuses.
func invalidResources(template map[string]any) []string {
	invalid := resourcesOf(template, InvalidType)
	for _, id := range slices.Sorted(maps.Keys(resources(template))) {
		r, _ := resources(template)[id].(map[string]any)
		properties, _ := r["Properties"].(map[string]any)
		if _, exists := properties[invalidProperty]; exists {
			invalid = append(invalid, id)
		}
	}
	return invalid
}

// refusalOf returns why CloudFormation refuses a change set with a resolved template, or "".
func refusalOf(template map[string]any) string {
	switch {
	case len(invalidResources(template)) > 0:
		return validationReason
	case len(resourcesOf(template, HookedType)) > 0:
		return hookReason
	}
	return ""
}

// describeOperationEvents answers what early validation has found in a change set.
func (c *call) describeOperationEvents(s *stack) {
	set := s.changeSet(c.form.Get("ChangeSetName"))
	var out []string
	if set != nil {
		for _, id := range invalidResources(set.resolved) {
			out = append(out, xmlElements("EventId", id, "EventType", "VALIDATION_ERROR", "StackId", s.id,
				"LogicalResourceId", id, "ResourceType", resourceType(set.resolved, id), "ValidationStatus", "FAILED",
				"ValidationFailureMode", "FAIL", "ValidationName", "PROPERTY_VALIDATION",
				"ValidationPath", "/Resources/"+id+"/Properties", "ValidationStatusReason", validationDetail))
		}
	}
	writeResult(c.w, "DescribeEvents", xmlMembers("OperationEvents", out))
}

// listHookResults answers what a hook has refused in a change set.
func (c *call) listHookResults(*stack) {
	id := c.form.Get("TargetId")
	var out []string
	if s := c.account.findByChangeSet(id); s != nil && len(resourcesOf(s.changeSet(id).resolved, HookedType)) > 0 {
		out = append(out, xmlElements("TypeName", hookName, "FailureMode", "FAIL", "Status", "HOOK_COMPLETE_FAILED",
			"HookStatusReason", hookDetail, "InvocationPoint", "PRE_PROVISION"))
	}
	writeResult(c.w, "ListHookResults", xmlMembers("HookResults", out))
}
