package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// rules compare values with each other, within a file and across files. They see what is right by itself and pass over what is not, so
// that one mistake is told once.
var rules = []func(*loader){
	distinctAccounts, apart, knownPredecessors, noPromotionCycle, parametersFitSSM, tagsFitAWS,
	protectedIsApproved, networkIsMadeOrGiven, onlyNamesForSeveral, budgetReachesFinance, databaseFits, versionsOutliveArchiving, pipelineIsHeard,
}

func (l *loader) applyRules() {
	for _, rule := range rules {
		rule(l)
	}
}

// each visits the environments whose file can be read, by name.
func (l *loader) each(visit func(Environment, *document)) {
	for _, name := range slices.Sorted(maps.Keys(l.environments)) {
		visit(l.environments[name], l.documents[environmentFile(name)])
	}
}

const pipelineFile = "config/pipeline.yaml"

func environmentFile(name string) string { return "config/environments/" + name + ".yaml" }

func (l *loader) problemAt(d *document, path []string, message, hint string) {
	at, _ := d.at(path...)
	l.problems = append(l.problems, d.problem(at, message, hint))
}

// distinctAccounts keeps environments apart: what goes wrong in one must not reach another.
func distinctAccounts(l *loader) {
	owner := map[string]string{}
	if d := l.documents[pipelineFile]; d != nil && l.pipeline.Tooling.ID != "" {
		at, _ := d.at("tooling", "account")
		owner[l.pipeline.Tooling.ID] = fmt.Sprintf("%s:%d", pipelineFile, at.line)
	}
	l.each(func(env Environment, d *document) {
		if env.ID == "" {
			return
		}
		at, _ := d.at("account")
		if other, taken := owner[env.ID]; taken {
			l.problemAt(d, []string{"account"}, fmt.Sprintf("account %s is in use at %s", env.ID, other), "give each environment an account of its own")
			return
		}
		owner[env.ID] = fmt.Sprintf("%s:%d", d.file, at.line)
	})
}

func knownPredecessors(l *loader) {
	l.each(func(env Environment, d *document) {
		switch {
		case env.After == "":
		case env.After == env.Name:
			l.problemAt(d, []string{"after"}, env.Name+" cannot be promoted from itself", "name another environment, or leave the line out")
		case !slices.Contains(l.names, env.After):
			hint := "the environments are " + strings.Join(l.names, ", ")
			if near := nearest(env.After, l.names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			l.problemAt(d, []string{"after"}, fmt.Sprintf("there is no environment %q", env.After), hint)
		}
	})
}

func noPromotionCycle(l *loader) {
	told := map[string]bool{}
	l.each(func(env Environment, d *document) {
		trail := []string{env.Name}
		for next := env.After; next != "" && !told[env.Name]; next = l.environments[next].After {
			if next == env.Name && len(trail) > 1 {
				for _, name := range trail {
					told[name] = true
				}
				l.problemAt(d, []string{"after"}, "environments are promoted in a cycle: "+strings.Join(append(trail, next), " -> "), "let one of them have no `after`")
				return
			}
			if slices.Contains(trail, next) {
				return
			}
			trail = append(trail, next)
		}
	})
}

// Source of both: the SSM API reference, PutParameter. A standard parameter's value has at most 4096 characters.
var (
	parameterName   = regexp.MustCompile(`^[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*$`)
	parameterLength = 4096
)

// OutputsFolder is where, below an environment's own folder, the parameters are that hold the stacks' outputs.
const OutputsFolder = "_outputs"

// secretShapes are values that nobody means to publish.
var secretShapes = regexp.MustCompile(`(^|[^A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}($|[^A-Z0-9])|-----BEGIN [A-Z ]*PRIVATE KEY-----|^(ghp|gho|ghs|github_pat|xox[bp])[_-]`)

func parametersFitSSM(l *loader) {
	l.each(func(env Environment, d *document) {
		for _, name := range slices.Sorted(maps.Keys(env.Parameters)) {
			value := env.Parameters[name]
			if !parameterName.MatchString(name) {
				l.problems = append(l.problems, d.problem(d.keyAt([]string{"parameters"}, name), fmt.Sprintf("%q cannot be a parameter's name", name), "use letters, digits, '_', '.', '-', and '/' between parts"))
			}
			at := []string{"parameters", name}
			switch {
			case strings.HasPrefix(name, "_"):
				l.problems = append(l.problems, d.problem(d.keyAt([]string{"parameters"}, name), fmt.Sprintf("parameter %s begins with _, which is kept for what is published of itself", name), "choose another name"))
			case value == "":
				l.problemAt(d, at, "parameter "+name+" is empty, which SSM does not take", "give it a value or leave it out")
			case len(value) > parameterLength:
				l.problemAt(d, at, fmt.Sprintf("parameter %s has more than %d characters", name, parameterLength), "store it elsewhere and name the place here")
			case secretShapes.MatchString(value):
				l.problemAt(d, at, "parameter "+name+" looks like a secret", "put it into Secrets Manager and its ARN here; replace it if it was real")
			}
		}
	})
}

// tagsFitAWS. Source: the AWS General Reference, tag naming limits; S3 and SNS take at most 50 tags, of which some are ours.
func tagsFitAWS(l *loader) {
	if d := l.documents[pipelineFile]; d != nil {
		l.checkTags(d, l.pipeline.Tags)
	}
	l.each(func(env Environment, d *document) { l.checkTags(d, env.Tags) })
}

func (l *loader) checkTags(d *document, tags map[string]string) {
	const maxKey, maxValue, maxTags = 128, 256, 40
	if len(tags) > maxTags {
		l.problemAt(d, []string{"tags"}, fmt.Sprintf("%d tags", len(tags)), fmt.Sprintf("AWS takes 50 and some are made here: write at most %d", maxTags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		at := d.keyAt([]string{"tags"}, key)
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			l.problems = append(l.problems, d.problem(at, fmt.Sprintf("tag %q begins with aws:, which AWS keeps for itself", key), "choose another name"))
		case len(key) > maxKey || len(tags[key]) > maxValue:
			l.problems = append(l.problems, d.problem(at, fmt.Sprintf("tag %.20q is too long", key), fmt.Sprintf("a key has at most %d characters and a value %d", maxKey, maxValue)))
		}
	}
}
