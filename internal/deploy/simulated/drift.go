package simulated

import (
	"maps"
	"slices"
)

func (c *call) getStackPolicy(s *stack) {
	writeResult(c.w, "GetStackPolicy", xmlElement("StackPolicyBody", s.policy))
}

func (c *call) setStackPolicy(s *stack) {
	s.policy = c.form.Get("StackPolicyBody")
	writeResult(c.w, "SetStackPolicy", "")
}

func (c *call) detectDrift(*stack) {
	writeResult(c.w, "DetectStackDrift", xmlElement("StackDriftDetectionId", "detection"))
}

func (c *call) describeDriftDetection(*stack) {
	writeResult(c.w, "DescribeStackDriftDetectionStatus", xmlElements(
		"DetectionStatus", "DETECTION_COMPLETE", "StackDriftStatus", "IN_SYNC", "StackDriftDetectionId", "detection"))
}

// describeDrifts answers that every resource is as the deployed template says.
func (c *call) describeDrifts(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(s.resolved))) {
		out = append(out, xmlElements("LogicalResourceId", id, "PhysicalResourceId", id, "StackId", s.id,
			"ResourceType", resourceType(s.resolved, id), "StackResourceDriftStatus", "IN_SYNC"))
	}
	writeResult(c.w, "DescribeStackResourceDrifts", xmlMembers("StackResourceDrifts", out))
}
