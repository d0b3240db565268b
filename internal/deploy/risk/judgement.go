package risk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
)

// maxDepth is how deep nested stacks are followed. CloudFormation has no limit; nobody nests as deep as this.
const maxDepth = 8

// A judgement compares two versions of a stack, or of a nested one.
type judgement struct {
	stack string
	// prefix is the path of a nested stack, with a slash at its end; empty for the stack itself.
	prefix    string
	changes   []change.Change
	old, next *side
	isNew     bool
	// isUnreadable says that the deployed template could not be read.
	isUnreadable bool
	// accounts are those that a new stack may give access to; empty if they are not known.
	accounts []string
	flags    []change.Flag
}

// judge adds the flags of the stack and of its nested stacks, which are as deep as depth.
func (j *judgement) judge(depth int) {
	j.flagMacros()
	j.flags = slices.Concat(j.flags, j.dataLossFlags(), j.permissionFlags())
	for _, id := range union(j.old.template.LogicalIDs(), j.next.template.LogicalIDs()) {
		if j.typeOf(id) == change.StackType {
			j.judgeNested(id, depth)
		}
	}
}

// flag adds a flag of a resource.
func (j *judgement) flag(permit change.Permit, id, why string) {
	j.flags = append(j.flags, change.Flag{Permit: permit, LogicalID: j.prefix + id, Type: j.typeOf(id), Why: why})
}

// flagMacros flags a template that macros expand if nobody knows into what.
func (j *judgement) flagMacros() {
	if j.next.isExpanded && j.old.isExpanded || j.isSame() && len(j.changes) == 0 {
		return
	}
	j.flags = append(j.flags, change.Flag{
		Permit: change.Permissions, LogicalID: strings.TrimSuffix(j.prefix, "/"), Type: change.StackType,
		Why: "macros expand its template, and what CloudFormation made of it could not be read",
	})
	if last := &j.flags[len(j.flags)-1]; last.LogicalID == "" {
		last.LogicalID = j.stack
	}
}

// isSame reports whether both versions come to the same.
func (j *judgement) isSame() bool {
	return j.old.Template == j.next.Template && maps.Equal(j.old.Parameters, j.next.Parameters)
}

// judgeNested judges a nested stack. One whose template is not known is flagged if it changes.
func (j *judgement) judgeNested(id string, depth int) {
	isJudged := resolve.Worlds(maxWorlds, func(world resolve.World) string { return j.judgeNestedIn(world, id, depth) })
	if !isJudged && j.hasChanged(id) {
		j.flag(change.Permissions, id, "it depends on more conditions than can be judged")
	}
	slices.SortStableFunc(j.flags, func(a, b change.Flag) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	j.flags = slices.Compact(j.flags)
}

// judgeNestedIn is judgeNested in one world. The removal of a nested stack is flagged as a loss of what is in it.
func (j *judgement) judgeNestedIn(world resolve.World, id string, depth int) (undecided string) {
	next, exists, undecided := j.next.template.Resource(world, id)
	if undecided != "" || !exists {
		return undecided
	}
	old, existed, undecided := j.old.template.Resource(world, id)
	if undecided != "" {
		return undecided
	}
	after, isAfterKnown := j.next.nested(id, next)
	before := emptySide(Version{})
	isBeforeKnown := true
	if existed {
		before, isBeforeKnown = j.old.nested(id, old)
	}
	if !isAfterKnown || !isBeforeKnown || depth >= maxDepth {
		j.flagUnknownNested(id, existed, resolve.Text(old.Properties) != resolve.Text(next.Properties))
		return ""
	}
	inner := &judgement{
		stack: j.stack, prefix: j.prefix + id + "/", changes: j.changes, old: before, next: after, isNew: j.isNew,
		accounts: j.accounts,
	}
	inner.judge(depth + 1)
	j.flags = append(j.flags, inner.flags...)
	return ""
}

// flagUnknownNested flags a nested stack whose template could not be read: by what the change set shows of it, and as
// a whole.
func (j *judgement) flagUnknownNested(id string, existed, differs bool) {
	if j.isNew {
		return
	}
	prefix := j.prefix + id + "/"
	for _, c := range j.changes {
		if strings.HasPrefix(c.LogicalID, prefix) && isGoverned(c.Type) {
			j.flags = append(j.flags, change.Flag{
				Permit: change.Permissions, LogicalID: c.LogicalID, Type: c.Type,
				Why: "it governs access and stands in a nested stack, whose template could not be read",
			})
		}
	}
	what := "it changes"
	if !existed {
		what = "it is added"
	}
	if differs || !existed {
		j.flag(change.Permissions, id, fmt.Sprintf("%s, and the template of the nested stack could not be read", what))
	}
}
