package stages

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

var update = flag.Bool("update", false, "write the templates as they are now into the golden files")

// configurationFS is the platform that the tests of all packages share.
var configurationFS = os.DirFS("../../config/testdata/platform")

// synthesizedAssemblies has the cloud assemblies of all environments. They are made once, because starting the library
// takes longer than any test.
var synthesizedAssemblies = map[string]assembly{}

// prodVariants has the cloud assemblies of prod in a further region of its account, and in another partition.
var prodVariants = map[string]assembly{}

// smallAssembly is the cloud assembly of the small platform's only environment.
var smallAssembly assembly

// An assembly is the result of a synthesis.
type assembly struct {
	dir string
	// templates are the stacks' templates by the stack's own part of its name.
	templates map[string]template
	findings  []error
}

type template map[string]any

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		defer jsii.Close()
		dir, err := os.MkdirTemp("", "lockstep-infra-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := synthesiseAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// synthesiseAll makes the assemblies of the fixture platforms, and of more environments that the tests need.
func synthesiseAll(dir string) error {
	c, err := config.Load(configurationFS)
	if err != nil {
		return err
	}
	extended, err := config.Load(configurationWith(map[string]string{
		"environments/perf.yaml":  perfYAML,
		"environments/given.yaml": existingResourcesYAML,
	}))
	if err != nil {
		return err
	}
	all := c.Environments
	for _, name := range []string{"perf", "given"} {
		env, _ := extended.Environment(name)
		all = append(all, env)
	}
	if tooling, ok := c.Tooling(); ok {
		all = append(all, tooling)
	}
	for _, env := range all {
		if synthesizedAssemblies[env.Name], err = synthesise(c, env, filepath.Join(dir, env.Name)); err != nil {
			return fmt.Errorf("%s: %w", env.Name, err)
		}
	}
	acc, _ := c.Environment("acc")
	if synthesizedAssemblies["acc again"], err = synthesise(c, acc, filepath.Join(dir, "acc-again")); err != nil {
		return err
	}
	prod, _ := c.Environment("prod")
	gov := inPartition(prod, "us-gov-west-1")
	gov.Bootstrap = ownBootstrap
	for name, env := range map[string]config.Environment{
		"further": furtherRegion(prod), "gov": gov,
	} {
		if prodVariants[name], err = synthesise(c, env, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	small, err := config.Load(os.DirFS("../../config/testdata/small"))
	if err != nil {
		return err
	}
	smallAssembly, err = synthesise(small, small.Environments[0], filepath.Join(dir, "small"))
	return err
}

// furtherRegion returns an environment as it is in another region of its own account.
func furtherRegion(env config.Environment) config.Environment {
	env.AdditionalWaves = []config.Wave{{Accounts: []config.Account{{ID: env.ID, Region: "us-east-1"}}}}
	return env.Accounts()[1].Environment
}

// inPartition returns an environment in a region of another partition, with what AWS sells there.
func inPartition(env config.Environment, region string) config.Environment {
	network := *env.Network
	network.AvailabilityZones = []string{region + "a", region + "b", region + "c"}
	env.Region, env.Network, env.Budget = region, &network, nil
	return env
}

func synthesise(c *config.Config, env config.Environment, dir string) (assembly, error) {
	a := assembly{dir: dir, templates: map[string]template{}}
	var err error
	if a.findings, err = Synth(c, env, dir); err != nil {
		return a, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	for _, file := range files {
		var t template
		text, err := os.ReadFile(file)
		if err != nil {
			return a, err
		}
		if err := json.Unmarshal(text, &t); err != nil {
			return a, err
		}
		a.templates[strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".template.json"),
			c.Pipeline.Project+"-"+env.Name+"-")] = t
	}
	return a, err
}

// configurationWith returns the configuration of the fixture platform with some files added or replaced.
func configurationWith(over map[string]string) fs.FS {
	files := fstest.MapFS{}
	err := fs.WalkDir(configurationFS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return err
		}
		text, err := fs.ReadFile(configurationFS, name)
		files[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		panic(err)
	}
	for name, text := range over {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// stackTemplate returns the template of a stack.
func stackTemplate(t *testing.T, environment, name string) template {
	t.Helper()
	found, ok := synthesizedAssemblies[environment].templates[name]
	require.True(t, ok, "%s has no stack %s but %v", environment, name,
		slices.Sorted(maps.Keys(synthesizedAssemblies[environment].templates)))
	return found
}

func (t template) resources() map[string]map[string]any {
	out := map[string]map[string]any{}
	resources, _ := t["Resources"].(map[string]any)
	for id, r := range resources {
		out[id] = r.(map[string]any)
	}
	return out
}

// resourcesOfType returns the resources of a type, sorted by their logical ids.
func (t template) resourcesOfType(kind string) []map[string]any {
	var out []map[string]any
	resources := t.resources()
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if resources[id]["Type"] == kind {
			out = append(out, resources[id])
		}
	}
	return out
}

// onlyResource returns the only resource of a type.
func onlyResource(t *testing.T, in template, kind string) map[string]any {
	t.Helper()
	found := in.resourcesOfType(kind)
	require.Len(t, found, 1, kind)
	return found[0]
}

// valueAt returns the value at a path of keys and indices, such as Properties.Rules.0.Id; nil if there is none.
func valueAt(value any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case template:
			value = v[step]
		case map[string]any:
			value = v[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// jsonText returns a value as JSON.
func jsonText(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// stringList returns the values of a policy's element, which may be one string or a list.
func stringList(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				all = append(all, s)
			} else {
				all = append(all, jsonText(item))
			}
		}
		return all
	case nil:
		return nil
	}
	return []string{jsonText(value)}
}

// forEachTemplate calls visit for each template of each environment, in order.
func forEachTemplate(t *testing.T, visit func(t *testing.T, environment, stack string, in template)) {
	t.Helper()
	for _, environment := range slices.Sorted(maps.Keys(synthesizedAssemblies)) {
		for _, name := range slices.Sorted(maps.Keys(synthesizedAssemblies[environment].templates)) {
			visit(t, environment, name, synthesizedAssemblies[environment].templates[name])
		}
	}
}

// perfYAML is an additional environment: one file and no code.
const perfYAML = `account: "555566667777"
region: eu-central-1
after: acc
parameters: {logLevel: warn}
network: {availabilityZones: [eu-central-1a, eu-central-1c], cidr: 10.77.0.0/18}
plugins:
  database: {minACU: 2, maxACU: 64, readers: 2, backupDays: 3}
budget: {monthly: 1234, warningPercent: 50, criticalPercent: 75}
governance: {trailDays: 730, alarms: {deniedCalls: 25}}
notifications: {finance: [money@example.com], owners: [perf@example.com, platform@example.com]}
tags: {costCentre: platform-perf}
`

// existingResourcesYAML is an environment that imports existing resources and is governed by the organisation.
const existingResourcesYAML = `account: "666677778888"
region: eu-west-1
logDays: 180
network:
  availabilityZones: [eu-west-1b, eu-west-1c]
  vpc: ssm:/network/vpc
  subnets: [subnet-0123456789abcdef0, ssm:/network/subnet-c]
imports:
  key: arn:aws:kms:eu-west-1:666677778888:key/11111111-2222-3333-4444-555555555555
  hostedZone: {id: Z0123456789ABCDEFGHIJ, name: given.example.com}
plugins:
  storage: {archiveAfterDays: 45, noncurrentExpireAfterDays: 100, accessLogDays: 30}
  database: {minACU: 0, maxACU: 1}
governance: {organisation: [trail, config, guardDuty, accessAnalyzer, costAnomaly]}
notifications:
  owners: [given@example.com]
  chat: {slackWorkspace: T0123456789, slackChannel: C0123456789}
`
