package preflight

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// The pages that document what AWS refuses because of the stacks that exist.
const (
	exportsSource = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html"
	typesSource   = "https://github.com/aws/aws-sam-cli/issues/6786"
)

// A DeployedStack is a stack as it exists.
type DeployedStack struct {
	// Template is the text that it was deployed with; empty where that is not known.
	Template string
	// Exports are the values of its exports by name, and ExportKeys the keys of their outputs.
	Exports    map[string]string
	ExportKeys map[string]string
}

// A PlannedStack is a stack that is to be deployed.
type PlannedStack struct {
	*assembly.Stack
	// Deployed is the stack as it exists; nil for one that does not.
	Deployed *DeployedStack
}

// An Account answers what other stacks do with exports.
type Account struct {
	// Importers returns the names of the stacks that import an export of a stack.
	Importers func(s *assembly.Stack, export string) ([]string, error)
	// Exporter returns the name of the stack that exports a name in the region of a stack, empty for none.
	Exporter func(s *assembly.Stack, export string) (string, error)
}

// CheckExisting returns what CloudFormation would refuse of the planned stacks because of the stacks that exist. The
// planned ones must be all of the assembly; it asks about an account only where an export comes, goes or changes.
func CheckExisting(planned []PlannedStack, account Account) ([]Finding, error) {
	c := &existingCheck{planned: planned, account: account}
	for _, p := range planned {
		c.checkTypes(p)
		if err := c.checkLostExports(p); err != nil {
			return nil, err
		}
		if err := c.checkNewExports(p); err != nil {
			return nil, err
		}
	}
	return c.found, nil
}

type existingCheck struct {
	planned []PlannedStack
	account Account
	found   []Finding
}

func (c *existingCheck) report(p PlannedStack, logicalID, source, format string, args ...any) {
	c.found = append(c.found, Finding{
		Stack: p.Name, LogicalID: logicalID, Type: p.Template.Resources[logicalID].Type,
		Construct: p.ConstructPaths[logicalID], Service: cloudFormation, Problem: fmt.Sprintf(format, args...),
		Source: source, Level: Limit,
	})
}

// standInType is the type of a rehearsal's stand-ins for types that the emulator does not know.
const standInType = "AWS::CloudFormation::WaitConditionHandle"

// checkTypes finds resources whose type changes, unless one of both is a stand-in.
func (c *existingCheck) checkTypes(p PlannedStack) {
	if p.Deployed == nil {
		return
	}
	deployed, err := assembly.ParseTemplate(p.Deployed.Template)
	if err != nil {
		return // it is in YAML
	}
	for _, id := range sortedKeys(p.Template.Resources) {
		now := p.Template.Resources[id].Type
		before, exists := deployed.Resources[id]
		if exists && before.Type != now && before.Type != standInType && now != standInType {
			c.report(p, id, typesSource, "it is deployed as %s, and the type of a resource cannot be changed: "+
				"give the construct another id", before.Type)
		}
	}
}

// checkLostExports finds exports that a planned stack drops or changes and that another stack imports.
func (c *existingCheck) checkLostExports(p PlannedStack) error {
	if p.Deployed == nil {
		return nil
	}
	for _, name := range sortedKeys(p.Deployed.Exports) {
		verb := lossOf(p, name)
		if verb == "" {
			continue
		}
		importers, err := c.account.Importers(p.Stack, name)
		if err != nil {
			return err
		}
		for _, importer := range importers {
			if c.isReleased(p, importer, name) {
				continue
			}
			c.report(p, "", exportsSource, "it would %s the export %s, which stack %s imports: %s",
				verb, name, importer, c.wayOut(p, importer, name))
		}
	}
	return nil
}

// wayOut says how a stack can lose an export that another stack imports.
func (c *existingCheck) wayOut(p PlannedStack, importer, export string) string {
	other, isPlanned := c.stack(importer)
	keep := fmt.Sprintf("keep the export for one release with `this.exportValue(...)` in %s, deploy %s without the "+
		"import, and drop the export in the release after", p.Name, importer)
	if isPlanned && !mayImport(other.Stack, export) {
		return fmt.Sprintf("%s no longer imports it in this assembly, but may be deployed after %s. "+
			"Let %s depend on %s, or %s", importer, p.Name, p.Name, importer, keep)
	}
	return keep
}

// isReleased reports whether an importing stack certainly stops to import an export before the exporting stack is
// deployed.
func (c *existingCheck) isReleased(p PlannedStack, importer, export string) bool {
	if other, isPlanned := c.stack(importer); isPlanned {
		return needs(p.Stack, other.Stack) && !certainlyImports(other.Stack, export)
	}
	// A nested stack has the name of its parent before its own. Its template is not compared.
	return slices.ContainsFunc(c.planned, func(other PlannedStack) bool {
		return strings.HasPrefix(importer, other.Name+"-") && needs(p.Stack, other.Stack) && hasNested(other.Template)
	})
}

// hasNested reports whether a template has nested stacks.
func hasNested(t assembly.Template) bool {
	for _, r := range t.Resources {
		if r.Type == "AWS::CloudFormation::Stack" {
			return true
		}
	}
	return false
}

