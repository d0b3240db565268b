package risk

import (
	"slices"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// A setting says what a property with one of some names means, in whatever type and at whatever depth it stands.
type setting struct {
	names pattern
	read  func(r *reader, name string, value any)
}

// settings are the properties that govern access by their names. The first that matches counts.
var settings = []setting{
	{newPattern(`^ManagedPolicyArns$|^ManagedPolicies$|^CustomerManagedPolicyReferences$`), readManagedPolicies},
	{newPattern(`^PermissionsBoundary$`), func(r *reader, _ string, value any) {
		r.add(limits, "is bounded by "+resolve.Text(value))
	}},
	{newPattern(`^(Is)?PubliclyAccessible$`), readPubliclyAccessible},
	{
		newPattern(`^(AnonymousAuthEnabled|AllowUnauthenticatedIdentities|PublicEndpoint|PublicConnectivity)$`),
		readSwitch("is open to everybody", true),
	},
	{
		newPattern(`^(MapPublicIpOnLaunch|AssociatePublicIpAddress|AssignPublicIp|AutoAssignPublicIps|` +
			`CreatePublicIP|EndpointPublicAccess|AssignIpv6AddressOnCreation)$`),
		readSwitch("has a public address", false),
	},
	{
		newPattern(`^(EnableHttpEndpoint|WebsiteConfiguration|DefaultRouteTable(Association|Propagation))$`),
		readSwitch("can be reached in another way", false),
	},
	{newPattern(`^(Subnets?|SubnetIds?|SubnetIDs|VPCZoneIdentifier|SubnetMappings)$`), readSubnets},
	{
		newPattern(`^(User|RunAsUser|PosixUser|HomeDirectory|HomeDirectoryMappings|HttpPutResponseHopLimit|` +
			`BodyS3Location|Location|\w*ParameterGroupName|FilterGroups|FullRepositoryId|BranchName|LambdaConfig|` +
			`Repository|RepositoryUrl|GuardrailPolicies|SlackChannelId|SlackWorkspaceId|Teams(Channel|Tenant)?Id|` +
			`TargetIps|DomainNameServers|ResourceRecords|AliasTarget)$`), readFixed,
	},
	{
		newPattern(`^(FunctionAssociations|LambdaFunctionAssociations)$`),
		func(r *reader, name string, value any) { r.add(limits, name+" are "+resolve.Text(value)) },
	},
	{newPattern(`^WriteAttributes$`), readBoundedItems},
	{newPattern(`^Protocol$`), readProtocol},
	{newPattern(`^Category$`), func(r *reader, _ string, value any) {
		if resolve.Text(value) == "Approval" {
			r.add(names, "somebody has to approve")
		}
	}},
	{
		newPattern(`^(AllowClassicFlow|AllowExternalPrincipals|AllowPublicOverrides|EnableExecuteCommand|` +
			`Privileged|AllowCleartext|AllowFullTableExternalDataAccess|AllowExternalDataFiltering|CertificateExport|` +
			`BootstrapClusterCreatorAdminPermissions|AcceptResourceTypes)$`),
		readSwitch("allows what it did not", false),
	},
	{
		newPattern(`^(BlockPublicAcls|BlockPublicPolicy|IgnorePublicAcls|RestrictPublicBuckets)$`),
		readPublicAccessBlock,
	},
	{
		newPattern(`^(AcceptanceRequired|ApiKeyRequired|EndpointPrivateAccess|EnforceHTTPS|RequireTLS|` +
			`StorageEncrypted|Encrypted|AtRestEncryptionEnabled|TransitEncryptionEnabled|IsMultiFactorAuthRequired|` +
			`DisableExecuteApiEndpoint|DisableNetworkTraffic|EnableNetworkIsolation|EnforceWorkGroupConfiguration|` +
			`EnableIAMDatabaseAuthentication|ReadonlyRootFilesystem|AuthorizationEnabled|EnableLogFileValidation|` +
			`SqsManagedSseEnabled|AllowAdminCreateUserOnly|IsLogging|SourceDestCheck|ManageMasterUserPassword|` +
			`ScanOnPush|GenerateSecret)$`),
		readGuard("is guarded by "),
	},
	{
		newPattern(`^(HttpTokens|ImageTagMutability|ObjectOwnership|Visibility|` +
			`ViewerProtocolPolicy|OriginProtocolPolicy|RestrictionType)$`), readRequired,
	},
	{newPattern(`^(PublicAccess|Unauthenticated)$`), readSwitch("is open to everybody", false)},
	{newPattern(`^EndpointType$`), func(r *reader, name string, value any) {
		if strings.EqualFold(resolve.Text(value), "PUBLIC") {
			r.add(allows, name+" is PUBLIC")
		}
	}},
	{newPattern(`^(ReplicationConfiguration|AdditionalAuthenticationProviders)$`), readItems},
	{ // of an API that is described with OpenAPI
		newPattern(`^(security|securitySchemes|securityDefinitions|x-amazon-apigateway-auth|` +
			`x-amazon-apigateway-authorizer|x-amazon-apigateway-authtype)$`),
		func(r *reader, name string, value any) { r.add(limits, name+" is "+resolve.Text(value)) },
	},
	{
		newPattern(`^(BucketEncryption|SSESpecification|SSEDescription|StreamEncryption|KmsMasterKeyId|KmsKeyId|` +
			`EncryptionConfiguration|EncryptionAtRestOptions|NodeToNodeEncryptionOptions|WebACLId|WebAclArn|WebACLArn|` +
			`OriginAccessControlId|OriginAccessIdentity|AuthToken|DataProtectionPolicy|` +
			`LoggingConfiguration|EnableCloudwatchLogsExports|ClusterLogging|LogPublishingOptions)$`), readPresence,
	},
	{
		newPattern(`^(AuthorizationType|AuthType|AuthenticationType|FunctionUrlAuthType|AuthorizerId)$`),
		readAuthorization,
	},
	{newPattern(`^Scheme$`), func(r *reader, _ string, value any) {
		if resolve.Text(value) != "internal" {
			r.add(allows, "has the scheme "+resolve.Text(value))
		}
	}},
	{newPattern(`^AccessControl$`), readCannedACL},
	{
		newPattern(`^\w*(Role|Roles|RoleArns?|RoleARNs?|RoleName|RoleAlias|InstanceProfile(Arn|Name)?)$`), readRoles,
	},
	{
		newPattern(`^\w*(SecurityGroups?(Ids?|Arns|IDs|Names?|IdList)?|GroupSet)$`),
		func(r *reader, _ string, value any) { r.addItems(allows, "is in the security group ", value) },
	},
	{
		newPattern(`^(Principal|Principals|PrincipalArn|AllowedPrincipals|AllowedAccountIds|Grantee|` +
			`GranteePrincipal|PublicAccessCidrs|CidrAllowList|AllowedIPRange|IpRangeWhitelist|AllowedVPCs|` +
			`LaunchPermissions?|TargetAccountIds|UserIds|OrganizationArns|OrganizationalUnitArns|AllowedOrigins|AllowOrigins|` +
			`OpenIdConnectProviderARNs|SamlProviderARNs|CognitoIdentityProviders|SupportedLoginProviders|CallbackURLs|` +
			`KeyName|SshPublicKeys|SshPublicKeyBody|VPCs|SourcePath|Subscription|Protocols|Listeners|Ports|` +
			`PortRanges)$`), readItems,
	},
	{newPattern(`^ServiceToken$`), func(r *reader, _ string, value any) {
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

// readFixed reads a property any other value of which may be wider. It gives nothing to a new resource.
func readFixed(r *reader, name string, value any) { r.add(names, name+" is "+resolve.Text(value)) }

// readSubnets reads the networks that a resource is in: which of them the internet reaches, their routes say.
func readSubnets(r *reader, _ string, value any) { r.addItems(attached, "is in the subnet ", value) }

// readProtocol reads how others are talked to.
func readProtocol(r *reader, name string, value any) {
	if text := resolve.Text(value); slices.Contains([]string{"HTTPS", "TLS", "SSL"}, strings.ToUpper(text)) {
		r.add(limits, name+" is "+text)
	}
}

// readItems reads a property each of whose items is given access.
func readItems(r *reader, name string, value any) { r.addItems(allows, name+": ", value) }

// readBoundedItems reads a property each of whose items is given access. Where there is none, everything is given.
func readBoundedItems(r *reader, name string, value any) {
	r.addItems(allows, name+": ", value)
	r.add(limits, name+" are limited to its items")
}

// readPubliclyAccessible reads whether a resource has a public address. Where a template does not say, it depends on
// the type and on the network.
func readPubliclyAccessible(r *reader, name string, value any) {
	if isOff(value) {
		r.add(limits, "has no public address ("+name+")")
		return
	}
	readSwitch("has a public address", true)(r, name, value)
}

// closingActions matches the actions of a listener that let nobody through without something.
var closingActions = newPattern(`^(authenticate-\w+|jwt-validation|fixed-response)$`)

// readPresence reads a property that protects by being there, and on.
func readPresence(r *reader, name string, value any) {
	if text := resolve.Text(value); !isOff(value) && text != "{}" && text != "[]" {
		r.add(limits, "is protected by "+name)
	}
}

// protectingObjects match the properties that protect by being there, and what is in them is read as well.
var protectingObjects = newPattern(`^(VPCOptions|AdvancedSecurityOptions|OwnershipControls)$`)

// readTogether adds what the members of a property say only together. They are read one by one as well.
func (r *reader) readTogether(name string, value any) {
	if protectingObjects.MatchString(name) {
		readPresence(r, name, value)
	}
	for _, item := range asList(value) {
		object, _ := item.(map[string]any)
		kind := resolve.Text(object["Type"])
		r.readDelegation(object)
		switch {
		case name == "Origins": // of a distribution
			r.add(names, "gets content from "+resolve.Text(object["DomainName"]))
		case (name == "DefaultActions" || name == "Actions") && closingActions.MatchString(kind): // of a listener
			r.add(limits, "has the action "+kind)
		}
	}
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
	if object, ok := value.(map[string]any); ok {
		for _, name := range []string{"Enabled", "Type"} {
			if inner, ok := object[name]; ok && (name == "Enabled" || len(object) == 1) {
				return isOff(inner)
			}
		}
	}
	text := strings.ToLower(resolve.Text(value))
	return slices.Contains([]string{"", "false", "disabled", "disable", "0", "none", "off", "no"}, text)
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

// readPublicAccessBlock reads what shuts public access. S3 shuts it by default, so that only a template opens it.
func readPublicAccessBlock(r *reader, name string, value any) {
	if isOff(value) {
		r.add(allows, "public access is not shut by "+name)
		return
	}
	readGuard("public access is shut by ")(r, name, value)
}

// readRequired reads a property that holds access within bounds with the strictest of its values.
func readRequired(r *reader, name string, value any) {
	text := resolve.Text(value)
	strictest := []string{
		"required", "on", "immutable", "bucketownerenforced", "private", "https-only", "redirect-to-https", "whitelist",
		"blacklist",
	}
	if slices.Contains(strictest, strings.ToLower(text)) {
		r.add(limits, name+" is "+text)
	}
	if openValue.MatchString(text) {
		r.add(allows, name+" is "+text)
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
	if r.isGoverned { // the roles are what it is attached to
		r.readGoverned(name, value)
		return
	}
	for _, item := range asList(value) {
		r.add(allows, "has the role "+resolve.Text(item)+" ("+name+")")
	}
}
