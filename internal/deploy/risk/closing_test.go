package risk

import (
	"testing"

	"lockstep/internal/deploy/change"
)

// A policy in another language than IAM's is not understood: whatever it says now may be wider.
func TestPermissionFlags_PoliciesInOtherLanguages(t *testing.T) {
	const kind = "AWS::OpenSearchServerless::AccessPolicy"
	rules := func(permission string) string {
		return `{"Name":"n","Type":"data","Policy":"[{\"Rules\":[{\"ResourceType\":\"index\",` +
			`\"Resource\":[\"index/a/*\"],\"Permission\":[\"` + permission + `\"]}],` +
			`\"Principal\":[\"arn:aws:iam::111122223333:role/a\"]}]"}`
	}
	run(t, change.Permissions, []attack{
		{
			name: "more permissions", kind: kind, before: rules("aoss:ReadDocument"), after: rules("aoss:*"), want: "aoss:*",
		},
		{name: "the same", kind: kind, before: rules("aoss:ReadDocument"), after: rules("aoss:ReadDocument")},
	})
}

// What closes something is gone, so that it is open.
func TestPermissionFlags_WhatClosesIsLost(t *testing.T) {
	const (
		listener   = "AWS::ElasticLoadBalancingV2::Listener"
		beanstalk  = "AWS::ElasticBeanstalk::Environment"
		forward    = `{"Type":"forward","TargetGroupArn":"t"}`
		fromInside = `{"Policy":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke",` +
			`"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}}`
	)
	run(t, change.Permissions, []attack{
		{
			name: "the policy of an API", kind: "AWS::ApiGateway::RestApi", before: fromInside, after: `{"Name":"n"}`,
			want: "no longer: whom it answers is limited",
		},
		{
			name: "the policy of a file system", kind: "AWS::EFS::FileSystem",
			before: `{"FileSystemPolicy":{"Statement":[]}}`, after: `{"ThroughputMode":"elastic"}`,
			want: "no longer: whom it answers is limited",
		},
		{
			name: "a database that says nothing of its address", kind: "AWS::RDS::DBInstance",
			before: `{"PubliclyAccessible":false,"Engine":"x"}`, after: `{"Engine":"x"}`,
			want: "no longer: has no public address",
		},
		{
			name: "a sign-in", kind: listener,
			before: `{"DefaultActions":[{"Type":"authenticate-oidc"},` + forward + `]}`,
			after:  `{"DefaultActions":[` + forward + `]}`, want: "no longer: has the action authenticate-oidc",
		},
		{
			name: "a refusal", kind: listener, before: `{"DefaultActions":[{"Type":"fixed-response"}]}`,
			after: `{"DefaultActions":[` + forward + `]}`, want: "no longer: has the action fixed-response",
		},
		{
			name: "another target", kind: listener, before: `{"DefaultActions":[` + forward + `]}`,
			after: `{"DefaultActions":[{"Type":"forward","TargetGroupArn":"u"}]}`, want: "TargetGroupArn leads to u",
		},
		{
			name: "attributes that a user may write", kind: "AWS::Cognito::UserPoolClient",
			before: `{"UserPoolId":"u","WriteAttributes":["email"]}`, after: `{"UserPoolId":"u"}`,
			want: "no longer: WriteAttributes are limited",
		},
		{
			name: "one more attribute", kind: "AWS::Cognito::UserPoolClient",
			before: `{"UserPoolId":"u","WriteAttributes":["email"]}`,
			after:  `{"UserPoolId":"u","WriteAttributes":["email","custom:role"]}`, want: "WriteAttributes: custom:role",
		},
		{
			name: "TLS to the origin", kind: "AWS::CloudFront::Distribution",
			before: `{"DistributionConfig":{"Origins":[{"CustomOriginConfig":{"OriginProtocolPolicy":"https-only"}}]}}`,
			after:  `{"DistributionConfig":{"Origins":[{"CustomOriginConfig":{"OriginProtocolPolicy":"http-only"}}]}}`,
			want:   "OriginProtocolPolicy is https-only",
		},
		{
			name: "the bounds of a channel", kind: "AWS::Chatbot::SlackChannelConfiguration",
			before: `{"GuardrailPolicies":["arn:aws:iam::aws:policy/ReadOnlyAccess"]}`,
			after:  `{"GuardrailPolicies":["arn:aws:iam::aws:policy/AdministratorAccess"]}`, want: "AdministratorAccess",
		},
		{
			name: "who is in a channel", kind: "AWS::Chatbot::SlackChannelConfiguration",
			before: `{"SlackChannelId":"C1"}`, after: `{"SlackChannelId":"C2"}`, want: "SlackChannelId is C2",
		},
		{
			name: "the logs of an API server", kind: "AWS::EKS::Cluster",
			before: `{"Logging":{"ClusterLogging":{"EnabledTypes":[{"Type":"audit"}]}}}`, after: `{"Name":"n"}`,
			want: "no longer: is protected by ClusterLogging",
		},
		{
			name: "the logs of a database", kind: "AWS::RDS::DBCluster", before: `{"EnableCloudwatchLogsExports":["audit"]}`,
			after: `{"Engine":"e"}`, want: "no longer: is protected by EnableCloudwatchLogsExports",
		},
		{
			name: "the scan of images", kind: "AWS::ECR::Repository",
			before: `{"ImageScanningConfiguration":{"ScanOnPush":true}}`,
			after:  `{"ImageScanningConfiguration":{"ScanOnPush":false}}`, want: "no longer: is guarded by ScanOnPush",
		},
		{
			name: "a rule of Config", kind: "AWS::Config::ConfigRule", before: `{"Source":{"Owner":"AWS"}}`,
			want: "no longer: what is wrong is found",
		},
		{
			name: "the rules of Config", kind: "AWS::Config::ConformancePack", before: `{"ConformancePackName":"c"}`,
			want: "no longer: what is wrong is found",
		},
		{
			name: "a rule of Config in another form", kind: "AWS::Config::ConfigRule",
			before: `{"Source":{"Owner":"AWS"},"Description":"a"}`, after: `{"Source":{"Owner":"AWS"},"Description":"b"}`,
		},
		{
			name: "a platform's range of addresses", kind: beanstalk,
			before: option("SSHSourceRestriction", "tcp,22,22,10.0.0.0/8"),
			after:  option("SSHSourceRestriction", "tcp,22,22,0.0.0.0/0"), want: "SSHSourceRestriction is tcp,22,22,0.0.0.0/0",
		},
		{
			name: "a platform's role", kind: beanstalk, before: option("IamInstanceProfile", "a"),
			after: option("IamInstanceProfile", "admin"), want: "has the role admin",
		},
		{
			name: "a platform's public address", kind: beanstalk, before: option("AssociatePublicIpAddress", "false"),
			after: option("AssociatePublicIpAddress", "true"), want: "has a public address",
		},
		{name: "a platform's size", kind: beanstalk, before: option("MaxSize", "1"), after: option("MaxSize", "2")},
		{
			name: "a connection's TLS", kind: "AWS::Glue::Connection",
			before: `{"ConnectionInput":{"ConnectionProperties":{"JDBC_ENFORCE_SSL":"true"}}}`,
			after:  `{"ConnectionInput":{"ConnectionProperties":{"JDBC_ENFORCE_SSL":"false"}}}`,
			want:   "JDBC_ENFORCE_SSL is false",
		},
		{
			name: "settings of a domain", kind: "AWS::OpenSearchService::Domain",
			before: `{"AdvancedOptions":{"rest.action.multi.allow_explicit_index":"false"}}`,
			after:  `{"AdvancedOptions":{"rest.action.multi.allow_explicit_index":"true"}}`,
			want:   "allow_explicit_index is true",
		},
		{
			name: "settings in a text", kind: "AWS::MSK::Configuration",
			before: `{"ServerProperties":"log.retention.hours=1\nallow.everyone.if.no.acl.found=false"}`,
			after:  `{"ServerProperties":"log.retention.hours=2\nallow.everyone.if.no.acl.found=true"}`,
			want:   "allow.everyone.if.no.acl.found is true",
		},
		{
			name: "other settings in a text", kind: "AWS::MSK::Configuration",
			before: `{"ServerProperties":"log.retention.hours=1"}`, after: `{"ServerProperties":"log.retention.hours=2"}`,
		},
		{
			name: "who owns objects", kind: "AWS::S3::Bucket",
			before: `{"OwnershipControls":{"Rules":[{"ObjectOwnership":"BucketOwnerEnforced"}]}}`, after: `{"BucketName":"b"}`,
			want: "no longer: is protected by OwnershipControls",
		},
		{
			name: "a setting inside of a protection", kind: "AWS::OpenSearchService::Domain",
			before: `{"AdvancedSecurityOptions":{"Enabled":true,"AnonymousAuthEnabled":false}}`,
			after:  `{"AdvancedSecurityOptions":{"Enabled":true,"AnonymousAuthEnabled":true}}`,
			want:   "is open to everybody (AnonymousAuthEnabled)",
		},
		{
			name: "a protection that is switched off", kind: "AWS::OpenSearchService::Domain",
			before: `{"AdvancedSecurityOptions":{"Enabled":true,"InternalUserDatabaseEnabled":true}}`,
			after:  `{"AdvancedSecurityOptions":{"Enabled":false,"InternalUserDatabaseEnabled":true}}`,
			want:   "no longer: is protected by AdvancedSecurityOptions",
		},
		{
			name: "the secret of a client", kind: "AWS::Cognito::UserPoolClient",
			before: `{"UserPoolId":"u","GenerateSecret":true}`, after: `{"UserPoolId":"u","GenerateSecret":false}`,
			want: "no longer: is guarded by GenerateSecret",
		},
		{
			name: "a second factor", kind: "AWS::IAM::VirtualMFADevice", before: `{"Users":["a"]}`,
			want: "no longer: what is wrong is found or refused",
		},
	})
}

