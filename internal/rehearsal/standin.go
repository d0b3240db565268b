package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/tools"
)

const (
	// standInType is a resource that CloudFormation makes without making anything.
	standInType = "AWS::CloudFormation::WaitConditionHandle"
)

// KnownTypes are the resource types that the emulator can make.
func (e *Emulator) KnownTypes(ctx context.Context) (map[string]bool, error) {
	dir, err := e.install(ctx, tools.Ministack)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, tools.ResourceTypes))
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, tools.ResourceTypes), err)
	}
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	return known, nil
}

// ReplaceUnknownTypes is a cloud assembly in which every resource of a type that is not known is replaced by a stand-in, and what that left of
// it. The files are those of the assembly, seen through the replacement: nothing is copied.
func ReplaceUnknownTypes(assembly fs.FS, known map[string]bool) (fs.FS, Coverage, error) {
	var coverage Coverage
	templates, err := readTemplates(assembly)
	if err != nil {
		return nil, coverage, err
	}
	changed := map[string]string{} // the new text by file
	for _, t := range templates {
		text, part, err := t.replaceUnknown(known)
		if err != nil {
			return nil, coverage, fmt.Errorf("%s: %w", t.file, err)
		}
		coverage.Add(part)
		if text != "" {
			changed[t.file] = text
		}
	}
	coverage.Add(Coverage{}) // the ratio of an empty assembly
	if len(changed) == 0 {
		return assembly, coverage, nil
	}
	texts, err := rewriteTexts(assembly, changed)
	if err != nil {
		return nil, coverage, err
	}
	return overlay{FS: assembly, texts: texts}, coverage, nil
}

// A foundTemplate is a template in an assembly, a nested stack's included.
type foundTemplate struct {
	file string
	// stack is the name of its stack, or of its file for a nested one.
	stack    string
	account  string
	region   string
	document map[string]any
}

