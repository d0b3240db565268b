package rehearsal

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"lockstep/internal/awsmodel"
	"lockstep/internal/jsonx"
)

// standInValue returns what takes the place of an attribute of a resource, or of a plain reference to it for an empty
// attribute. A property that the template gives stands for itself. Any other value has the type, the pattern and the
// format that the registry's schema of the resource type gives.
func (t rewriter) standInValue(id, attribute, resourceType string, properties map[string]any) any {
	published, ok := awsmodel.Lookup(resourceType)
	name := attribute
	if ok && name == "" && len(published.PrimaryIdentifier) == 1 {
		name = published.PrimaryIdentifier[0]
	}
	if value, ok := valueAt(properties, name); ok && t.isPlain(value) {
		return value
	}
	v := valueMaker{t: t, id: id, attribute: attribute, name: name, resourceType: resourceType}
	if !ok || name == "" || jsonx.UnmarshalForeign(published.Schema, &v.root) != nil {
		return v.text(schemaNode{})
	}
	return v.value(v.root.at(name, v.root), 0)
}

// valueAt returns the value at a dotted path.
func valueAt(value any, path string) (any, bool) {
	if path == "" {
		return nil, false
	}
	for _, key := range strings.Split(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[key]; !ok {
			return nil, false
		}
	}
	return value, true
}

// isPlain reports whether a value holds no expression but references to parameters, which stand-ins leave as they are.
func (t rewriter) isPlain(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		parameters, _ := t.Document["Parameters"].(map[string]any)
		name, _ := v["Ref"].(string)
		_, isParameter := parameters[name]
		return len(v) == 1 && (isParameter || strings.HasPrefix(name, "AWS::"))
	case []any:
		for _, item := range v {
			if !t.isPlain(item) {
				return false
			}
		}
	}
	return true
}

// A schemaNode is the part of a JSON schema that values are made by.
type schemaNode struct {
	Type        any                   `json:"type"` // a name, or a list of names
	Ref         string                `json:"$ref"`
	Pattern     string                `json:"pattern"`
	Format      string                `json:"format"`
	Enum        []any                 `json:"enum"`
	Minimum     *float64              `json:"minimum"`
	MinLength   int                   `json:"minLength"`
	MaxLength   int                   `json:"maxLength"`
	Items       *schemaNode           `json:"items"`
	Properties  map[string]schemaNode `json:"properties"`
	Definitions map[string]schemaNode `json:"definitions"`
}

// at returns the schema of the property at a dotted path; the zero node if there is none.
func (n schemaNode) at(path string, root schemaNode) schemaNode {
	for _, name := range strings.Split(path, ".") {
		n = n.resolved(root).Properties[name]
	}
	return n.resolved(root)
}

// maxReferences bounds how many references lead to a definition, should they form a circle.
const maxReferences = 8

// resolved returns the definition that a schema refers to, or the schema itself.
func (n schemaNode) resolved(root schemaNode) schemaNode {
	for range maxReferences {
		if n.Ref == "" {
			break
		}
		n = root.Definitions[strings.TrimPrefix(n.Ref, "#/definitions/")]
	}
	return n
}

// is reports whether a schema takes values of a type.
func (n schemaNode) is(name string) bool {
	switch v := n.Type.(type) {
	case string:
		return v == name
	case []any:
		return len(v) > 0 && v[0] == name
	}
	return false
}

// A valueMaker makes the value of an attribute.
type valueMaker struct {
	t                                 rewriter
	id, attribute, name, resourceType string
	root                              schemaNode
}

// value returns a value that a schema takes.
func (v valueMaker) value(n schemaNode, depth int) any {
	n = n.resolved(v.root)
	switch {
	case len(n.Enum) > 0:
		return n.Enum[0]
	case n.is("integer"), n.is("number"):
		if n.Minimum != nil && *n.Minimum > 1 {
			return *n.Minimum
		}
		return 1
	case n.is("boolean"):
		return true
	case n.is("array") && n.Items != nil && depth < maxReferences:
		return []any{v.value(*n.Items, depth+1)}
	}
	return v.text(n)
}

