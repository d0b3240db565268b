package planfile

import (
	"fmt"
	"strings"

	"lockstep/internal/deploy/change"
)

// actionLabels are the names of the actions in a table.
var actionLabels = map[change.Action]string{
	change.Add:          "add",
	change.Modify:       "modify",
	change.Replace:      "**replace**",
	change.ReplaceMaybe: "**replace, perhaps**",
	change.Remove:       "**remove**",
}

// timeFormat is how times are written in Markdown.
const timeFormat = "2006-01-02 15:04 MST"

// Markdown returns the plan as a comment for a pull request: the verdict first, then what needs a permit, then every
// stack that changes.
func (f File) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Plan for %s: %s\n\n", f.Environment, f.countActions())
	if flags := f.Flags(); len(flags) > 0 {
		fmt.Fprintf(&b, "> **Has to be allowed by name**\n>\n")
		for _, flag := range flags {
			fmt.Fprintf(&b, "> - `--allow %s`: %s in %s: %s\n",
				flag.Permit, inlineCode(flag.LogicalID), inlineCode(flag.Stack), escapeMarkdown(flag.Why))
		}
		b.WriteString("\n")
	}
	for _, t := range f.Targets {
		if len(f.Targets) > 1 {
			fmt.Fprintf(&b, "#### Account %s, %s\n\n", t.Account, t.Region)
		}
		b.WriteString(t.markdown())
	}
	fmt.Fprintf(&b, "<sub>plan `%.12s`, assembly `%.12s`", f.Digest, f.EnvironmentDigest)
	if f.Commit != "" {
		fmt.Fprintf(&b, ", commit `%.12s`", f.Commit)
	}
	fmt.Fprintf(&b, ", made %s, good until %s</sub>\n",
		f.CreatedAt.UTC().Format(timeFormat), f.Expires.UTC().Format(timeFormat))
	return b.String()
}

func (t Target) markdown() string {
	var b strings.Builder
	var unchanged []string
	for _, s := range t.Stacks {
		if s.Outcome == change.Unchanged {
			unchanged = append(unchanged, inlineCode(s.Name))
			continue
		}
		b.WriteString(s.markdown())
	}
	if len(unchanged) > 0 {
		fmt.Fprintf(&b, "Unchanged: %s.\n\n", strings.Join(unchanged, ", "))
	}
	for _, name := range t.OrphanedStacks {
		fmt.Fprintf(&b, "Orphaned: %s, which the assembly no longer has.\n\n", inlineCode(name))
	}
	return b.String()
}

func (s Stack) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**: %s", escapeMarkdown(s.Name), s.Outcome)
	if s.Reason != "" {
		fmt.Fprintf(&b, ", because %s", escapeMarkdown(s.Reason))
	}
	b.WriteString("\n\n")
	if len(s.Changes) == 0 {
		return b.String()
	}
	b.WriteString("| | resource | type | properties |\n|---|---|---|---|\n")
	for _, c := range s.Changes {
		var properties []string
		if c.Action != change.Add && c.Action != change.Remove {
			for _, p := range c.Properties {
				properties = append(properties, escapeMarkdown(p.String()))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n",
			actionLabels[c.Action], inlineCode(c.LogicalID), c.Type, strings.Join(properties, "<br>"))
	}
	b.WriteString("\n")
	return b.String()
}

// countActions returns how many resources each action has.
func (f File) countActions() string {
	count := map[change.Action]int{}
	deferred := 0
	for _, t := range f.Targets {
		for _, s := range t.Stacks {
			if s.Outcome == change.Deferred {
				deferred++
			}
			for _, c := range s.Changes {
				count[c.Action]++
			}
		}
	}
	var parts []string
	for _, a := range change.Actions {
		if count[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", count[a], a))
		}
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
	return "`" + strings.NewReplacer("`", "'", "|", `\|`, "\n", " ").Replace(name) + "`"
}

// markdownEscapes are the characters that Markdown or HTML would read as markup, with what is written instead.
var markdownEscapes = []string{
	"\\", `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "[", `\[`, "@", "@\u200b",
	"`", "\\`", "\n", " ",
}

// escapeMarkdown returns a text that comes from a template as Markdown without markup.
func escapeMarkdown(text string) string { return strings.NewReplacer(markdownEscapes...).Replace(text) }
