package preflight

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"lockstep/config/awsrules"
	"lockstep/internal/deploy/assembly"
)

var ssmRules = []Rule{{
	"Systems Manager", "a parameter's name or value",
	"https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html", Check, checkSSMParameters,
}}

// maxAdvancedValue is the length in characters of a value of the advanced tier.
const maxAdvancedValue = 8192

func checkSSMParameters(s *subject, report report) {
	s.resources("AWS::SSM::Parameter", func(id string, r assembly.Resource) {
		name, hasName := r.Properties["Name"].(string)
		if hasName {
			if refused := checkSSMName(name, s.stack); refused != nil {
				report(id, refused.Error())
			}
		}
		value, isText := r.Properties["Value"].(string)
		if !isText || strings.Contains(value, "{{resolve:") { // CloudFormation resolves it before SSM sees it
			return
		}
		if tier, ok := r.Properties["Tier"]; ok && tier != "Standard" {
			if n := utf8.RuneCountInString(value); n > maxAdvancedValue {
				report(id, fmt.Sprintf("the value has %d characters; SSM takes at most %d", n, maxAdvancedValue))
			}
			return
		}
		if refused := awsrules.CheckParameterValue(name, value); refused != nil {
			report(id, refused.Error())
		}
	})
}

func checkSSMName(name string, s *assembly.Stack) *awsrules.RefusedError {
	bare := strings.TrimPrefix(name, "/")
	first, _, _ := strings.Cut(bare, "/")
	if refused := awsrules.CheckParameterPart(bare); refused != nil {
		return refused
	}
	if refused := awsrules.CheckParameterRoot(first); refused != nil {
		return refused
	}
	return awsrules.CheckParameterName("/"+bare, s.Region, s.Account)
}