// text returns the first of several texts that a schema takes. It is the plainest one, cut to the schema's length, if
// it takes none of them.
func (v valueMaker) text(n schemaNode) any {
	plain := strings.TrimRight("stand-in-"+v.id+"-"+strings.ReplaceAll(v.attribute, ".", "-"), "-")
	candidates := v.candidates(plain, n)
	pattern, err := regexp.Compile(n.Pattern)
	for _, text := range candidates {
		length := utf8.RuneCountInString(text)
		if length < n.MinLength || n.MaxLength > 0 && length > n.MaxLength {
			continue
		}
		if n.Pattern == "" || err == nil && pattern.MatchString(v.plausible(text)) {
			return v.wrap(text)
		}
	}
	if n.MaxLength > 0 && len(candidates[0]) > n.MaxLength {
		return v.wrap(candidates[0][:n.MaxLength])
	}
	return v.wrap(candidates[0])
}

// prefixPattern matches the prefix that a pattern begins with, such as vpc-.
var prefixPattern = regexp.MustCompile(`^\^?\(?([a-z]+-)`)

// candidates returns texts of the shapes that identifiers have, the likeliest first.
func (v valueMaker) candidates(plain string, n schemaNode) []string {
	arn := v.arn()
	var out []string
	isARN := strings.HasSuffix(strings.ToLower(v.name), "arn") || strings.Contains(n.Pattern, "arn:")
	switch {
	case isARN:
		out = append(out, arn)
	case n.Format == "uri" || strings.HasSuffix(v.name, "Url"):
		out = append(out, "https://stand-in.example.com/"+v.id)
	case strings.Contains(strings.ToLower(v.name), "cidr"):
		out = append(out, "10.0.0.0/16")
	case n.Format == "date-time":
		out = append(out, "2026-01-01T00:00:00Z")
	}
	if prefix := prefixPattern.FindStringSubmatch(n.Pattern); prefix != nil {
		out = append(out, prefix[1]+"0123456789abcdef0", prefix[1]+"01234567")
	}
	letters := strings.ReplaceAll(plain, "-", "")
	return append(out, plain, strings.ToLower(plain), letters, strings.ToLower(letters), strings.ToUpper(letters), arn,
		"00000000-0000-4000-8000-000000000000", "123456789012", "10.0.0.0/16", "10.0.0.1", "https://stand-in.example.com",
		"standin", "1", strings.Repeat("0", max(n.MinLength, 1)))
}

// unknownRegion is the region of a stack that names none.
const unknownRegion = "unknown-region"

// arn returns an ARN of the resource.
func (v valueMaker) arn() string {
	service := strings.ToLower(strings.Split(v.resourceType+"::::", "::")[1])
	return fmt.Sprintf("arn:aws:%s:%s:%s:stand-in/%s", service, v.region(), v.account(), v.id)
}

// region and account are those of the stack, or the pseudo parameters where the manifest does not have them.
func (v valueMaker) region() string {
	if v.t.Region == "" || v.t.Region == unknownRegion {
		return "${AWS::Region}"
	}
	return v.t.Region
}

func (v valueMaker) account() string {
	if v.t.Account == "" || v.t.Account == "unknown-account" {
		return "${AWS::AccountId}"
	}
	return v.t.Account
}

// plausible returns a text with values in the place of its pseudo parameters.
func (valueMaker) plausible(text string) string {
	return strings.NewReplacer("${AWS::Region}", "eu-west-1", "${AWS::AccountId}", "123456789012").Replace(text)
}

// wrap returns a text as a value of a template.
func (valueMaker) wrap(text string) any {
	if strings.Contains(text, "${") {
		return map[string]any{"Fn::Sub": text}
	}
	return text
}

// subText returns a stand-in's value as part of the text of Fn::Sub.
func subText(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "${", "${!"), true
	case map[string]any:
		if name, isRef := v["Ref"].(string); isRef {
			return "${" + name + "}", true
		}
		text, ok = v["Fn::Sub"].(string)
		return text, ok
	case []any:
		return "", false
	case nil:
		return "", false
	}
	return fmt.Sprint(value), true
}
