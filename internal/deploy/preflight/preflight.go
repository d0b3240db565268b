// Package preflight owns what AWS would refuse of a deployment and what can be known of that before it begins: from the
// templates alone, and from the templates and the stacks that exist. It makes no calls and writes nothing.
package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// A Rule is one thing that AWS refuses.
type Rule struct {
	// Service is the AWS service that refuses it.
	Service string
	// Refuses says what is refused, as a noun.
	Refuses string
	// Source is the page that documents it.
	Source string
	// Level says what a live deployment does with it.
	Level Level

	check func(*subject, report)
}

// A Level is how sure it is that AWS refuses what a rule finds.
type Level string

// The levels. A rehearsal stops at either; a live deployment stops at a limit, and prints a notice otherwise.
const (
	// Limit is for documented limits that no setting and no newer version of a service lifts.
	Limit Level = "limit"
	// Check is for what the service checks by rules that change with it.
	Check Level = "check"
)

// Rules is the table of the rules on templates. The rules on what exists already are in existing.go.
var Rules = slices.Concat(
	cloudFormationRules, registryRules, tagRules, ssmRules, iamRules, lambdaRules, s3Rules,
)

// A report takes what a rule found: the logical id of a resource, empty for the template or stack as a whole, and what
// is wrong with it.
type report func(logicalID, problem string)

// A subject is a template that the rules judge.
type subject struct {
	stack    *assembly.Stack
	template assembly.Template
	// isNested says that the template is that of a nested stack. The stack's tags and parameters are not the template's.
	isNested bool
}

// A Finding is something that AWS would refuse.
type Finding struct {
	Stack string
	// File is the template's path in the assembly if it is that of a nested stack.
	File string
	// LogicalID and Type are those of the resource; empty for the template or stack as a whole.
	LogicalID string
	Type      string
	// Construct is the path of the app's construct, empty where the manifest does not have it.
	Construct string
	Service   string
	Problem   string
	Source    string
	Level     Level
}

// String returns the finding as one line.
func (f Finding) String() string {
	where := "stack " + f.Stack
	if f.File != "" {
		where += ", nested template " + f.File
	}
	if f.LogicalID != "" {
		where += ", " + assembly.DescribeResource(f.LogicalID, f.Type, f.Construct)
	}
	return fmt.Sprintf("%s: %s: %s [%s]", where, f.Service, f.Problem, f.Source)
}

// CheckTemplate returns what AWS would refuse of a stack's template, in the order of the rules.
func CheckTemplate(s *assembly.Stack) []Finding {
	return runRules(&subject{stack: s, template: s.Template}, "")
}

// CheckNested returns what AWS would refuse of the template of a stack nested in another.
func CheckNested(parent *assembly.Stack, file string, template assembly.Template) []Finding {
	return runRules(&subject{stack: parent, template: template, isNested: true}, file)
}

func runRules(s *subject, file string) []Finding {
	var found []Finding
	for _, rule := range Rules {
		rule.check(s, func(logicalID, problem string) {
			found = append(found, Finding{
				Stack: s.stack.Name, File: file, LogicalID: logicalID, Type: s.template.Resources[logicalID].Type,
				Construct: s.stack.ConstructPaths[logicalID], Service: rule.Service, Problem: problem,
				Source: rule.Source, Level: rule.Level,
			})
		})
	}
	return found
}

// resources calls visit for each resource of a type, in the order of their logical ids.
func (s *subject) resources(resourceType string, visit func(id string, r assembly.Resource)) {
	for _, id := range sortedKeys(s.template.Resources) {
		if r := s.template.Resources[id]; r.Type == resourceType {
			visit(id, r)
		}
	}
}

// harmlessTransforms are the macros that do not change the properties of the resources that a template declares.
var harmlessTransforms = []string{
	"AWS::CodeDeployBlueGreen", "AWS::SecretsManager-2020-07-23", "AWS::SecretsManager-2024-09-16",
}

// isExpanded reports whether a macro may change the template's resources before they are deployed.
func (s *subject) isExpanded() bool {
	return slices.ContainsFunc(s.template.Transforms, func(name string) bool {
		return !slices.Contains(harmlessTransforms, name)
	})
}

// contains reports whether a value has a key somewhere.
func contains(value any, key string) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == key || contains(inner, key) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return contains(item, key) })
	}
	return false
}

// asList returns a list's items, and nil for another value.
func asList(value any) []any {
	list, _ := value.([]any)
	return list
}

// asMap returns an object's members, and nil for another value or an intrinsic function.
func asMap(value any) map[string]any {
	object, _ := value.(map[string]any)
	if isIntrinsic(object) {
		return nil
	}
	return object
}

// isIntrinsic reports whether an object is an intrinsic function, whose value is not known before the deployment.
func isIntrinsic(object map[string]any) bool {
	for key := range object {
		return len(object) == 1 && (key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::"))
	}
	return false
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
