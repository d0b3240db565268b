package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// resources are a template's resources by logical id.
type resources = map[string]resource

type resource = assembly.Resource

// permissionFlags flags the resources of an update that grant what was not granted before, or no longer refuse what was refused. Of a stack that
// is new only what is open to everybody is flagged: nothing that was there before becomes reachable otherwise.
func permissionFlags(changes []Change, old, next resources) []Flag {
	var flags []Flag
	for _, id := range slices.Sorted(maps.Keys(union(old, next))) {
		before, after := grantsOf(old[id]), grantsOf(next[id])
		var wider []string
		for _, text := range slices.Sorted(maps.Keys(after)) {
			g := after[text]
			if _, had := before[text]; !had && !g.denies && (len(old) > 0 || g.isPublic) {
				wider = append(wider, text)
			}
		}
		for _, text := range slices.Sorted(maps.Keys(before)) {
			if _, has := after[text]; before[text].denies && !has {
				wider = append(wider, "no longer: "+text)
			}
		}
		if len(wider) > 0 {
			flags = append(flags, Flag{Permit: Permissions, LogicalID: id, Type: cmp.Or(next[id].Type, old[id].Type), Why: truncateList(wider)})
		}
	}
	return slices.Concat(flags, nestedPermissionFlags(changes, old))
}

// nestedPermissionFlags flags what governs access in nested stacks, whose templates are not compared.
func nestedPermissionFlags(changes []Change, old resources) []Flag {
	var flags []Flag
	for _, c := range changes {
		if len(old) > 0 && strings.Contains(c.LogicalID, "/") && governsAccess(c.Type) {
			flags = append(flags, Flag{Permit: Permissions, LogicalID: c.LogicalID, Type: c.Type, Why: "it governs access and stands in a nested stack, whose template is not compared"})
		}
	}
	return flags
}

func governsAccess(kind string) bool {
	return strings.HasPrefix(kind, "AWS::IAM::") || strings.HasSuffix(kind, "Policy") || strings.HasPrefix(kind, "AWS::EC2::SecurityGroup") ||
		kind == "AWS::Lambda::Permission" || kind == "AWS::KMS::Key"
}

func union(a, b resources) resources {
	out := maps.Clone(a)
	if out == nil {
		out = resources{}
	}
	maps.Copy(out, b)
	return out
}

// truncateList is as much of a list as a reader needs to go and look.
func truncateList(items []string) string {
	const most = 3
	if len(items) > most {
		items = append(slices.Clone(items[:most]), fmt.Sprintf("and %d more", len(items)-most))
	}
	return strings.Join(items, "; ")
}
