// Command generate writes the page about all codes, docs/troubleshooting.md. `go generate ./internal/fault` runs it.
package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"lockstep/internal/fault"
)

// page is the file that is written, relative to the folder of the package fault.
const page = "../../docs/troubleshooting.md"

func main() {
	if err := os.WriteFile(page, []byte(text()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const introduction = "# Troubleshooting\n\n" +
	"<!-- Written by `go generate ./internal/fault` from the table in internal/fault: edit that. -->\n\n" +
	"Every refusal and every failure has a code. It is printed before the message, as in\n" +
	"`lockstep: LS-509: nobody has approved the plan …`, and it is the field `code` of the line\n" +
	"that `--json` prints last. A code never changes its meaning. `lockstep explain LS-509` shows\n" +
	"what this page says of a code, and `lockstep explain` lists all codes.\n\n" +
	"Begin with the section of what failed. It leads to the codes, which are explained below.\n" +
	"`…` stands for what varies.\n"

// text returns the page.
func text() string {
	var b strings.Builder
	b.WriteString(introduction)
	for _, topic := range fault.Topics() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", topic.Title, wrap(topic.Text, ""))
		fmt.Fprintf(&b, "| code | what happened | it says |\n| -- | -- | -- |\n")
		for _, code := range topic.Codes {
			entry, _ := fault.Lookup(code)
			anchor := strings.ToLower(string(code))
			first := entry.Messages[:min(1, len(entry.Messages))]
			fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", code, anchor, entry.Title, quote(first))
		}
	}
	for _, group := range fault.Groups() {
		fmt.Fprintf(&b, "\n## Codes: %s\n", group.Title)
		for _, entry := range group.Entries {
			writeEntry(&b, entry)
		}
	}
	return b.String()
}

// quote returns messages as a cell of a table.
func quote(messages []string) string {
	var quoted []string
	for _, m := range messages {
		if strings.Contains(m, "`") {
			quoted = append(quoted, "`` "+m+" ``")
		} else {
			quoted = append(quoted, "`"+strings.TrimSpace(m)+"`")
		}
	}
	return strings.Join(quoted, ", ")
}

// writeEntry writes the section of a code.
func writeEntry(b *strings.Builder, e fault.Entry) {
	title := strings.ToUpper(e.Title[:1]) + e.Title[1:]
	meaning := fmt.Sprintf("**%s** (exit status %d). %s", title, e.Exit, e.Meaning)
	fmt.Fprintf(b, "\n### %s\n\n%s\n", e.Code, wrap(meaning, ""))
	if len(e.Messages) > 0 {
		fmt.Fprintf(b, "\n%s\n", wrap("It says: "+quote(e.Messages), ""))
	}
	writeList(b, "Why it happens", e.Causes)
	writeList(b, "What to do", e.Remedies)
}

func writeList(b *strings.Builder, title string, items []string) {
	fmt.Fprintf(b, "\n%s:\n\n", title)
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", wrap(item, "  "))
	}
}

// width is how long the page's lines are at most, in characters.
const width = 120

// backticks begin code, and as many end it.
var backticks = regexp.MustCompile("`+")

// wrap breaks a text into lines, of which all but the first begin with the indentation. It breaks no code.
func wrap(text, indentation string) string {
	var b strings.Builder
	column, code := 0, "" // code is what ends the code that has begun; empty outside of code
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len([]rune(word)) > width && code == "":
			b.WriteString("\n" + indentation)
			column = len(indentation)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len([]rune(word))
		for _, ticks := range backticks.FindAllString(word, -1) {
			switch code {
			case "":
				code = ticks
			case ticks:
				code = ""
			}
		}
	}
	return b.String()
}
