package risk

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/deploy/change"
)

// AWS has more properties than any table. These are found by the words in their names, by what their values say, or by
// the account that they name; each was made without a flag by a version that knew the names in settings.go alone.
func TestPermissionFlags_WhatNoTableNames(t *testing.T) {
	const stranger = "arn:aws:sqs:eu-west-1:999900001111:q"
	for _, a := range []attack{
		// Values that say what they do, whatever the property is called.
		{
			kind: "AWS::Lightsail::Bucket", before: `{"AccessRules":{"GetObject":"private"}}`,
			after: `{"AccessRules":{"GetObject":"public"}}`, want: "AccessRules.GetObject is public",
		},
		{
			kind: "AWS::MWAA::Environment", before: `{"WebserverAccessMode":"PRIVATE_ONLY"}`,
			after: `{"WebserverAccessMode":"PUBLIC_ONLY"}`, want: "WebserverAccessMode is PUBLIC_ONLY",
		},
		{
			kind: "AWS::CodePipeline::Webhook", before: `{"Authentication":"GITHUB_HMAC"}`,
			after: `{"Authentication":"UNAUTHENTICATED"}`, want: "Authentication is UNAUTHENTICATED",
		},
		{
			kind: "AWS::MSK::Cluster", before: `{"EncryptionInfo":{"EncryptionInTransit":{"ClientBroker":"TLS"}}}`,
			after: `{"EncryptionInfo":{"EncryptionInTransit":{"ClientBroker":"PLAINTEXT"}}}`, want: "is PLAINTEXT",
		},
		{
			kind: "AWS::MemoryDB::Cluster", before: `{"ACLName":"strict"}`, after: `{"ACLName":"open-access"}`,
			want: "ACLName is open-access",
		},
		{
			kind: "AWS::SQS::Queue", before: `{"RedriveAllowPolicy":{"redrivePermission":"denyAll"}}`,
			after: `{"RedriveAllowPolicy":{"redrivePermission":"allowAll"}}`, want: "redrivePermission is allowAll",
		},
		{
			kind: "AWS::Lightsail::Instance", before: `{"Networking":{"Ports":[]}}`,
			after: `{"Networking":{"Ports":[{"Cidrs":["0.0.0.0/0"],"FromPort":22}]}}`, want: `"Cidrs":["0.0.0.0/0"]`,
		},
		{
			kind: "AWS::ECS::TaskDefinition", before: `{"NetworkMode":"awsvpc"}`, after: `{"NetworkMode":"host"}`,
			want: "NetworkMode is host",
		},
		{kind: "AWS::ECS::TaskDefinition", before: `{}`, after: `{"PidMode":"host"}`, want: "PidMode is host"},

		// Accounts of others, wherever they stand.
		{
			kind: "AWS::Lambda::Function", before: `{"Layers":["arn:aws:lambda:eu-west-1:111122223333:layer:a:1"]}`,
			after: `{"Layers":["arn:aws:lambda:eu-west-1:999900001111:layer:a:1"]}`, want: "names the account 999900001111",
		},
		{
			kind: "AWS::Lambda::Function", before: `{"Code":{"ImageUri":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/x"}}`,
			after: `{"Code":{"ImageUri":"999900001111.dkr.ecr.eu-west-1.amazonaws.com/x"}}`, want: "999900001111",
		},
		{
			kind: "AWS::Lambda::EventInvokeConfig", before: `{"FunctionName":"f"}`,
			after: `{"FunctionName":"f","DestinationConfig":{"OnSuccess":{"Destination":"` + stranger + `"}}}`,
			want:  "DestinationConfig names the account 999900001111",
		},
		{
			kind: "AWS::Events::Rule", before: `{"Targets":[]}`, after: `{"Targets":[{"Id":"a","Arn":"` + stranger + `"}]}`,
			want: "Targets names the account 999900001111",
		},
		{
			kind: "AWS::DynamoDB::Table", before: `{}`, want: "999900001111",
			after: `{"KinesisStreamSpecification":{"StreamArn":"arn:aws:kinesis:eu-west-1:999900001111:stream/x"}}`,
		},
		{
			kind: "AWS::SQS::Queue", before: `{}`, after: `{"RedrivePolicy":{"deadLetterTargetArn":"` + stranger + `"}}`,
			want: "RedrivePolicy names the account 999900001111",
		},
		{
			kind: "AWS::SecretsManager::Secret", before: `{"KmsKeyId":"arn:aws:kms:eu-west-1:111122223333:key/1"}`,
			after: `{"KmsKeyId":"arn:aws:kms:eu-west-1:999900001111:key/1"}`, want: "999900001111",
		},
		{
			kind: "AWS::StepFunctions::StateMachine", before: `{"DefinitionString":"{}"}`, want: "999900001111",
			after: `{"DefinitionString":"{\"Credentials\":{\"RoleArn\":\"arn:aws:iam::999900001111:role/x\"}}"}`,
		},
		{
			kind: "AWS::KinesisFirehose::DeliveryStream", want: "leads to https://evil.example",
			before: `{"HttpEndpointDestinationConfiguration":{"EndpointConfiguration":{"Url":"https://log.example/a"}}}`,
			after:  `{"HttpEndpointDestinationConfiguration":{"EndpointConfiguration":{"Url":"https://evil.example/a"}}}`,
		},

		// Names that speak of access.
		{
			kind: "AWS::KMS::Key", before: `{"KeyPolicy":{"Statement":[]}}`,
			after: `{"KeyPolicy":{"Statement":[]},"BypassPolicyLockoutSafetyCheck":true}`, want: "BypassPolicyLockout",
		},
		{
			kind: "AWS::EC2::TransitGateway", before: `{}`, after: `{"AutoAcceptSharedAttachments":"enable"}`,
			want: "AutoAcceptSharedAttachments is enable",
		},
		{
			kind: "AWS::EC2::TransitGateway", before: `{"DefaultRouteTablePropagation":"disable"}`,
			after: `{"DefaultRouteTablePropagation":"enable"}`, want: "DefaultRouteTablePropagation",
		},
		{
			kind: "AWS::CodeBuild::Project", before: `{"Environment":{"PrivilegedMode":false}}`,
			after: `{"Environment":{"PrivilegedMode":true}}`, want: "PrivilegedMode is true",
		},
		{
			kind: "AWS::CodeBuild::Project", before: `{"Triggers":{"Webhook":false}}`, after: `{"Triggers":{"Webhook":true}}`,
			want: "Triggers.Webhook is true",
		},
		{
			kind: "AWS::CodeBuild::Project", before: `{"Triggers":{"FilterGroups":[[{"Type":"ACTOR_ACCOUNT_ID"}]]}}`,
			after: `{"Triggers":{"FilterGroups":[]}}`, want: "FilterGroups",
		},
		{
			kind: "AWS::CodeBuild::Project", before: `{"Artifacts":{}}`, after: `{"Artifacts":{"EncryptionDisabled":true}}`,
			want: "EncryptionDisabled is true",
		},
		{
			kind: "AWS::CodeBuild::Project", before: `{"Source":{}}`, after: `{"Source":{"InsecureSsl":true}}`,
			want: "InsecureSsl is true",
		},
		{
			kind: "AWS::CodeBuild::Project", before: `{"Source":{"Location":"https://github.com/us/x"}}`,
			after: `{"Source":{"Location":"https://github.com/evil/x"}}`, want: "Location is https://github.com/evil/x",
		},
		{
			kind: "AWS::SageMaker::NotebookInstance", before: `{"RootAccess":"Disabled"}`, after: `{"RootAccess":"Enabled"}`,
			want: "RootAccess is Enabled",
		},
		{
			kind: "AWS::SageMaker::NotebookInstance", before: `{"DirectInternetAccess":"Disabled"}`,
			after: `{"DirectInternetAccess":"Enabled"}`, want: "DirectInternetAccess is Enabled",
		},
		{
			kind: "AWS::AmazonMQ::Broker", before: `{"Users":[{"ConsoleAccess":false}]}`,
			after: `{"Users":[{"ConsoleAccess":true}]}`, want: "Users.ConsoleAccess is true",
		},
		{
			kind: "AWS::Grafana::Workspace", before: `{"AccountAccessType":"CURRENT_ACCOUNT"}`,
			after: `{"AccountAccessType":"ORGANIZATION"}`, want: "AccountAccessType is ORGANIZATION",
		},
		{
			kind: "AWS::CodeArtifact::Repository", before: `{}`, after: `{"ExternalConnections":["public:npmjs"]}`,
			want: "ExternalConnections: public:npmjs",
		},
		{
			kind: "AWS::ImageBuilder::DistributionConfiguration", before: `{"Distributions":[{}]}`, want: "all",
			after: `{"Distributions":[{"AmiDistributionConfiguration":{"LaunchPermissionConfiguration":` +
				`{"UserGroups":["all"]}}}]}`,
		},
		{kind: "AWS::EKS::Nodegroup", before: `{}`, after: `{"RemoteAccess":{"Ec2SshKey":"k"}}`, want: "Ec2SshKey"},
		{
			kind: "AWS::ECS::TaskDefinition", before: `{"ContainerDefinitions":[{}]}`, want: "SYS_ADMIN",
			after: `{"ContainerDefinitions":[{"LinuxParameters":{"Capabilities":{"Add":["SYS_ADMIN"]}}}]}`,
		},
		{
			kind: "AWS::ECS::TaskDefinition", before: `{"ContainerDefinitions":[{"User":"1000"}]}`,
			after: `{"ContainerDefinitions":[{"User":"root"}]}`, want: "User is root",
		},
		{
			kind: "AWS::ECS::TaskDefinition", before: `{"Volumes":[]}`, after: `{"Volumes":[{"Host":{"SourcePath":"/"}}]}`,
			want: "SourcePath: /",
		},
		{
			kind: "AWS::RDS::DBSecurityGroupIngress", before: `{"CIDRIP":"10.0.0.0/8"}`, after: `{"CIDRIP":"0.0.0.0/0"}`,
			want: "CIDRIP is 0.0.0.0/0",
		},
		{kind: "AWS::RDS::DBCluster", before: `{}`, after: `{"EnableHttpEndpoint":true}`, want: "EnableHttpEndpoint"},
		{
			kind: "AWS::SNS::Topic", before: `{}`, after: `{"Subscription":[{"Endpoint":"a@evil.example"}]}`,
			want: "a@evil.example",
		},
		{
			kind: "AWS::S3::Bucket", before: `{}`, after: `{"WebsiteConfiguration":{"IndexDocument":"i"}}`,
			want: "WebsiteConfiguration",
		},
		{
			kind: "AWS::S3::Bucket", before: `{}`, after: `{"PublicAccessBlockConfiguration":{"BlockPublicPolicy":false}}`,
			want: "public access is not shut by BlockPublicPolicy",
		},
		{
			kind: "AWS::Lambda::Url", before: `{"AuthType":"AWS_IAM","TargetFunctionArn":"f"}`, want: "AllowOrigins",
			after: `{"AuthType":"AWS_IAM","TargetFunctionArn":"f","Cors":{"AllowOrigins":["*"]}}`,
		},
		{
			kind: "AWS::Route53::HostedZone", before: `{"VPCs":[{"VPCId":"a"}]}`,
			after: `{"VPCs":[{"VPCId":"a"},{"VPCId":"b"}]}`, want: "VPCs",
		},
		{
			kind: "AWS::Transfer::Server", before: `{"Protocols":["SFTP"]}`, after: `{"Protocols":["SFTP","FTP"]}`,
			want: "Protocols: FTP",
		},
		{
			kind: "AWS::EFS::AccessPoint", before: `{"PosixUser":{"Uid":"1000"}}`, after: `{"PosixUser":{"Uid":"0"}}`,
			want: "PosixUser",
		},
		{
			kind: "AWS::AppSync::GraphQLSchema", before: `{"Definition":"@aws_iam"}`,
			after: `{"Definition":"@aws_api_key"}`, want: "Definition",
		},
		{
			kind: "AWS::SecretsManager::RotationSchedule", before: `{"RotationLambdaARN":"a"}`,
			after: `{"RotationLambdaARN":"b"}`, want: "RotationLambdaARN",
		},
		{kind: "My::Own::Thing", before: `{"IsPublic":false}`, after: `{"IsPublic":true}`, want: "IsPublic is true"},
		{kind: "AWS::Newer::Thing", before: `{"AuthMode":"iam"}`, after: `{"AuthMode":"whoever"}`, want: "AuthMode is iam"},

		// Names that speak of what holds access within bounds.
		{
			kind: "AWS::Lambda::Function", before: `{"CodeSigningConfigArn":"c"}`, after: `{}`,
			want: "no longer: CodeSigningConfigArn is c",
		},
		{
			kind: "AWS::Lambda::CodeSigningConfig", want: "no longer: CodeSigningPolicies",
			before: `{"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"Enforce"}}`,
			after:  `{"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"Warn"}}`,
		},
		{
			kind: "AWS::Lambda::Function", before: `{"VpcConfig":{"SubnetIds":["a"]}}`, after: `{}`,
			want: "no longer: VpcConfig",
		},
		{
			kind: "AWS::S3::AccessPoint", before: `{"VpcConfiguration":{"VpcId":"v"}}`, after: `{}`,
			want: "no longer: VpcConfiguration",
		},
		{
			kind: "AWS::RDS::DBSubnetGroup", before: `{"SubnetIds":["inside"]}`, after: `{"SubnetIds":["outside"]}`,
			want: "is in the subnet outside",
		},
		{
			kind: "AWS::ApiGateway::Method", before: `{"AuthorizationType":"AWS_IAM","AuthorizationScopes":["a"]}`,
			after: `{"AuthorizationType":"AWS_IAM"}`, want: "no longer: AuthorizationScopes",
		},
		{
			kind: "AWS::ApiGateway::Method", before: `{"AuthorizationType":"AWS_IAM"}`, after: `{}`,
			want: "AuthorizationType is NONE",
		},
		{
			kind: "AWS::ApiGateway::DomainName", before: `{"SecurityPolicy":"TLS_1_2"}`,
			after: `{"SecurityPolicy":"TLS_1_0"}`, want: "no longer: SecurityPolicy is TLS_1_2",
		},
		{
			kind: "AWS::ApiGateway::DomainName", before: `{"MutualTlsAuthentication":{"TruststoreUri":"a"}}`,
			after: `{"MutualTlsAuthentication":{"TruststoreUri":"b"}}`, want: "no longer: MutualTlsAuthentication",
		},
		{
			kind: "AWS::RDS::DBClusterParameterGroup", before: `{"Parameters":{"rds.force_ssl":"1"}}`,
			after: `{"Parameters":{"rds.force_ssl":"0"}}`, want: "Parameters.rds.force_ssl is 0",
		},
		{
			kind: "AWS::RDS::DBClusterParameterGroup", before: `{"Parameters":{"rds.force_ssl":"1"}}`,
			after: `{"Parameters":{}}`, want: "no longer: Parameters.rds.force_ssl is 1",
		},
		{
			kind: "AWS::RDS::DBProxy", before: `{"Auth":[{"IAMAuth":"REQUIRED"}]}`, after: `{"Auth":[{"IAMAuth":"DISABLED"}]}`,
			want: "no longer: Auth",
		},
		{
			kind: "AWS::DAX::Cluster", before: `{"ClusterEndpointEncryptionType":"TLS"}`,
			after: `{"ClusterEndpointEncryptionType":"NONE"}`, want: "ClusterEndpointEncryptionType is NONE",
		},
		{
			kind: "AWS::MemoryDB::Cluster", before: `{"TLSEnabled":true}`, after: `{"TLSEnabled":false}`,
			want: "TLSEnabled is false",
		},
		{
			kind: "AWS::ElasticLoadBalancingV2::Listener", before: `{"Protocol":"HTTPS"}`, after: `{"Protocol":"HTTP"}`,
			want: "no longer: Protocol is HTTPS",
		},
		{
			kind: "AWS::ElasticLoadBalancingV2::Listener", before: `{"SslPolicy":"strict"}`, after: `{"SslPolicy":"lax"}`,
			want: "no longer: SslPolicy is strict",
		},
		{
			kind: "AWS::ElasticLoadBalancingV2::ListenerRule", want: "no longer: Actions.AuthenticateOidcConfig",
			before: `{"Actions":[{"AuthenticateOidcConfig":{"OnUnauthenticatedRequest":"authenticate"}}]}`,
			after:  `{"Actions":[{"AuthenticateOidcConfig":{"OnUnauthenticatedRequest":"allow"}}]}`,
		},
		{
			kind: "AWS::CloudFront::Distribution", want: "MinimumProtocolVersion is TLSv1.2_2021",
			before: `{"DistributionConfig":{"ViewerCertificate":{"MinimumProtocolVersion":"TLSv1.2_2021"}}}`,
			after:  `{"DistributionConfig":{"ViewerCertificate":{"MinimumProtocolVersion":"TLSv1"}}}`,
		},
		{
			kind: "AWS::CloudFront::Distribution", want: "no longer: FunctionAssociations",
			before: `{"DistributionConfig":{"DefaultCacheBehavior":{"FunctionAssociations":[{"FunctionARN":"login"}]}}}`,
			after:  `{"DistributionConfig":{"DefaultCacheBehavior":{}}}`,
		},
		{
			kind: "AWS::Cognito::UserPool", before: `{"MfaConfiguration":"OPTIONAL"}`, after: `{"MfaConfiguration":"OFF"}`,
			want: "MfaConfiguration is OFF",
		},
		{
			kind: "AWS::Cognito::UserPool", before: `{"Policies":{"PasswordPolicy":{"MinimumLength":16}}}`,
			after: `{"Policies":{"PasswordPolicy":{"MinimumLength":6}}}`, want: "no longer: Policies.PasswordPolicy",
		},
		{
			kind: "AWS::Transfer::User", before: `{"Policy":"{\"Statement\":[]}"}`, after: `{}`,
			want: "no longer: what it allows is limited by its policy",
		},
		{
			kind: "AWS::EC2::Instance", before: `{"SourceDestCheck":true}`, after: `{"SourceDestCheck":false}`,
			want: "no longer: is guarded by SourceDestCheck",
		},
		{
			kind: "AWS::CodePipeline::Pipeline", want: "no longer: somebody has to approve",
			before: `{"Stages":[{"Actions":[{"ActionTypeId":{"Category":"Approval"}}]}]}`, after: `{"Stages":[]}`,
		},
		{
			kind: "AWS::CodePipeline::Pipeline", want: "FullRepositoryId is evil/x",
			before: `{"Stages":[{"Actions":[{"Configuration":{"FullRepositoryId":"us/x"}}]}]}`,
			after:  `{"Stages":[{"Actions":[{"Configuration":{"FullRepositoryId":"evil/x"}}]}]}`,
		},
		{
			kind: "AWS::CloudTrail::Trail", before: `{"IsMultiRegionTrail":true}`, after: `{"IsMultiRegionTrail":false}`,
			want: "IsMultiRegionTrail",
		},
		{kind: "AWS::GuardDuty::Detector", before: `{"Enable":true}`, after: `{"Enable":false}`, want: "Enable: false"},
		{kind: "AWS::CloudTrail::Trail", before: `{"IsLogging":true}`, want: "what is done is recorded"},
		{
			kind: "AWS::CloudFormation::GuardHook", before: `{"HookStatus":"ENABLED"}`, after: `{"HookStatus":"DISABLED"}`,
			want: "HookStatus: DISABLED",
		},
	} {
		a.name = a.kind + ": " + a.want
		run(t, change.Permissions, []attack{a})
	}
}

