package assembly

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A Template is a CloudFormation template: its text and the parts that a deployment looks at.
type Template struct {
	// File is its path in the assembly.
	File string
	// Body is the text, which is what is published and what its asset's hash is of.
	Body       string
	Parameters map[string]Parameter
	Resources  map[string]Resource
	Outputs    map[string]Output
	// Imports are the names of the exports that it imports, as far as they are literal.
	Imports []string
	// StackPolicy is the policy, as JSON, that protects the stack's resources from updates; empty for none of its own.
	StackPolicy string
}

// stackPolicyKey is where a template holds its stack's policy: CDK and CloudFormation leave it to whoever deploys.
const stackPolicyKey = "lockstep:stackPolicy"

// A Parameter is a template's parameter.
type Parameter struct {
	Type    string `json:"Type"`
	Default any    `json:"Default"`
	NoEcho  any    `json:"NoEcho"` // true or "true"
}

// IsSecret says whether CloudFormation hides the parameter's value.
func (p Parameter) IsSecret() bool { return strings.EqualFold(fmt.Sprint(p.NoEcho), "true") }

// IsFromSSM says whether the value names an SSM parameter whose value CloudFormation reads at every operation.
func (p Parameter) IsFromSSM() bool { return strings.HasPrefix(p.Type, "AWS::SSM::Parameter::") }

// A Resource is as much of a template's resource as matters before it exists.
type Resource struct {
	Type      string `json:"Type"`
	Condition string `json:"Condition"`
}

// An Output is as much of a template's output as can be told before it has a value.
type Output struct {
	Condition string `json:"Condition"`
	Export    struct {
		Name any `json:"Name"`
	} `json:"Export"`
}

// MayReadFrom says whether a change set of this template can only be made when another stack, which it needs, is there: it imports what that one
// exports, or it reads parameters, of which nobody knows who writes them. A template that only has to come later reads nothing.
func (t Template) MayReadFrom(other Template) bool {
	for name, p := range t.Parameters {
		if p.IsFromSSM() && name != BootstrapVersionParameter {
			return true
		}
	}
	for _, o := range other.Outputs {
		if name, ok := o.Export.Name.(string); ok && slices.Contains(t.Imports, name) {
			return true
		}
	}
	return strings.Contains(t.Body, "{{resolve:")
}

// BootstrapVersionParameter is the parameter that the CDK adds to every template for a rule that checks the bootstrap's version.
const BootstrapVersionParameter = "BootstrapVersion"

// readTemplate reads and parses a template. CDK apps write JSON; so it is an error when it is not.
func (r *reader) readTemplate(file string) (Template, error) {
	body, err := fs.ReadFile(r.files, file)
	if err != nil {
		return Template{}, wrapMissing(file, err)
	}
	t := struct {
		Parameters map[string]Parameter
		Resources  map[string]Resource
		Outputs    map[string]Output
		Metadata   map[string]json.RawMessage
	}{}
	if err := r.decode(file, &t); err != nil {
		return Template{}, err
	}
	document, err := parse(string(body))
	if err != nil {
		return Template{}, fmt.Errorf("%s: %w", file, err)
	}
	return Template{
		File: file, Body: string(body), Parameters: t.Parameters, Resources: t.Resources, Outputs: t.Outputs,
		Imports: collectImports(document, nil), StackPolicy: string(t.Metadata[stackPolicyKey]),
	}, nil
}

// templateHashPattern is the name of a template among the assets: the SHA-256 of its text.
var templateHashPattern = regexp.MustCompile(`([0-9a-f]{64})\.json$`)

// TemplateMatchesURL says whether the template's text is the one that its address promises; it promises nothing where the address is no hash.
func (s *Stack) TemplateMatchesURL() bool {
	name := templateHashPattern.FindStringSubmatch(s.TemplateURL)
	sum := sha256.Sum256([]byte(s.Template.Body))
	return name == nil || name[1] == hex.EncodeToString(sum[:])
}

// Equal says whether another text is the same template: equal but for white space and the order of keys.
func (t Template) Equal(other string) bool {
	if t.Body == other {
		return true
	}
	a, errA := parse(t.Body)
	b, errB := parse(other)
	return errA == nil && errB == nil && reflect.DeepEqual(a, b)
}

// Equivalent says whether another text describes the same resources and outputs. It passes over what CloudFormation does not
// count as a change on its own (description, metadata, rules, unused conditions), and over characters beyond ASCII, which GetTemplate
// answers as question marks.
func (t Template) Equivalent(other string) bool {
	a, errA := parse(MaskNonASCII(t.Body))
	b, errB := parse(MaskNonASCII(other))
	return errA == nil && errB == nil && reflect.DeepEqual(deployedSections(a), deployedSections(b))
}

func deployedSections(document map[string]any) map[string]any {
	resources, _ := document["Resources"].(map[string]any)
	for _, resource := range resources {
		if r, ok := resource.(map[string]any); ok {
			delete(r, "Metadata")
		}
	}
	return map[string]any{"Resources": resources, "Outputs": document["Outputs"]}
}

// MaskNonASCII is a text as GetTemplate answers it: https://github.com/aws/aws-cdk/issues/10523.
func MaskNonASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 127 {
			return '?'
		}
		return r
	}, text)
}

func parse(text string) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber() // 1e400 and 12345678901234567890 must stay what they are
	var document map[string]any
	err := decoder.Decode(&document)
	return document, err
}

// collectImports collects the literal names under Fn::ImportValue.
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
