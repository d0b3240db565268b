package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/display"
)

// actionLabels are the names of the actions in a table.
var actionLabels = map[change.Action]string{
	change.Add:          "add",
	change.Modify:       "modify",
	change.Replace:      "**replace**",
	change.ReplaceMaybe: "**replace, perhaps**",
	change.Remove:       "**remove**",
}

// maxCommentBytes is the length of the longest comment that GitHub takes, which is the shortest limit of the common
// forges. GitHub counts characters.
const maxCommentBytes = 65_536

// PlanMarkdown returns a plan as a comment for a pull request: how many resources change, what has to be allowed, and
// every stack that changes. If that does not fit into a comment, the last lines are left out, and the comment says so.
func PlanMarkdown(f planfile.File) string { return planMarkdown(f, maxCommentBytes) }

// PlansMarkdown returns plans as one comment of at most so many bytes, one below the other. If they do not fit, each
// has an equal share, and what one does not need is for the others.
func PlansMarkdown(plans []planfile.File, maxBytes int) string {
	parts := make([]string, len(plans))
	bySize := make([]int, len(plans))
	for i, plan := range plans {
		parts[i], bySize[i] = planMarkdown(plan, math.MaxInt), i
	}
	slices.SortStableFunc(bySize, func(a, b int) int { return cmp.Compare(len(parts[a]), len(parts[b])) })
	room := maxBytes - len(plans) // with a line break behind each
	for n, i := range bySize {
		if share := room / (len(plans) - n); len(parts[i]) > share {
			parts[i] = planMarkdown(plans[i], share)
		}
		room -= len(parts[i])
	}
	return strings.Join(parts, "\n")
}

// planMarkdown returns a plan as Markdown of at most so many bytes.
func planMarkdown(f planfile.File, maxBytes int) string {
	title := fmt.Sprintf("### Plan for %s: %s\n\n", escapeMarkdown(f.Environment), planCounts(f))
	var b strings.Builder
	var flags, liveFlags []change.Flag
	for _, flag := range f.Flags() {
		if flag.LiveOnly {
			liveFlags = append(liveFlags, flag)
		} else {
			flags = append(flags, flag)
		}
	}
	writeFlagsMarkdown(&b, "Has to be allowed by name", flags)
	writeFlagsMarkdown(&b, "Has to be allowed by name in a live deployment", liveFlags)
	if f.Unseen != nil {
		fmt.Fprintf(&b, "> **Not seen in this plan**: %s, because what they need does not exist yet. %s\n\n",
			f.Unseen, f.Unseen.Rule())
	}
	for _, t := range f.Targets {
		if len(f.Targets) > 1 {
			fmt.Fprintf(&b, "#### Account %s, %s\n\n", escapeMarkdown(t.Account), escapeMarkdown(t.Region))
		}
		writeTargetMarkdown(&b, t)
	}
	return fitComment(title, b.String(), planFooter(f), maxBytes)
}

// writeFlagsMarkdown writes flags below a title, or nothing if there are none.
func writeFlagsMarkdown(b *strings.Builder, title string, flags []change.Flag) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprintf(b, "> **%s**\n>\n", title)
	for _, flag := range flags {
		fmt.Fprintf(b, "> - `--allow %s`: %s in %s: %s\n",
			escapeMarkdown(string(flag.Permit)), inlineCode(flag.LogicalID), inlineCode(flag.Stack), escapeMarkdown(flag.Why))
	}
	b.WriteString("\n")
}

// planFooter returns the last line of a plan's comment: which plan it is, of what, and how long it may be applied.
func planFooter(f planfile.File) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<sub>plan %s, assembly %s",
		inlineCode(fmt.Sprintf("%.12s", f.Digest)), inlineCode(fmt.Sprintf("%.12s", f.EnvironmentDigest)))
	if f.Commit != "" {
		fmt.Fprintf(&b, ", commit %s", inlineCode(display.Commit(f.Commit)))
	}
	const minutes = "2006-01-02 15:04 MST"
	fmt.Fprintf(&b, ", made %s, good until %s</sub>\n", formatUTC(f.CreatedAt, minutes), formatUTC(f.Expires, minutes))
	return b.String()
}

