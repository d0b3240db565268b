package maintain

import (
	"fmt"
	"strings"
	"time"

	"lockstep/internal/display"
	"lockstep/internal/utc"
)

// PageFile is the page of the schedule, relative to the repository's root.
const PageFile = "docs/maintenance.md"

// RecordDir is the folder of the records, relative to the project's root. They are committed, so that whoever asks
// whether maintenance was done finds them in the repository.
const RecordDir = "maintenance"

const pageHead = `# Maintenance

<!-- Generated from internal/maintain: go test ./internal/maintain -update -->

Each period of the schedule is a command, such as ` + "`lockstep maintain weekly`" + `. It does what a program can do, shows what there is to do, says what a
person has to do, and writes a record. The exit status is 0 only if every task was done and found nothing to do.

A task that cannot be done is *not run*, with the reason: a registry that cannot be reached, or credentials that are missing. It never counts as passed.
Tasks that look into the accounts need ` + "`--live`" + `: an emulated account says nothing about what is deployed.

## Schedule

| how often | task | what is looked at | what does it | what a person does |
| -- | -- | -- | -- | -- |
`

const pageTail = `
## Records

The record is ` + "`maintenance/DATE-PERIOD.md`" + `, with a box to tick for what a person has to do. Commit it. A second run on the same day writes a file of its own,
so that no tick is lost. ` + "`--record FOLDER`" + ` writes the record to another folder.

Every gate runs with each change anyway, in the pipelines. So a repository that changes every week is checked every week.
`

// Page returns the page of the schedule, as Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, t := range Schedule() {
		command := "the schedule's command"
		switch {
		case t.Check == Architecture:
			command = "a person"
		case t.Command != "":
			command = "`" + t.Command + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", t.Period, t.Check, t.What, command, t.Person)
	}
	b.WriteString(pageTail)
	return b.String()
}

// RecordName returns the name of the record's file. The number is 1 for the first run on a day.
func (r Report) RecordName(number int) string {
	name := r.At.Format(time.DateOnly) + "-" + string(r.Period)
	if number > 1 {
		name += fmt.Sprintf("-%d", number)
	}
	return name + ".md"
}

// Markdown returns the report as the record that is kept.
func (r Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Maintenance, %s, %s\n", r.Period, r.At.Format(time.DateOnly))
	fmt.Fprintf(&b, "\nBy `lockstep maintain %s`, %s.\n", r.Period, utc.Format(r.At))
	for _, result := range r.Results {
		fmt.Fprintf(&b, "\n## %s: %s\n\n", result.Check, result.Status)
		fmt.Fprintf(&b, "Looked at: %s.\n\n", result.What)
		if result.Reason != "" {
			fmt.Fprintf(&b, "Not run: %s\n\n", code(result.Reason))
		}
		for _, line := range result.Found {
			fmt.Fprintf(&b, "- %s\n", code(line))
		}
		fmt.Fprintf(&b, "- [ ] %s\n", result.Person)
	}
	return b.String()
}

// code returns text from outside as code on one line, so that nothing in it is read as Markdown.
func code(text string) string {
	return "`" + strings.ReplaceAll(display.Line(text), "`", "'") + "`"
}
