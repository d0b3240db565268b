package risk

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
	"lockstep/internal/redact"
)

// maxWorlds is in how many ways the conditions of one resource may turn out, if they cannot be known.
const maxWorlds = 64

// permissionFlags flags the resources that grant what was not granted before, or no longer deny what was denied. Of a
// new stack it flags only what is open to everybody or to an account of others: what existed before does not become
// reachable otherwise.
func (j *judgement) permissionFlags() []change.Flag {
	var flags []change.Flag
	for _, id := range union(j.old.template.LogicalIDs(), j.next.template.LogicalIDs()) {
		if wider := j.widerAccess(id); len(wider) > 0 {
			flags = append(flags, change.Flag{
				Permit: change.Permissions, LogicalID: j.prefix + id, Type: j.typeOf(id), Why: strings.Join(wider, "; "),
			})
		}
	}
	return flags
}

// widerAccess returns what a resource allows beyond what was allowed before, in any way in which conditions may turn
// out.
func (j *judgement) widerAccess(id string) []string {
	found := map[string]bool{}
	isJudged := resolve.Worlds(maxWorlds, func(world resolve.World) string {
		wider, undecided := j.widerAccessIn(world, id)
		for _, g := range wider {
			if !j.isOwn(g) && (!j.isNew || g.isOpen || g.isForeign(j.accounts)) {
				found[showGrant(g)] = true
			}
		}
		return undecided
	})
	if !isJudged && j.hasChanged(id) {
		return []string{"it depends on more conditions than can be judged"}
	}
	return slices.Sorted(maps.Keys(found))
}

// isOwn reports whether a grant only names an account of the project.
func (j *judgement) isOwn(g grant) bool {
	return g.account != "" && (g.account == j.next.Pseudo["AWS::AccountId"] || slices.Contains(j.accounts, g.account))
}

// widerAccessIn is widerAccess in one world.
func (j *judgement) widerAccessIn(world resolve.World, id string) (wider []grant, undecided string) {
	next, exists, undecided := j.next.template.Resource(world, id)
	if undecided != "" {
		return nil, undecided
	}
	old, existed, undecided := j.old.template.Resource(world, id)
	if undecided != "" {
		return nil, undecided
	}
	switch {
	case existed && exists && old.Type == next.Type:
		before, after := grantsOf(old), grantsOf(next)
		return slices.Concat(widerGrants(before.grants, after.grants, false), after.lostLimits(before.grants),
			j.lostSignals(world, id, old, &next)), ""
	case exists:
		wider = widerGrants(nil, grantsOf(next).grants, true)
		if len(wider) > 0 && j.isMoved(world, next) {
			return nil, ""
		}
		return wider, ""
	case existed:
		return j.lostGrants(world, id, old), ""
	}
	return nil, ""
}

// lostGrants returns what a resource that is removed watches, checks, reports, protects or limits.
func (j *judgement) lostGrants(world resolve.World, id string, old resolve.Resource) []grant {
	switch {
	case isWatcher(old.Type):
		return []grant{{kind: limits, text: "no longer: what is done is recorded or reported"}}
	case isChecker(old.Type):
		return []grant{{kind: limits, text: "no longer: what is wrong is found or refused"}}
	}
	lost := append(j.lostSignals(world, id, old, nil), j.lostProtection(world, id, old)...)
	if j.isAttached(world, id, old) {
		lost = append(lost, (&reader{}).lostLimits(onlyLimits(grantsOf(old).grants))...)
	}
	return lost
}

// isMoved reports whether a resource that is added grants nothing but what one that is removed has granted: it has got
// another logical id.
func (j *judgement) isMoved(world resolve.World, added resolve.Resource) bool {
	after := grantsOf(added)
	return slices.ContainsFunc(j.old.template.LogicalIDs(), func(id string) bool {
		if _, exists, undecided := j.next.template.Resource(world, id); exists || undecided != "" {
			return false
		}
		old, existed, undecided := j.old.template.Resource(world, id)
		if undecided != "" || !existed || old.Type != added.Type {
			return false
		}
		before := grantsOf(old)
		return len(widerGrants(before.grants, after.grants, false))+len(after.lostLimits(before.grants)) == 0
	})
}

// isAttached reports whether a resource that is removed held something else within bounds, which stays.
func (j *judgement) isAttached(world resolve.World, id string, old resolve.Resource) bool {
	names := attachedProperties[old.Type]
	if len(names) == 0 && isPolicyType(old.Type) {
		properties, _ := old.Properties.(map[string]any)
		names = sortedKeys(properties)
	}
	if len(names) == 0 {
		return false
	}
	hasTarget := false
	for _, name := range names {
		for _, target := range j.old.template.RefersTo(id, name) {
			hasTarget = true
			if j.staysOf(world, target) {
				return true
			}
		}
	}
	return !hasTarget
}

// staysOf reports whether a resource of the deployed stack goes on existing: in the stack, or retained outside of it.
func (j *judgement) staysOf(world resolve.World, id string) bool {
	if _, exists, undecided := j.next.template.Resource(world, id); exists || undecided != "" {
		return true
	}
	old, existed, _ := j.old.template.Resource(world, id)
	return !existed || strings.HasPrefix(resolve.Text(old.DeletionPolicy), "Retain")
}

func onlyLimits(grants []grant) []grant {
	return slices.DeleteFunc(grants, func(g grant) bool { return g.kind != limits })
}

// showGrant returns a grant as it is shown: what cannot be known as a reference, and without secrets.
func showGrant(g grant) string {
	text := resolve.Show(g.text)
	if g.statement != nil || redact.HasPolicy(text) {
		return text
	}
	return redact.Value("", text)
}

// hasChanged reports whether anything that a resource may depend on differs between the two templates.
func (j *judgement) hasChanged(id string) bool {
	without := func(document map[string]any) string {
		resources, _ := document["Resources"].(map[string]any)
		out := []any{resources[id], document["Conditions"], document["Mappings"]}
		text, _ := json.Marshal(out) // it came out of JSON
		return string(text)
	}
	return without(j.old.document) != without(j.next.document) || !maps.Equal(j.old.Parameters, j.next.Parameters)
}

// typeOf returns the type of a resource, after the change where it has one.
func (j *judgement) typeOf(id string) string { return cmp.Or(j.next.typeOf(id), j.old.typeOf(id)) }

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
