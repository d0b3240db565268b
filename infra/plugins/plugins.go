// Package plugins owns the parts that an environment may want or not. Each file adds one plugin to the registry, with the type of its options
// and what it builds of them; the configuration's schema is made from the registry. It knows nothing of who wants which plugin.
package plugins

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/config"
	"lockstep/infra/stacks"
)

// A Plugin is a part that an environment may want.
type Plugin struct {
	// Name is what the configuration calls it.
	Name string
	// Description says in a few words what it brings.
	Description string
	// Options is a zero value of the type of its options. The schema is made from it.
	Options any
	// Build makes the plugin's stacks from the options that the environment has for it.
	Build func(*stacks.Scope) error
}

// registry is filled by this package's files.
var registry = map[string]Plugin{}

// register puts a plugin into the registry. It is called once for each file, as a package variable is set.
func register[T any](name, about string, build func(*stacks.Scope, T) error) struct{} {
	if _, taken := registry[name]; taken {
		panic("two plugins are called " + name) // a mistake in this package, which its tests show
	}
	var zero T
	registry[name] = Plugin{Name: name, Description: about, Options: zero, Build: func(p *stacks.Scope) error {
		options, wanted, err := config.PluginOptions[T](p.Environment.Plugins, name)
		if err != nil || !wanted {
			return err
		}
		return build(p, options)
	}}
	return struct{}{}
}

// All are the plugins by name.
func All() []Plugin {
	return slices.SortedFunc(maps.Values(registry), func(a, b Plugin) int { return strings.Compare(a.Name, b.Name) })
}

// ForEnvironment are the plugins that an environment's configuration names, by name.
func ForEnvironment(env config.Environment) ([]Plugin, error) {
	var wanted []Plugin
	for _, name := range slices.Sorted(maps.Keys(env.Plugins)) {
		plugin, ok := registry[name]
		if !ok {
			return nil, fmt.Errorf("%s wants plugin %q, which this app does not have; run `go generate ./config`", env.Name, name)
		}
		wanted = append(wanted, plugin)
	}
	return wanted, nil
}
