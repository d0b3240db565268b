package selftest

import "encoding/json"

// mark begins the description of the self-test's stack. A stack without it is never touched.
const mark = "Lockstep self-test"

// A variant is what a template of the self-test has beside its two resources, which cost nothing.
type variant struct {
	value string
	// again says that the stack was deleted before.
	again bool
	// dependsOn says that the parameter depends on the topic, and hasNonsense that it has a property that does not exist.
	dependsOn, hasNonsense bool
	// fails adds a parameter that SSM refuses and a condition that nobody meets, and waits something that goes on while
	// they fail.
	fails, waits bool
}

type object = map[string]any

// template returns the template of a variant, whose parameters have names that begin with a prefix. It has a character
// beyond ASCII.
func (v variant) template(prefix string) string {
	if v.again {
		prefix += "-again"
	}
	properties := object{"Name": prefix + "/parameter", "Type": "String", "Value": object{"Fn::Sub": v.value + " ${Word}"}}
	if v.hasNonsense {
		properties["Colour"] = "red"
	}
	parameter := object{"Type": "AWS::SSM::Parameter", "Properties": properties}
	if v.dependsOn {
		parameter["DependsOn"] = "Topic"
	}
	resources := object{"Parameter": parameter, "Topic": object{"Type": "AWS::SNS::Topic"}}
	if v.fails {
		resources["Refused"] = object{"Type": "AWS::SSM::Parameter", "Properties": object{
			"Name": prefix + "/refused", "Type": "String", "Value": "b", "AllowedPattern": "^a$",
		}}
		resources["Handle"] = object{"Type": "AWS::CloudFormation::WaitConditionHandle"}
		resources["Unmet"] = waitCondition("1")
	}
	if v.waits {
		resources["Waiting"] = waitCondition("120")
	}
	text, err := json.Marshal(object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              mark + ": it may be deleted at any time",
		"Metadata":                 object{"Word": "caf\u00e9"},
		"Parameters":               object{"Word": object{"Type": "String", "Default": "default"}},
		"Resources":                resources,
	})
	if err != nil {
		panic(err) // it has nothing but texts and objects
	}
	return string(text)
}

// waitCondition returns a condition that nobody meets, with the seconds after which it fails.
func waitCondition(timeout string) object {
	return object{"Type": "AWS::CloudFormation::WaitCondition", "Properties": object{
		"Handle": object{"Ref": "Handle"}, "Timeout": timeout,
	}}
}
