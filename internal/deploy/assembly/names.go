package assembly

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

//go:generate go run ./generate

//go:embed names.json
var knownNamesText []byte

// KnownNames are the names that a cloud assembly may have, from the schema that the CDK publishes. An assembly is
// accepted by its names rather than by the number of its schema: the CDK raises that number with every addition, and
// most apps use none of them.
type KnownNames struct {
	// Source is the package that the names are from, with its version, and Revision the number of the schema.
	Source   string `json:"source"`
	Revision int    `json:"revision"`
	// Manifest are the names in a manifest, Artifact those of an artefact, and Properties those of an artefact's
	// properties by its type.
	Manifest   Names            `json:"manifest"`
	Artifact   Names            `json:"artifact"`
	Properties map[string]Names `json:"properties"`
	// AssetManifest are the names in a manifest of assets.
	AssetManifest Names `json:"assetManifest"`
}

// Names are the names that an object may have, each with those of the object that is its value. No Names stand for
// any value.
type Names map[string]Names

// AnyName stands for every name of an object that has names of its own, such as the ids of assets.
const AnyName = "*"

// knownNames returns the names that Read knows.
var knownNames = sync.OnceValue(func() KnownNames {
	var known KnownNames
	if err := jsonx.Unmarshal(knownNamesText, &known); err != nil {
		panic(fmt.Sprintf("the embedded names of cloud assemblies cannot be read: %v", err))
	}
	// aws-cdk-lib writes it, but the published schema does not have it.
	known.Properties[stackArtefact]["additionalDependencies"] = nil
	known.Properties[stackArtefact].limitRoleOptions()
	known.AssetManifest.limitRoleOptions()
	return known
})

// limitRoleOptions enters the options of roles. The schema takes all of AssumeRole's, but an option that is not used
// may be one that narrows the session down.
func (n Names) limitRoleOptions() {
	for name, inner := range n {
		if name == "assumeRoleAdditionalOptions" {
			n[name] = Names{
				"Tags": nil, "TransitiveTagKeys": nil, "SourceIdentity": nil, "Policy": nil, "PolicyArns": nil,
				"DurationSeconds": nil, // not used: sessions are renewed
			}
		}
		inner.limitRoleOptions()
	}
}

// findUnknown returns the paths of the names in a JSON value that are not among the names, in their order.
func (n Names) findUnknown(value json.RawMessage, path string) []string {
	var object map[string]json.RawMessage
	if n == nil || jsonx.UnmarshalForeign(value, &object) != nil {
		return nil // a value of the wrong type fails where it is decoded
	}
	var unknown []string
	for _, name := range sortedKeys(object) {
		inner, ok := n[name]
		if !ok {
			inner, ok = n[AnyName]
		}
		if !ok {
			unknown = append(unknown, path+name)
			continue
		}
		unknown = append(unknown, inner.findUnknown(object[name], path+name+".")...)
	}
	return unknown
}

// checkNames refuses a manifest with a type of artefact or a name that Read does not know: it may be something without
// which the deployment would be another one.
func (m manifest) checkNames(file string, text []byte) error {
	known := knownNames()
	unknown := known.Manifest.findUnknown(text, "")
	var artefacts struct {
		Artifacts map[string]json.RawMessage `json:"artifacts"`
	}
	if err := jsonx.UnmarshalForeign(text, &artefacts); err != nil {
		return err
	}
	for _, id := range sortedKeys(m.Artifacts) {
		a := m.Artifacts[id]
		if a == nil {
			continue // readArtefact refuses it
		}
		properties, ok := known.Properties[a.Type]
		if !ok {
			unknown = append(unknown, fmt.Sprintf("artifacts.%s, of type %q", id, a.Type))
			continue
		}
		unknown = append(unknown, known.Artifact.findUnknown(artefacts.Artifacts[id], "artifacts."+id+".")...)
		unknown = append(unknown, properties.findUnknown(a.Properties, "artifacts."+id+".properties.")...)
	}
	return unknownNames(file, m.Version, unknown)
}

// unknownNames returns an error that lists the unknown names of a file, which was written with a version of the schema;
// nil if there are none.
func unknownNames(file, version string, unknown []string) error {
	if len(unknown) == 0 {
		return nil
	}
	known := knownNames()
	errs := make([]error, len(unknown))
	for i, name := range unknown {
		errs[i] = fault.Errorf(fault.AssemblySchema, "%s, of schema %s, has %s, which Lockstep does not know: "+
			"update Lockstep, or synthesise with an aws-cdk-lib whose schema is %d or older",
			file, version, name, known.Revision)
	}
	return errors.Join(errs...)
}
