package rehearsal

import (
	"io/fs"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// An Adapter makes copies of cloud assemblies that can be deployed to the emulated accounts.
type Adapter struct {
	// KnownTypes returns the resource types that the emulator can create.
	KnownTypes func() (map[string]bool, error)
	// Expand returns templates as the macros of AWS make them, in the same order.
	Expand func(templates []MacroTemplate) ([]map[string]any, error)
}

// Adapt returns a cloud assembly in which the macros of AWS are expanded, look-ups without an answer have one that does
// no harm, and every resource of a type that the emulator does not know is replaced by a stand-in. The coverage says
// how much of the assembly that leaves. The parameters are values of the configuration, by stack and name. The returned
// files are a view of the given ones: nothing is copied.
func (a Adapter) Adapt(files fs.FS, parameters map[string]map[string]string) (fs.FS, Coverage, error) {
	coverage := Coverage{Ratio: 1, byFile: map[string]Coverage{}}
	known, err := a.KnownTypes()
	if err != nil {
		return nil, coverage, err
	}
	templates, err := assembly.Templates(files)
	if err != nil {
		return nil, coverage, err
	}
	keys, providers, err := lookupKeys(files)
	if err != nil {
		return nil, coverage, err
	}
	coverage.Lookups = keys
	answered, isChanged, err := answerLookups(files, templates, providers)
	if err != nil {
		return nil, coverage, err
	}
	coverage.Answered = answered
	published := make([]Coverage, len(templates))
	for i, t := range templates {
		// The macro of SAM asks AWS for what these applications are made of.
		replaced := false
		published[i], replaced = rewriter{t}.replaceUnknown(isNoPublishedApplication)
		isChanged[i] = isChanged[i] || replaced
	}
	if err := a.expandAll(templates, isChanged, parameters); err != nil {
		return nil, coverage, err
	}
	for i, t := range templates {
		covered, hasStandIns := rewriter{t}.replaceUnknown(func(resourceType string) bool {
			return known[resourceType] && !isCustomResource(resourceType)
		})
		covered.MissingAttributes = slices.Concat(
			published[i].MissingAttributes, covered.MissingAttributes, publicParameters(t))
		covered.StandIns = append(published[i].StandIns, covered.StandIns...)
		coverage.Add(covered)
		coverage.byFile[t.File] = covered
		isChanged[i] = isChanged[i] || hasStandIns
	}
	adapted, err := rewriteFiles(files, templates, isChanged)
	return adapted, coverage, err
}

// isNoPublishedApplication reports whether a type is another one than that of applications in the repository of AWS.
func isNoPublishedApplication(resourceType string) bool {
	return resourceType != "AWS::Serverless::Application"
}

// publicPrefix begins the names of the SSM parameters that AWS itself publishes in every account.
const publicPrefix = "/aws/service/"

// publicParameters returns the public SSM parameters whose values a template's parameters are: the accounts have values
// of their own for them.
func publicParameters(t assembly.TemplateFile) []MissingAttribute {
	parameters, _ := t.Document["Parameters"].(map[string]any)
	var found []MissingAttribute
	for _, id := range slices.Sorted(maps.Keys(parameters)) {
		parameter, _ := parameters[id].(map[string]any)
		name, _ := parameter["Default"].(string)
		if value, ok := t.Parameters[id]; ok {
			name = value
		}
		typeName, _ := parameter["Type"].(string)
		if strings.HasPrefix(typeName, "AWS::SSM::Parameter::") && strings.HasPrefix(name, publicPrefix) {
			found = append(found, MissingAttribute{Stack: t.Stack, LogicalID: id, Name: name})
		}
	}
	return found
}

// replaceTexts replaces texts somewhere in a value, in place.
func replaceTexts(value any, replace func(text string) (any, bool)) any {
	switch v := value.(type) {
	case string:
		if replacement, ok := replace(v); ok {
			return replacement
		}
	case []any:
		for i := range v {
			v[i] = replaceTexts(v[i], replace)
		}
	case map[string]any:
		for key := range v {
			v[key] = replaceTexts(v[key], replace)
		}
	}
	return value
}
