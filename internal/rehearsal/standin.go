package rehearsal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/tools"
)

// standInType is a resource type that CloudFormation creates without creating anything.
const standInType = "AWS::CloudFormation::WaitConditionHandle"

// KnownTypes returns the resource types that the emulator can create.
func (e *Emulator) KnownTypes(ctx context.Context) (map[string]bool, error) {
	installer, err := tools.NewInstaller(e.Environ, e.Progress)
	if err != nil {
		return nil, err
	}
	text, err := installer.ReadFile(ctx, tools.Ministack, tools.ResourceTypes)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := jsonx.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", tools.ResourceTypes, tools.Ministack, err)
	}
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	return known, nil
}

// A rewriter rewrites a template.
type rewriter struct{ assembly.TemplateFile }

// isCustomResource reports whether a program of the app's creates resources of a type. The emulator would run it on
// this very machine, without the libraries that Lambda has, and wait an hour for one that does not start.
func isCustomResource(resourceType string) bool {
	return strings.HasPrefix(resourceType, "Custom::") || resourceType == "AWS::CloudFormation::CustomResource"
}

// replaceUnknown replaces the resources of unknown types, and every reference to them, and reports whether it has
// changed anything.
func (t rewriter) replaceUnknown(known func(resourceType string) bool) (Coverage, bool) {
	coverage := Coverage{Ratio: 1}
	resources, _ := t.Document["Resources"].(map[string]any)
	missing := unavailable{
		resources: map[string]string{}, attributes: map[string]string{}, referenced: map[string]bool{},
		properties: map[string]map[string]any{}, secrets: map[string]bool{}, splitSecrets: map[string]bool{},
	}
	unknown := unknownResources(resources, known)
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		coverage.Resources++
		resource, _ := resources[id].(map[string]any)
		resourceType, _ := resource["Type"].(string)
		missing.properties[id], _ = resource["Properties"].(map[string]any)
		if !unknown[id] {
			missing.addMissingAttributes(id, resourceType)
			missing.secrets[id] = resourceType == secretType
			continue
		}
		missing.resources[id] = resourceType
		coverage.StandIns = append(coverage.StandIns, StandIn{Stack: t.Stack, LogicalID: id, Type: resourceType})
		resource["Type"] = standInType
		// Only the real type understands these; conditions, dependencies and policies stay.
		for _, key := range []string{"Properties", "CreationPolicy", "UpdatePolicy"} {
			delete(resource, key)
		}
	}
	t.dropTransforms(missing)
	t.replaceReferences(t.Document, missing)
	for _, referenced := range slices.Sorted(maps.Keys(missing.referenced)) {
		id, name, _ := strings.Cut(referenced, ".")
		attribute := MissingAttribute{Stack: t.Stack, LogicalID: id, Name: name}
		coverage.MissingAttributes = append(coverage.MissingAttributes, attribute)
	}
	return coverage, len(missing.resources)+len(missing.referenced)+len(missing.splitSecrets) > 0
}

// parentProperties are properties by which resources of a service name what they are part of, by the prefix of their
// types. The emulator looks for it, and finds no stand-in.
var parentProperties = map[string]string{"AWS::EKS::": "ClusterName"}

// unknownResources returns the resources that stand-ins replace: those of unknown types, and what is part of those
// or of something that was looked up.
func unknownResources(resources map[string]any, known func(resourceType string) bool) map[string]bool {
	unknown := map[string]bool{}
	for id := range resources {
		resource, _ := resources[id].(map[string]any)
		resourceType, _ := resource["Type"].(string)
		unknown[id] = resourceType != "" && !known(resourceType)
	}
	for id := range resources {
		resource, _ := resources[id].(map[string]any)
		resourceType, _ := resource["Type"].(string)
		properties, _ := resource["Properties"].(map[string]any)
		unknown[id] = unknown[id] || isPartOfLookup(properties)
		for prefix, name := range parentProperties {
			parent, _ := properties[name].(map[string]any)
			if reference, ok := parent["Ref"].(string); ok && strings.HasPrefix(resourceType, prefix) && unknown[reference] {
				unknown[id] = true
			}
		}
	}
	return unknown
}

// serverlessTransform is the macro that expands the types of SAM.
const serverlessTransform = "AWS::Serverless-2016-10-31"

