package risk

import (
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/resolve"
)

// This file is the one table of what governs access: types, properties and settings. Most of it comes from what AWS
// publishes (awsmodel's Scrutiny and PropertyScrutiny); the additions have a reason each.

// governedFamilies begin the names of types all of which govern access.
var governedFamilies = []string{
	"AWS::AccountAccess::", "AWS::IAM::", "AWS::IdentityStore::", "AWS::LakeFormation::", "AWS::MPA::",
	"AWS::Organizations::", "AWS::RAM::", "AWS::RolesAnywhere::", "AWS::SSO::", "AWS::VerifiedPermissions::",
}

// governedPattern matches the names of types that give or refuse something to somebody by what they are called.
var governedPattern = regexp.MustCompile(`::\w*(Permissions?|Grants?|GrantsInstance|GrantsLocation|AccessPolicy|` +
	`AuthPolicy|ResourcePolicy|EventBusPolicy|AccountPolicy|PrincipalAssociation|PrincipalAttachment|PortfolioShare|` +
	`AccessEntry|EndpointAuthorization|AggregationAuthorization|CrossAccountAttachment)$`)

// networkPattern matches the types of EC2 that decide who reaches whom.
var networkPattern = regexp.MustCompile(`^AWS::EC2::(\w*Route|\w*RouteTable(Association|Propagation)|\w*Peering\w*|` +
	`TransitGateway\w*Attachment|VPCGatewayAttachment|NetworkAclEntry|SubnetNetworkAclAssociation|ClientVpn\w+|` +
	`InstanceConnectEndpoint|EIPAssociation|PrefixList|VPCBlockPublicAccess\w+|\w+BlockPublicAccess|VerifiedAccess\w+)$`)

// governedAdditions are further types all of whose properties govern access, and why.
var governedAdditions = map[string]string{
	"AWS::ACMPCA::CertificateAuthorityActivation":           "who trusts the authority trusts what it signs",
	"AWS::ApiGateway::Authorizer":                           "it decides who may call an API",
	"AWS::ApiGateway::DomainNameAccessAssociation":          "it lets a network reach an API",
	"AWS::ApiGatewayV2::Authorizer":                         "it decides who may call an API",
	"AWS::AppSync::ApiKey":                                  "whoever has the key may call the API",
	"AWS::CloudFormation::Macro":                            "it rewrites templates",
	"AWS::CloudFormation::StackSet":                         "it deploys a template elsewhere",
	"AWS::ServiceCatalog::CloudFormationProvisionedProduct": "it deploys a template that is not here",
	"AWS::Oam::Link":                                        "it shows measurements and logs to another account",
	"AWS::Cognito::UserPoolIdentityProvider":                "whoever it knows may sign in",
	"AWS::CloudFront::KeyGroup":                             "its keys sign addresses of private content",
	"AWS::CloudFront::OriginAccessControl":                  "it signs the requests to a private origin",
	"AWS::Cognito::IdentityPoolPrincipalTag":                "policies may depend on these tags",
	"AWS::Cognito::IdentityPoolRoleAttachment":              "it gives roles to those who sign in, and to those who do not",
	"AWS::Cognito::UserPoolUserToGroupAttachment":           "a group may have a role",
	"AWS::EKS::PodIdentityAssociation":                      "it gives a role to pods",
	"AWS::ElastiCache::User":                                "it says what the user may do",
	"AWS::ElastiCache::UserGroup":                           "it says who may connect",
	"AWS::FSx::S3AccessPointAttachment":                     "it opens files as objects",
	"AWS::KMS::Alias":                                       "it says which key the name stands for",
	"AWS::Lambda::EventSourceMapping":                       "whoever writes to the source calls the function",
	"AWS::Lambda::Url":                                      "it is an address at which a function may be called",
	"AWS::Lambda::WebFunctionEndpoint":                      "it is an address at which a function may be called",
	"AWS::Logs::SubscriptionFilter":                         "it sends logs to others",
	"AWS::MemoryDB::ACL":                                    "it says who may connect",
	"AWS::MemoryDB::User":                                   "it says what the user may do",
	"AWS::OpenSearchServerless::SecurityPolicy":             "it may open a collection to the internet",
	"AWS::PCAConnectorAD::TemplateGroupAccessControlEntry":  "it says who may have certificates",
	"AWS::Redshift::EndpointAccess":                         "it opens a cluster to another network",
	"AWS::SNS::Subscription":                                "it sends the topic's messages to somebody",
	"AWS::Shield::DRTAccess":                                "it gives a role to AWS",
	"Custom::AWS":                                           "the CDK's custom resource calls whatever its properties say",
}