// readTemplates finds the templates: those of the stacks in every manifest, and the assets that are templates of nested stacks.
func readTemplates(files fs.FS) ([]foundTemplate, error) {
	stacks := map[string]foundTemplate{}
	var nested []string
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return fs.SkipDir // a folder that is published as an archive
		case path.Base(name) == "manifest.json":
			return readManifest(files, name, stacks)
		case strings.HasSuffix(name, ".nested.template.json"):
			nested = append(nested, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range nested {
		stacks[name] = foundTemplate{file: name, stack: strings.TrimSuffix(path.Base(name), ".nested.template.json")}
	}
	var out []foundTemplate
	for _, file := range slices.Sorted(maps.Keys(stacks)) {
		t := stacks[file]
		text, err := fs.ReadFile(files, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the deployment will say so
		}
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&t.document); err != nil {
			return nil, fmt.Errorf("%s is no template in JSON: %w", file, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// readManifest notes the stacks of a manifest by the file of their template. What is wrong with it is for the deployment to say.
func readManifest(files fs.FS, name string, stacks map[string]foundTemplate) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	var manifest struct {
		Artifacts map[string]struct {
			Type        string
			Environment string
			Properties  struct {
				TemplateFile string
				StackName    string
			}
		}
	}
	if json.Unmarshal(text, &manifest) != nil {
		return nil //nolint:nilerr // see above
	}
	for id, a := range manifest.Artifacts {
		if a.Type != "aws:cloudformation:stack" || a.Properties.TemplateFile == "" {
			continue
		}
		account, region, _ := strings.Cut(strings.TrimPrefix(a.Environment, "aws://"), "/")
		file := path.Join(path.Dir(name), a.Properties.TemplateFile)
		stacks[file] = foundTemplate{file: file, stack: cmp.Or(a.Properties.StackName, id), account: account, region: region}
	}
	return nil
}

// isCustomResource says whether a resource is made by a program of the app's. The emulator would run it on this very machine and without the libraries that
// Lambda has, and wait an hour for one that does not start.
func isCustomResource(kind string) bool {
	return strings.HasPrefix(kind, "Custom::") || kind == "AWS::CloudFormation::CustomResource"
}

// replaceUnknown replaces what is not known and every reference to it. The text is the whole template anew, empty where nothing had to be
// replaced.
func (t foundTemplate) replaceUnknown(known map[string]bool) (string, Coverage, error) {
	coverage := Coverage{Ratio: 1}
	resources, _ := t.document["Resources"].(map[string]any)
	missing := unavailable{resources: map[string]string{}, attributes: map[string]string{}, referenced: map[string]bool{}}
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		coverage.Resources++
		resource, _ := resources[id].(map[string]any)
		kind, _ := resource["Type"].(string)
		if resource == nil || kind == "" || known[kind] && !isCustomResource(kind) {
			missing.addMissingAttributes(id, kind)
			continue
		}
		missing.resources[id] = kind
		coverage.StandIns = append(coverage.StandIns, StandIn{Stack: t.stack, LogicalID: id, Type: kind})
		resource["Type"] = standInType
		// What only the real type understands goes; conditions, dependencies and policies stay.
		for _, key := range []string{"Properties", "CreationPolicy", "UpdatePolicy"} {
			delete(resource, key)
		}
	}
	document := t.replaceReferences(t.document, missing)
	for _, asked := range slices.Sorted(maps.Keys(missing.referenced)) {
		id, name, _ := strings.Cut(asked, ".")
		coverage.MissingAttributes = append(coverage.MissingAttributes, MissingAttribute{Stack: t.stack, LogicalID: id, Name: name})
	}
	if len(missing.resources) == 0 && len(missing.referenced) == 0 {
		return "", coverage, nil
	}
	text, err := json.MarshalIndent(document, "", " ")
	return string(text), coverage, err
}

// missingAttributeNames are the attributes that the emulator does not have of types that it makes. CloudFormation has them.
var missingAttributeNames = map[string][]string{
	"AWS::RDS::DBCluster": {"MasterUserSecret.SecretArn"},
}

// unavailable is what a template refers to and the emulator does not have.
type unavailable struct {
	// resources are the types of the resources that are stood in for, by logical id.
	resources map[string]string
	// attributes are the types of those that lack one, by ID.ATTRIBUTE.
	attributes map[string]string
	// referenced are those of the attributes that the template asks for.
	referenced map[string]bool
}

func (m unavailable) addMissingAttributes(id, kind string) {
	for _, name := range missingAttributeNames[kind] {
		m.attributes[id+"."+name] = kind
	}
}

// unavailableType is the type of the resource that cannot answer for itself, or for this attribute of itself; empty for one that can.
func (m unavailable) unavailableType(id, attribute string) string {
	if kind := m.resources[id]; kind != "" {
		return kind
	}
	name := id + "." + attribute
	kind := m.attributes[name]
	if kind != "" {
		m.referenced[name] = true
	}
	return kind
}

// replaceReferences replaces the references to what is missing by values of the shape that the real resource would give.
func (t foundTemplate) replaceReferences(value any, missing unavailable) any {
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

// replaceReference answers an intrinsic function that refers to something missing.
func (t foundTemplate) replaceReference(function map[string]any, missing unavailable) (any, bool) {
	if len(function) != 1 {
		return nil, false
	}
	if id, ok := function["Ref"].(string); ok && missing.resources[id] != "" {
		return t.standInValue(id, "", missing.resources[id]), true
	}
	switch of := function["Fn::GetAtt"].(type) {
	case string:
		id, attribute, _ := strings.Cut(of, ".")
		if kind := missing.unavailableType(id, attribute); kind != "" {
			return t.standInValue(id, attribute, kind), true
		}
	case []any:
		if id, attribute, ok := parseGetAtt(of); ok {
			if kind := missing.unavailableType(id, attribute); kind != "" {
				return t.standInValue(id, attribute, kind), true
			}
		}
	}
	switch of := function["Fn::Sub"].(type) {
	case string:
		return map[string]any{"Fn::Sub": t.replaceInSub(of, nil, missing)}, true
	case []any:
		if len(of) != 2 {
			return nil, false
		}
		text, isText := of[0].(string)
		variables, isMap := of[1].(map[string]any)
		if isText && isMap {
			return map[string]any{"Fn::Sub": []any{t.replaceInSub(text, variables, missing), t.replaceReferences(variables, missing)}}, true
		}
	}
	return nil, false
}

func parseGetAtt(of []any) (id, attribute string, ok bool) {
	if len(of) != 2 {
		return "", "", false
	}
	id, isText := of[0].(string)
	attribute, _ = of[1].(string)
	return id, attribute, isText
}

var subVariable = regexp.MustCompile(`\$\{[A-Za-z0-9.]+\}`)

// replaceInSub replaces what is missing in the text of Fn::Sub, but not the variables that hide it.
func (t foundTemplate) replaceInSub(text string, variables map[string]any, missing unavailable) string {
	return subVariable.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		id, attribute, _ := strings.Cut(name, ".")
		kind := missing.unavailableType(id, attribute)
		if _, hidden := variables[name]; hidden || kind == "" {
			return found
		}
		return t.standInValue(id, attribute, kind)
	})
}

// standInValue is what is answered for an attribute of a resource of that type, or for a plain reference when there is no attribute.
func (t foundTemplate) standInValue(id, attribute, kind string) string {
	if attribute == "Arn" || strings.HasSuffix(attribute, "Arn") || strings.HasSuffix(attribute, "ARN") {
		service := strings.ToLower(strings.Split(kind+"::::", "::")[1])
		return fmt.Sprintf("arn:aws:%s:%s:%s:stand-in/%s", service, t.region, t.account, id)
	}
	return strings.TrimRight("stand-in-"+id+"-"+strings.ReplaceAll(attribute, ".", "-"), "-")
}

// rewriteTexts are the new texts of an assembly's files. The name under which a template is published is the hash of its content, so it
// changes with it, and with it every file that refers to the template by that name.
func rewriteTexts(assembly fs.FS, changed map[string]string) (map[string]string, error) {
	renamed, err := assetHashReplacer(assembly, changed)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	return texts, fs.WalkDir(assembly, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(name, ".json"), strings.HasPrefix(entry.Name(), "asset."):
			return nil
		}
		original, err := fs.ReadFile(assembly, name)
		if err != nil {
			return err
		}
		text := renamed.Replace(cmp.Or(changed[name], string(original)))
		if text != string(original) {
			texts[name] = text
		}
		return nil
	})
}

