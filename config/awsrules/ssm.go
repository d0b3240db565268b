package awsrules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The limits of standard parameters of Systems Manager. Lengths are in characters.
// Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
const (
	maxParameterLevels = 15
	// maxParameterARNLength is that of the ARN, not of the name alone.
	maxParameterARNLength   = 1011
	maxParameterValueLength = 4096
)

// parameterPartPattern is what the part of a parameter's name between two slashes looks like.
var parameterPartPattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

// CheckParameterPart checks the characters of one part of a parameter's name, or of several with slashes between them.
func CheckParameterPart(name string) *RefusedError {
	for part := range strings.SplitSeq(name, "/") {
		if !parameterPartPattern.MatchString(part) {
			return &RefusedError{
				fmt.Sprintf("%q cannot be a parameter's name", name),
				"use letters, digits, '_', '.', '-', and '/' between parts",
			}
		}
	}
	return nil
}

// CheckParameterRoot checks the first part of a parameter's name: SSM keeps those that begin with aws or ssm, in any
// case.
func CheckParameterRoot(root string) *RefusedError {
	for _, prefix := range []string{"aws", "ssm"} {
		if strings.HasPrefix(strings.ToLower(root), prefix) {
			return &RefusedError{
				fmt.Sprintf("%s begins with %s, which no name of a parameter in SSM may", root, prefix),
				"choose another name",
			}
		}
	}
	return nil
}

// CheckParameterName checks the depth and the length of a full name, which begins with a slash. An empty region or
// account is not counted.
func CheckParameterName(name, region, account string) *RefusedError {
	if levels := strings.Count(name, "/"); levels > maxParameterLevels {
		return &RefusedError{
			fmt.Sprintf("parameter %s has %d levels", name, levels),
			fmt.Sprintf("SSM takes at most %d", maxParameterLevels),
		}
	}
	arn := fmt.Sprintf("arn:aws:ssm:%s:%s:parameter%s", region, account, name)
	if n := utf8.RuneCountInString(arn); n > maxParameterARNLength {
		return &RefusedError{
			fmt.Sprintf("parameter %s has an ARN of %d characters", name, n),
			fmt.Sprintf("SSM takes at most %d", maxParameterARNLength),
		}
	}
	return nil
}

// CheckParameterValue checks the value of the standard parameter with the given name.
func CheckParameterValue(name, value string) *RefusedError {
	switch n := utf8.RuneCountInString(value); {
	case n == 0:
		return &RefusedError{"parameter " + name + " is empty, which SSM does not take", "give it a value or leave it out"}
	case n > maxParameterValueLength:
		return &RefusedError{
			fmt.Sprintf("parameter %s has %d characters", name, n),
			fmt.Sprintf("SSM takes at most %d: store it elsewhere and name the place here", maxParameterValueLength),
		}
	case strings.Contains(value, "{{"):
		return &RefusedError{"parameter " + name + " has {{, which SSM does not take in a value", "write the value itself"}
	}
	return nil
}
