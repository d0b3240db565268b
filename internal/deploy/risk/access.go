package risk

import (
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
)

// This file is the one table of types and properties that govern access. Most of it comes from what AWS publishes
// (awsmodel's Scrutiny and PropertyScrutiny); the additions have a reason each. settings.go has the properties that
// govern access in whatever type they stand.

// governedFamilies begin the names of types all of which govern access.
var governedFamilies = []string{
	"AWS::AccountAccess::", "AWS::IAM::", "AWS::IdentityStore::", "AWS::LakeFormation::", "AWS::MPA::",
	"AWS::Organizations::", "AWS::RAM::", "AWS::RolesAnywhere::", "AWS::SSO::", "AWS::VerifiedPermissions::",
}

// governedPattern matches the names of types that give or refuse something to somebody by what they are called.
var governedPattern = newPattern(`::\w*(Permissions?|Grants?|GrantsInstance|GrantsLocation|AccessPolicy|` +
	`AuthPolicy|ResourcePolicy|EventBusPolicy|AccountPolicy|PrincipalAssociation|PrincipalAttachment|PortfolioShare|` +
	`AccessEntry|\w*Membership|EndpointAuthorization|AggregationAuthorization|CrossAccountAttachment)$`)

// networkPattern matches the types of EC2 that decide who reaches whom.
var networkPattern = newPattern(`^AWS::EC2::(\w*Route|\w*RouteTable(Association|Propagation)|\w*Peering\w*|` +
	`TransitGateway\w*Attachment|VPCGatewayAttachment|NetworkAclEntry|SubnetNetworkAclAssociation|ClientVpn\w+|` +
	`InstanceConnectEndpoint|EIP|EIPAssociation|PrefixList|VPCBlockPublicAccess\w+|\w+BlockPublicAccess|` +
	`VerifiedAccess\w+|VPNConnection|VPNGatewayRoutePropagation|TrafficMirror\w+|NetworkInterfaceAttachment|` +
	`VolumeAttachment|LocalGatewayRouteTableVPCAssociation)$`)

// connectionPattern matches the types of other services that connect networks.
var connectionPattern = newPattern(`^AWS::(VpcLattice::ServiceNetwork\w+Association|DirectConnect::\w*Association|` +
	`NetworkManager::(\w*Attachment|\w*Peering|ConnectPeer|CoreNetworkPrefixListAssociation)|RTBFabric::\w*Link|` +
	`EC2::(TransitGatewayConnect(Peer)?|TransitGatewayPolicyTable\w*|SecurityGroupVpcAssociation)|` +
	`Route53(Profiles|GlobalResolver|Resolver)::\w*Association|ODB::\w*PeeringConnection|MSK::VpcConnection|` +
	`AppRunner::VpcIngressConnection|OpenSearchServerless::VpcEndpoint|Interconnect::Connection|` +
	`Lambda::NetworkConnector)$`)

