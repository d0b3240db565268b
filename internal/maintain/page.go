package maintain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// PageFile is the page of the schedule, relative to the repository's root.
const PageFile = "docs/maintenance.md"

// RecordDir is the folder of the records, relative to the project's root. They are committed, so that whoever asks
// whether maintenance was done finds them in the repository.
const RecordDir = "maintenance"

const pageHead = `# Maintenance

<!-- Generated from internal/maintain: go test ./internal/maintain -update -->

Each period of the schedule is a command, such as «lockstep maintain weekly». It does what a program can do,
shows what there is to do, says what a person has to do, and writes a record. The exit status is 0 only if every task
was done and found nothing to do.

A task that cannot be done is *not run*, with the reason: a registry that cannot be reached, or credentials that are
missing. It never counts as passed. Tasks that look into the accounts need «--live»: an emulated account says
nothing about what is deployed.
`

const pageTail = `
## After an upgrade

A new version of Lockstep may need other rights or buckets. After an upgrade, bootstrap every account again, with its
own credentials, before the next deployment:

- «lockstep bootstrap --env ENV --live» for each environment and for «tooling». It adds what is missing: the bucket of
  the records, to which it moves those of earlier versions, and the right of the deploy role to set stack policies.
- «lockstep doctor --env ENV --live» says whether the deploy role may do what a deployment does. A deployment to an
  account that lacks the bucket or a right ends before it changes a stack.
- «lockstep workflows SERVICE --write», where GitHub or GitLab runs the pipelines. The files of an earlier version may
  differ.

## Records

The record is «maintenance/DATE-PERIOD.json». Whoever has done what is for a person writes name and date into the
field «done» of the task. Commit the record. A second run on the same day writes a file of its own, so that
nothing is lost which a person wrote. «--record FOLDER» writes the record to another folder.

Every gate runs with each change anyway, in the pipelines. So a repository that changes every week is checked every
week.
`

// withCode returns a part of the page with «code» in backticks.
func withCode(part string) string {
	return strings.NewReplacer("«", "`", "»", "`").Replace(part)
}

// Page returns the page of the schedule, as Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString(withCode(pageHead))
	for _, period := range Periods() {
		name := string(period)
		fmt.Fprintf(&b, "\n## %s\n\n| task | what is looked at | by itself |\n| -- | -- | -- |\n",
			strings.ToUpper(name[:1])+name[1:])
		for _, t := range Tasks(period) {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", t.Check, t.What, t.commandText())
		}
		b.WriteString("\nWhat a person does:\n\n")
		for _, t := range Tasks(period) {
			fmt.Fprintf(&b, "- *%s*: %s\n", t.Check, t.Person)
		}
	}
	b.WriteString(withCode(pageTail))
	return b.String()
}

// commandText returns which command does the task by itself.
func (t Task) commandText() string {
	switch {
	case t.Check == Architecture:
		return "a person alone"
	case t.Command == "":
		return "only here"
	}
	return "`" + t.Command + "`"
}

// RecordName returns the name of the record's file. The number is 1 for the first run on a day.
func (r Report) RecordName(number int) string {
	name := r.At.Format(time.DateOnly) + "-" + string(r.Period)
	if number > 1 {
		name += fmt.Sprintf("-%d", number)
	}
	return name + ".json"
}

// Record returns the report as the record that is kept: JSON, in which a person completes the fields "done".
func (r Report) Record() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // a person reads it
	encoder.SetIndent("", "  ")
	err := encoder.Encode(r)
	return out.Bytes(), err
}
