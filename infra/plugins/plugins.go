// Package plugins owns the plugins: parts of the platform that an environment can have or not. Each file has one, with
// the type of its options and the stacks that it builds; All lists them. The schema of the configuration is generated
// from that list. The package knows nothing of which environment has which plugin.
package plugins

import (
	"fmt"
	"maps"
	"slices"

	"lockstep/config"
	"lockstep/infra/stacks"
)

// All returns the plugins, sorted by name. A new plugin is added here.
func All() []Plugin {
	return []Plugin{databasePlugin(), storagePlugin()}
}

// A Plugin is a part of the platform that an environment can have.
type Plugin struct {
	// Name is the key in the configuration.
	Name string
	// Description says in a few words what the plugin adds.
	Description string
	// Options is a zero value of the type of its options, from which their schema is generated.
	Options any
	// Build adds the plugin's stacks to a scope whose environment has the plugin.
	Build func(*stacks.Scope) error
}

// newPlugin returns a plugin that builds its stacks from options of type T.
func newPlugin[T any](name, description string, build func(*stacks.Scope, T) error) Plugin {
	var zero T
	return Plugin{Name: name, Description: description, Options: zero, Build: func(scope *stacks.Scope) error {
		options, wanted, err := config.PluginOptions[T](scope.Environment.Plugins, name)
		if err != nil || !wanted {
			return err
		}
		return build(scope, options)
	}}
}

// ForEnvironment returns the plugins that an environment has, sorted by name.
func ForEnvironment(env config.Environment) ([]Plugin, error) { return selectPlugins(All(), env) }

// selectPlugins returns those of the given plugins that an environment has, sorted by name.
func selectPlugins(all []Plugin, env config.Environment) ([]Plugin, error) {
	var selected []Plugin
	for _, name := range slices.Sorted(maps.Keys(env.Plugins)) {
		i := slices.IndexFunc(all, func(p Plugin) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%s has plugin %q, which this app does not know; run `go generate ./config`", env.Name, name)
		}
		selected = append(selected, all[i])
	}
	return selected, nil
}