// What is changed every day is no question of access.
func TestPermissionFlags_EverydayChangesAreNotFlagged(t *testing.T) {
	for _, a := range []attack{
		{
			kind: "AWS::Lambda::Function", before: `{"MemorySize":128,"Runtime":"nodejs20.x"}`,
			after: `{"MemorySize":256,"Runtime":"nodejs22.x","Environment":{"Variables":{"PUBLIC_URL":"https://a.example",` +
				`"ALLOWED_USERS":"x","TLS":"off"}},"LoggingConfig":{"LogFormat":"JSON"},"TracingConfig":{"Mode":"Active"}}`,
		},
		{
			kind: "AWS::ECS::TaskDefinition", before: `{"ContainerDefinitions":[{"Image":"a:1","Environment":[]}]}`,
			after: `{"ContainerDefinitions":[{"Image":"a:2","Environment":[{"Name":"PUBLIC_URL","Value":"https://a"}]}]}`,
		},
		{kind: "AWS::DynamoDB::Table", before: `{"BillingMode":"PROVISIONED"}`, after: `{"BillingMode":"PAY_PER_REQUEST"}`},
		{
			kind: "AWS::RDS::DBInstance", before: `{"EngineVersion":"15","AllocatedStorage":"20"}`,
			after: `{"EngineVersion":"16","AllocatedStorage":"50","AllowMajorVersionUpgrade":true}`,
		},
		{
			kind: "AWS::RDS::DBParameterGroup", before: `{"Parameters":{"max_connections":"10"}}`,
			after: `{"Parameters":{"max_connections":"20"}}`,
		},
		{
			kind: "AWS::AutoScaling::AutoScalingGroup", before: `{"MinSize":"1"}`,
			after: `{"MinSize":"2","NewInstancesProtectedFromScaleIn":true}`,
		},
		{kind: "AWS::ApiGateway::Stage", before: `{}`, after: `{"AccessLogSetting":{"DestinationArn":"l","Format":"f"}}`},
		{kind: "AWS::S3::Bucket", before: `{}`, after: `{"LifecycleConfiguration":{"Rules":[]},"Tags":[{"Key":"Public",` +
			`"Value":"true"}]}`},
		{kind: "AWS::CloudWatch::Alarm", before: `{"Threshold":1}`, after: `{"Threshold":2,"DatapointsToAlarm":3}`},
		{
			kind: "AWS::StepFunctions::StateMachine", before: `{"DefinitionString":"{}"}`,
			after: `{"DefinitionString":"{\"Comment\":\"x\"}"}`,
		},
		{
			kind: "AWS::EC2::Instance", before: `{"InstanceType":"t3.micro"}`,
			after: `{"InstanceType":"t3.large","DisableApiTermination":true}`,
		},
		{kind: "AWS::Lambda::Function", before: `{}`, after: `{"CodeSigningConfigArn":"c"}`},
		{kind: "AWS::ElasticLoadBalancingV2::LoadBalancer", before: `{"Scheme":"internal"}`, after: `{"Scheme":"internal",` +
			`"LoadBalancerAttributes":[{"Key":"idle_timeout.timeout_seconds","Value":"60"}]}`},
		{kind: "AWS::S3::Bucket", before: `{}`, after: `{"PublicAccessBlockConfiguration":{"BlockPublicPolicy":true}}`},
	} {
		a.name = a.kind + " " + a.after
		run(t, change.Permissions, []attack{a})
	}
}