// option returns the properties of a platform with one option.
func option(name, value string) string {
	return `{"OptionSettings":[{"Namespace":"n","OptionName":"` + name + `","Value":"` + value + `"}]}`
}

// What is private is connected with something else, or something is sent elsewhere.
func TestPermissionFlags_WhatConnectsNetworks(t *testing.T) {
	run(t, change.Permissions, []attack{
		{
			name: "an accelerator", kind: "AWS::GlobalAccelerator::EndpointGroup",
			after: `{"EndpointConfigurations":[{"EndpointId":"a"}]}`, want: "EndpointConfigurations",
		},
		{
			name: "a distribution", kind: "AWS::CloudFront::VpcOrigin", after: `{"VpcOriginEndpointConfig":{"Arn":"a"}}`,
			want: "VpcOriginEndpointConfig",
		},
		{name: "an API", kind: "AWS::ApiGateway::VpcLink", after: `{"Name":"n","TargetArns":["t"]}`, want: "TargetArns: t"},
		{
			name: "another site", kind: "AWS::EC2::VPNConnection", after: `{"CustomerGatewayId":"c","Type":"ipsec.1"}`,
			want: "CustomerGatewayId: c",
		},
		{
			name: "a copy of the traffic", kind: "AWS::EC2::TrafficMirrorSession", after: `{"TrafficMirrorTargetId":"t"}`,
			want: "TrafficMirrorTargetId: t",
		},
		{
			name: "a machine in two networks", kind: "AWS::EC2::NetworkInterfaceAttachment", after: `{"InstanceId":"i"}`,
			want: "InstanceId: i",
		},
		{
			name: "a disk", kind: "AWS::EC2::VolumeAttachment", after: `{"Device":"d","InstanceId":"i","VolumeId":"v"}`,
			want: "VolumeId: v",
		},
		{
			name: "an address of a machine", kind: "AWS::EC2::EIP", before: `{"Domain":"vpc"}`,
			after: `{"Domain":"vpc","InstanceId":"i"}`, want: "InstanceId: i",
		},
		{name: "an address of nothing", kind: "AWS::EC2::EIP", after: `{"Domain":"vpc"}`},
		{
			name: "a port of a classic load balancer", kind: "AWS::ElasticLoadBalancing::LoadBalancer",
			before: `{"Scheme":"internal","Listeners":[]}`,
			after:  `{"Scheme":"internal","Listeners":[{"LoadBalancerPort":"22"}]}`,
			want:   `Listeners: {"LoadBalancerPort":"22"}`,
		},
		{
			name: "another origin", kind: "AWS::CloudFront::Distribution",
			before: `{"DistributionConfig":{"Origins":[{"DomainName":"a.example.com"}]}}`,
			after:  `{"DistributionConfig":{"Origins":[{"DomainName":"b.example.com"}]}}`,
			want:   "gets content from b.example.com",
		},
		{
			name: "another name server", kind: "AWS::EC2::DHCPOptions", before: `{"DomainNameServers":["AmazonProvidedDNS"]}`,
			after: `{"DomainNameServers":["192.0.2.1"]}`, want: "192.0.2.1",
		},
		{
			name: "another resolver", kind: "AWS::Route53Resolver::ResolverRule", before: `{"TargetIps":[{"Ip":"10.0.0.1"}]}`,
			after: `{"TargetIps":[{"Ip":"192.0.2.1"}]}`, want: "192.0.2.1",
		},
		{
			name: "another host of a name", kind: "AWS::Route53::RecordSet", before: `{"ResourceRecords":["a.example.com"]}`,
			after: `{"ResourceRecords":["b.example.com"]}`, want: "b.example.com",
		},
		{
			name: "results in another bucket", kind: "AWS::Athena::WorkGroup",
			before: `{"WorkGroupConfiguration":{"ResultConfiguration":{"OutputLocation":"s3://a/x"}}}`,
			after:  `{"WorkGroupConfiguration":{"ResultConfiguration":{"OutputLocation":"s3://b/x"}}}`, want: "leads to s3://b",
		},
		{
			name: "results in another folder", kind: "AWS::Athena::WorkGroup",
			before: `{"WorkGroupConfiguration":{"ResultConfiguration":{"OutputLocation":"s3://a/x"}}}`,
			after:  `{"WorkGroupConfiguration":{"ResultConfiguration":{"OutputLocation":"s3://a/y"}}}`,
		},
		{
			name: "code of another repository", kind: "AWS::Amplify::App", before: `{"Repository":"https://example.com/a"}`,
			after: `{"Repository":"https://example.com/b"}`, want: "Repository is https://example.com/b",
		},
		{
			name: "a type for everybody", kind: "AWS::CloudFormation::PublicTypeVersion", after: `{"TypeName":"A::B::C"}`,
			want: "A::B::C",
		},
		{
			name: "a type of others", kind: "AWS::CloudFormation::TypeActivation", after: `{"PublisherId":"p"}`,
			want: "PublisherId: p",
		},
		{
			name: "a key that leaves AWS", kind: "AWS::CertificateManager::Certificate",
			before: `{"DomainName":"a.example.com"}`,
			after:  `{"DomainName":"a.example.com","CertificateExport":"ENABLED"}`, want: "CertificateExport",
		},
		{
			name: "a member of a project", kind: "AWS::DataZone::ProjectMembership", after: `{"Designation":"PROJECT_OWNER"}`,
			want: "PROJECT_OWNER",
		},
		{
			name: "a service of others", kind: "AWS::EC2::VPCEndpoint",
			after: `{"VpcId":"v","ServiceName":"com.amazonaws.vpce.eu-west-1.vpce-svc-1"}`, want: "leads to the service",
		},
		{
			name: "a service of AWS", kind: "AWS::EC2::VPCEndpoint",
			after: `{"VpcId":"v","ServiceName":"com.amazonaws.eu-west-1.s3"}`,
		},
		{
			name: "what a module stands for", kind: "AWS::CloudFormation::ModuleDefaultVersion",
			before: `{"VersionId":"1"}`, after: `{"VersionId":"2"}`, want: "VersionId: 2",
		},
		{
			name: "code of a type", kind: "AWS::CloudFormation::ResourceVersion",
			after: `{"TypeName":"A::B::C","SchemaHandlerPackage":"s3://a/x"}`, want: "SchemaHandlerPackage",
		},
	})
}

