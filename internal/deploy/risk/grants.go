package risk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// A grant is one thing that a resource allows or denies.
type grant struct {
	denies bool
	// isPublic says that everybody is allowed it.
	isPublic bool
}

// grants are the grants of a resource by their text.
type grants map[string]grant

// grantsOf returns the grants of a resource. It finds policies wherever they stand in the properties, so that no list
// of types has to be complete. Types that give access by other means have a reader in accessReaders.
func grantsOf(r assembly.Resource) grants {
	out := grants{}
	out.addPolicies(r.Properties)
	if read, ok := accessReaders[r.Type]; ok {
		read(out, r.Properties)
	}
	for _, policy := range asList(r.Properties["ManagedPolicyArns"]) {
		name := canonicalText(policy)
		out["has the rights of "+name] = grant{isPublic: strings.Contains(name, "policy/AdministratorAccess")}
	}
	if boundary, ok := r.Properties["PermissionsBoundary"]; ok {
		out["is bounded by "+canonicalText(boundary)] = grant{denies: true}
	}
	if public, ok := r.Properties["PubliclyAccessible"]; ok && canonicalText(public) != "false" {
		out["has a public address"] = grant{isPublic: true}
	}
	return out
}

// addPolicies adds the grants of every policy document in a value: of whatever has statements with an effect.
func (g grants) addPolicies(value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, s := range asList(v["Statement"]) {
			if statement, ok := s.(map[string]any); ok {
				g.addStatement(statement)
			}
		}
		for key, inner := range v {
			if key != "Statement" {
				g.addPolicies(inner)
			}
		}
	case []any:
		for _, inner := range v {
			g.addPolicies(inner)
		}
	}
}

// addStatement adds one grant for each principal, action and resource of a statement, because a tool that writes
// policies joins and reorders them.
func (g grants) addStatement(s map[string]any) {
	effect, ok := s["Effect"].(string)
	if !ok {
		return
	}
	verb := map[string]string{"Allow": "allows", "Deny": "denies"}[effect]
	condition := ""
	if c, ok := s["Condition"]; ok {
		condition = " if " + canonicalText(c)
	}
	for _, who := range principals(s) {
		for _, action := range statementItems(s, "Action") {
			for _, on := range statementItems(s, "Resource") {
				text := strings.TrimSpace(fmt.Sprintf("%s %s%s%s%s", verb, who, action, prefixedText(" on ", on), condition))
				everybody := condition == "" && (who == everyone || who == "" && action == "*" && on == "*")
				g[text] = grant{denies: effect == "Deny", isPublic: everybody && effect == "Allow"}
			}
		}
	}
}

// everyone is the text of the principal "*".
const everyone = "everybody "

// principals returns the principals of a statement, each with a space after it. For a statement without any, which
// belongs to the principal that its policy is attached to, it returns one empty text.
func principals(s map[string]any) []string {
	for _, key := range []string{"Principal", "NotPrincipal"} {
		switch v := s[key].(type) {
		case string:
			if v == "*" && key == "Principal" {
				return []string{everyone}
			}
			return []string{negatedText(key, v) + " "}
		case map[string]any:
			var out []string
			for _, kind := range slices.Sorted(maps.Keys(v)) {
				for _, who := range asList(v[kind]) {
					if text := canonicalText(who); text == "*" && key == "Principal" {
						out = append(out, everyone)
					} else {
						out = append(out, negatedText(key, kind+" "+text)+" ")
					}
				}
			}
			return out
		}
	}
	return []string{""}
}

// statementItems are the items under a key or under its negation; a single empty text where there is neither.
func statementItems(s map[string]any, key string) []string {
	for _, k := range []string{key, "Not" + key} {
		var out []string
		for _, item := range asList(s[k]) {
			out = append(out, negatedText(k, canonicalText(item)))
		}
		if len(out) > 0 {
			return out
		}
	}
	return []string{""}
}

func negatedText(key, text string) string {
	if strings.HasPrefix(key, "Not") {
		return "all but " + text
	}
	return text
}

func prefixedText(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// accessReaders add the grants of the types that give access by other means than a policy.
var accessReaders = map[string]func(grants, map[string]any){
	"AWS::EC2::SecurityGroup": func(g grants, p map[string]any) {
		for _, rule := range asList(p["SecurityGroupIngress"]) {
			g.addTrafficRule("from", rule)
		}
		for _, rule := range asList(p["SecurityGroupEgress"]) {
			g.addTrafficRule("to", rule)
		}
	},
	"AWS::EC2::SecurityGroupIngress": func(g grants, p map[string]any) { g.addTrafficRule("from", p) },
	"AWS::EC2::SecurityGroupEgress":  func(g grants, p map[string]any) { g.addTrafficRule("to", p) },
	"AWS::EC2::NetworkAclEntry": func(g grants, p map[string]any) {
		g["network rule "+canonicalText(p)] = grant{denies: canonicalText(p["RuleAction"]) == "deny"}
	},
	"AWS::EC2::Route": func(g grants, p map[string]any) {
		if gateway, ok := p["GatewayId"]; ok {
			g["routes "+canonicalText(p["DestinationCidrBlock"])+" to the gateway "+canonicalText(gateway)] = grant{}
		}
	},
	"AWS::Lambda::Permission": func(g grants, p map[string]any) {
		who := canonicalText(p["Principal"])
		narrowed := p["SourceArn"] != nil || p["SourceAccount"] != nil || p["PrincipalOrgID"] != nil
		g["allows "+who+" "+canonicalText(p)] = grant{isPublic: who == "*" && !narrowed}
	},
	"AWS::S3::Bucket": func(g grants, p map[string]any) {
		blocked, _ := p["PublicAccessBlockConfiguration"].(map[string]any)
		for _, what := range slices.Sorted(maps.Keys(blocked)) {
			if canonicalText(blocked[what]) == "true" {
				g["public access is shut by "+what] = grant{denies: true}
			}
		}
	},
	"AWS::IAM::AccessKey": func(g grants, p map[string]any) {
		g["makes a key for "+canonicalText(p["UserName"])] = grant{}
	},
	"AWS::IAM::UserToGroupAddition": func(g grants, p map[string]any) {
		for _, user := range asList(p["Users"]) {
			g["puts "+canonicalText(user)+" into "+canonicalText(p["GroupName"])] = grant{}
		}
	},
}

// addTrafficRule is a rule of a security group. What comes from anywhere is open to everybody; what goes anywhere is
// not.
func (g grants) addTrafficRule(direction string, rule any) {
	p, ok := rule.(map[string]any)
	if !ok {
		return
	}
	p = maps.Clone(p)
	delete(p, "Description")
	anywhere := canonicalText(p["CidrIp"]) == "0.0.0.0/0" || canonicalText(p["CidrIpv6"]) == "::/0"
	g["lets traffic through "+direction+" "+canonicalText(p)] = grant{isPublic: anywhere && direction == "from"}
}

// asList returns a list, or a single item as a list; nil for none.
func asList(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// canonicalText returns a text that is the same for equal values: a string as it is, all else as JSON with sorted keys.
func canonicalText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, _ := json.Marshal(value) // it came out of JSON
	return string(text)
}