// dropTransforms removes the macro of SAM from the template if stand-ins replace all resources that it expands: it has
// nothing left to do, and the emulator refuses a template with it.
func (t rewriter) dropTransforms(missing unavailable) {
	resources, _ := t.Document["Resources"].(map[string]any)
	for id := range resources {
		resource, _ := resources[id].(map[string]any)
		resourceType, _ := resource["Type"].(string)
		if strings.HasPrefix(resourceType, "AWS::Serverless::") {
			return
		}
	}
	if len(missing.resources) == 0 {
		return
	}
	switch names := t.Document["Transform"].(type) {
	case string:
		if names == serverlessTransform {
			delete(t.Document, "Transform")
		}
	case []any:
		names = slices.DeleteFunc(names, func(name any) bool { return name == serverlessTransform })
		t.Document["Transform"] = names
		if len(names) == 0 {
			delete(t.Document, "Transform")
		}
	}
}

// missingAttributeNames are attributes that CloudFormation has and the emulator has not, by a resource type that it
// creates.
var missingAttributeNames = map[string][]string{
	"AWS::EC2::VPC":       {"CidrBlock"},
	"AWS::RDS::DBCluster": {"MasterUserSecret.SecretArn"},
}

// secretType is the type of secrets.
const secretType = "AWS::SecretsManager::Secret"

// unavailable is what a template may refer to and the emulator does not have.
type unavailable struct {
	// resources are the types of the resources that stand-ins replace, by logical id.
	resources map[string]string
	// attributes are the types of the resources that lack an attribute, by ID.ATTRIBUTE.
	attributes map[string]string
	// referenced are those of the attributes that the template refers to.
	referenced map[string]bool
	// secrets says which resources are secrets. Ref of one returns a name where AWS returns an ARN.
	secrets map[string]bool
	// splitSecrets are those of the secrets whose Ref is split as an ARN.
	splitSecrets map[string]bool
	// properties are the properties of all resources, by logical id.
	properties map[string]map[string]any
}

func (m unavailable) addMissingAttributes(id, resourceType string) {
	for _, name := range missingAttributeNames[resourceType] {
		m.attributes[id+"."+name] = resourceType
	}
}

// unavailableType returns the type of a resource that is replaced, or that lacks the attribute; "" for any other.
func (m unavailable) unavailableType(id, attribute string) string {
	if resourceType := m.resources[id]; resourceType != "" {
		return resourceType
	}
	name := id + "." + attribute
	resourceType := m.attributes[name]
	if resourceType != "" {
		m.referenced[name] = true
	}
	return resourceType
}

// replaceReferences replaces, in a part of a template, the references to what is unavailable by values of the same
// shape.
func (t rewriter) replaceReferences(value any, missing unavailable) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = t.replaceReferences(v[i], missing)
		}
	case map[string]any:
		if text, ok := t.replaceReference(v, missing); ok {
			return text
		}
		for key := range v {
			v[key] = t.replaceReferences(v[key], missing)
		}
	}
	return value
}

// replaceReference returns what replaces an intrinsic function that refers to something unavailable; ok is false if it
// does not, or is no intrinsic function.
func (t rewriter) replaceReference(function map[string]any, missing unavailable) (value any, ok bool) {
	if len(function) != 1 {
		return nil, false
	}
	if id, ok := function["Ref"].(string); ok && missing.resources[id] != "" {
		return t.standInValue(id, "", missing.resources[id], missing.properties[id]), true
	}
	if id, attribute, ok := parseGetAtt(function["Fn::GetAtt"]); ok {
		if resourceType := missing.unavailableType(id, attribute); resourceType != "" {
			return t.standInValue(id, attribute, resourceType, missing.properties[id]), true
		}
	}
	if split, ok := function["Fn::Split"].([]any); ok {
		return t.replaceInSplit(split, missing)
	}
	switch sub := function["Fn::Sub"].(type) {
	case string:
		return map[string]any{"Fn::Sub": t.replaceInSub(sub, nil, missing)}, true
	case []any:
		if len(sub) != 2 {
			return nil, false
		}
		text, isText := sub[0].(string)
		variables, isMap := sub[1].(map[string]any)
		if isText && isMap {
			text = t.replaceInSub(text, variables, missing)
			return map[string]any{"Fn::Sub": []any{text, t.replaceReferences(variables, missing)}}, true
		}
	}
	return nil, false
}

// replaceInSplit replaces a reference to something unavailable in the arguments of Fn::Split. What is split at colons
// is an ARN, whatever the schema calls it: Ref returns one for some types whose identifier is a name.
func (t rewriter) replaceInSplit(arguments []any, missing unavailable) (value any, ok bool) {
	if len(arguments) != 2 || arguments[0] != ":" {
		return nil, false
	}
	reference, _ := arguments[1].(map[string]any)
	if id, _ := reference["Ref"].(string); missing.secrets[id] {
		missing.splitSecrets[id] = true
		return map[string]any{"Fn::Split": []any{":", map[string]any{"Fn::GetAtt": []any{id, "Id"}}}}, true
	}
	replaced, ok := t.replaceReference(reference, missing)
	if !ok {
		return nil, false
	}
	if text, _ := subText(replaced); !strings.HasPrefix(text, "arn:") {
		id, _ := reference["Ref"].(string)
		if attribute, _, isGetAtt := parseGetAtt(reference["Fn::GetAtt"]); isGetAtt {
			id = attribute
		}
		if resourceType := missing.resources[id]; resourceType != "" {
			maker := valueMaker{t: t, id: id, resourceType: resourceType}
			replaced = maker.wrap(maker.arn())
		}
	}
	return map[string]any{"Fn::Split": []any{":", replaced}}, true
}

