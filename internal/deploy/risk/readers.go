package risk

import (
	"maps"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// wholeReaders read the types whose properties mean something only together.
var wholeReaders = map[string]func(*reader, map[string]any){
	"AWS::EC2::SecurityGroup": func(r *reader, p map[string]any) {
		r.addTrafficRules("from", p["SecurityGroupIngress"])
		r.addTrafficRules("to", p["SecurityGroupEgress"])
		if len(asList(p["SecurityGroupEgress"])) > 0 {
			r.add(limits, "traffic to others is limited to its rules")
			return
		}
		for _, anywhere := range []map[string]any{{"CidrIp": "0.0.0.0/0"}, {"CidrIpv6": "::/0"}} {
			r.addGrant(grant{kind: implied, text: resolve.Text(anywhere), rule: readTrafficRule("to", anywhere)})
		}
	},
	"AWS::EC2::SecurityGroupIngress": func(r *reader, p map[string]any) {
		r.addTrafficRule("from", p)
		r.add(names, "of the group "+resolve.Text(p["GroupId"])+resolve.Text(p["GroupName"]))
	},
	"AWS::EC2::SecurityGroupEgress": func(r *reader, p map[string]any) {
		r.addTrafficRule("to", p)
		r.add(names, "of the group "+resolve.Text(p["GroupId"]))
	},
	"AWS::EC2::NetworkAclEntry": func(r *reader, p map[string]any) {
		k := fixed
		switch resolve.Text(p["RuleAction"]) {
		case "deny":
			k = limits
		case "allow":
			k = allows
		}
		r.add(k, "network rule "+resolve.Text(p))
	},
	"AWS::EC2::Route": readRoute,
	"AWS::SSM::Document": func(r *reader, p map[string]any) {
		// Whoever it runs for, machines included, runs it with rights of their own.
		r.add(names, "runs "+resolve.Text(p["Content"])+" with the files "+resolve.Text(p["Attachments"]))
	},
	"AWS::Lambda::Permission": readLambdaPermission,
	"AWS::IAM::AccessKey": func(r *reader, p map[string]any) {
		r.add(fixed, "makes a key for "+resolve.Text(p["UserName"]))
	},
	"AWS::IAM::UserToGroupAddition": func(r *reader, p map[string]any) {
		for _, user := range asList(p["Users"]) {
			r.add(allows, "puts "+resolve.Text(user)+" into "+resolve.Text(p["GroupName"]))
		}
	},
}

// defaults are what properties are where a template does not say, as far as that gives access.
var defaults = map[string]map[string]any{
	"AWS::ApiGateway::Method":       {"AuthorizationType": "NONE"},
	"AWS::ApiGatewayV2::Route":      {"AuthorizationType": "NONE"},
	"AWS::DMS::ReplicationInstance": {"PubliclyAccessible": true},
	"AWS::EKS::Cluster": {
		"ResourcesVpcConfig": map[string]any{"EndpointPublicAccess": true, "PublicAccessCidrs": []any{"0.0.0.0/0"}},
	},
	"AWS::ElasticLoadBalancing::LoadBalancer":   {"Scheme": "internet-facing"},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"Scheme": "internet-facing"},
	"AWS::RAM::ResourceShare":                   {"AllowExternalPrincipals": true},
	"AWS::Transfer::Server":                     {"EndpointType": "PUBLIC"},
}

// withDefaults returns properties with the defaults of those that are missing.
func withDefaults(properties, values map[string]any) map[string]any {
	out := maps.Clone(properties)
	for name, value := range values {
		inner, isMap := value.(map[string]any)
		fields, isGivenMap := out[name].(map[string]any)
		switch {
		case out[name] == nil:
			out[name] = value
		case isMap && isGivenMap:
			out[name] = withDefaults(fields, inner)
		}
	}
	return out
}

// boundingPolicies are the properties with a policy without which everything is allowed that others allow.
var boundingPolicies = map[string]string{
	"AWS::EC2::VPCEndpoint":       "PolicyDocument",
	"AWS::RolesAnywhere::Profile": "SessionPolicy",
	"AWS::Transfer::User":         "Policy",
}