// assetHashReplacer gives the new hash for each old one. A template that refers to another waits until that one has its new name.
func assetHashReplacer(files fs.FS, changed map[string]string) (*strings.Replacer, error) {
	templates, err := readTemplates(files)
	if err != nil {
		return nil, err
	}
	old, err := assetHashes(files)
	if err != nil {
		return nil, err
	}
	texts, originals := map[string]string{}, map[string]string{}
	for _, t := range templates {
		original, err := fs.ReadFile(files, t.file)
		if err != nil {
			return nil, err
		}
		originals[t.file] = string(original)
		texts[t.file] = cmp.Or(changed[t.file], string(original))
	}
	var pairs []string
	waiting := slices.Sorted(maps.Keys(texts))
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(file string) bool {
			return !slices.ContainsFunc(waiting, func(other string) bool {
				return other != file && old[other] != "" && strings.Contains(texts[file], old[other])
			})
		})
		if next < 0 {
			return nil, errors.New("nested stacks refer to each other in a circle")
		}
		file := waiting[next]
		if text := strings.NewReplacer(pairs...).Replace(texts[file]); old[file] != "" && text != originals[file] {
			sum := sha256.Sum256([]byte(text))
			pairs = append(pairs, old[file], hex.EncodeToString(sum[:]))
		}
		waiting = slices.Delete(waiting, next, next+1)
	}
	return strings.NewReplacer(pairs...), nil
}

// assetHashes are the hashes that files are published under, by file, as the asset manifests have them.
func assetHashes(files fs.FS) (map[string]string, error) {
	names := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".assets.json") {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		var manifest struct {
			Files map[string]struct{ Source struct{ Path string } }
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for hash, asset := range manifest.Files {
			if len(hash) == sha256.Size*2 { // a shorter name could stand in a text by chance
				names[path.Join(path.Dir(name), asset.Source.Path)] = hash
			}
		}
		return nil
	})
	return names, err
}
