package rehearsal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// An OutsideParameter is a parameter of SSM that a stack reads.
type OutsideParameter struct {
	Stack string `json:"stack"`
	Name  string `json:"name"`
	// Value stands in for it where the emulated account has no parameter of the name, and IsList says that it is a list.
	Value  string `json:"value"`
	IsList bool   `json:"isList,omitempty"`
	// Place is where the stack is, and IsMade says that a template of the assembly makes it: then it is not from outside.
	Place  assembly.Place `json:"-"`
	IsMade bool           `json:"-"`
}

// ssmReference matches a reference to a parameter of SSM, in its newest version or a numbered one.
var ssmReference = regexp.MustCompile(`\{\{resolve:ssm:([a-zA-Z0-9_.\-/]+)(?::\d+)?\}\}`)

// ReadParameters returns the parameters of SSM that the stacks of an assembly read, each once in a place.
func ReadParameters(asm *assembly.Assembly) ([]OutsideParameter, error) {
	templates, err := assembly.Templates(asm.Files)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, t := range templates {
		own = append(own, madeParameters(t.Document)...)
	}
	var all []OutsideParameter
	for _, stack := range asm.Stacks {
		for _, p := range readParameters(stack) {
			isSame := func(o OutsideParameter) bool { return o.Name == p.Name && o.Place == p.Place }
			if !slices.ContainsFunc(all, isSame) {
				p.IsMade = slices.Contains(own, p.Name)
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// madeParameters returns the literal names of the parameters that a template makes.
func madeParameters(template map[string]any) []string {
	var names []string
	resources, _ := template["Resources"].(map[string]any)
	for id := range resources {
		resource, _ := resources[id].(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		if name, ok := properties["Name"].(string); ok && resource["Type"] == "AWS::SSM::Parameter" {
			names = append(names, name)
		}
	}
	return names
}

// readParameters returns the parameters of SSM that a stack reads, with a value for each: by the types of the
// template's parameters, and by references in its text.
func readParameters(stack *assembly.Stack) []OutsideParameter {
	const prefix = "AWS::SSM::Parameter::Value<"
	var read []OutsideParameter
	add := func(name, valueType string) {
		name, _, _ = strings.Cut(name, ":") // a version
		if name == "" {
			return
		}
		inner, isList := strings.CutPrefix(valueType, "List<")
		isList = isList || valueType == "CommaDelimitedList"
		read = append(read, OutsideParameter{
			Stack: stack.Name, Name: name, Place: stack.Place(), IsList: isList,
			Value: outsideValue(name, strings.TrimRight(inner, ">"), stack.Region),
		})
	}
	for name, p := range stack.Template.Parameters {
		valueType, isValue := strings.CutPrefix(p.Type, prefix)
		value, isGiven := stack.Parameters[name]
		if !isGiven && p.Default != nil {
			value = fmt.Sprint(p.Default)
		}
		if isValue && !strings.HasPrefix(value, "arn:") { // a parameter that another account shares
			add(value, strings.TrimSuffix(valueType, ">"))
		}
	}
	for _, match := range ssmReference.FindAllStringSubmatch(stack.Template.Body, -1) {
		add(match[1], "String")
	}
	slices.SortFunc(read, func(a, b OutsideParameter) int { return strings.Compare(a.Name, b.Name) })
	return read
}

// maxOutsideValue is how long a value of a plain type may be: it may become the name of something.
const maxOutsideValue = 60

// outsideValue returns a value of the type that CloudFormation checks an SSM parameter's value against.
func outsideValue(name, valueType, region string) string {
	const id = "0123456789abcdef0"
	prefixes := map[string]string{
		"AWS::EC2::Image::Id": "ami-", "AWS::EC2::Instance::Id": "i-", "AWS::EC2::SecurityGroup::Id": "sg-",
		"AWS::EC2::Subnet::Id": "subnet-", "AWS::EC2::VPC::Id": "vpc-", "AWS::EC2::Volume::Id": "vol-",
	}
	switch prefix := prefixes[valueType]; {
	case prefix != "":
		return prefix + id
	case valueType == "AWS::EC2::AvailabilityZone::Name":
		return region + "a"
	case valueType == "AWS::Route53::HostedZone::Id":
		return "Z0123456789ABCDEFGHIJ"
	case strings.Contains(name, "/ami") || strings.Contains(name, "image_id"):
		return prefixes["AWS::EC2::Image::Id"] + id
	}
	value := "stand-in-" + strings.Trim(strings.NewReplacer("/", "-", ".", "-").Replace(name), "-")
	return strings.TrimRight(value[:min(len(value), maxOutsideValue)], "-")
}