// protectorPattern matches the types that only refuse. Any change of one may refuse less, and a new one gives nothing.
var protectorPattern = regexp.MustCompile(`^AWS::(WAF\w*|NetworkFirewall)::|^AWS::Route53Resolver::Firewall|` +
	`^AWS::EC2::(VPCBlockPublicAccessOptions|SnapshotBlockPublicAccess|ImageBlockPublicAccess)$`)

// isProtector reports whether the resources of a type only refuse.
func isProtector(resourceType string) bool { return protectorPattern.MatchString(resourceType) }

// isGoverned reports whether all properties of a type govern access. What a module of CloudFormation stands for is not
// known.
func isGoverned(resourceType string) bool {
	if isProtector(resourceType) || strings.HasSuffix(resourceType, "::MODULE") {
		return true
	}
	if published, ok := awsmodel.Lookup(resourceType); ok && published.Scrutiny != "" {
		return true
	}
	_, isAdded := governedAdditions[resourceType]
	return isAdded || governedPattern.MatchString(resourceType) || networkPattern.MatchString(resourceType) ||
		slices.ContainsFunc(governedFamilies, func(f string) bool { return strings.HasPrefix(resourceType, f) })
}

// attachedProperties are the properties that name what a policy or a rule is attached to. Without it the other has
// more access, as long as it exists.
var attachedProperties = map[string][]string{
	"AWS::EC2::NetworkAclEntry":             {"NetworkAclId"},
	"AWS::EC2::SubnetNetworkAclAssociation": {"SubnetId"},
	"AWS::IAM::GroupPolicy":                 {"GroupName"},
	"AWS::IAM::ManagedPolicy":               {"Roles", "Users", "Groups"},
	"AWS::IAM::Policy":                      {"Roles", "Users", "Groups"},
	"AWS::IAM::RolePolicy":                  {"RoleName"},
	"AWS::IAM::UserPolicy":                  {"UserName"},
	"AWS::Organizations::Policy":            {"TargetIds"},
	"AWS::S3::BucketPolicy":                 {"Bucket"},
	"AWS::SNS::TopicPolicy":                 {"Topics"},
	"AWS::SQS::QueuePolicy":                 {"Queues"},
	"AWS::SecretsManager::ResourcePolicy":   {"SecretId"},
	"AWS::WAFRegional::WebACLAssociation":   {"ResourceArn"},
	"AWS::WAFv2::WebACLAssociation":         {"ResourceArn"},
}

// isAttachment reports whether a property names what a policy is attached to. That gives something only with what the
// policy says.
func isAttachment(resourceType, property string) bool {
	if names, ok := attachedProperties[resourceType]; ok {
		return slices.Contains(names, property)
	}
	return isPolicyType(resourceType)
}

// isPolicyType reports whether the resources of a type are policies.
func isPolicyType(resourceType string) bool {
	published, ok := awsmodel.Lookup(resourceType)
	return ok && strings.Contains(published.Scrutiny, "Policy")
}

// harmless are properties of governed types that say nothing about access.
var harmless = []string{
	"Description", "Tags", "TagSet", "DisplayName", "MaxSessionDuration", "SessionDuration", "RelayStateType",
	"BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts", "ParallelizationFactor", "ScalingConfig",
	"TumblingWindowInSeconds", "BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds", "FilterName",
	"RawMessageDelivery", "DeliveryPolicy", "VisibilityConfig", "AuthorizerResultTtlInSeconds", "CertificateBody",
}

// isHarmless reports whether a property of a type says nothing about access.
func isHarmless(resourceType, property string) bool {
	if slices.Contains(harmless, property) {
		return true
	}
	published, ok := awsmodel.Lookup(resourceType)
	return ok && published.TagProperty == property && property != ""
}

// isOwnName reports whether a property is the name of the resource itself, which gives nothing.
func isOwnName(resourceType, property string) bool {
	return property == resourceType[strings.LastIndex(resourceType, ":")+1:]+"Name" ||
		slices.Contains([]string{"Path", "PolicyName", "Name"}, property)
}