// governedAdditions are further types all of whose properties govern access, and why.
var governedAdditions = map[string]string{
	"AWS::ACMPCA::CertificateAuthorityActivation":           "who trusts the authority trusts what it signs",
	"AWS::ApiGateway::Authorizer":                           "it decides who may call an API",
	"AWS::ApiGateway::DomainNameAccessAssociation":          "it lets a network reach an API",
	"AWS::ApiGatewayV2::Authorizer":                         "it decides who may call an API",
	"AWS::AppSync::ApiKey":                                  "whoever has the key may call the API",
	"AWS::AppSync::GraphQLSchema":                           "it says who may read which field",
	"AWS::AppFabric::AppAuthorization":                      "it lets AWS into another program",
	"AWS::AppStream::ApplicationEntitlementAssociation":     "it says who may start the application",
	"AWS::AppStream::StackUserAssociation":                  "it says who may sign in",
	"AWS::BedrockAgentCore::Policy":                         "it says what an agent may do",
	"AWS::BedrockAgentCore::PolicyEngine":                   "it says what an agent may do",
	"AWS::CloudFront::TrustStore":                           "whoever it trusts may connect",
	"AWS::DMS::Endpoint":                                    "data is copied to it and from it",
	"AWS::DevOpsAgent::Association":                         "it lets an agent see what it names",
	"AWS::EC2::EnclaveCertificateIamRoleAssociation":        "it gives a certificate to a role",
	"AWS::ElasticLoadBalancingV2::TrustStore":               "whoever it trusts may connect",
	"AWS::Events::ApiDestination":                           "it sends events to an address outside of AWS",
	"AWS::Glue::IdentityCenterConfiguration":                "whoever it knows may sign in",
	"AWS::IoT::Authorizer":                                  "it decides who may connect",
	"AWS::IoTManagedIntegrations::AccountAssociation":       "it lets AWS into another account",
	"AWS::Proton::EnvironmentAccountConnection":             "another account deploys into this one",
	"AWS::SSM::Association":                                 "it runs commands on machines, with their rights",
	"AWS::SSM::CloudConnector":                              "it connects another cloud",
	"AWS::ServiceCatalog::CloudFormationProduct":            "whoever launches it deploys a template that is not here",
	"AWS::ServiceCatalog::PortfolioProductAssociation":      "those who may use the portfolio may launch the product",
	"AWS::Transfer::Connector":                              "it sends files to another server",
	"AWS::WorkSpacesWeb::IdentityProvider":                  "whoever it knows may sign in",
	"AWS::WorkSpacesWeb::TrustStore":                        "whoever it trusts is believed",
	"AWS::ApiGateway::VpcLink":                              "it lets an API reach a private network",
	"AWS::CloudFront::VpcOrigin":                            "it opens what is in a private network to the internet",
	"AWS::GlobalAccelerator::EndpointGroup":                 "it opens what is in a private network to the internet",
	"AWS::GlobalAccelerator::Listener":                      "it says which ports are open to the internet",
	"AWS::CloudFormation::ModuleDefaultVersion":             "it says what a module stands for",
	"AWS::CloudFormation::ModuleVersion":                    "it says what a module stands for",
	"AWS::CloudFormation::PublicTypeVersion":                "everybody may use the type",
	"AWS::CloudFormation::ResourceDefaultVersion":           "it runs code while stacks are deployed",
	"AWS::CloudFormation::ResourceVersion":                  "it runs code while stacks are deployed",
	"AWS::CloudFormation::TypeActivation":                   "it runs the code of another account",
	"AWS::ECR::PublicRepository":                            "everybody may pull its images",
	"AWS::ECR::PullThroughCacheRule":                        "it brings in the images of another registry",
	"AWS::EKS::IdentityProviderConfig":                      "whoever it knows may sign in",
	"AWS::SecretsManager::RotationSchedule":                 "its function reads and writes the secret",
	"AWS::CloudFormation::Macro":                            "it rewrites templates",
	"AWS::CloudFormation::StackSet":                         "it deploys a template elsewhere",
	"AWS::ServiceCatalog::CloudFormationProvisionedProduct": "it deploys a template that is not here",
	"AWS::Oam::Link":                                        "it shows measurements and logs to another account",
	"AWS::Cognito::UserPoolIdentityProvider":                "whoever it knows may sign in",
	"AWS::CloudFront::KeyGroup":                             "its keys sign addresses of private content",
	"AWS::CloudFront::OriginAccessControl":                  "it signs the requests to a private origin",
	"AWS::Cognito::IdentityPoolPrincipalTag":                "policies may depend on these tags",
	"AWS::Cognito::IdentityPoolRoleAttachment":              "it gives roles to those who sign in or do not",
	"AWS::Cognito::UserPoolUserToGroupAttachment":           "a group may have a role",
	"AWS::EKS::PodIdentityAssociation":                      "it gives a role to pods",
	"AWS::ElastiCache::User":                                "it says what the user may do",
	"AWS::ElastiCache::UserGroup":                           "it says who may connect",
	"AWS::FSx::S3AccessPointAttachment":                     "it opens files as objects",
	"AWS::AccessAnalyzer::ArchiveRule":                      "it may hide findings",
	"AWS::CloudWatch::AlarmMuteRule":                        "it may silence alarms",
	"AWS::GuardDuty::TrustedEntitySet":                      "findings about its entities are hidden",
	"AWS::Macie::AllowList":                                 "it may hide findings",
	"AWS::Macie::FindingsFilter":                            "it may hide findings",
	"AWS::SecurityHub::AutomationRule":                      "it may hide findings",
	"AWS::SecurityHub::AutomationRuleV2":                    "it may hide findings",
	"AWS::GuardDuty::Filter":                                "it may hide findings",
	"AWS::GuardDuty::IPSet":                                 "findings about its addresses are hidden",
	"AWS::InspectorV2::Filter":                              "it may hide findings",
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
var protectorPattern = newPattern(`^AWS::(WAF\w*|NetworkFirewall)::|^AWS::Route53(Global)?Resolver::Firewall|` +
	`^AWS::EC2::(VPCBlockPublicAccessOptions|SnapshotBlockPublicAccess|ImageBlockPublicAccess)$|` +
	`^AWS::(NetworkSecurityManager::Policy|ElasticLoadBalancingV2::TrustStoreRevocation)$|` +
	`^AWS::CloudFormation::\w*Hook\w*$`)

// watcherPattern matches the types that record or report what is done in an account. Without one, nobody sees it.
var watcherPattern = newPattern(`^AWS::(CloudTrail::(Trail|EventDataStore)|GuardDuty::Detector|` +
	`Config::(ConfigurationRecorder|DeliveryChannel)|AccessAnalyzer::Analyzer|SecurityHub::Hub(V2)?|` +
	`Macie::Session|Detective::Graph|EC2::FlowLog)$`)

// checkerPattern matches the types that find what is wrong in an account. How they do it is not judged.
var checkerPattern = newPattern(`^AWS::(Config::(\w*ConfigRule|\w*ConformancePack|ConfigurationAggregator)|` +
	`SecurityHub::(Standard|ProductSubscription|AutomationRule\w*|\w*Policy)|InspectorV2::\w+Configuration|` +
	`ECR::RegistryScanningConfiguration|Route53Resolver::ResolverQueryLoggingConfig(Association)?|` +
	`Bedrock::Guardrail|IAM::VirtualMFADevice)$`)

// isChecker reports whether the resources of a type find what is wrong.
func isChecker(resourceType string) bool { return checkerPattern.MatchString(resourceType) }

// isWatcher reports whether the resources of a type record or report what is done.
func isWatcher(resourceType string) bool { return watcherPattern.MatchString(resourceType) }

// isProtector reports whether the resources of a type only refuse, or report.
func isProtector(resourceType string) bool {
	return protectorPattern.MatchString(resourceType) || isWatcher(resourceType)
}

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
		connectionPattern.MatchString(resourceType) ||
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

// governedProperties are the properties that govern access, of the types in which the others do not.
var governedProperties = map[string][]string{
	"AWS::EC2::EIP":                         {"InstanceId"},
	"AWS::EC2::VolumeAttachment":            {"InstanceId", "VolumeId"},
	"AWS::Lambda::EventSourceMapping":       {"EventSourceArn", "FunctionName"},
	"AWS::Lambda::Url":                      {"AuthType", "TargetFunctionArn", "Qualifier", "Cors"},
	"AWS::Logs::SubscriptionFilter":         {"DestinationArn", "LogGroupName", "RoleArn"},
	"AWS::SNS::Subscription":                {"Endpoint", "Protocol", "TopicArn", "SubscriptionRoleArn"},
	"AWS::SecretsManager::RotationSchedule": {"SecretId", "RotationLambdaARN", "HostedRotationLambda"},
}

// harmlessProperties are properties of governed types that say nothing about access.
var harmlessProperties = []string{
	"Description", "Tags", "TagSet", "DisplayName", "MaxSessionDuration", "SessionDuration", "RelayStateType",
	"VisibilityConfig", "AuthorizerResultTtlInSeconds", "CertificateBody",
}

// isHarmless reports whether a property of a type says nothing about access.
func isHarmless(resourceType, property string) bool {
	if slices.Contains(harmlessProperties, property) {
		return true
	}
	if names, ok := governedProperties[resourceType]; ok {
		return !slices.Contains(names, property)
	}
	return isTagProperty(resourceType, property)
}

// isTagProperty reports whether a property holds the tags of a resource.
func isTagProperty(resourceType, property string) bool {
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

// noPolicies are properties that are published among policies, and are settings of another kind.
var noPolicies = []string{
	"RedrivePolicy", "RedriveAllowPolicy", "ReplayPolicy", "ArchivePolicy", "DataProtectionPolicy",
}

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
