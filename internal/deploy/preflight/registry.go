package preflight

import (
	"strings"

	"lockstep/internal/awsmodel"
)

var registryRules = []Rule{{
	cloudFormation, "a property that the registry's schema of the type does not take",
	"https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html", Check,
	checkSchemas,
}}

// checkSchemas holds the properties of each resource against the schema of its type. What a macro may change, and
// what a program of the app's reads, is not judged.
func checkSchemas(s *subject, report report) {
	if s.isExpanded() {
		return
	}
	for _, id := range sortedKeys(s.template.Resources) {
		r := s.template.Resources[id]
		if isCustom(r.Type) || contains(r.Properties, "Fn::Transform") {
			continue
		}
		for _, violation := range awsmodel.Validate(r.Type, r.Properties) {
			report(id, violation.String())
		}
	}
}

// isCustom reports whether a program of the app's creates the resources of a type.
func isCustom(resourceType string) bool {
	return strings.HasPrefix(resourceType, "Custom::") || resourceType == "AWS::CloudFormation::CustomResource"
}