// policyAdditions are properties that hold a policy and are not published as such.
var policyAdditions = map[string][]string{
	"AWS::Elasticsearch::Domain":           {"AccessPolicies"},
	"AWS::OpenSearchService::Domain":       {"AccessPolicies"},
	"AWS::ECR::RepositoryCreationTemplate": {"RepositoryPolicy"},
	"AWS::ECR::RegistryPolicy":             {"PolicyText"},
	"AWS::MediaStore::Container":           {"Policy"},
	"AWS::RolesAnywhere::Profile":          {"SessionPolicy"},
	"AWS::Logs::Destination":               {"DestinationPolicy"},
	"AWS::Logs::DeliveryDestination":       {"DeliveryDestinationPolicy"},
	"AWS::AIOps::InvestigationGroup":       {"InvestigationGroupPolicy"},
	"AWS::Comprehend::DocumentClassifier":  {"ModelPolicy"},
	"AWS::Comprehend::EntityRecognizer":    {"ModelPolicy"},
	"AWS::Serverless::Function":            {"Policies"},
	"AWS::Serverless::StateMachine":        {"Policies"},
	"AWS::IAM::Role":                       {"AssumeRolePolicyDocument"},
}

// policyNames are the names of properties that hold a policy, in types that govern access.
var policyNames = []string{
	"PolicyDocument", "Policy", "ResourcePolicy", "PolicyText", "PolicyTemplate", "InlinePolicy", "BlockPublicPolicy",
	"Content", "AssumeRolePolicyDocument", "KeyPolicy", "SessionPolicy", "PolicyStatement",
}

// noPolicies are properties that are published among policies and give nobody anything.
var noPolicies = []string{"RedrivePolicy", "ReplayPolicy", "ArchivePolicy", "DataProtectionPolicy"}

// isPolicyProperty reports whether a policy stands in a property, so that whatever cannot be read there is flagged.
func isPolicyProperty(resourceType, property string) bool {
	published, ok := awsmodel.Lookup(resourceType)
	switch {
	case slices.Contains(noPolicies, property):
		return false
	case slices.Contains(policyAdditions[resourceType], property):
		return true
	case ok && slices.Contains([]string{"InlineResourcePolicy", "InlineIdentityPolicies"},
		published.PropertyScrutiny[property]):
		return true
	}
	return isGoverned(resourceType) && slices.Contains(policyNames, property) && !strings.HasPrefix(property, "Block")
}

// A setting says what a property with one of some names means, in whatever type and at whatever depth it stands.
type setting struct {
	names *regexp.Regexp
	read  func(r *reader, name string, value any)
}

