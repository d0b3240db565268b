package preflight

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"lockstep/config/awsrules"
)

// The limits of templates. Source:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	maxTemplateBytes    = 1000000
	maxDescriptionBytes = 1024
	maxOutputs          = 200
	maxParameters       = 200
	maxMappings         = 200
	maxAttributes       = 200
	maxNameLength       = 255
	maxParameterBytes   = 4096
	maxStackTags        = 50
	maxStackName        = 128
)

const (
	cloudFormation       = "CloudFormation"
	cloudFormationLimits = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
	createStackReference = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html"
	templateAnatomy      = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html"
)

var cloudFormationRules = []Rule{
	{cloudFormation, "a template or section that is too large", cloudFormationLimits, Limit, checkLimits},
	{cloudFormation, "a name or a value that is too long", cloudFormationLimits, Limit, checkLengths},
	{cloudFormation, "a template without resources", templateAnatomy, Limit, checkHasResources},
	{cloudFormation, "a logical id that is not alphanumeric", templateAnatomy, Limit, checkLogicalIDs},
	{cloudFormation, "a stack name with other characters or too long", createStackReference, Limit, checkStackName},
}

func checkLimits(s *subject, report report) {
	t := s.template
	for _, limit := range []struct {
		what     string
		has, max int
		advice   string
	}{
		{"resources", len(t.Resources), awsrules.MaxStackResources, "move some of them into another stack"},
		{"outputs", len(t.Outputs), maxOutputs, "leave some out"},
		{"parameters", len(t.Parameters), maxParameters, "leave some out"},
		{"mappings", len(t.Mappings), maxMappings, "leave some out"},
		{"bytes", len(t.Body), maxTemplateBytes, "move some of its resources into another stack"},
		{"bytes in its description", len(t.Description), maxDescriptionBytes, "shorten it"},
	} {
		if limit.has > limit.max {
			report("", fmt.Sprintf("the template has %d %s, and CloudFormation takes %d: %s",
				limit.has, limit.what, limit.max, limit.advice))
		}
	}
	for _, name := range sortedKeys(t.Mappings) {
		mapping, _ := t.Mappings[name].(map[string]any)
		if len(mapping) > maxAttributes {
			report("", fmt.Sprintf("mapping %s has %d attributes, and CloudFormation takes %d: split it",
				name, len(mapping), maxAttributes))
		}
	}
}

func checkLengths(s *subject, report report) {
	t := s.template
	for _, section := range []struct {
		what  string
		names []string
	}{
		{"resource", sortedKeys(t.Resources)},
		{"output", sortedKeys(t.Outputs)},
		{"parameter", sortedKeys(t.Parameters)},
		{"mapping", sortedKeys(t.Mappings)},
	} {
		for _, name := range section.names {
			if n := utf8.RuneCountInString(name); n > maxNameLength {
				report("", fmt.Sprintf("the name of %s %.20s... has %d characters, and CloudFormation takes %d: shorten it",
					section.what, name, n, maxNameLength))
			}
		}
	}
	for _, name := range sortedKeys(t.Outputs) {
		if text, _ := t.Outputs[name].Description.(string); len(text) > maxDescriptionBytes {
			report("", fmt.Sprintf("the description of output %s has %d bytes, and CloudFormation takes %d: shorten it",
				name, len(text), maxDescriptionBytes))
		}
	}
	if s.isNested {
		return
	}
	for _, name := range sortedKeys(s.stack.Parameters) {
		if value := s.stack.Parameters[name]; len(value) > maxParameterBytes {
			report("", fmt.Sprintf("the value of parameter %s has %d bytes, and CloudFormation takes %d: shorten it",
				name, len(value), maxParameterBytes))
		}
	}
	if n := len(s.stack.Tags); n > maxStackTags {
		report("", fmt.Sprintf("the stack has %d tags, and CloudFormation takes %d: leave some out", n, maxStackTags))
	}
}

func checkHasResources(s *subject, report report) {
	if len(s.template.Resources) == 0 {
		report("", "the template has no resources: add one, or leave the stack out of the app")
	}
}

var logicalIDPattern = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func checkLogicalIDs(s *subject, report report) {
	if s.isExpanded() { // Fn::ForEach makes names of others
		return
	}
	for _, section := range []struct {
		what  string
		names []string
	}{
		{"resource", sortedKeys(s.template.Resources)},
		{"output", sortedKeys(s.template.Outputs)},
		{"parameter", sortedKeys(s.template.Parameters)},
	} {
		for _, name := range section.names {
			if !logicalIDPattern.MatchString(name) {
				report("", fmt.Sprintf("%q cannot be the name of a %s: use letters and digits", name, section.what))
			}
		}
	}
}

var stackNamePattern = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9]*$`)

func checkStackName(s *subject, report report) {
	name := s.stack.Name
	switch {
	case s.isNested: // CloudFormation chooses the names of nested stacks
	case !stackNamePattern.MatchString(name):
		report("", "a stack's name begins with a letter and has letters, digits and hyphens only: choose another name")
	case len(name) > maxStackName:
		report("", fmt.Sprintf("the stack's name has %d characters, and CloudFormation takes %d: shorten it",
			len(name), maxStackName))
	}
}
