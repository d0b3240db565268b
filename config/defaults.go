package config

import (
	"encoding/json"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// fillDefaults writes what the schema says of a value that is left out. A part that is left out whole stays so, unless the schema gives
// it a default too: a budget that nobody wrote is no budget.
func fillDefaults(s *jsonschema.Schema, values map[string]any) {
	for name, property := range s.Properties {
		if _, written := values[name]; !written && property.Default != nil {
			values[name] = deepCopy(*property.Default)
		}
		inner, isMapping := values[name].(map[string]any)
		if isMapping {
			fillDefaults(subschema(s, []string{name}), inner)
		}
	}
}

// deepCopy is a default that may be filled in further without changing the schema's own.
func deepCopy(value any) any {
	mapping, ok := value.(map[string]any)
	if !ok {
		return value
	}
	out := make(map[string]any, len(mapping))
	for key, inner := range mapping {
		out[key] = deepCopy(inner)
	}
	return out
}

// PluginOptions are the options of a plugin that the environment wants. They have been held against the plugin's schema and its defaults are
// filled in, so what goes wrong here is a type that the schema was not made from.
func PluginOptions[T any](plugins Plugins, name string) (options T, wanted bool, err error) {
	text, wanted := plugins[name]
	if !wanted {
		return options, false, nil
	}
	if err := json.Unmarshal(text, &options); err != nil {
		return options, true, fmt.Errorf("the options of plugin %s: %w; run `go generate ./config`", name, err)
	}
	return options, true, nil
}
