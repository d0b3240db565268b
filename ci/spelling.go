package main

import (
	"regexp"
	"strings"

	"lockstep/internal/pipeline"
)

// spellings have what the command line calls something, as a pattern, and what a caller of the module calls it. They
// are applied in this order.
var spellings = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`\blockstep plan((?: --env \S+)?) --out [^\s\x60]+`), "lockstep plan-file$1 export --path plan"},
	{
		regexp.MustCompile(`\blockstep rollback((?: --env \S+)?) --out [^\s\x60]+`),
		"lockstep rollback-file$1 export --path plan",
	},
	{regexp.MustCompile(`\blockstep approve --plan (\S+) --digest\b`), "lockstep approve --plan $1 --expect-plan"},
	{
		regexp.MustCompile(`(?m)\blockstep approve --plan ([^\s\x60]+)(\x60| --live|$)`),
		"lockstep approve --plan $1 --expect-plan DIGEST$2",
	},
	{regexp.MustCompile(`\blockstep explain (\w)`), "lockstep explain --topic $1"},
	{regexp.MustCompile(`\blockstep diagnose((?: --env \S+)?) --stack\b`), "lockstep diagnose$1 --stacks"},
	{regexp.MustCompile(`\blockstep (` + daggerFunctions + `)\b`), "dagger call $1"},
	{regexp.MustCompile(regexp.QuoteMeta(pipeline.PlanInputFile)), pipeline.PlanFile},
	{regexp.MustCompile(` --live\b`), ` --aws-credentials "cmd://aws configure export-credentials"`},
}

// daggerFunctions matches the commands of the command line that are functions too.
const daggerFunctions = "approve|board|check|deploy|diagnose|drift|explain|fix|garbage|graph|init|metrics|plan-file|" +
	"plan|quality|report|rollback-file|rollback|security|status|synth|test|unlock|verify"

// inDagger returns a text in which what a person may call next is spelled as a call of the module.
func inDagger(text string) string {
	for _, s := range spellings {
		text = s.pattern.ReplaceAllString(text, s.text)
	}
	return strings.TrimRight(text, " ")
}