func (c *existingCheck) stack(name string) (PlannedStack, bool) {
	i := slices.IndexFunc(c.planned, func(p PlannedStack) bool { return p.Name == name })
	if i < 0 {
		return PlannedStack{}, false
	}
	return c.planned[i], true
}

// needs reports whether a stack is deployed after another: it needs it, directly or by others.
func needs(s, other *assembly.Stack) bool {
	return slices.ContainsFunc(s.Needs, func(need *assembly.Stack) bool { return need == other || needs(need, other) })
}

// lossOf returns what a planned stack does to an export that it has: "drop" or "change", or "" if it keeps the export
// or that is not known.
func lossOf(p PlannedStack, name string) string {
	planned, isComplete := exportsOf(p.Stack)
	output, isExported := planned[name]
	if !isExported {
		if isComplete {
			return "drop"
		}
		return ""
	}
	if text, ok := newScope(p.Stack).resolve(output.Value); ok {
		if text != p.Deployed.Exports[name] {
			return "change"
		}
		return ""
	}
	deployed, err := assembly.ParseTemplate(p.Deployed.Template)
	if err != nil {
		return ""
	}
	before, beforeKnown := identified(deployed, deployed.Outputs[p.Deployed.ExportKeys[name]].Value)
	now, nowKnown := identified(p.Template, output.Value)
	if beforeKnown && nowKnown && before != now {
		return "change"
	}
	return ""
}

// replacedExports returns the exports of a stack whose values change because a resource is replaced: by the name of the
// export, the resource's logical id.
func replacedExports(p PlannedStack, replaced []string) map[string]string {
	lost := map[string]string{}
	if p.Deployed == nil {
		return lost
	}
	planned, _ := exportsOf(p.Stack)
	for name, output := range planned {
		_, isDeployed := p.Deployed.Exports[name]
		if id, ok := identified(p.Template, output.Value); ok && isDeployed && slices.Contains(replaced, id) {
			lost[name] = id
		}
	}
	return lost
}

// CheckReplacedExports returns what CloudFormation would refuse of a stack because it replaces resources whose identity
// it exports. A replacement cannot wait: whoever imports the old value still has it.
func CheckReplacedExports(p PlannedStack, replaced []string, account Account) ([]Finding, error) {
	c := &existingCheck{planned: []PlannedStack{p}, account: account}
	lost := replacedExports(p, replaced)
	for _, name := range sortedKeys(lost) {
		importers, err := account.Importers(p.Stack, name)
		if err != nil {
			return nil, err
		}
		for _, importer := range importers {
			c.report(p, lost[name], exportsSource, "its replacement would change the export %s, which stack %s imports: "+
				"export the new resource under another name, deploy %s with that, and remove the old one in the release after",
				name, importer, importer)
		}
	}
	return c.found, nil
}

// checkNewExports finds names that two stacks would export in one region.
func (c *existingCheck) checkNewExports(p PlannedStack) error {
	exports, _ := exportsOf(p.Stack)
	for _, name := range sortedKeys(exports) {
		if exports[name].Condition != nil {
			continue // it may not be exported
		}
		if other := c.secondExporter(p, name); other != "" {
			c.report(p, "", exportsSource, "it exports %s, and so does stack %s: the names of exports are unique in an "+
				"account and region, so give one of them another name", name, other)
			continue
		}
		if p.Deployed != nil {
			if _, exists := p.Deployed.Exports[name]; exists {
				continue
			}
		}
		if err := c.checkExporter(p, name); err != nil {
			return err
		}
	}
	for _, name := range duplicateExports(p.Stack) {
		c.report(p, "", exportsSource, "two of its outputs export the name %s: give one of them another name", name)
	}
	return nil
}

// secondExporter returns a planned stack after this one that exports the same name without a condition.
func (c *existingCheck) secondExporter(p PlannedStack, name string) string {
	after := false
	for _, other := range c.planned {
		if other.Stack == p.Stack {
			after = true
			continue
		}
		exports, _ := exportsOf(other.Stack)
		output, exported := exports[name]
		if after && exported && output.Condition == nil && other.Region == p.Region && other.Account == p.Account {
			return other.Name
		}
	}
	return ""
}

// checkExporter finds a stack that already exports a name which is new in a planned stack.
func (c *existingCheck) checkExporter(p PlannedStack, name string) error {
	exporter, err := c.account.Exporter(p.Stack, name)
	if err != nil || exporter == "" || exporter == p.Name {
		return err
	}
	other, isPlanned := c.stack(exporter)
	isDropped := isPlanned && lossOf(other, name) == "drop"
	switch {
	case isDropped && needs(p.Stack, other.Stack):
	case isDropped:
		c.report(p, "", exportsSource, "it exports %s, which stack %s exports and drops in this assembly, perhaps "+
			"afterwards: let %s depend on %s", name, exporter, p.Name, exporter)
	default:
		c.report(p, "", exportsSource, "it exports %s, and so does stack %s: the names of exports are unique in an account "+
			"and region, so give it another name", name, exporter)
	}
	return nil
}