// settings are the properties that govern access by their names. The first that matches counts.
var settings = []setting{
	{regexp.MustCompile(`^ManagedPolicyArns$|^ManagedPolicies$|^CustomerManagedPolicyReferences$`), readManagedPolicies},
	{regexp.MustCompile(`^PermissionsBoundary$`), func(r *reader, _ string, value any) {
		r.add(limits, "is bounded by "+resolve.Text(value))
	}},
	{regexp.MustCompile(`^(Is)?PubliclyAccessible$`), readSwitch("has a public address", true)},
	{
		regexp.MustCompile(`^(AnonymousAuthEnabled|AllowUnauthenticatedIdentities|PublicEndpoint|PublicConnectivity)$`),
		readSwitch("is open to everybody", true),
	},
	{
		regexp.MustCompile(`^(MapPublicIpOnLaunch|AssociatePublicIpAddress|AssignPublicIp|AutoAssignPublicIps|` +
			`CreatePublicIP|EndpointPublicAccess|AssignIpv6AddressOnCreation)$`),
		readSwitch("has a public address", false),
	},
	{
		regexp.MustCompile(`^(AllowClassicFlow|AllowExternalPrincipals|AllowPublicOverrides|EnableExecuteCommand|` +
			`Privileged|AllowCleartext|AllowFullTableExternalDataAccess|AllowExternalDataFiltering|` +
			`BootstrapClusterCreatorAdminPermissions|AcceptResourceTypes)$`),
		readSwitch("allows what it did not", false),
	},
	{
		regexp.MustCompile(`^(BlockPublicAcls|BlockPublicPolicy|IgnorePublicAcls|RestrictPublicBuckets)$`),
		readGuard("public access is shut by "),
	},
	{
		regexp.MustCompile(`^(AcceptanceRequired|ApiKeyRequired|EndpointPrivateAccess|EnforceHTTPS|RequireTLS|` +
			`StorageEncrypted|Encrypted|AtRestEncryptionEnabled|TransitEncryptionEnabled|IsMultiFactorAuthRequired|` +
			`DisableExecuteApiEndpoint|DisableNetworkTraffic|EnableNetworkIsolation|EnforceWorkGroupConfiguration|` +
			`EnableIAMDatabaseAuthentication|ReadonlyRootFilesystem|AuthorizationEnabled|EnableLogFileValidation|` +
			`SqsManagedSseEnabled|AllowAdminCreateUserOnly|IsLogging)$`),
		readGuard("is guarded by "),
	},
	{
		regexp.MustCompile(`^(HttpTokens|MfaConfiguration|ImageTagMutability|ObjectOwnership|Visibility|ViewerProtocolPolicy|` +
			`EndpointConfiguration|RestrictionType)$`), readRequired,
	},
	{regexp.MustCompile(`^(PublicAccess|Unauthenticated)$`), readSwitch("is open to everybody", false)},
	{regexp.MustCompile(`^EndpointType$`), func(r *reader, name string, value any) {
		if strings.EqualFold(resolve.Text(value), "PUBLIC") {
			r.add(allows, name+" is PUBLIC")
		}
	}},
	{regexp.MustCompile(`^(ReplicationConfiguration|AdditionalAuthenticationProviders)$`), func(r *reader, name string, value any) {
		r.addItems(allows, name+": ", value)
	}},
	{
		regexp.MustCompile(`^(BucketEncryption|SSESpecification|SSEDescription|StreamEncryption|KmsMasterKeyId|KmsKeyId|` +
			`EncryptionConfiguration|EncryptionAtRestOptions|NodeToNodeEncryptionOptions|WebACLId|WebAclArn|WebACLArn|` +
			`TrustedKeyGroups|TrustedSigners|MutualTlsAuthentication|OriginAccessControlId|OriginAccessIdentity|AuthToken|` +
			`AuthenticateOidcConfig|AuthenticateCognitoConfig|DataProtectionPolicy|VPCOptions|AdvancedSecurityOptions)$`),
		func(r *reader, name string, _ any) { r.add(limits, "is protected by "+name) },
	},
	{regexp.MustCompile(`^(AuthorizationType|AuthType|AuthenticationType|FunctionUrlAuthType|AuthorizerId)$`), readAuthorization},
	{regexp.MustCompile(`^Scheme$`), func(r *reader, _ string, value any) {
		if resolve.Text(value) != "internal" {
			r.add(allows, "has the scheme "+resolve.Text(value))
		}
	}},
	{regexp.MustCompile(`^AccessControl$`), readCannedACL},
	{
		regexp.MustCompile(`^\w*(Role|Roles|RoleArns?|RoleARNs?|RoleName|RoleAlias|InstanceProfile(Arn|Name)?)$`), readRoles,
	},
	{
		regexp.MustCompile(`^\w*(SecurityGroups?(Ids?|Arns|IDs|Names?|IdList)?|GroupSet)$`),
		func(r *reader, _ string, value any) { r.addItems(allows, "is in the security group ", value) },
	},
	{
		regexp.MustCompile(`^(Principal|Principals|PrincipalArn|AllowedPrincipals|AllowedAccountIds|Grantee|` +
			`GranteePrincipal|PublicAccessCidrs|CidrAllowList|AllowedIPRange|IpRangeWhitelist|AllowedVPCs|` +
			`LaunchPermissions?|TargetAccountIds|UserIds|OrganizationArns|OrganizationalUnitArns|AllowedOrigins|AllowOrigins|` +
			`OpenIdConnectProviderARNs|SamlProviderARNs|CognitoIdentityProviders|SupportedLoginProviders|CallbackURLs|` +
			`KeyName|SshPublicKeys|SshPublicKeyBody)$`),
		func(r *reader, name string, value any) { r.addItems(allows, name+": ", value) },
	},
	{regexp.MustCompile(`^ServiceToken$`), func(r *reader, _ string, value any) {
		r.add(fixed, "is made by "+resolve.Text(value))
	}},
}

// noRoles begin the names of types in which a property called a role is none of IAM.
var noRoles = []string{"AWS::QuickSight::", "AWS::Route53::"}

// readSetting adds what a property with a name that governs access grants, and reports whether there is such a name.
func (r *reader) readSetting(name string, value any) bool {
	for _, s := range settings {
		if s.names.MatchString(name) {
			s.read(r, name, value)
			return true
		}
	}
	return false
}