// The numbers of the project's own accounts are no news.
func TestPermissionFlags_OwnAccountsMayBeNamed(t *testing.T) {
	a := attack{kind: "AWS::SQS::Queue"}
	version := func(properties string) Version {
		return Version{
			Template: a.body(t, properties, ""), Pseudo: pseudo, Accounts: []string{"111122223333", "444455556666"},
		}
	}
	for number, count := range map[string]int{"444455556666": 0, "999900001111": 1} {
		flags, err := Flags("s", nil, version(`{}`),
			version(`{"RedrivePolicy":{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:`+number+`:q"}}`))
		assert.NoError(t, err)
		assert.Len(t, flags, count, number)
	}
}

// A statement that says two things, and one whose variables an older version of the language does not know.
func TestPermissionFlags_StatementsThatReadersDisagreeAbout(t *testing.T) {
	condition := func(values string) string {
		return policy(`[{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{"StringEquals":{` + values + `}}}]`)
	}
	version := func(version, resource string) string {
		return `{"Roles":["r"],"PolicyDocument":{"Version":"` + version + `","Statement":[` +
			`{"Effect":"Deny","Action":"a:B","Resource":"` + resource + `"}]}}`
	}
	run(t, change.Permissions, []attack{
		{
			name: "Action beside NotAction", kind: "AWS::IAM::Policy", before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":"s3:GetObject","NotAction":"a:B","Resource":"arn:aws:s3:::a/*"}]`),
			want:  "a statement that cannot be read",
		},
		{
			name: "Resource beside NotResource", kind: "AWS::IAM::Policy", before: policy(`[` + readOne + `]`),
			after: policy(`[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*","NotResource":"b"}]`),
			want:  "a statement that cannot be read",
		},
		{
			name: "Principal beside NotPrincipal", kind: "AWS::IAM::Role", before: trust(own),
			after: `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` +
				own + `,"NotPrincipal":{"AWS":"x"}}]}}`, want: "a statement that cannot be read",
		},
		{
			name: "a key in two spellings", kind: "AWS::IAM::Policy", before: condition(`"aws:SourceAccount":"1"`),
			after: condition(`"aws:SourceAccount":"1","aws:sourceaccount":["1","2"]`), want: "allows a:B",
		},
		{
			name: "a version without variables", kind: "AWS::IAM::Policy", before: version("2012-10-17", "x/${aws:username}"),
			after: version("2008-10-17", "x/${aws:username}"), want: "no longer: denies a:B on x/${aws:username}",
		},
		{
			name: "a version that changes nothing", kind: "AWS::IAM::Policy", before: version("2012-10-17", "x"),
			after: version("2008-10-17", "x"),
		},
	})
}
