package config

import (
	"encoding/json"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/fault"
)

// fillDefaults adds the schema's defaults for keys that are left out. Defaults inside a mapping that is left out apply
// only if the mapping has a default itself: no budget is not a budget of default size.
func fillDefaults(s *jsonschema.Schema, values map[string]any) {
	for name, property := range s.Properties {
		if _, written := values[name]; !written && property.Default != nil {
			values[name] = deepCopy(*property.Default)
		}
	}
	_, namesFreely := s.AdditionalProperties.(*jsonschema.Schema)
	for name, value := range values {
		if s.Properties[name] != nil || namesFreely {
			fillValue(subschema(s, []string{name}), value)
		}
	}
}

// fillValue adds the defaults below a value: to a mapping, or to each item of a list.
func fillValue(s *jsonschema.Schema, value any) {
	switch v := value.(type) {
	case map[string]any:
		fillDefaults(s, v)
	case []any:
		for i, item := range v {
			fillValue(subschema(s, []string{strconv.Itoa(i)}), item)
		}
	}
}

// deepCopy returns a copy of a value that can be changed without changing the schema's own.
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

// PluginOptions returns the options of a plugin, with its defaults, and reports whether the environment has the plugin.
// The options were validated when they were loaded, so an error means that the schema was not made from type T.
func PluginOptions[T any](plugins Plugins, name string) (options T, wanted bool, err error) {
	text, wanted := plugins[name]
	if !wanted {
		return options, false, nil
	}
	if err := json.Unmarshal(text, &options); err != nil {
		return options, true, fault.Errorf(fault.TableBroken,
			"the options of plugin %s: %w; run `go generate ./config`", name, err)
	}
	return options, true, nil
}
