package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// parseJSON parses a text that is a JSON object, a list or a string.
func parseJSON(text string) (any, bool) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || !strings.ContainsAny(trimmed[:1], `{["`) {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(trimmed))
	decoder.UseNumber()
	var document any
	if decoder.Decode(&document) != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return document, errors.Is(err, io.EOF)
}

// formatJSON returns a document as JSON on one line.
func formatJSON(document any) string {
	if text, ok := document.(string); ok {
		return text
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(document) != nil {
		return Hidden
	}
	return strings.TrimSpace(b.String())
}

// hideInObject returns an object without its secrets. A policy and a reference to a secret have none.
func hideInObject(object map[string]any, isSecret bool, depth int) any {
	if isPolicyDocument(object) || isReference(object) {
		return object
	}
	out := map[string]any{}
	named := isNamedSecret(object)
	for key, value := range object {
		hides := isSecret && !isAttributeKey(key) || isSecretName(key) || named && isValueKey(key)
		out[key] = hideInJSON(value, hides, depth)
	}
	return out
}

// hideInJSON returns a document without its secrets. If isSecret is set, the document is the value of a member whose
// name says so.
func hideInJSON(document any, isSecret bool, depth int) any {
	switch v := document.(type) {
	case map[string]any:
		return hideInObject(v, isSecret, depth)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = hideInJSON(item, isSecret, depth)
		}
		return out
	case string:
		if isSecret && !isHarmless(v) {
			return Hidden
		}
		return hideInText(v, depth+1)
	case json.Number:
		if isSecret {
			return Hidden
		}
	}
	return document
}

// isReference reports whether an object is an intrinsic function that only names another value.
func isReference(object map[string]any) bool {
	if len(object) != 1 {
		return false
	}
	for key, value := range object {
		switch key {
		case "Ref", "Fn::GetAtt", "Fn::ImportValue", "Condition":
			return true
		case "Fn::Sub":
			text, ok := value.(string)
			return ok && hideBetweenReferences(text) == text && strings.HasPrefix(text, "${") && strings.HasSuffix(text, "}")
		}
	}
	return false
}

// nameKeys and valueKeys are the keys of lists of names with values, as the environment of a container.
var (
	nameKeys  = []string{"name", "key", "parameterkey", "optionname", "parametername"}
	valueKeys = []string{"value", "parametervalue", "optionvalue", "default"}
)

// isNamedSecret reports whether an object is a name with a value, and the name says that the value is a secret.
func isNamedSecret(object map[string]any) bool {
	for key, value := range object {
		name, ok := value.(string)
		if ok && slices.Contains(nameKeys, strings.ToLower(key)) && isSecretName(name) {
			return true
		}
	}
	return false
}

// isAttributeKey reports whether a member of a secret object says what kind of secret it is.
func isAttributeKey(key string) bool {
	return slices.Contains([]string{"type", "enabled", "status", "mode", "version"}, strings.ToLower(key))
}

func isValueKey(key string) bool { return slices.Contains(valueKeys, strings.ToLower(key)) }
