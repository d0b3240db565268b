package risk

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
)

// resources are a template's resources by logical id.
type resources = map[string]assembly.Resource

// permissionFlags flags the resources that grant what was not granted before, or no longer deny what was denied. Of a
// new stack it flags only what is open to everybody: no resource that existed before becomes reachable otherwise.
func permissionFlags(changes []change.Change, old, next resources) []change.Flag {
	var flags []change.Flag
	isNew := len(old) == 0
	for _, id := range slices.Sorted(maps.Keys(union(old, next))) {
		if wider := widerGrants(grantsOf(old[id]), grantsOf(next[id]), isNew); len(wider) > 0 {
			flags = append(flags, change.Flag{
				Permit: change.Permissions, LogicalID: id, Type: cmp.Or(next[id].Type, old[id].Type), Why: truncateList(wider),
			})
		}
	}
	return slices.Concat(flags, nestedPermissionFlags(changes, old))
}

// widerGrants returns what the grants after a change allow beyond those before it.
func widerGrants(before, after grants, isNew bool) []string {
	var wider []string
	for _, text := range slices.Sorted(maps.Keys(after)) {
		g := after[text]
		if _, existed := before[text]; !existed && !g.denies && (!isNew || g.isPublic) {
			wider = append(wider, text)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(before)) {
		if _, exists := after[text]; before[text].denies && !exists {
			wider = append(wider, "no longer: "+text)
		}
	}
	return wider
}

// nestedPermissionFlags flags every change of a resource in a nested stack that governs access: nested templates are
// not compared.
func nestedPermissionFlags(changes []change.Change, old resources) []change.Flag {
	var flags []change.Flag
	for _, c := range changes {
		if len(old) > 0 && strings.Contains(c.LogicalID, "/") && governsAccess(c.Type) {
			flags = append(flags, change.Flag{
				Permit: change.Permissions, LogicalID: c.LogicalID, Type: c.Type,
				Why: "it governs access and stands in a nested stack, whose template is not compared",
			})
		}
	}
	return flags
}

// governsAccess reports whether resources of a type grant or deny access.
func governsAccess(resourceType string) bool {
	return strings.HasPrefix(resourceType, "AWS::IAM::") ||
		strings.HasPrefix(resourceType, "AWS::EC2::SecurityGroup") ||
		strings.HasSuffix(resourceType, "Policy") ||
		resourceType == "AWS::Lambda::Permission" ||
		resourceType == "AWS::KMS::Key"
}

func union(a, b resources) resources {
	out := resources{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// maxListed is how many items of a list are shown.
const maxListed = 3

// truncateList returns the first items of a list, and how many more there are.
func truncateList(items []string) string {
	if len(items) > maxListed {
		items = append(slices.Clone(items[:maxListed]), fmt.Sprintf("and %d more", len(items)-maxListed))
	}
	return strings.Join(items, "; ")
}
