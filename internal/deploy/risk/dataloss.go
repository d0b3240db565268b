package risk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
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

// dataLossFlags flags the resources that go and whose data is not retained, and those that keep data for a shorter time
// or with less protection than before.
func (j *judgement) dataLossFlags() []change.Flag {
	var flags []change.Flag
	for _, c := range j.changes {
		if why := j.goes(c); why != "" {
			flags = append(flags, change.Flag{Permit: change.DataLoss, LogicalID: c.LogicalID, Type: c.Type, Why: why})
		}
	}
	isGoing := func(id string) bool {
		return slices.ContainsFunc(flags, func(f change.Flag) bool { return f.LogicalID == j.prefix+id })
	}
	for _, id := range j.old.template.LogicalIDs() {
		if isGoing(id) {
			continue
		}
		if why := j.keepsLess(id); len(why) > 0 {
			flags = append(flags, change.Flag{
				Permit: change.DataLoss, LogicalID: j.prefix + id, Type: j.typeOf(id), Why: strings.Join(why, "; "),
			})
		}
	}
	return flags
}

// goes returns what a change loses, or "" if it keeps everything or is of another stack.
func (j *judgement) goes(c change.Change) string {
	data, keeps := stateful.Data(c.Type)
	id, isOwn := strings.CutPrefix(c.LogicalID, j.prefix)
	isKnown := j.old.typeOf(id)+j.next.typeOf(id) != "" || j.prefix == "" // a nested stack may not be followed
	mayLose := removes(c) || j.isUnreadable && c.Action == change.Modify
	if !isOwn || !isKnown || !mayLose {
		return ""
	}
	if makes, ok := makers[c.Type]; ok && c.Action == change.Remove {
		return "it is removed, and with it go " + makes
	}
	if !keeps {
		return ""
	}
	if c.Action == change.Modify {
		return "it is changed, and how it kept " + data + " could not be read"
	}
	policy := j.retention(c, id)
	if policy == "Retain" || policy == "RetainExceptOnCreate" {
		return ""
	}
	verb := map[change.Action]string{
		change.Remove: "removed", change.Replace: "replaced", change.ReplaceMaybe: "perhaps replaced",
	}[c.Action]
	why := fmt.Sprintf("it is %s, and with it go %s", verb, data)
	if policy == "Snapshot" {
		why += "; a snapshot stays"
	}
	return why
}

// retention returns the policy for the resource that goes: Delete, Retain, RetainExceptOnCreate or Snapshot.
// CloudFormation says so in newer change sets. Otherwise the templates do: the removal of a resource follows the policy
// that it was deployed with, a replacement that of the new template. A policy that conditions decide retains only if it
// does whatever they come to.
// Source: AWS CloudFormation user guide, DeletionPolicy and UpdateReplacePolicy attributes.
func (j *judgement) retention(c change.Change, id string) string {
	if c.PolicyAction != "" {
		return strings.TrimPrefix(c.PolicyAction, "ReplaceAnd")
	}
	policies := map[string]bool{}
	isJudged := resolve.Worlds(maxWorlds, func(world resolve.World) string {
		template := j.next.template
		if c.Action == change.Remove {
			template = j.old.template
		}
		r, exists, undecided := template.Resource(world, id)
		policy := r.UpdateReplacePolicy
		if c.Action == change.Remove {
			policy = r.DeletionPolicy
		}
		if exists && undecided == "" {
			policies[resolve.Text(policy)] = true
		}
		return undecided
	})
	found := slices.Sorted(maps.Keys(policies))
	if isJudged && len(found) == 1 {
		return found[0]
	}
	return "Delete"
}

// keepsLess returns in what a resource that stays keeps its data less long, or less safely, than before.
func (j *judgement) keepsLess(id string) []string {
	found := map[string]bool{}
	isJudged := resolve.Worlds(maxWorlds, func(world resolve.World) string {
		old, existed, undecided := j.old.template.Resource(world, id)
		if undecided != "" || !existed {
			return undecided
		}
		next, exists, undecided := j.next.template.Resource(world, id)
		if undecided != "" || !exists {
			return undecided
		}
		for _, why := range lessKept(old, next) {
			found[resolve.Show(why)] = true
		}
		return ""
	})
	if _, keeps := stateful.Data(j.typeOf(id)); !isJudged && keeps && j.hasChanged(id) {
		return []string{"it depends on more conditions than can be judged"}
	}
	return slices.Sorted(maps.Keys(found))
}

// lessKept returns in what a resource keeps its data less than it did.
func lessKept(old, next resolve.Resource) []string {
	var why []string
	if _, keeps := stateful.Data(old.Type); keeps {
		for name, policies := range map[string][2]any{
			"DeletionPolicy":      {old.DeletionPolicy, next.DeletionPolicy},
			"UpdateReplacePolicy": {old.UpdateReplacePolicy, next.UpdateReplacePolicy},
		} {
			if before, after := resolve.Text(policies[0]), resolve.Text(policies[1]); keepsMore(before, after) {
				why = append(why, fmt.Sprintf("its %s is %s and no longer %s", name, orNothing(after), before))
			}
		}
	}
	before, after := keepersOf(old), keepersOf(next)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if reason := before[name].lessThan(name, after[name]); reason != "" {
			why = append(why, reason)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, existed := before[name]; !existed {
			if reason := (keeper{}).lessThan(name, after[name]); reason != "" {
				why = append(why, reason)
			}
		}
	}
	return why
}

// keepsMore reports whether a deletion policy keeps more than another. What cannot be known keeps nothing for certain.
func keepsMore(before, after string) bool {
	rank := map[string]int{"Snapshot": 1, "Retain": 2, "RetainExceptOnCreate": 2}
	return before != after && (rank[before] > rank[after] || resolve.IsMarked(after) && !resolve.IsMarked(before))
}

func orNothing(text string) string {
	if text == "" {
		return "not set"
	}
	return text
}
