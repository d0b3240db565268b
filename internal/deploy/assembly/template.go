package assembly

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// A Template is a CloudFormation template: its text and the sections that a deployment looks at.
type Template struct {
	// File is the template's path in the assembly; empty for one that was read from elsewhere.
	File string
	// Body is the text. It is what is published, and what the hash in the asset's name is of.
	Body string
	// Description is empty where the template has none.
	Description string
	// Transforms are the macros that expand the template before it is deployed.
	Transforms []string
	Parameters map[string]Parameter
	// Mappings are the mappings as the template has them.
	Mappings  map[string]any
	Resources map[string]Resource
	Outputs   map[string]Output
	// Imports are the names of the exports that the template imports, as far as they are literal.
	Imports []string
	// StackPolicy is the policy, as JSON, that protects the stack's resources from updates; empty for none.
	StackPolicy string
}

// stackPolicyKey is the key of the stack's policy in a template's metadata: CDK and CloudFormation leave it to whoever
// deploys.
const stackPolicyKey = "lockstep:stackPolicy"

// A Parameter is a template's parameter.
type Parameter struct {
	Type    string `json:"Type"`
	Default any    `json:"Default"`
	NoEcho  any    `json:"NoEcho"` // true or "true"
}

// IsSecret reports whether CloudFormation hides the parameter's value.
func (p Parameter) IsSecret() bool { return strings.EqualFold(fmt.Sprint(p.NoEcho), "true") }

// IsFromSSM reports whether the value names an SSM parameter whose value CloudFormation reads at every operation.
func (p Parameter) IsFromSSM() bool { return strings.HasPrefix(p.Type, "AWS::SSM::Parameter::") }

// A Resource is a template's resource. Numbers in its properties are json.Number.
type Resource struct {
	Type       string
	Condition  string
	Properties map[string]any
	// DeletionPolicy and UpdateReplacePolicy are empty where the template has none, or an intrinsic function.
	DeletionPolicy      string
	UpdateReplacePolicy string
	// Construct is the path of the resource in the CDK app; empty where the template does not say.
	Construct string
	// IsAuditAlarm says that the resource is an alarm about what somebody did, which tells nothing of the stack's health.
	IsAuditAlarm bool
}

// auditAlarmKey is the key in the metadata of an alarm whose value "audit" marks an audit alarm.
const auditAlarmKey = "lockstep:alarm"

// UnmarshalJSON implements json.Unmarshaler.
func (r *Resource) UnmarshalJSON(text []byte) error {
	var raw struct {
		Type                                string
		Condition                           string
		Properties                          map[string]any
		DeletionPolicy, UpdateReplacePolicy any
		Metadata                            map[string]any
	}
	if isLoop(text) {
		return nil
	}
	if err := jsonx.UnmarshalForeign(text, &raw); err != nil {
		return err
	}
	*r = Resource{Type: raw.Type, Condition: raw.Condition, Properties: raw.Properties}
	r.DeletionPolicy, _ = raw.DeletionPolicy.(string)
	r.UpdateReplacePolicy, _ = raw.UpdateReplacePolicy.(string)
	path, _ := raw.Metadata["aws:cdk:path"].(string)
	r.IsAuditAlarm = raw.Metadata[auditAlarmKey] == "audit"
	r.Construct = strings.TrimSuffix(path, "/Resource")
	return nil
}

