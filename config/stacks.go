package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
)

// Stacks are the stacks of the app that go to an environment.
type Stacks struct {
	// Include selects stacks: one of the selectors has to match. By default all stacks in the account and region of the
	// environment, and in its places, are selected.
	Include []StackSelector `json:"include,omitempty" jsonschema:"minItems=1"`
	// Exclude leaves stacks out: those that one of the selectors matches, such as that of a pipeline that deploys the app.
	Exclude []StackSelector `json:"exclude,omitempty" jsonschema:"minItems=1"`
	// Parameters are the values of CloudFormation parameters, by the name of their stack. They replace those of the app.
	// They must not be secrets: a parameter takes a secret by reference, such as {{resolve:secretsmanager:NAME}}.
	Parameters map[string]map[string]string `json:"parameters,omitempty"`
}

// A StackSelector matches stacks by everything that it names.
type StackSelector struct {
	// Name is the stack's name or its path in the app, or a pattern with * and ?.
	Name string `json:"name,omitempty" schema:"stackPattern"`
	// Stage is the name of the CDK Stage that the stack is in, or a pattern.
	Stage string `json:"stage,omitempty" schema:"stackPattern"`
	// Tag is a tag of the stack, as KEY or KEY=VALUE.
	Tag string `json:"tag,omitempty" schema:"stackTag"`
}

// Places returns every account and region of the environment that its stacks may be in, its own first. An environment
// with waves has one in each of its accounts.
func (e Environment) Places() []Account {
	return append([]Account{e.Account}, e.AdditionalPlaces...)
}

// AllPlaces returns the environment in every account and region that its stacks may be in: those of its waves, and its
// places.
func (e Environment) AllPlaces() []Environment {
	var all []Environment
	for _, account := range e.Accounts() {
		for _, place := range account.Places() {
			in := account.Environment
			in.Account, in.AdditionalPlaces = place, nil
			all = append(all, in)
		}
	}
	return all
}

// checkStacks requires selectors that can match, and values that are no secrets.
func checkStacks(l *loader, env Environment, d *document) {
	checkSelectors(l, d, "include", env.Stacks.Include)
	checkSelectors(l, d, "exclude", env.Stacks.Exclude)
	for _, stack := range slices.Sorted(maps.Keys(env.Stacks.Parameters)) {
		for _, name := range slices.Sorted(maps.Keys(env.Stacks.Parameters[stack])) {
			if secretPattern.MatchString(env.Stacks.Parameters[stack][name]) {
				l.addProblem(d, []string{"stacks", "parameters", stack, name},
					"parameter "+name+" of stack "+stack+" looks like a secret",
					"put it into Secrets Manager and write {{resolve:secretsmanager:NAME}} here; replace it if it was real")
			}
		}
	}
}

// checkSelectors requires selectors that can match.
func checkSelectors(l *loader, d *document, list string, selectors []StackSelector) {
	for i, s := range selectors {
		at := []string{"stacks", list, strconv.Itoa(i)}
		if s == (StackSelector{}) {
			l.addProblem(d, at, "this selector names nothing", "write name, stage or tag")
		}
		for key, pattern := range map[string]string{"name": s.Name, "stage": s.Stage} {
			if _, err := path.Match(pattern, ""); err != nil {
				l.addProblem(d, append(slices.Clone(at), key), fmt.Sprintf("%q is not a pattern", pattern),
					"close its brackets, or put a backslash before them")
			}
		}
	}
}

// checkPlaces requires that no two environments share an account, that no place is named twice, and that an environment
// with places has no waves: each account of a wave has all stacks, and places share them.
func checkPlaces(l *loader) {
	owners := map[string]string{}
	l.forEachEnvironment(func(env Environment, _ *document) {
		for _, account := range env.Accounts() {
			owners[account.ID] = env.Name
		}
	})
	l.forEachEnvironment(func(env Environment, d *document) {
		if len(env.AdditionalPlaces) > 0 && len(env.AdditionalWaves) > 0 {
			l.addProblem(d, []string{"places"},
				"an environment with waves has no places: each account of a wave gets all stacks", "remove one of the two")
		}
		seen := map[Account]bool{env.Account: true}
		for i, place := range env.AdditionalPlaces {
			at := []string{"places", strconv.Itoa(i), "account"}
			switch owner := owners[place.ID]; {
			case place.ID == "" || place.Region == "":
				continue
			case place.ID == l.pipeline.Tooling.ID:
				l.addProblem(d, at, fmt.Sprintf("account %s is the tooling account", place.ID), "name another account")
			case seen[place]:
				l.addProblem(d, at, fmt.Sprintf("account %s in %s is named twice", place.ID, place.Region),
					"name it once, or another region")
			case owner != "" && owner != env.Name:
				l.addProblem(d, at, fmt.Sprintf("account %s is that of %s", place.ID, owner),
					"give each environment accounts of its own")
			case partition(place.Region) != partition(env.Region):
				l.addProblem(d, at, fmt.Sprintf("%s and %s are in different partitions of AWS", place.Region, env.Region),
					"give each partition an environment of its own")
			}
			seen[place] = true
			owners[place.ID] = env.Name
		}
	})
}