// parseGetAtt parses the argument of Fn::GetAtt: "ID.ATTRIBUTE" or [ID, ATTRIBUTE].
func parseGetAtt(argument any) (id, attribute string, ok bool) {
	switch v := argument.(type) {
	case string:
		id, attribute, _ = strings.Cut(v, ".")
		return id, attribute, true
	case []any:
		if len(v) == 2 {
			id, ok = v[0].(string)
			attribute, _ = v[1].(string)
		}
	}
	return id, attribute, ok
}

var subVariable = regexp.MustCompile(`\$\{[A-Za-z0-9.]+\}`)

// replaceInSub replaces what is unavailable in the text of Fn::Sub. A variable of the function hides a resource of its
// name.
func (t rewriter) replaceInSub(text string, variables map[string]any, missing unavailable) string {
	return subVariable.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		id, attribute, _ := strings.Cut(name, ".")
		resourceType := missing.unavailableType(id, attribute)
		if _, hidden := variables[name]; hidden || resourceType == "" {
			return found
		}
		text, ok := subText(t.standInValue(id, attribute, resourceType, missing.properties[id]))
		if !ok { // an expression or a list, which has no place in a text
			text, _ = subText(t.standInValue(id, attribute, resourceType, nil))
		}
		return text
	})
}

// rewriteFiles returns an assembly's files with the changed templates as they are now; files itself if none is changed.
func rewriteFiles(files fs.FS, templates []assembly.TemplateFile, isChanged []bool) (fs.FS, error) {
	changed := map[string]string{} // the new text by file
	for i, t := range templates {
		if !isChanged[i] {
			continue
		}
		text, err := json.MarshalIndent(t.Document, "", " ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.File, err)
		}
		changed[t.File] = string(text)
	}
	if len(changed) == 0 {
		return files, nil
	}
	texts, err := rewriteTexts(files, templates, changed)
	if err != nil {
		return nil, err
	}
	return overlay{FS: files, texts: texts}, nil
}

// rewriteTexts returns the new texts of an assembly's files, by file. A template is published under the hash of its
// content, so the hash changes with it, and with the hash every file that refers to the template.
func rewriteTexts(
	files fs.FS, templates []assembly.TemplateFile, changed map[string]string,
) (map[string]string, error) {
	replacer, err := assetHashReplacer(files, templates, changed)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	return texts, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(name, ".json"), strings.HasPrefix(entry.Name(), "asset."):
			return nil
		}
		original, err := fsx.ReadFileFS(files, name, fsx.MaxText)
		if err != nil {
			return err
		}
		text := replacer.Replace(cmp.Or(changed[name], string(original)))
		if text != string(original) {
			texts[name] = text
		}
		return nil
	})
}

// assetHashReplacer returns what replaces the old hashes of the changed templates by the new ones. A template that
// refers to another one waits until that one has its new hash.
func assetHashReplacer(
	files fs.FS, templates []assembly.TemplateFile, changed map[string]string,
) (*strings.Replacer, error) {
	hashes, err := assembly.AssetHashes(files)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	originals := map[string]string{}
	for _, t := range templates {
		original, err := fsx.ReadFileFS(files, t.File, fsx.MaxText)
		if err != nil {
			return nil, err
		}
		originals[t.File] = string(original)
		texts[t.File] = cmp.Or(changed[t.File], string(original))
	}
	var pairs []string // old hash, new hash, ...
	waiting := slices.Sorted(maps.Keys(texts))
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(file string) bool {
			return !slices.ContainsFunc(waiting, func(other string) bool {
				return other != file && hashes[other] != "" && strings.Contains(texts[file], hashes[other])
			})
		})
		if next < 0 {
			return nil, fault.New(fault.EmulatorTemplate, "nested stacks refer to each other in a circle")
		}
		file := waiting[next]
		text := strings.NewReplacer(pairs...).Replace(texts[file])
		if hashes[file] != "" && text != originals[file] {
			sum := sha256.Sum256([]byte(text))
			pairs = append(pairs, hashes[file], hex.EncodeToString(sum[:]))
		}
		waiting = slices.Delete(waiting, next, next+1)
	}
	return strings.NewReplacer(pairs...), nil
}