// An Output is a template's output. Its fields are as the template has them, nil where it has none.
type Output struct {
	Value       any `json:"Value"`
	Description any `json:"Description"`
	Condition   any `json:"Condition"`
	Export      any `json:"Export"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *Output) UnmarshalJSON(text []byte) error {
	if isLoop(text) {
		return nil
	}
	type plain Output
	return jsonx.UnmarshalForeign(text, (*plain)(o))
}

// isLoop reports whether the text of an entry is the list of an Fn::ForEach, whose name the entry has. CloudFormation
// makes entries of it.
func isLoop(text []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) }

// ExportName returns the literal name under which the output is exported; ok is false if there is none.
func (o Output) ExportName() (name string, ok bool) {
	export, _ := o.Export.(map[string]any)
	name, ok = export["Name"].(string)
	return name, ok
}

// MayReadFrom reports whether a change set of this template can be created only when another stack, which it needs,
// exists: it imports what that one exports, or it reads SSM parameters or dynamic references, which that one may write.
func (t Template) MayReadFrom(other Template) bool {
	for name, p := range t.Parameters {
		if p.IsFromSSM() && name != BootstrapVersionParameter {
			return true
		}
	}
	for _, o := range other.Outputs {
		if name, ok := o.ExportName(); ok && slices.Contains(t.Imports, name) {
			return true
		}
	}
	return strings.Contains(t.Body, "{{resolve:")
}

// BootstrapVersionParameter is the parameter that the CDK adds to every template for a rule that checks the bootstrap's
// version.
const BootstrapVersionParameter = "BootstrapVersion"

// readTemplate reads a template of the assembly. CDK apps write JSON.
func (r *reader) readTemplate(file string) (Template, error) {
	body, err := fsx.ReadFileFS(r.files, file, fsx.MaxText)
	if err != nil {
		return Template{}, wrapMissing(file, err)
	}
	t, err := parseTemplate(string(body))
	if err != nil {
		return Template{}, explainJSON(file, err)
	}
	t.File = file
	return t, nil
}

// ParseTemplate parses the text of a template, as CloudFormation answers it. An empty text, for a stack that does not
// exist, is an empty template. The error says so if the text is not JSON, which CloudFormation also takes.
func ParseTemplate(text string) (Template, error) {
	if text == "" {
		return Template{}, nil
	}
	t, err := parseTemplate(text)
	if err != nil {
		return Template{}, fault.Errorf(fault.TemplateUnusable, "it is not JSON: %w", err)
	}
	return t, nil
}

func parseTemplate(text string) (Template, error) {
	t := struct {
		Description, Transform any
		Parameters             map[string]Parameter
		Mappings               map[string]any
		Resources              map[string]Resource
		Outputs                map[string]Output
		Metadata               map[string]json.RawMessage
	}{}
	if err := jsonx.UnmarshalForeign([]byte(text), &t); err != nil {
		return Template{}, err
	}
	document, err := parse(text)
	if err != nil {
		return Template{}, err
	}
	description, _ := t.Description.(string)
	return Template{
		Body: text, Description: description, Transforms: transformNames(t.Transform), Mappings: t.Mappings,
		Parameters: t.Parameters, Resources: t.Resources, Outputs: t.Outputs,
		Imports: collectImports(document, nil), StackPolicy: string(t.Metadata[stackPolicyKey]),
	}, nil
}

// transformNames returns the names in a template's Transform section: a name, or a list of names and of objects with a
// Name.
func transformNames(section any) []string {
	list, isList := section.([]any)
	if !isList && section != nil {
		list = []any{section}
	}
	var names []string
	for _, item := range list {
		if macro, ok := item.(map[string]any); ok {
			item = macro["Name"]
		}
		names = append(names, fmt.Sprint(item))
	}
	return names
}

// templateHashPattern matches the key of a template that is published as an asset: the SHA-256 of its text.
var templateHashPattern = regexp.MustCompile(`([0-9a-f]{64})\.json$`)

// TemplateMatchesURL reports whether the template's text has the hash that is in its address. It is true for an address
// without a hash.
func (s *Stack) TemplateMatchesURL() bool {
	name := templateHashPattern.FindStringSubmatch(s.TemplateURL)
	sum := sha256.Sum256([]byte(s.Template.Body))
	return name == nil || name[1] == hex.EncodeToString(sum[:])
}

// MaskNonASCII returns a text as GetTemplate answers it: https://github.com/aws/aws-cdk/issues/10523.
func MaskNonASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 127 {
			return '?'
		}
		return r
	}, text)
}

// ParameterValue returns the value that an update gives a parameter: the assembly's, else the template's default. It
// returns false if there is neither, so that the stack keeps its value.
func (s *Stack) ParameterValue(name string) (string, bool) {
	if value, ok := s.Parameters[name]; ok {
		return value, true
	}
	switch value := s.Template.Parameters[name].Default.(type) {
	case nil:
		return "", false
	case []any:
		var items []string
		for _, item := range value {
			items = append(items, fmt.Sprint(item))
		}
		return strings.Join(items, ","), true
	default:
		return fmt.Sprint(value), true
	}
}

// ParseDocument parses the text of a template as a document. The error says so if the text is not JSON.
func ParseDocument(text string) (map[string]any, error) {
	document, err := parse(text)
	if err != nil {
		return nil, fault.Errorf(fault.TemplateUnusable, "it is not JSON: %w", err)
	}
	return document, nil
}

// parse parses the text of a template as a document.
func parse(text string) (map[string]any, error) {
	var document map[string]any
	err := jsonx.UnmarshalForeign([]byte(text), &document)
	return document, err
}

// collectImports appends to found the literal names under Fn::ImportValue.
func collectImports(value any, found []string) []string {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if name, ok := v[key].(string); ok && key == "Fn::ImportValue" {
				found = append(found, name)
				continue
			}
			found = collectImports(v[key], found)
		}
	case []any:
		for _, item := range v {
			found = collectImports(item, found)
		}
	}
	return found
}
