package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lockstep/config/awsrules"
	"lockstep/internal/fault"
)

// A rule compares values with each other, within a file and across files. It passes over values that are invalid by
// themselves, so that one mistake is reported once.
type rule func(l *loader)

// An environmentRule is a rule on one environment and its file.
type environmentRule func(l *loader, env Environment, d *document)

// rules is the list of the rules across files.
var rules = []rule{
	checkAccountsDistinct, checkWaveAccounts, checkPlaces, checkBootstraps, checkPartitions, checkPromotionCycle,
	checkProjectName, checkPipelineTags, checkPipelineSource, checkApp, checkSteps, checkGatesOff, checkSigning,
	checkWorkflows, checkPipelineNames,
}

// environmentRules is the list of the rules on each environment.
var environmentRules = []environmentRule{
	checkPredecessor, checkStacks, checkParameters, checkEnvironmentTags, checkProtection, checkNetwork,
	checkMultiAccountReferences, checkBudget, checkDatabase, checkStorageLifecycle, checkEnvironmentContext,
}

func applyRules(l *loader) {
	for _, check := range rules {
		check(l)
	}
	l.forEachEnvironment(func(env Environment, d *document) {
		for _, check := range environmentRules {
			check(l, env, d)
		}
	})
}

// forEachEnvironment calls visit for each environment whose file can be read, in the order of their names.
func (l *loader) forEachEnvironment(visit func(Environment, *document)) {
	for _, name := range slices.Sorted(maps.Keys(l.environments)) {
		visit(l.environments[name], l.documents[environmentFile(name)])
	}
}

// addProblem adds a problem of the value at a path together with other values.
func (l *loader) addProblem(d *document, path []string, message, hint string) {
	l.addCodedProblem(fault.ConfigConflict, d, path, message, hint)
}

// addCodedProblem adds a problem with that code of the value at a path.
func (l *loader) addCodedProblem(code fault.Code, d *document, path []string, message, hint string) {
	at, _ := d.locate(path...)
	l.problems = append(l.problems, d.newProblem(code, at, message, hint))
}

// addKeyProblem adds a problem of a key of the mapping at a path.
func (l *loader) addKeyProblem(d *document, path []string, key string, message, hint string) {
	l.problems = append(l.problems, d.newProblem(fault.ConfigValue, d.keyPosition(path, key), message, hint))
}

// checkAccountsDistinct requires that the pipeline has an account of its own, and so does each environment that does
// not say which stacks it takes. Those that do may share an account: a deployment refuses a stack that another one has.
func checkAccountsDistinct(l *loader) {
	owners := map[string]string{}
	selecting := map[string]bool{} // the accounts of which every environment so far selects its stacks
	if d := l.documents[pipelineFile]; d != nil && l.pipeline.Tooling.ID != "" {
		at, _ := d.locate("tooling", "account")
		owners[l.pipeline.Tooling.ID] = fmt.Sprintf("%s:%d", d.file, at.line)
	}
	l.forEachEnvironment(func(env Environment, d *document) {
		if env.ID == "" {
			return
		}
		at, _ := d.locate("account")
		other, isTaken := owners[env.ID]
		selects := len(env.Stacks.Include)+len(env.Stacks.Exclude) > 0
		if isTaken && (!selects || !selecting[env.ID]) {
			l.addProblem(d, []string{"account"}, fmt.Sprintf("account %s is in use at %s", env.ID, other),
				"give each environment an account of its own, or let each select its stacks with stacks.include")
			return
		}
		selecting[env.ID] = selects
		owners[env.ID] = fmt.Sprintf("%s:%d", d.file, at.line)
	})
}

// checkBootstraps refuses two bootstraps in one account and region: one stack of the CDK and one of Lockstep are there,
// so the settings of one environment would be those of both, or of neither.
func checkBootstraps(l *loader) {
	type owner struct {
		bootstrap EnvironmentBootstrap
		place     string
	}
	owners := map[Account]owner{}
	if d := l.documents[pipelineFile]; d != nil && l.pipeline.Tooling.ID != "" {
		at, _ := d.locate("tooling", "account")
		owners[l.pipeline.Tooling] = owner{
			l.pipeline.bootstrapOf(Environment{}), fmt.Sprintf("%s:%d", d.file, at.line),
		}
	}
	l.forEachEnvironment(func(env Environment, d *document) {
		own := l.pipeline.bootstrapOf(env)
		at, _ := d.locate("bootstrap")
		for _, in := range env.AllPlaces() {
			other, isTaken := owners[in.Account]
			if !isTaken {
				owners[in.Account] = owner{own, fmt.Sprintf("%s:%d", d.file, at.line)}
				continue
			}
			if other.bootstrap != own {
				l.addProblem(d, []string{"bootstrap"},
					fmt.Sprintf("account %s has another bootstrap in %s at %s", in.ID, in.Region, other.place),
					"an account and region has one: write the same `bootstrap` in both files, or take another account or region")
				return
			}
		}
	})
}