// A secret is shown to whoever may read the resource that has it in the clear.
func TestPermissionFlags_SecretsInTheClear(t *testing.T) {
	const reference = "{{resolve:secretsmanager:prod:SecretString:password}}"
	const want = "shows the secret ${resolve:secretsmanager:prod:"
	variables := func(value string) string { return `{"Environment":{"Variables":{"DB_PASSWORD":"` + value + `"}}}` }
	run(t, change.Permissions, []attack{
		{
			name: "a variable", kind: "AWS::Lambda::Function", before: variables("x"), after: variables(reference),
			want: want,
		},
		{
			name: "a part of a text", kind: "AWS::SSM::Parameter", before: `{"Type":"String","Value":"x"}`,
			after: `{"Type":"String","Value":{"Fn::Sub":"a ` + reference + ` b"}}`, want: want,
		},
		{
			name: "a tag", kind: "AWS::SNS::Topic", before: `{"Tags":[]}`,
			after: `{"Tags":[{"Key":"a","Value":"` + reference + `"}]}`, want: want,
		},
		{
			name: "a secure parameter", kind: "AWS::SNS::Topic", before: `{}`,
			after: `{"DisplayName":"{{resolve:ssm-secure:a:1}}"}`, want: "shows the secret",
		},
		{
			name: "where a secret belongs", kind: "AWS::RDS::DBInstance", before: `{"Engine":"e"}`,
			after: `{"Engine":"e","MasterUserPassword":"` + reference + `"}`,
		},
		{name: "as before", kind: "AWS::Lambda::Function", before: variables(reference), after: variables(reference)},
		{
			name: "a parameter that is no secret", kind: "AWS::SNS::Topic", before: `{}`,
			after: `{"DisplayName":"{{resolve:ssm:a:1}}"}`,
		},
	})
}