// closingPolicies are the properties with a policy that refuses callers whom the resource answers without it. The
// policy may give more than that too.
var closingPolicies = map[string]string{
	"AWS::ApiGateway::RestApi": "Policy",
	"AWS::EFS::FileSystem":     "FileSystemPolicy",
	"AWS::Serverless::Api":     "Auth",
}

// readBoundingPolicy reads what a policy leaves of what others allow: everything, where there is none.
func (r *reader) readBoundingPolicy(p map[string]any) {
	if name := closingPolicies[r.kind]; resolve.Text(p[name]) != "" {
		r.add(limits, "whom it answers is limited by its policy")
	}
	name, ok := boundingPolicies[r.kind]
	if !ok {
		return
	}
	r.scope = name
	if resolve.Text(p[name]) != "" {
		r.add(limits, "what it allows is limited by its policy")
		return
	}
	all := selection{patterns: []string{"*"}}
	r.addGrant(grant{kind: implied, text: "everything", statement: &statement{"Allow", all, all, all, nil}})
}

// readEndpointService reads the service that an endpoint in a network leads to: one of AWS, or of whoever offers one.
func (r *reader) readEndpointService(p map[string]any) {
	if r.kind != "AWS::EC2::VPCEndpoint" {
		return
	}
	r.scope = "ServiceName"
	k, service := names, resolve.Text(p["ServiceName"])
	if strings.Contains(service, ".vpce-svc-") || strings.Contains(service, ".vpce.") {
		k = allows
	}
	r.add(k, "leads to the service "+service)
}

// readRoute reads a route. Where it leads decides what is reached, and from where.
func readRoute(r *reader, p map[string]any) {
	to := resolve.Text(p["DestinationCidrBlock"]) + resolve.Text(p["DestinationIpv6CidrBlock"]) +
		resolve.Text(p["DestinationPrefixListId"])
	for _, name := range sortedKeys(p) {
		if strings.HasPrefix(name, "Destination") || name == "RouteTableId" {
			continue
		}
		what := strings.ToLower(strings.TrimSuffix(name, "Id"))
		r.add(fixed, "routes "+to+" to the "+what+" "+resolve.Text(p[name])+" from "+resolve.Text(p["RouteTableId"]))
	}
}

// readLambdaPermission reads a permission to call a function as the statement that it becomes in the function's policy.
func readLambdaPermission(r *reader, p map[string]any) {
	conditions := map[string]any{}
	for name, condition := range map[string]string{
		"SourceArn": "ArnLike aws:SourceArn", "SourceAccount": "StringEquals aws:SourceAccount",
		"PrincipalOrgID": "StringEquals aws:PrincipalOrgID", "EventSourceToken": "StringEquals lambda:EventSourceToken",
		"FunctionUrlAuthType":   "StringEquals lambda:FunctionUrlAuthType",
		"InvokedViaFunctionUrl": "Bool lambda:InvokedViaFunctionUrl",
	} {
		if value, ok := p[name]; ok {
			operator, key, _ := strings.Cut(condition, " ")
			byKey, _ := conditions[operator].(map[string]any)
			if byKey == nil {
				byKey = map[string]any{}
			}
			byKey[key] = value
			conditions[operator] = byKey
		}
	}
	s := map[string]any{
		"Effect": "Allow", "Action": p["Action"], "Resource": p["FunctionName"], "Principal": lambdaPrincipal(p["Principal"]),
	}
	if len(conditions) > 0 {
		s["Condition"] = conditions
	}
	r.scope = "Principal"
	r.readStatement(s)
}

// lambdaPrincipal returns the principal of a permission as a statement has it: * is everybody.
func lambdaPrincipal(value any) any {
	text := resolve.Text(value)
	if text == "*" || strings.HasPrefix(text, "arn:") {
		return value
	}
	return map[string]any{"Service": value}
}
