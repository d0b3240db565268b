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
	checkAccountsDistinct, checkWaveAccounts, checkPredecessors, checkPromotionCycle, checkParameters, checkAllTags,
	checkProtection, checkNetwork, checkMultiAccountReferences, checkBudget, checkDatabase, checkStorageLifecycle, checkPipelineSource,
}

func (l *loader) applyRules() {
	for _, rule := range rules {
		rule(l)
	}
}

// forEachEnvironment visits the environments whose file can be read, by name.
func (l *loader) forEachEnvironment(visit func(Environment, *document)) {
	for _, name := range slices.Sorted(maps.Keys(l.environments)) {
		visit(l.environments[name], l.documents[environmentFile(name)])
	}
}

const pipelineFile = "config/pipeline.yaml"

func environmentFile(name string) string { return "config/environments/" + name + ".yaml" }

func (l *loader) addProblem(d *document, path []string, message, hint string) {
	at, _ := d.locate(path...)
	l.problems = append(l.problems, d.newProblem(at, message, hint))
}

// checkAccountsDistinct keeps environments apart: what goes wrong in one must not reach another.
func checkAccountsDistinct(l *loader) {
	owner := map[string]string{}
	if d := l.documents[pipelineFile]; d != nil && l.pipeline.Tooling.ID != "" {
		at, _ := d.locate("tooling", "account")
		owner[l.pipeline.Tooling.ID] = fmt.Sprintf("%s:%d", pipelineFile, at.line)
	}
	l.forEachEnvironment(func(env Environment, d *document) {
		if env.ID == "" {
			return
		}
		at, _ := d.locate("account")
		if other, taken := owner[env.ID]; taken {
			l.addProblem(d, []string{"account"}, fmt.Sprintf("account %s is in use at %s", env.ID, other), "give each environment an account of its own")
			return
		}
		owner[env.ID] = fmt.Sprintf("%s:%d", d.file, at.line)
	})
}

func checkPredecessors(l *loader) {
	l.forEachEnvironment(func(env Environment, d *document) {
		switch {
		case env.After == "":
		case env.After == env.Name:
			l.addProblem(d, []string{"after"}, env.Name+" cannot be promoted from itself", "name another environment, or leave the line out")
		case !slices.Contains(l.names, env.After):
			hint := "the environments are " + strings.Join(l.names, ", ")
			if near := closestMatch(env.After, l.names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			l.addProblem(d, []string{"after"}, fmt.Sprintf("there is no environment %q", env.After), hint)
		}
	})
}

func checkPromotionCycle(l *loader) {
	told := map[string]bool{}
	l.forEachEnvironment(func(env Environment, d *document) {
		trail := []string{env.Name}
		for next := env.After; next != "" && !told[env.Name]; next = l.environments[next].After {
			if next == env.Name && len(trail) > 1 {
				for _, name := range trail {
					told[name] = true
				}
				l.addProblem(d, []string{"after"}, "environments are promoted in a cycle: "+strings.Join(append(trail, next), " -> "), "let one of them have no `after`")
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
	parameterNamePattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*$`)
	maxParameterLength   = 4096
)

// OutputsFolder is where, below an environment's own folder, the parameters are that hold the stacks' outputs.
const OutputsFolder = "_outputs"

// secretPattern are values that nobody means to publish.
var secretPattern = regexp.MustCompile(`(^|[^A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}($|[^A-Z0-9])|-----BEGIN [A-Z ]*PRIVATE KEY-----|^(ghp|gho|ghs|github_pat|xox[bp])[_-]`)

func checkParameters(l *loader) {
	l.forEachEnvironment(func(env Environment, d *document) {
		for _, name := range slices.Sorted(maps.Keys(env.Parameters)) {
			value := env.Parameters[name]
			if !parameterNamePattern.MatchString(name) {
				l.problems = append(l.problems, d.newProblem(d.keyPosition([]string{"parameters"}, name), fmt.Sprintf("%q cannot be a parameter's name", name), "use letters, digits, '_', '.', '-', and '/' between parts"))
			}
			at := []string{"parameters", name}
			switch {
			case strings.HasPrefix(name, "_"):
				l.problems = append(l.problems, d.newProblem(d.keyPosition([]string{"parameters"}, name), fmt.Sprintf("parameter %s begins with _, which is kept for what is published of itself", name), "choose another name"))
			case value == "":
				l.addProblem(d, at, "parameter "+name+" is empty, which SSM does not take", "give it a value or leave it out")
			case len(value) > maxParameterLength:
				l.addProblem(d, at, fmt.Sprintf("parameter %s has more than %d characters", name, maxParameterLength), "store it elsewhere and name the place here")
			case secretPattern.MatchString(value):
				l.addProblem(d, at, "parameter "+name+" looks like a secret", "put it into Secrets Manager and its ARN here; replace it if it was real")
			}
		}
	})
}

// checkAllTags. Source: the AWS General Reference, tag naming limits; S3 and SNS take at most 50 tags, of which some are ours.
func checkAllTags(l *loader) {
	if d := l.documents[pipelineFile]; d != nil {
		l.checkTags(d, l.pipeline.Tags)
	}
	l.forEachEnvironment(func(env Environment, d *document) { l.checkTags(d, env.Tags) })
}

func (l *loader) checkTags(d *document, tags map[string]string) {
	const maxKey, maxValue, maxTags = 128, 256, 40
	if len(tags) > maxTags {
		l.addProblem(d, []string{"tags"}, fmt.Sprintf("%d tags", len(tags)), fmt.Sprintf("AWS takes 50 and some are made here: write at most %d", maxTags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		at := d.keyPosition([]string{"tags"}, key)
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			l.problems = append(l.problems, d.newProblem(at, fmt.Sprintf("tag %q begins with aws:, which AWS keeps for itself", key), "choose another name"))
		case len(key) > maxKey || len(tags[key]) > maxValue:
			l.problems = append(l.problems, d.newProblem(at, fmt.Sprintf("tag %.20q is too long", key), fmt.Sprintf("a key has at most %d characters and a value %d", maxKey, maxValue)))
		}
	}
}
