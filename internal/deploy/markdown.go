package deploy

import (
	"fmt"
	"strings"
)

// actionLabels are what the actions are called in a table.
var actionLabels = map[Action]string{Add: "add", Modify: "modify", Replace: "**replace**", ReplaceMaybe: "**replace, perhaps**", Remove: "**remove**"}

// Markdown is the plan as a comment for a pull request: the verdict first, then what has to be allowed, then every stack that changes.
func (f PlanFile) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Plan for %s: %s\n\n", f.Environment, f.countActions())
	if flags := f.Flags(); len(flags) > 0 {
		fmt.Fprintf(&b, "> **Has to be allowed by name**\n>\n")
		for _, flag := range flags {
			fmt.Fprintf(&b, "> - `--allow %s`: %s in %s: %s\n", flag.Permit, inlineCode(flag.LogicalID), inlineCode(flag.Stack), escapeMarkdown(flag.Why))
		}
		b.WriteString("\n")
	}
	for _, t := range f.Targets {
		if len(f.Targets) > 1 {
			fmt.Fprintf(&b, "#### Account %s, %s\n\n", t.Account, t.Region)
		}
		var still []string
		for _, s := range t.Stacks {
			if s.Outcome == Unchanged {
				still = append(still, inlineCode(s.Name))
				continue
			}
			b.WriteString(s.markdown())
		}
		if len(still) > 0 {
			fmt.Fprintf(&b, "Unchanged: %s.\n\n", strings.Join(still, ", "))
		}
		for _, name := range t.OrphanedStacks {
			fmt.Fprintf(&b, "Left behind: %s, which the assembly has no more.\n\n", inlineCode(name))
		}
	}
	fmt.Fprintf(&b, "<sub>plan `%.12s`, assembly `%.12s`", f.Digest, f.EnvironmentDigest)
	if f.Commit != "" {
		fmt.Fprintf(&b, ", commit `%.12s`", f.Commit)
	}
	fmt.Fprintf(&b, ", made %s, good until %s</sub>\n", f.CreatedAt.UTC().Format("2006-01-02 15:04 MST"), f.Expires.UTC().Format("2006-01-02 15:04 MST"))
	return b.String()
}

func (s StackPlan) markdown() string {
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
		if c.Action != Add && c.Action != Remove {
			for _, p := range c.Properties {
				properties = append(properties, escapeMarkdown(p.String()))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", actionLabels[c.Action], inlineCode(c.LogicalID), c.Type, strings.Join(properties, "<br>"))
	}
	b.WriteString("\n")
	return b.String()
}

// countActions says how many resources are treated in each way.
func (f PlanFile) countActions() string {
	n := map[Action]int{}
	deferred := 0
	for _, t := range f.Targets {
		for _, s := range t.Stacks {
			if s.Outcome == Deferred {
				deferred++
			}
			for _, c := range s.Changes {
				n[c.Action]++
			}
		}
	}
	var parts []string
	for _, a := range []Action{Add, Modify, Replace, ReplaceMaybe, Remove} {
		if n[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n[a], a))
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

// inlineCode is a name as code in a line of Markdown.
func inlineCode(name string) string {
	return "`" + strings.NewReplacer("`", "'", "|", `\|`, "\n", " ").Replace(name) + "`"
}

// escapeMarkdown keeps what comes from templates from being read as Markdown or HTML.
func escapeMarkdown(text string) string {
	return strings.NewReplacer("\\", `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "[", `\[`, "@", "@\u200b", "`", "\\`", "\n", " ").Replace(text)
}
