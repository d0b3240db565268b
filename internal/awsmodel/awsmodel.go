// Package awsmodel owns what AWS publishes about its resource types: the CloudFormation registry's schemas and the
// CDK's resource database, generated at pinned versions. It knows nothing of templates, accounts or deployments.
package awsmodel

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/fault"
)

//go:generate go run ./generate

//go:embed types.zip
var packed []byte

// A Type is what is published about one resource type. Properties are dotted paths such as Endpoint.Address.
type Type struct {
	// PrimaryIdentifier is what the registry identifies a resource of the type by.
	PrimaryIdentifier []string `json:"primaryIdentifier,omitempty"`
	// CreateOnly are properties whose change replaces the resource; MaybeCreateOnly those where it depends on the value.
	CreateOnly      []string `json:"createOnly,omitempty"`
	MaybeCreateOnly []string `json:"maybeCreateOnly,omitempty"`
	// ReadOnly are the attributes that AWS sets; WriteOnly are properties that it never returns.
	ReadOnly  []string `json:"readOnly,omitempty"`
	WriteOnly []string `json:"writeOnly,omitempty"`
	// Replacing and MaybeReplacing say of properties what the documentation says of an update: replacement, or some
	// interruptions.
	Replacing      []string `json:"replacing,omitempty"`
	MaybeReplacing []string `json:"maybeReplacing,omitempty"`
	// TagProperty is the property that holds the tags, empty for none. TagsUpdatable reports whether they change without
	// a replacement.
	TagProperty   string `json:"tagProperty,omitempty"`
	TagsUpdatable bool   `json:"tagsUpdatable,omitempty"`
	// Permissions are the IAM actions that the handlers create, update and delete call.
	Permissions map[string][]string `json:"permissions,omitempty"`
	// Stateful reports whether the CDK counts the type among those that keep data.
	Stateful bool `json:"stateful,omitempty"`
	// Scrutiny is the CDK's kind of a type that governs access, such as IdentityPolicyResource; PropertyScrutiny that of
	// properties.
	Scrutiny         string            `json:"scrutiny,omitempty"`
	PropertyScrutiny map[string]string `json:"propertyScrutiny,omitempty"`
	// Schema is the registry's JSON schema of the properties.
	Schema json.RawMessage `json:"schema,omitempty"`

	// properties returns the names of all properties of the schema, at any depth, and whether they hold an address; nil
	// without a schema.
	properties func() map[string]bool
	// validator returns the compiled schema. It panics without one.
	validator func() *jsonschema.Schema
}

// A model is the embedded archive, with the types that were read from it.
type model struct {
	*zip.Reader
	types sync.Map // of *Type by name
}

var archive = sync.OnceValue(func() *model {
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		panic(fmt.Sprintf("the embedded resource types cannot be read: %v", err))
	}
	return &model{Reader: r}
})

// VersionsFile is the file in the archive with the versions of the sources.
const VersionsFile = "versions.json"

// SourceVersions returns the versions of the packages that the archive was generated from, by their names.
func SourceVersions() (map[string]string, error) {
	data, err := fs.ReadFile(archive(), VersionsFile)
	if err != nil {
		return nil, err
	}
	var versions map[string]string
	err = json.Unmarshal(data, &versions)
	return versions, fault.Wrap(fault.TableBroken, err)
}

// FileName returns the name of a type's file in the archive.
func FileName(name string) string { return strings.ReplaceAll(name, "::", "/") + ".json" }

// Lookup returns what is published about a type, and false for a type that neither source knows: a custom resource, a
// private or a newer type.
func Lookup(name string) (*Type, bool) {
	m := archive()
	if t, ok := m.types.Load(name); ok {
		return t.(*Type), true
	}
	if !strings.Contains(name, "::") || !fs.ValidPath(FileName(name)) {
		return nil, false
	}
	data, err := fs.ReadFile(m, FileName(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	t := &Type{}
	if err == nil {
		err = json.Unmarshal(data, t)
	}
	if err != nil {
		panic(fmt.Sprintf("the embedded resource type %s cannot be read: %v", name, err))
	}
	t.properties = sync.OnceValue(t.readProperties)
	t.validator = sync.OnceValue(func() *jsonschema.Schema { return t.compile(name) })
	loaded, _ := m.types.LoadOrStore(name, t)
	return loaded.(*Type), true
}

// Declares reports whether the type has a property with a name, at any depth. Without a schema it may have any.
func (t *Type) Declares(name string) bool {
	names := t.properties()
	_, ok := names[name]
	return names == nil || ok
}

// HoldsAddress reports whether a property of the type with a name, at any depth, holds the address of another resource
// or of a machine: its pattern has an ARN, or its format is an address.
func (t *Type) HoldsAddress(name string) bool { return t.properties()[name] }

func (t *Type) readProperties() map[string]bool {
	var schema any
	if json.Unmarshal(t.Schema, &schema) != nil {
		return nil
	}
	names := map[string]bool{}
	collectProperties(schema, names)
	return names
}

func collectProperties(schema any, names map[string]bool) {
	switch v := schema.(type) {
	case map[string]any:
		properties, _ := v["properties"].(map[string]any)
		for name, property := range properties {
			names[name] = names[name] || isAddress(property)
		}
		for _, inner := range v {
			collectProperties(inner, names)
		}
	case []any:
		for _, inner := range v {
			collectProperties(inner, names)
		}
	}
}

// addressFormats match the formats of the registry's schemas that are addresses.
var addressFormats = regexp.MustCompile(`^AWS::(S3::Bucket\.Name|Logs::LogGroup\.Name|\w+::\w+\.Arn)$|^uri$`)

// isAddress reports whether the schema of a property says that it is an address.
func isAddress(property any) bool {
	fields, _ := property.(map[string]any)
	pattern, _ := fields["pattern"].(string)
	format, _ := fields["format"].(string)
	return strings.Contains(pattern, "arn:") || addressFormats.MatchString(format)
}

// Names returns the names of all types, sorted.
func Names() []string {
	var names []string
	for _, file := range archive().File {
		if file.Name == VersionsFile {
			continue
		}
		names = append(names, strings.ReplaceAll(strings.TrimSuffix(file.Name, ".json"), "/", "::"))
	}
	slices.Sort(names)
	return names
}

// Replaces reports whether the change of a top-level property replaces the resource: always, or perhaps. It is perhaps
// where only the change of something within the property replaces it. Tags that can be updated never do.
func (t *Type) Replaces(property string) (always, perhaps bool) {
	if property == t.TagProperty && t.TagsUpdatable {
		return false, false
	}
	isWithin := func(path string) bool { return strings.HasPrefix(path, property+".") }
	always = slices.Contains(t.CreateOnly, property) || slices.Contains(t.Replacing, property)
	perhaps = slices.Contains(t.MaybeCreateOnly, property) || slices.Contains(t.MaybeReplacing, property) ||
		slices.ContainsFunc(t.CreateOnly, isWithin) || slices.ContainsFunc(t.MaybeCreateOnly, isWithin)
	return always, perhaps && !always
}