func readManagedPolicies(r *reader, _ string, value any) {
	for _, policy := range asList(value) {
		name := resolve.Text(policy)
		isAll := strings.Contains(name, "policy/AdministratorAccess") || strings.Contains(name, "policy/IAMFullAccess")
		r.addGrant(grant{text: "has the rights of " + name, isOpen: isAll})
	}
}

// isOff reports whether a switch is certainly off. One with a Type or Enabled inside is as that is.
func isOff(value any) bool {
	if object, ok := value.(map[string]any); ok && len(object) == 1 {
		for _, name := range []string{"Enabled", "Type"} {
			if inner, ok := object[name]; ok {
				return isOff(inner)
			}
		}
	}
	return slices.Contains([]string{"", "false", "disabled", "0", "none"}, strings.ToLower(resolve.Text(value)))
}

// readSwitch returns a function for a property that gives access unless it is off.
func readSwitch(text string, isOpen bool) func(*reader, string, any) {
	return func(r *reader, name string, value any) {
		if !isOff(value) {
			r.addGrant(grant{text: text + switchText(name, value), isOpen: isOpen})
		}
	}
}

// switchText returns what a switch says beside its meaning: its name, and what it is if that is not simply on.
func switchText(name string, value any) string {
	text := resolve.Text(value)
	if slices.Contains([]string{"true", "enabled"}, strings.ToLower(text)) {
		return " (" + name + ")"
	}
	return " (" + name + " is " + text + ")"
}

// readGuard returns a function for a property that holds access within bounds while it is on.
func readGuard(text string) func(*reader, string, any) {
	return func(r *reader, name string, value any) {
		if strings.EqualFold(resolve.Text(value), "true") {
			r.add(limits, text+name)
		}
	}
}

// readRequired reads a property that holds access within bounds with the strictest of its values.
func readRequired(r *reader, name string, value any) {
	text := resolve.Text(value)
	strictest := []string{
		"required", "on", "immutable", "bucketownerenforced", "private", "https-only", "redirect-to-https", "whitelist",
		"blacklist",
	}
	if slices.Contains(strictest, strings.ToLower(text)) || strings.Contains(text, `"PRIVATE"`) {
		r.add(limits, name+" is "+text)
	}
}

// readAuthorization reads how callers are identified. Another way is neither wider nor narrower for certain, unless it
// was none.
func readAuthorization(r *reader, name string, value any) {
	text := resolve.Text(value)
	if strings.EqualFold(text, "NONE") {
		r.addGrant(grant{text: name + " is NONE, so that everybody may call it", isOpen: r.kind == "AWS::Lambda::Url"})
		return
	}
	r.add(limits, name+" is "+text)
}

// readCannedACL reads a canned ACL of S3.
func readCannedACL(r *reader, name string, value any) {
	text := resolve.Text(value)
	if text != "Private" {
		r.addGrant(grant{text: name + " is " + text, isOpen: strings.HasPrefix(text, "Public")})
	}
}

// readRoles reads the roles that a resource is handed: it may do what they may.
func readRoles(r *reader, name string, value any) {
	if slices.ContainsFunc(noRoles, func(prefix string) bool { return strings.HasPrefix(r.kind, prefix) }) {
		return
	}
	if isGoverned(r.kind) { // the roles are what it is attached to
		r.readGoverned(name, value)
		return
	}
	for _, item := range asList(value) {
		r.add(allows, "has the role "+resolve.Text(item)+" ("+name+")")
	}
}

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
	"AWS::EC2::Route":         readRoute,
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

// defaultReaders add what the types grant where a property says nothing.
var defaultReaders = map[string]func(*reader, map[string]any){
	"AWS::ApiGatewayV2::Route": func(r *reader, p map[string]any) {
		if p["AuthorizationType"] == nil {
			r.scope = "AuthorizationType"
			readAuthorization(r, "AuthorizationType", "NONE")
		}
	},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": readLoadBalancer,
	"AWS::ElasticLoadBalancing::LoadBalancer":   readLoadBalancer,
}

// readLoadBalancer reads the scheme that a load balancer has where it says none.
func readLoadBalancer(r *reader, p map[string]any) {
	if p["Scheme"] == nil {
		r.scope = "Scheme"
		r.add(allows, "has the scheme internet-facing")
	}
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
