package risk

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/stateful"
)

// removes reports whether the resource of a change goes, or may go.
func removes(c change.Change) bool {
	return c.Action == change.Remove || c.Action == change.Replace || c.Action == change.ReplaceMaybe
}

// RemovesData reports whether a resource that keeps data goes, whether its data is retained or not.
func RemovesData(changes []change.Change) bool {
	return slices.ContainsFunc(changes, func(c change.Change) bool {
		_, keeps := stateful.Data(c.Type)
		return keeps && removes(c)
	})
}

// dataLossFlags flags the resources that go and whose data is not retained.
func dataLossFlags(changes []change.Change, old, next resources) []change.Flag {
	var flags []change.Flag
	for _, c := range changes {
		data, keeps := stateful.Data(c.Type)
		if !keeps || !removes(c) {
			continue
		}
		policy := retention(c, old, next)
		if policy == "Retain" || policy == "RetainExceptOnCreate" {
			continue
		}
		verb := map[change.Action]string{
			change.Remove: "removed", change.Replace: "replaced", change.ReplaceMaybe: "perhaps replaced",
		}[c.Action]
		why := fmt.Sprintf("it is %s, and with it go %s", verb, data)
		if policy == "Snapshot" {
			why += "; a snapshot stays"
		}
		flags = append(flags, change.Flag{Permit: change.DataLoss, LogicalID: c.LogicalID, Type: c.Type, Why: why})
	}
	return flags
}

// retention returns the policy for the resource that goes: Delete, Retain, RetainExceptOnCreate or Snapshot.
// CloudFormation says so in newer change sets. Otherwise the templates do: the removal of a resource follows the policy
// that it was deployed with, a replacement that of the new template.
// Source: AWS CloudFormation user guide, DeletionPolicy and UpdateReplacePolicy attributes.
func retention(c change.Change, old, next resources) string {
	if c.PolicyAction != "" {
		return strings.TrimPrefix(c.PolicyAction, "ReplaceAnd")
	}
	if c.Action == change.Remove {
		return old[c.LogicalID].DeletionPolicy
	}
	return next[c.LogicalID].UpdateReplacePolicy
}
