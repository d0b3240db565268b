package diagram

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// databaseTypes are the types whose resources are databases.
var databaseTypes = []string{
	"AWS::DocDB::DBCluster", "AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::Neptune::DBCluster",
	"AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::RDS::GlobalCluster", "AWS::Redshift::Cluster",
	"AWS::Timestream::Table",
}

// hasDatabase reports whether a stack has a database.
func hasDatabase(s *assembly.Stack) bool {
	for _, resource := range s.Template.Resources {
		if slices.Contains(databaseTypes, resource.Type) {
			return true
		}
	}
	return false
}

// drawDatabases draws the stacks that have databases, and those whose exports they import: a box for each type of
// database, and for the other resources of each service. An arrow is a reference.
func drawDatabases(p Platform) (*Diagram, string) {
	stacks := allStacks(p.detailed())
	d := &Diagram{
		Title: "Databases",
		Description: "The resources of the stacks that have a database, and of the stacks whose exports these import. " +
			"An arrow leads from a resource to one that it refers to.",
	}
	drawing := databaseDrawing{Diagram: d, boxOf: map[resourceKey]*Box{}}
	omitted := 0 // stacks that do not fit
	for _, s := range slices.DeleteFunc(slices.Clone(stacks), func(s *assembly.Stack) bool { return !hasDatabase(s) }) {
		for _, drawn := range append([]*assembly.Stack{s}, exporters(s, stacks)...) {
			if !drawing.addStack(drawn) {
				omitted++
			}
		}
	}
	if len(d.Boxes) == 0 && omitted == 0 {
		return nil, noDatabases
	}
	drawing.connectResources()
	d.arrangeGroups()
	if omitted > 0 {
		d.add(counted(omitted, "more stack"))
	}
	return d, ""
}

// exporters returns the stacks in the same account and region whose exports a stack imports.
func exporters(s *assembly.Stack, stacks []*assembly.Stack) []*assembly.Stack {
	return slices.DeleteFunc(slices.Clone(stacks), func(other *assembly.Stack) bool {
		return other == s || placeOf(other) != placeOf(s) || !slices.ContainsFunc(s.Template.Imports, func(name string) bool {
			_, ok := exportedResource(other, name)
			return ok
		})
	})
}

// exportedResource returns the logical id of the resource that the stack's export of that name refers to.
func exportedResource(s *assembly.Stack, name string) (id string, ok bool) {
	for _, output := range s.Template.Outputs {
		if export, ok := output.ExportName(); ok && export == name {
			for _, id := range references(output.Value) {
				return id, true
			}
		}
	}
	return "", false
}

// A resourceKey is a resource of a stack.
type resourceKey struct {
	stack *assembly.Stack
	id    string
}

// A databaseDrawing is the diagram of the databases while it is made.
type databaseDrawing struct {
	*Diagram
	// boxOf is the box of each resource.
	boxOf  map[resourceKey]*Box
	stacks []*assembly.Stack
}

// addStack adds a stack and reports whether there was room for it.
func (d *databaseDrawing) addStack(s *assembly.Stack) bool {
	if slices.Contains(d.stacks, s) {
		return true
	}
	groups := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(s.Template.Resources)) {
		kind := s.Template.Resources[id].Type
		group, _ := splitType(kind)
		if slices.Contains(databaseTypes, kind) {
			group = kind
		}
		if kind != metadataType {
			groups[group] = append(groups[group], id)
		}
	}
	// Each stack may get a box for what is independent, and one box counts the stacks that are left out.
	if countBoxes(d.Boxes)+len(d.stacks)+len(groups)+3 > MaxBoxes {
		return false
	}
	d.stacks = append(d.stacks, s)
	stack := d.add(s.Name, placeOf(s).String())
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		d.addGroup(stack, s, groups[group])
	}
	return true
}

// addGroup adds a box for resources of a stack: databases of one type, or what else there is of one service.
func (d *databaseDrawing) addGroup(parent *Box, s *assembly.Stack, ids []string) {
	group := service{types: map[string]int{}}
	for _, id := range ids {
		name, kind := splitType(s.Template.Resources[id].Type)
		group.name = name
		group.types[kind]++
	}
	box := parent.add(append(group.lines(), d.facts(s, ids)...)...)
	if slices.Contains(databaseTypes, s.Template.Resources[ids[0]].Type) {
		box.Shape = Database
	}
	for _, id := range ids {
		d.boxOf[resourceKey{s, id}] = box
	}
}

