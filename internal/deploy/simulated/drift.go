package simulated

import (
	"crypto/sha256"
	"encoding/hex"
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

// UnreadableType is a resource type that CloudFormation fails to compare, and DriftedType one whose resources differ.
const (
	UnreadableType = "Simulated::Drift::Unreadable"
	DriftedType    = "Simulated::Drift::Modified"
)

func (c *call) detectDrift(s *stack) {
	if s.refusedDetections < c.cloud.RunningDetections {
		s.refusedDetections++
		writeValidationError(c.w, "Drift detection is already in progress for stack %s", s.id)
		return
	}
	writeResult(c.w, "DetectStackDrift", xmlElement("StackDriftDetectionId", s.detectionID()))
}

// detectionID returns the id of a comparison of the stack. It has 36 characters, as all of AWS's have.
func (s *stack) detectionID() string {
	sum := sha256.Sum256([]byte(s.id))
	return hex.EncodeToString(sum[:])[:36]
}

// describeDriftDetection answers that a comparison has failed if one resource could not be read. The results of the
// others are there nevertheless.
func (c *call) describeDriftDetection(*stack) {
	id := c.form.Get("StackDriftDetectionId")
	status, reason := "DETECTION_COMPLETE", ""
	for _, s := range c.account.stacks {
		if s.detectionID() != id {
			continue
		}
		for _, resource := range resourcesOf(s.resolved, UnreadableType) {
			status, reason = "DETECTION_FAILED", "Failed to detect drift on resource ["+resource+"]"
		}
		s.compared, s.drift = s.now(), "IN_SYNC"
		if len(resourcesOf(s.resolved, DriftedType)) > 0 {
			s.drift = "DRIFTED"
		}
	}
	writeResult(c.w, "DescribeStackDriftDetectionStatus", xmlElements("StackDriftDetectionId", id,
		"DetectionStatus", status, "DetectionStatusReason", reason))
}

// driftInformation returns what a description of the stack says of its last comparison. Source: the CloudFormation API
// reference, StackDriftInformation.
func (s *stack) driftInformation() string {
	if s.compared.IsZero() {
		return xmlParent("DriftInformation", xmlElement("StackDriftStatus", "NOT_CHECKED"))
	}
	return xmlParent("DriftInformation", xmlElements(
		"StackDriftStatus", s.drift, "LastCheckTimestamp", formatTime(s.compared)))
}

// describeDrifts answers that every resource is as the deployed template says, but for those of DriftedType. It says
// nothing of nested stacks and of what cannot be read.
func (c *call) describeDrifts(s *stack) {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(resources(s.resolved))) {
		kind, status := resourceType(s.resolved, id), "IN_SYNC"
		switch kind {
		case stackType, UnreadableType:
			continue
		case DriftedType:
			status = "MODIFIED"
		}
		out = append(out, xmlElements("LogicalResourceId", id, "PhysicalResourceId", id, "StackId", s.id,
			"ResourceType", kind, "StackResourceDriftStatus", status))
	}
	writeResult(c.w, "DescribeStackResourceDrifts", xmlMembers("StackResourceDrifts", out))
}