// fitComment joins the parts of a comment. If they are too long for one, it leaves out the last lines of the body, and
// says below the title how many.
func fitComment(title, body, footer string, maxBytes int) string {
	if len(title)+len(body)+len(footer) <= maxBytes {
		return title + body + footer
	}
	const note = "> **%d lines do not fit into a comment** and are left out: the plan's file has them, " +
		"and `lockstep plan` prints them.\n\n"
	room := max(0, maxBytes-len(title)-len(footer)-len(note)-len("1000000\n"))
	shown := body[:strings.LastIndex(body[:room], "\n")+1]
	leftOut := 0
	for line := range strings.Lines(body[len(shown):]) {
		if strings.TrimSpace(line) != "" {
			leftOut++
		}
	}
	return title + fmt.Sprintf(note, leftOut) + shown + "\n" + footer
}

func formatUTC(t time.Time, layout string) string { return t.UTC().Format(layout) }

// writeTargetMarkdown writes the stacks of one account: those that change, the names of the others, and orphaned ones.
func writeTargetMarkdown(b *strings.Builder, t planfile.Target) {
	var unchanged []string
	for _, s := range t.Stacks {
		if s.Outcome == change.Unchanged {
			unchanged = append(unchanged, inlineCode(s.Name))
			continue
		}
		writeStackMarkdown(b, s)
	}
	if len(unchanged) > 0 {
		fmt.Fprintf(b, "Unchanged: %s.\n\n", strings.Join(unchanged, ", "))
	}
	for _, name := range t.OrphanedStacks {
		fmt.Fprintf(b, "Orphaned: %s, which the assembly no longer has.\n\n", inlineCode(name))
	}
}

func writeStackMarkdown(b *strings.Builder, s planfile.Stack) {
	fmt.Fprintf(b, "**%s**: %s", escapeMarkdown(s.Name), escapeMarkdown(string(s.Outcome)))
	if s.Reason != "" {
		fmt.Fprintf(b, ", because %s", escapeMarkdown(s.Reason))
	}
	if s.UnseenResources > 0 {
		fmt.Fprintf(b, "; its template has %s", resourceCount(s.UnseenResources))
	}
	b.WriteString("\n\n")
	for _, i := range s.Images {
		fmt.Fprintf(b, "- image %s: %s\n", inlineCode(i.Name), inlineCode(i.Digest))
	}
	if len(s.Images) > 0 {
		b.WriteString("\n")
	}
	if len(s.Changes) == 0 {
		return
	}
	b.WriteString("| | resource | type | properties |\n|---|---|---|---|\n")
	for _, c := range s.Changes {
		var properties []string
		for _, p := range shownProperties(c) {
			for _, line := range propertyLines(p) {
				properties = append(properties, escapeMarkdown(line))
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n",
			actionLabels[c.Action], inlineCode(c.LogicalID), escapeMarkdown(c.Type), strings.Join(properties, "<br>"))
	}
	b.WriteString("\n")
}

// planCounts returns how many resources each action is for, and how many stacks are deferred.
func planCounts(f planfile.File) string {
	var changes []change.Change
	deferred := 0
	for _, t := range f.Targets {
		for _, s := range t.Stacks {
			changes = append(changes, s.Changes...)
			if s.Outcome == change.Deferred {
				deferred++
			}
		}
	}
	var parts []string
	if counts := countActions(changes); counts != "" {
		parts = append(parts, counts)
	}
	if deferred > 0 {
		parts = append(parts, fmt.Sprintf("%d deferred", deferred))
	}
	if len(parts) == 0 {
		return "nothing changes"
	}
	return strings.Join(parts, ", ")
}

// inlineCode returns a name as code in a line of Markdown.
func inlineCode(name string) string {
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(display.Line(name)) + "`"
}

// escapeMarkdown returns text that Markdown and HTML show as it is, on one line. Names and values in templates are not
// trusted. A bare URL is no link, and nobody and no issue is mentioned.
func escapeMarkdown(text string) string {
	return strings.NewReplacer(
		"\\", `\\`, "|", `\|`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "[", `\[`,
		"~", `\~`, "@", "@\u200b", "`", "\\`", "#", "#\u200b", "://", ":\u200b//", "www.", "www\u200b.",
	).Replace(display.Line(text))
}