// checkPredecessor requires that `after` names another environment.
func checkPredecessor(l *loader, env Environment, d *document) {
	path := []string{"after"}
	switch {
	case env.After == "":
	case env.After == env.Name:
		l.addProblem(d, path, env.Name+" cannot come after itself", "name another environment, or leave the line out")
	case !slices.Contains(l.names, env.After):
		hint := "the environments are " + strings.Join(l.names, ", ")
		if near := closestMatch(env.After, l.names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		l.addProblem(d, path, fmt.Sprintf("there is no environment %q", env.After), hint)
	}
}

// checkPromotionCycle reports each cycle of two or more environments once.
func checkPromotionCycle(l *loader) {
	reported := map[string]bool{}
	l.forEachEnvironment(func(env Environment, d *document) {
		trail := []string{env.Name}
		for next := env.After; next != "" && !reported[env.Name]; next = l.environments[next].After {
			if next == env.Name && len(trail) > 1 {
				for _, name := range trail {
					reported[name] = true
				}
				cycle := strings.Join(append(trail, next), " -> ")
				l.addProblem(d, []string{"after"}, "environments are promoted in a cycle: "+cycle,
					"let one of them have no `after`")
				return
			}
			if slices.Contains(trail, next) {
				return
			}
			trail = append(trail, next)
		}
	})
}

// OutputsFolder is the part of a parameter's name below which the outputs of the stacks are published.
const OutputsFolder = "_outputs"

// secretPattern matches values that should not be published.
var secretPattern = regexp.MustCompile(`(^|[^A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}($|[^A-Z0-9])|` +
	`-----BEGIN [A-Z ]*PRIVATE KEY-----|^(ghp|gho|ghs|github_pat|xox[bp])[_-]`)

// checkProjectName requires a name with which the names of parameters can begin.
func checkProjectName(l *loader) {
	d := l.documents[pipelineFile]
	if d == nil {
		return
	}
	if refused := awsrules.CheckParameterRoot(l.pipeline.Project); refused != nil {
		l.addCodedProblem(fault.ConfigValue, d, []string{"project"}, "project "+refused.Problem, refused.Fix)
	}
}

// MayBeProject reports whether a project may have a name that has only letters, digits and single hyphens after a
// letter.
func MayBeProject(name string) bool {
	return len(name) >= 2 && awsrules.CheckParameterRoot(name) == nil
}

// otherParameters is how many resources the stack of the parameters has besides them at most: the description of the
// environment, and the rights to protect stacks.
const otherParameters = 2

// checkParameters requires settings that SSM takes as parameters and one stack holds, and no secrets.
func checkParameters(l *loader, env Environment, d *document) {
	if n, most := len(env.Parameters), awsrules.MaxStackResources-otherParameters; n > most {
		l.addProblem(d, []string{"parameters"}, fmt.Sprintf("there are %d parameters", n),
			fmt.Sprintf("CloudFormation takes %d in a stack: join some of them, or publish them in a stack of your own", most))
	}
	for _, name := range slices.Sorted(maps.Keys(env.Parameters)) {
		checkParameterName(l, env, d, name)
		value, path := env.Parameters[name], []string{"parameters", name}
		if strings.HasPrefix(name, "_") {
			continue
		}
		if refused := awsrules.CheckParameterValue(name, value); refused != nil {
			l.addCodedProblem(fault.ConfigValue, d, path, refused.Problem, refused.Fix)
		} else if secretPattern.MatchString(value) {
			l.addCodedProblem(fault.ConfigSecret, d, path, "parameter "+name+" looks like a secret",
				"put it into Secrets Manager and its ARN here; replace it if it was real")
		}
	}
}

// checkParameterName requires a name that SSM takes below /PROJECT/ENVIRONMENT and that no parameter of the stacks has.
func checkParameterName(l *loader, env Environment, d *document, name string) {
	path := []string{"parameters"}
	full := fmt.Sprintf("/%s/%s/%s", l.pipeline.Project, env.Name, name)
	if refused := awsrules.CheckParameterPart(name); refused != nil {
		l.addKeyProblem(d, path, name, refused.Problem, refused.Fix)
	} else if refused := awsrules.CheckParameterName(full, env.Region, env.ID); refused != nil {
		l.addKeyProblem(d, path, name, refused.Problem, refused.Fix)
	}
	if strings.HasPrefix(name, "_") {
		l.addKeyProblem(d, path, name, "parameter "+name+" begins with _, which is reserved for outputs of the stacks",
			"choose another name")
	}
}

// productTags are the keys of the tags that the stacks add to those of the configuration.
var productTags = []string{"environment", "project"}

// libraryTags is how many tags the CDK adds at most: Name, aws-cdk:subnet-name and aws-cdk:subnet-type on subnets.
const libraryTags = 3

// checkPipelineTags requires tags that AWS takes.
func checkPipelineTags(l *loader) {
	if d := l.documents[pipelineFile]; d != nil {
		checkTags(l, d, l.pipeline.Tags, productTags)
	}
}

// checkEnvironmentTags requires tags that AWS takes together with those of the pipeline.
func checkEnvironmentTags(l *loader, env Environment, d *document) {
	checkTags(l, d, env.Tags, slices.Concat(productTags, slices.Collect(maps.Keys(l.pipeline.Tags))))
}

// checkTags checks the tags of a file. The others are the keys of the tags that the same resources have.
func checkTags(l *loader, d *document, tags map[string]string, others []string) {
	path := []string{"tags"}
	keys := slices.Sorted(maps.Keys(tags))
	all := slices.Concat(keys, others)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n > awsrules.MaxTags-libraryTags {
		l.addProblem(d, path, fmt.Sprintf("there are %d tags with those of the pipeline and Lockstep's own", n),
			fmt.Sprintf("AWS takes %d and the CDK adds up to %d: leave some out", awsrules.MaxTags, libraryTags))
	}
	for i, key := range keys {
		refused := awsrules.CheckTagKey(key)
		if refused == nil {
			refused = awsrules.CheckTagCase(key, slices.Concat(keys[i+1:], others))
		}
		if refused == nil {
			refused = awsrules.CheckTagValue(key, tags[key])
		}
		if refused != nil {
			l.addKeyProblem(d, path, key, refused.Problem, refused.Fix)
		}
	}
}
