package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A grant is one thing that a resource's definition lets happen, or refuses.
type grant struct {
	refuses bool
	// open says that it is granted to everybody.
	open bool
}

// grants are a resource's grants by what they say.
type grants map[string]grant

// grantsOf reads what a resource's properties grant. Policies are found wherever they stand, so that no list of types has to be complete;
// what is no policy and yet opens a way has a reader of its own in ways.
func grantsOf(r resource) grants {
	out := grants{}
	out.search(r.Properties)
	if read, ok := ways[r.Type]; ok {
		read(out, r.Properties)
	}
	for _, policy := range list(r.Properties["ManagedPolicyArns"]) {
		out["has the rights of "+canonical(policy)] = grant{open: strings.Contains(canonical(policy), "policy/AdministratorAccess")}
	}
	if boundary, ok := r.Properties["PermissionsBoundary"]; ok {
		out["is bounded by "+canonical(boundary)] = grant{refuses: true}
	}
	if public, ok := r.Properties["PubliclyAccessible"]; ok && canonical(public) != "false" {
		out["has a public address"] = grant{open: true}
	}
	return out
}

// search finds policy documents: what has statements with an effect.
func (g grants) search(value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, s := range list(v["Statement"]) {
			if statement, ok := s.(map[string]any); ok {
				g.statement(statement)
			}
		}
		for key, inner := range v {
			if key != "Statement" {
				g.search(inner)
			}
		}
	case []any:
		for _, inner := range v {
			g.search(inner)
		}
	}
}

// statement takes a statement apart, because a tool that writes policies joins and reorders them: for each principal, action and resource there is
// one grant.
func (g grants) statement(s map[string]any) {
	effect, ok := s["Effect"].(string)
	if !ok {
		return
	}
	verb := map[string]string{"Allow": "allows", "Deny": "denies"}[effect]
	condition := ""
	if c, ok := s["Condition"]; ok {
		condition = " if " + canonical(c)
	}
	for _, who := range principals(s) {
		for _, action := range either(s, "Action") {
			for _, on := range either(s, "Resource") {
				text := strings.TrimSpace(fmt.Sprintf("%s %s%s%s%s", verb, who, action, prefixed(" on ", on), condition))
				everybody := condition == "" && (who == everyone || who == "" && action == "*" && on == "*")
				g[text] = grant{refuses: effect == "Deny", open: everybody && effect == "Allow"}
			}
		}
	}
}

const everyone = "everybody "

// principals are whom a statement is about, each with a blank behind; a single empty text in a policy that belongs to its principal.
func principals(s map[string]any) []string {
	for _, key := range []string{"Principal", "NotPrincipal"} {
		switch v := s[key].(type) {
		case string:
			if v == "*" && key == "Principal" {
				return []string{everyone}
			}
			return []string{negated(key, v) + " "}
		case map[string]any:
			var out []string
			for _, kind := range slices.Sorted(maps.Keys(v)) {
				for _, who := range list(v[kind]) {
					if text := canonical(who); text == "*" && key == "Principal" {
						out = append(out, everyone)
					} else {
						out = append(out, negated(key, kind+" "+text)+" ")
					}
				}
			}
			return out
		}
	}
	return []string{""}
}

// either are the items under a key or under its negation; a single empty text where there is neither.
func either(s map[string]any, key string) []string {
	for _, k := range []string{key, "Not" + key} {
		var out []string
		for _, item := range list(s[k]) {
			out = append(out, negated(k, canonical(item)))
		}
		if len(out) > 0 {
			return out
		}
	}
	return []string{""}
}

func negated(key, text string) string {
	if strings.HasPrefix(key, "Not") {
		return "all but " + text
	}
	return text
}

func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// ways read what opens a way and is no policy.
var ways = map[string]func(grants, map[string]any){
	"AWS::EC2::SecurityGroup": func(g grants, p map[string]any) {
		for _, rule := range list(p["SecurityGroupIngress"]) {
			g.traffic("from", rule)
		}
		for _, rule := range list(p["SecurityGroupEgress"]) {
			g.traffic("to", rule)
		}
	},
	"AWS::EC2::SecurityGroupIngress": func(g grants, p map[string]any) { g.traffic("from", p) },
	"AWS::EC2::SecurityGroupEgress":  func(g grants, p map[string]any) { g.traffic("to", p) },
	"AWS::EC2::NetworkAclEntry": func(g grants, p map[string]any) {
		g["network rule "+canonical(p)] = grant{refuses: canonical(p["RuleAction"]) == "deny"}
	},
	"AWS::EC2::Route": func(g grants, p map[string]any) {
		if gateway, ok := p["GatewayId"]; ok {
			g["routes "+canonical(p["DestinationCidrBlock"])+" to the gateway "+canonical(gateway)] = grant{}
		}
	},
	"AWS::Lambda::Permission": func(g grants, p map[string]any) {
		who := canonical(p["Principal"])
		narrowed := p["SourceArn"] != nil || p["SourceAccount"] != nil || p["PrincipalOrgID"] != nil
		g["allows "+who+" "+canonical(p)] = grant{open: who == "*" && !narrowed}
	},
	"AWS::S3::Bucket": func(g grants, p map[string]any) {
		blocked, _ := p["PublicAccessBlockConfiguration"].(map[string]any)
		for _, what := range slices.Sorted(maps.Keys(blocked)) {
			if canonical(blocked[what]) == "true" {
				g["public access is shut by "+what] = grant{refuses: true}
			}
		}
	},
	"AWS::IAM::AccessKey": func(g grants, p map[string]any) { g["makes a key for "+canonical(p["UserName"])] = grant{} },
	"AWS::IAM::UserToGroupAddition": func(g grants, p map[string]any) {
		for _, user := range list(p["Users"]) {
			g["puts "+canonical(user)+" into "+canonical(p["GroupName"])] = grant{}
		}
	},
}

// traffic is a rule of a security group. What comes from anywhere is open to everybody; what goes anywhere is not.
func (g grants) traffic(direction string, rule any) {
	p, ok := rule.(map[string]any)
	if !ok {
		return
	}
	p = maps.Clone(p)
	delete(p, "Description")
	anywhere := canonical(p["CidrIp"]) == "0.0.0.0/0" || canonical(p["CidrIpv6"]) == "::/0"
	g["lets traffic through "+direction+" "+canonical(p)] = grant{open: anywhere && direction == "from"}
}

// list makes a list of what may be written as one or as a single item.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// canonical is one text for each value: a string itself, and JSON with sorted keys else.
func canonical(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, _ := json.Marshal(value) // it came out of JSON
	return string(text)
}