// facts returns what the template says of databases of one type, if it says the same of all.
func (d *databaseDrawing) facts(s *assembly.Stack, ids []string) []string {
	first := databaseFacts(s.Template.Resources[ids[0]])
	for _, id := range ids[1:] {
		if !slices.Equal(first, databaseFacts(s.Template.Resources[id])) {
			return nil
		}
	}
	return first
}

// databaseFacts returns what the template says of a database, as far as it does so literally.
func databaseFacts(r assembly.Resource) []string {
	if !slices.Contains(databaseTypes, r.Type) {
		return nil
	}
	var facts []string
	if engine, ok := r.Properties["Engine"].(string); ok {
		version, _ := r.Properties["EngineVersion"].(string)
		facts = append(facts, strings.TrimSpace(engine+" "+version))
	}
	if capacity, ok := r.Properties["ServerlessV2ScalingConfiguration"].(map[string]any); ok {
		facts = append(facts, fmt.Sprintf("%v to %v ACU", capacity["MinCapacity"], capacity["MaxCapacity"]))
	}
	for _, fact := range []struct {
		property, format string
	}{
		{"DBInstanceClass", "%v"}, {"BillingMode", "%v"}, {"BackupRetentionPeriod", "backups kept %v days"},
	} {
		switch value := r.Properties[fact.property].(type) {
		case nil, map[string]any, []any:
		default:
			facts = append(facts, fmt.Sprintf(fact.format, value))
		}
	}
	if r.Properties["StorageEncrypted"] == true {
		facts = append(facts, "encrypted")
	}
	if r.Properties["DeletionProtection"] == true {
		facts = append(facts, "protected from deletion")
	}
	return facts
}

// connectResources adds the arrows of the references between resources.
func (d *databaseDrawing) connectResources() {
	for _, s := range d.stacks {
		for _, id := range slices.Sorted(maps.Keys(s.Template.Resources)) {
			from := d.boxOf[resourceKey{s, id}]
			properties := s.Template.Resources[id].Properties
			for _, to := range references(properties) {
				d.connect(Arrow{From: from, To: d.boxOf[resourceKey{s, to}]})
			}
			for _, name := range imports(properties) {
				d.connect(Arrow{From: from, To: d.exported(name)})
			}
		}
	}
}

// exported returns the box of the resource that an export refers to; nil if it is not drawn.
func (d *databaseDrawing) exported(name string) *Box {
	for _, s := range d.stacks {
		if id, ok := exportedResource(s, name); ok {
			return d.boxOf[resourceKey{s, id}]
		}
	}
	return nil
}

// references returns the logical ids that a template's value refers to with Ref and Fn::GetAtt, in order.
func references(value any) []string {
	return collect(value, func(function string, argument any) string {
		switch target := argument.(type) {
		case string:
			if function == "Ref" || function == "Fn::GetAtt" {
				id, _, _ := strings.Cut(target, ".")
				return id
			}
		case []any:
			if function == "Fn::GetAtt" && len(target) > 0 {
				id, _ := target[0].(string)
				return id
			}
		}
		return ""
	})
}

// imports returns the literal names that a template's value imports, in order.
func imports(value any) []string {
	return collect(value, func(function string, argument any) string {
		name, _ := argument.(string)
		if function != "Fn::ImportValue" {
			return ""
		}
		return name
	})
}

// collect returns what find returns for the keys and values of all objects in a template's value, sorted by their keys.
func collect(value any, find func(key string, value any) string) []string {
	var found []string
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.SortedFunc(maps.Keys(v), cmp.Compare[string]) {
			if name := find(key, v[key]); name != "" {
				found = append(found, name)
			}
			found = append(found, collect(v[key], find)...)
		}
	case []any:
		for _, item := range v {
			found = append(found, collect(item, find)...)
		}
	}
	return found
}