// Types that were found without a flag when all types that AWS publishes were gone through by what they are called.
func TestPermissionFlags_FurtherTypesThatGovernAccess(t *testing.T) {
	added := func(kind, properties, want string) attack {
		return attack{name: kind, kind: "AWS::" + kind, after: properties, want: want}
	}
	removed := func(kind, properties string) attack {
		return attack{name: kind, kind: "AWS::" + kind, before: properties, want: "no longer: it refuses"}
	}
	run(t, change.Permissions, []attack{
		added("VpcLattice::ServiceNetworkServiceAssociation", `{"ServiceIdentifier":"s"}`, "ServiceIdentifier: s"),
		added("VpcLattice::ServiceNetworkVpcAssociation", `{"VpcIdentifier":"v"}`, "VpcIdentifier: v"),
		added("NetworkManager::VpcAttachment", `{"VpcArn":"v"}`, "VpcArn: v"),
		added("NetworkManager::TransitGatewayPeering", `{"TransitGatewayArn":"t"}`, "TransitGatewayArn: t"),
		added("Route53Profiles::ProfileAssociation", `{"ProfileId":"p"}`, "ProfileId: p"),
		added("ServiceCatalog::CloudFormationProduct", `{"Owner":"o"}`, "Owner: o"),
		added("SSM::Association", `{"Targets":[{"Key":"InstanceIds","Values":["*"]}]}`, "Targets"),
		added("Events::ApiDestination", `{"InvocationEndpoint":"https://a.example"}`, "https://a.example"),
		added("DMS::Endpoint", `{"ServerName":"a.example"}`, "ServerName: a.example"),
		added("ElasticLoadBalancingV2::TrustStore", `{"CaCertificatesBundleS3Key":"k"}`, "CaCertificatesBundleS3Key: k"),
		added("WorkSpacesWeb::IdentityProvider", `{"IdentityProviderType":"SAML"}`, "IdentityProviderType: SAML"),
		removed("CloudFormation::LambdaHook", `{"HookStatus":"ENABLED"}`),
		removed("EC2::VPCBlockPublicAccessOptions", `{"InternetGatewayBlockMode":"block-bidirectional"}`),
		removed("EC2::SnapshotBlockPublicAccess", `{"State":"block-all-sharing"}`),
		removed("Route53Resolver::FirewallRuleGroupAssociation", `{"VpcId":"v"}`),
		removed("ElasticLoadBalancingV2::TrustStoreRevocation", `{"TrustStoreArn":"t"}`),
		{
			name: "a public build", kind: "AWS::CodeBuild::Project", before: `{"ServiceRole":"r"}`,
			after: `{"ServiceRole":"r","Visibility":"PUBLIC_READ"}`, want: "Visibility is PUBLIC_READ",
		},
		{
			name: "a list of addresses", kind: "AWS::MediaPackage::OriginEndpoint", before: `{"Whitelist":["192.0.2.1"]}`,
			after: `{"ChannelId":"c"}`, want: "no longer: Whitelist is limited to its items",
		},
	})
}
