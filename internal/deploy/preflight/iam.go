package preflight

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"lockstep/internal/deploy/assembly"
)

// The limits of IAM, which count characters but white space. Source: the page in iamQuotas.
const (
	maxManagedPolicy = 6144
	maxTrustPolicy   = 8192 // after the largest increase
	maxAttached      = 25   // managed policies of a role, after the largest increase
)

// maxInlinePolicies is the size of all inline policies of an identity together, by its type.
var maxInlinePolicies = map[string]int{"AWS::IAM::Role": 10240, "AWS::IAM::User": 2048, "AWS::IAM::Group": 5120}

const iamQuotas = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"

var iamRules = []Rule{
	{"IAM", "inline policies that are too large together", iamQuotas, Limit, checkInlinePolicies},
	{"IAM", "a managed policy or a trust policy that is too large", iamQuotas, Limit, checkPolicySizes},
	{"IAM", "too many managed policies on a role", iamQuotas, Limit, checkAttachedPolicies},
}

// minSize returns how many characters a document has at least for IAM: white space does not count, nor does an
// intrinsic function, whose value is not known.
func minSize(document any) int {
	switch v := document.(type) {
	case map[string]any:
		if isIntrinsic(v) {
			return 0
		}
		size := len("{}") + max(0, len(v)-1)
		for key, value := range v {
			size += minSize(key) + len(":") + minSize(value)
		}
		return size
	case []any:
		size := len("[]") + max(0, len(v)-1)
		for _, item := range v {
			size += minSize(item)
		}
		return size
	case string:
		return len(`""`) + strings.Count(v, "") - 1 - strings.Count(v, " ")
	}
	text, _ := json.Marshal(document) // it was decoded from JSON
	return len(text)
}

// textSize is minSize of a policy that may also be given as text.
func textSize(document any) int {
	text, ok := document.(string)
	if !ok {
		return minSize(document)
	}
	size := 0
	for _, c := range text {
		if !unicode.IsSpace(c) {
			size++
		}
	}
	return size
}

// inlineAttachments names the property of each type of a policy's own resource that refers to identities, and the type
// of those.
var inlineAttachments = map[string]map[string]string{
	"AWS::IAM::Policy": {
		"Roles": "AWS::IAM::Role", "Users": "AWS::IAM::User", "Groups": "AWS::IAM::Group",
	},
	"AWS::IAM::RolePolicy":  {"RoleName": "AWS::IAM::Role"},
	"AWS::IAM::UserPolicy":  {"UserName": "AWS::IAM::User"},
	"AWS::IAM::GroupPolicy": {"GroupName": "AWS::IAM::Group"},
}

// checkInlinePolicies adds the policies within an identity to those of the template that refer to it.
func checkInlinePolicies(s *subject, report report) {
	sizes := map[string]int{}
	for _, id := range sortedKeys(s.template.Resources) {
		r := s.template.Resources[id]
		if _, ok := maxInlinePolicies[r.Type]; ok {
			for _, policy := range asList(r.Properties["Policies"]) {
				sizes[id] += textSize(asMap(policy)["PolicyDocument"])
			}
		}
		if r.Condition != "" {
			continue // it may not be there
		}
		for property := range inlineAttachments[r.Type] {
			attached := asList(r.Properties[property])
			if attached == nil {
				attached = []any{r.Properties[property]}
			}
			for _, identity := range attached {
				if target, ok := referenced(identity); ok {
					sizes[target] += textSize(r.Properties["PolicyDocument"])
				}
			}
		}
	}
	for _, id := range sortedKeys(sizes) {
		limit, ok := maxInlinePolicies[s.template.Resources[id].Type]
		if ok && sizes[id] > limit {
			report(id, fmt.Sprintf("its inline policies have at least %d characters together, and IAM takes %d: "+
				"move statements into managed policies", sizes[id], limit))
		}
	}
}

// referenced returns the logical id in a Ref.
func referenced(value any) (string, bool) {
	object, _ := value.(map[string]any)
	id, ok := object["Ref"].(string)
	return id, ok
}

func checkPolicySizes(s *subject, report report) {
	s.resources("AWS::IAM::ManagedPolicy", func(id string, r assembly.Resource) {
		if size := textSize(r.Properties["PolicyDocument"]); size > maxManagedPolicy {
			report(id, fmt.Sprintf("the policy has at least %d characters, and IAM takes %d: split it",
				size, maxManagedPolicy))
		}
	})
	s.resources("AWS::IAM::Role", func(id string, r assembly.Resource) {
		if size := textSize(r.Properties["AssumeRolePolicyDocument"]); size > maxTrustPolicy {
			report(id, fmt.Sprintf("the trust policy has at least %d characters, and IAM takes %d: shorten it",
				size, maxTrustPolicy))
		}
	})
}

func checkAttachedPolicies(s *subject, report report) {
	s.resources("AWS::IAM::Role", func(id string, r assembly.Resource) {
		count := 0
		for _, policy := range asList(r.Properties["ManagedPolicyArns"]) {
			if !contains(policy, "Fn::If") { // it may be no value
				count++
			}
		}
		if count > maxAttached {
			report(id, fmt.Sprintf("the role has %d managed policies, and IAM takes %d: join some of them",
				count, maxAttached))
		}
	})
}
