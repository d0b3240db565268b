package stages

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestC2_ConfigurationBecomesParameters(t *testing.T) {
	for environment, want := range map[string]map[string]string{
		"dev": {
			"/lockstep/dev/logLevel": "debug", "/lockstep/dev/releaseChannel": "dev",
			"/lockstep/dev/_environment": `{"name":"dev","account":"111122223333","region":"eu-west-1"}`,
		},
		"prod": {
			"/lockstep/prod/logLevel": "info", "/lockstep/prod/releaseChannel": "prod",
			"/lockstep/prod/_environment": `{"name":"prod","account":"777788889999","region":"eu-west-1","after":"acc"}`,
		},
	} {
		got := map[string]string{}
		for _, p := range stackTemplate(t, environment, "artefact").resourcesOfType("AWS::SSM::Parameter") {
			got[fmt.Sprint(valueAt(p, "Properties.Name"))] = fmt.Sprint(valueAt(p, "Properties.Value"))
		}
		assert.Equal(t, want, got)
	}
}

func TestC2_OutputsBecomeParameters(t *testing.T) {
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		environment, _, _ = strings.Cut(environment, " ")
		published := map[string]string{}
		for _, p := range in.resourcesOfType("AWS::SSM::Parameter") {
			published[fmt.Sprint(valueAt(p, "Properties.Name"))] = jsonText(valueAt(p, "Properties.Value"))
		}
		outputs, _ := in["Outputs"].(map[string]any)
		for id, o := range outputs {
			if !strings.HasPrefix(id, "ExportsOutput") { // those are for other stacks alone
				assert.Equal(t, jsonText(valueAt(o, "Value")), published["/lockstep/"+environment+"/_outputs/"+name+"/"+id],
					"%s %s %s", environment, name, id)
			}
		}
	})
}

func TestC3_StorageIsProtected(t *testing.T) {
	s := stackTemplate(t, "acc", "storage")
	for _, bucket := range s.resourcesOfType("AWS::S3::Bucket") {
		assertPrivateBucket(t, bucket)
	}
	assertTLSOnly(t, s)
	objects := findBucket(t, s, "Objects")
	encryption := valueAt(objects, "Properties.BucketEncryption.ServerSideEncryptionConfiguration.0")
	assert.Equal(t, "aws:kms", valueAt(encryption, "ServerSideEncryptionByDefault.SSEAlgorithm"))
	assert.NotNil(t, valueAt(objects, "Properties.LoggingConfiguration.DestinationBucketName"))
	archive := findLifecycleRule(t, objects, "archive")
	assert.Equal(t, []any{map[string]any{"StorageClass": "GLACIER", "TransitionInDays": 30.0}}, archive["Transitions"])
	assert.Equal(t, 180.0, valueAt(archive, "NoncurrentVersionExpiration.NoncurrentDays"))
	assert.Equal(t, true, valueAt(onlyResource(t, s, "AWS::KMS::Key"), "Properties.EnableKeyRotation"))
}

func TestC4_DatabaseIsServerlessAndEncrypted(t *testing.T) {
	for environment, want := range map[string]struct {
		least, most, backupDays, readers float64
		protected                        bool
	}{
		"dev":  {least: 0.5, most: 2, backupDays: 1},
		"acc":  {least: 0.5, most: 4, backupDays: 7},
		"prod": {least: 1, most: 16, backupDays: 35, readers: 1, protected: true},
		"perf": {least: 2, most: 64, backupDays: 3, readers: 2},
	} {
		t.Run(environment, func(t *testing.T) {
			s := stackTemplate(t, environment, "database")
			cluster := onlyResource(t, s, "AWS::RDS::DBCluster")
			p := cluster["Properties"].(map[string]any)
			assert.Equal(t, map[string]any{"MinCapacity": want.least, "MaxCapacity": want.most},
				p["ServerlessV2ScalingConfiguration"])
			assert.Equal(t, want.backupDays, p["BackupRetentionPeriod"])
			assert.Equal(t, want.protected, p["DeletionProtection"])
			assert.Equal(t, true, p["StorageEncrypted"])
			assert.Equal(t, true, p["EnableIAMDatabaseAuthentication"])
			assert.Equal(t, true, p["ManageMasterUserPassword"], "RDS keeps the password in Secrets Manager and changes it")
			assert.NotContains(t, p, "MasterUserPassword")
			assert.Equal(t, p["KmsKeyId"], valueAt(p, "MasterUserSecret.KmsKeyId"))
			assert.Equal(t, []any{"postgresql"}, p["EnableCloudwatchLogsExports"])
			assert.Equal(t, "Snapshot", cluster["DeletionPolicy"])
			assert.Contains(t, jsonText(onlyResource(t, s, "AWS::RDS::DBClusterParameterGroup")), `"rds.force_ssl":"1"`)

			instances := s.resourcesOfType("AWS::RDS::DBInstance")
			assert.Len(t, instances, 1+int(want.readers))
			for _, instance := range instances {
				assert.Equal(t, "db.serverless", valueAt(instance, "Properties.DBInstanceClass"))
				assert.Equal(t, false, valueAt(instance, "Properties.PubliclyAccessible"))
			}
			group := onlyResource(t, s, "AWS::Logs::LogGroup")
			assert.Equal(t, "/aws/rds/cluster/lockstep-"+environment+"-database/postgresql",
				valueAt(group, "Properties.LogGroupName"))
			assert.Equal(t, "lockstep-"+environment+"-database", p["DBClusterIdentifier"])
		})
	}
}

// AWS manages Database Insights for a whole cluster, and sells 7 days in standard mode or 465 in advanced mode.
func TestAWS_A11_DatabaseInsightsIsOneOfTheModesThatAreSold(t *testing.T) {
	for environment, want := range map[string]struct {
		mode string
		days float64
	}{"dev": {"standard", 7}, "acc": {"standard", 7}, "prod": {"advanced", 465}} {
		s := stackTemplate(t, environment, "database")
		cluster := onlyResource(t, s, "AWS::RDS::DBCluster")
		assert.Equal(t, want.mode, valueAt(cluster, "Properties.DatabaseInsightsMode"), environment)
		assert.Equal(t, true, valueAt(cluster, "Properties.PerformanceInsightsEnabled"), environment)
		assert.Equal(t, want.days, valueAt(cluster, "Properties.PerformanceInsightsRetentionPeriod"), environment)
		assert.Equal(t, valueAt(cluster, "Properties.KmsKeyId"),
			valueAt(cluster, "Properties.PerformanceInsightsKmsKeyId"), environment)
		for _, instance := range s.resourcesOfType("AWS::RDS::DBInstance") {
			assert.NotContains(t, jsonText(instance), "Insights", "an instance of a cluster has no setting of its own")
		}
	}
}

func TestC4_DatabaseUsesIsolatedSubnets(t *testing.T) {
	network := stackTemplate(t, "prod", "network")
	assert.Len(t, network.resourcesOfType("AWS::EC2::Subnet"), 3)
	for _, out := range []string{
		"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route",
		"AWS::EC2::VPCGatewayAttachment",
	} {
		assert.Empty(t, network.resourcesOfType(out), "%s is a way out", out)
	}
	assert.Len(t, network.resourcesOfType("AWS::EC2::FlowLog"), 1)
	database := stackTemplate(t, "prod", "database")
	assert.Len(t, valueAt(onlyResource(t, database, "AWS::RDS::DBSubnetGroup"), "Properties.SubnetIds"), 3)
	ingress := map[string]any{}
	for _, group := range database.resourcesOfType("AWS::EC2::SecurityGroup") {
		description := fmt.Sprint(valueAt(group, "Properties.GroupDescription"))
		ingress[description] = valueAt(group, "Properties.SecurityGroupIngress")
	}
	assert.Equal(t, map[string]any{
		"reaches the database of lockstep-prod-database": nil,
		"the database of lockstep-prod-database": []any{map[string]any{
			"Description": "clients of the database", "IpProtocol": "tcp", "FromPort": 5433.0, "ToPort": 5433.0,
			"SourceSecurityGroupId": map[string]any{"Fn::GetAtt": []any{"Clients", "GroupId"}},
		}},
	}, ingress)
}

// EC2 accepts few characters in the descriptions of security groups and their rules.
func TestC4_SecurityGroupDescriptionsAreValid(t *testing.T) {
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for _, group := range in.resourcesOfType("AWS::EC2::SecurityGroup") {
			descriptions := []any{valueAt(group, "Properties.GroupDescription")}
			for _, rules := range []string{"SecurityGroupIngress", "SecurityGroupEgress"} {
				list, _ := valueAt(group, "Properties."+rules).([]any)
				for _, rule := range list {
					descriptions = append(descriptions, valueAt(rule, "Description"))
				}
			}
			for _, d := range descriptions {
				assert.Regexp(t, `^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`, d, "%s %s", environment, name)
			}
		}
	})
}

func TestC4_DatabaseAlarmsUseThresholds(t *testing.T) {
	for environment, connections := range map[string]float64{"acc": 200, "prod": 1000} {
		got := map[string]float64{}
		for _, alarm := range stackTemplate(t, environment, "database").resourcesOfType("AWS::CloudWatch::Alarm") {
			got[fmt.Sprint(valueAt(alarm, "Properties.MetricName"))] = valueAt(alarm, "Properties.Threshold").(float64)
		}
		assert.Equal(t, map[string]float64{
			"ACUUtilization": 90, "CPUUtilization": 80, "DatabaseConnections": connections,
			"Deadlocks": 1, "AuroraReplicaLagMaximum": 1000, "RefusedSignIns": 10,
		}, got)
	}
	assert.Len(t, stackTemplate(t, "acc", "database").resourcesOfType("AWS::CloudWatch::Dashboard"), 1)
}

func TestC5_NotificationsReachFinanceAndOwners(t *testing.T) {
	s := stackTemplate(t, "perf", "notifications")
	for _, topic := range s.resourcesOfType("AWS::SNS::Topic") {
		assert.NotNil(t, valueAt(topic, "Properties.KmsMasterKeyId"))
	}
	assertTLSOnly(t, s)
	addresses := map[string][]string{}
	for _, subscription := range s.resourcesOfType("AWS::SNS::Subscription") {
		topic := strings.TrimRight(fmt.Sprint(valueAt(subscription, "Properties.TopicArn.Ref")), "0123456789ABCDEF")
		addresses[topic] = append(addresses[topic], fmt.Sprint(valueAt(subscription, "Properties.Endpoint")))
	}
	assert.ElementsMatch(t, []string{"money@example.com", "perf@example.com", "platform@example.com"},
		addresses["Finance"])
	assert.ElementsMatch(t, []string{"perf@example.com", "platform@example.com"}, addresses["Owners"])
	assert.Empty(t, s.resourcesOfType("AWS::Chatbot::SlackChannelConfiguration"))

	chat := onlyResource(t, stackTemplate(t, "given", "notifications"), "AWS::Chatbot::SlackChannelConfiguration")
	assert.Equal(t, "C0123456789", valueAt(chat, "Properties.SlackChannelId"))
}

// A message is lost without an error if its publisher may publish on the topic but not encrypt with its key.
func TestC5_TopicPublishersMayUseKey(t *testing.T) {
	s := stackTemplate(t, "acc", "notifications")
	mayUseKey := jsonText(valueAt(onlyResource(t, s, "AWS::KMS::Key"), "Properties.KeyPolicy"))
	for _, statement := range policyStatements(onlyResource(t, s, "AWS::KMS::Key")["Properties"]) {
		if slices.Contains(stringList(valueAt(statement, "Principal.Service")), "events.amazonaws.com") {
			assert.Nil(t, statement["Condition"], "what EventBridge publishes would be lost without an error")
		}
	}
	publishers := map[string]bool{}
	for _, policy := range s.resourcesOfType("AWS::SNS::TopicPolicy") {
		for _, statement := range valueAt(policy, "Properties.PolicyDocument.Statement").([]any) {
			for _, service := range stringList(valueAt(statement, "Principal.Service")) {
				publishers[service] = true
				if service == "events.amazonaws.com" {
					assert.Nil(t, valueAt(statement, "Condition"), "EventBridge passes no account on")
					continue
				}
				assert.Equal(t, "444455556666", valueAt(statement, "Condition.StringEquals.aws:SourceAccount"),
					"%s publishes for other accounts too", service)
			}
		}
	}
	assert.Equal(t, map[string]bool{
		"events.amazonaws.com": true, "budgets.amazonaws.com": true,
		"costalerts.amazonaws.com": true,
	}, publishers)
	for service := range publishers {
		assert.Contains(t, mayUseKey, service)
	}
}

func TestC5_OwnersAreNotifiedOfAlarms(t *testing.T) {
	targets := map[string]string{}
	for _, rule := range stackTemplate(t, "acc", "notifications").resourcesOfType("AWS::Events::Rule") {
		targets[fmt.Sprint(valueAt(rule, "Properties.EventPattern.source.0"))] = fmt.Sprint(valueAt(rule,
			"Properties.Targets.0.Arn.Ref"))
	}
	for _, source := range []string{"aws.cloudwatch", "aws.guardduty", "aws.config", "aws.access-analyzer"} {
		assert.True(t, strings.HasPrefix(targets[source], "Owners"), "%s: %s", source, targets[source])
	}
}

func TestC6_BudgetWarnsAtItsThresholds(t *testing.T) {
	for environment, want := range map[string][]float64{"acc": {500, 80, 95}, "perf": {1234, 50, 75}} {
		budget := onlyResource(t, stackTemplate(t, environment, "governance"), "AWS::Budgets::Budget")
		assert.Equal(t, want[0], valueAt(budget, "Properties.Budget.BudgetLimit.Amount"))
		assert.Equal(t, "MONTHLY", valueAt(budget, "Properties.Budget.TimeUnit"))
		for i, percent := range want[1:] {
			notification := valueAt(budget, fmt.Sprintf("Properties.NotificationsWithSubscribers.%d", i))
			assert.Equal(t, percent, valueAt(notification, "Notification.Threshold"))
			assert.Equal(t, "ACTUAL", valueAt(notification, "Notification.NotificationType"))
			assert.Contains(t, jsonText(valueAt(notification, "Subscribers")), "Finance", "which finance and the owners hear")
		}
	}
}

func TestC6_TrailIsKeptAndValidated(t *testing.T) {
	s := stackTemplate(t, "acc", "governance")
	trail := onlyResource(t, s, "AWS::CloudTrail::Trail")
	assert.Equal(t, true, valueAt(trail, "Properties.IsMultiRegionTrail"))
	assert.Equal(t, true, valueAt(trail, "Properties.EnableLogFileValidation"))
	assert.NotNil(t, valueAt(trail, "Properties.KMSKeyId"))
	const arn = "arn:aws:cloudtrail:eu-west-1:444455556666:trail/lockstep-acc-governance"
	mayEncrypt := slices.ContainsFunc(policyStatements(onlyResource(t, s, "AWS::KMS::Key")["Properties"]),
		func(statement map[string]any) bool {
			return valueAt(statement, "Principal.Service") == "cloudtrail.amazonaws.com" &&
				strings.Contains(jsonText(statement["Action"]), "kms:GenerateDataKey") &&
				valueAt(statement, "Condition.StringEquals.aws:SourceArn") == arn
		})
	assert.True(t, mayEncrypt, "CloudTrail refuses a key that it may not use")
	records := findBucket(t, s, "Records")
	assertPrivateBucket(t, records)
	assert.Equal(t, 365.0, findLifecycleRule(t, records, "expire")["ExpirationInDays"])
}

func TestC6_SecurityEventsRaiseAlarms(t *testing.T) {
	s := stackTemplate(t, "acc", "governance")
	filters := map[string]string{}
	for _, filter := range s.resourcesOfType("AWS::Logs::MetricFilter") {
		filters[fmt.Sprint(valueAt(filter, "Properties.MetricTransformations.0.MetricName"))] = fmt.Sprint(valueAt(filter,
			"Properties.FilterPattern"))
	}
	thresholds := map[string]float64{}
	for _, alarm := range s.resourcesOfType("AWS::CloudWatch::Alarm") {
		name := fmt.Sprint(valueAt(alarm, "Properties.MetricName"))
		thresholds[name] = valueAt(alarm, "Properties.Threshold").(float64)
		assert.Contains(t, filters, name, "an alarm on a metric that nothing counts")
		assert.Equal(t, "lockstep-acc-governance", valueAt(alarm, "Properties.Namespace"))
	}
	assert.Len(t, thresholds, len(filters), "an event that is counted and raises no alarm")
	for event, part := range map[string]string{
		"RootUse": `$.userIdentity.type = "Root"`, "DeniedCalls": "AccessDenied", "SignInWithoutMFA": "MFAUsed",
		"IAMChanges":     "iam.amazonaws.com",
		"NetworkChanges": "CreateVpc", "SecurityGroupChanges": "AuthorizeSecurityGroup", "TrailChanges": "StopLogging",
	} {
		assert.Contains(t, filters[event], part)
	}
	assert.Equal(t, 1.0, thresholds["RootUse"])
	assert.Equal(t, 10.0, thresholds["DeniedCalls"])
	for _, alarm := range stackTemplate(t, "perf", "governance").resourcesOfType("AWS::CloudWatch::Alarm") {
		if valueAt(alarm, "Properties.MetricName") == "DeniedCalls" {
			assert.Equal(t, 25.0, valueAt(alarm, "Properties.Threshold"), "the configuration says how many are normal")
		}
	}
	assert.Equal(t, 730.0, findLifecycleRule(t, findBucket(t, stackTemplate(t, "perf", "governance"), "Records"),
		"expire")["ExpirationInDays"])
}

func TestC6_AccountIsMonitored(t *testing.T) {
	s := stackTemplate(t, "acc", "governance")
	assert.Equal(t, true, valueAt(onlyResource(t, s, "AWS::GuardDuty::Detector"), "Properties.Enable"))
	assert.Equal(t, "ACCOUNT", valueAt(onlyResource(t, s, "AWS::AccessAnalyzer::Analyzer"), "Properties.Type"))
	anomalies := onlyResource(t, s, "AWS::CE::AnomalySubscription")
	assert.Contains(t, jsonText(valueAt(anomalies, "Properties.Subscribers")), "Finance")
	assert.Equal(t, true, valueAt(onlyResource(t, s, "AWS::Config::ConfigurationRecorder"),
		"Properties.RecordingGroup.AllSupported"))
	assert.Contains(t, packRules(t, s), "S3_BUCKET_SSL_REQUESTS_ONLY")
	assert.Contains(t, packRules(t, s), "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS")
	assert.NotContains(t, packRules(t, s), "RDS_CLUSTER_DELETION_PROTECTION_ENABLED")
	assert.Contains(t, packRules(t, stackTemplate(t, "prod", "governance")), "RDS_CLUSTER_DELETION_PROTECTION_ENABLED")
}

func TestC6_OrganisationResourcesAreNotDuplicated(t *testing.T) {
	assert.NotContains(t, synthesizedAssemblies["given"].templates, "governance",
		"nothing is left to make, and CloudFormation takes no empty stack")
}

func TestC6_BudgetForecastIsNotified(t *testing.T) {
	budget := onlyResource(t, stackTemplate(t, "acc", "governance"), "AWS::Budgets::Budget")
	forecast := valueAt(budget, "Properties.NotificationsWithSubscribers.2.Notification")
	assert.Equal(t, "FORECASTED", valueAt(forecast, "NotificationType"))
	assert.Equal(t, 100.0, valueAt(forecast, "Threshold"))
	assert.Equal(t, "USD", valueAt(budget, "Properties.Budget.BudgetLimit.Unit"))
}

func TestC4_FlowLogsAreWritten(t *testing.T) {
	network := stackTemplate(t, "prod", "network")
	assert.Equal(t, "ALL", valueAt(onlyResource(t, network, "AWS::EC2::FlowLog"), "Properties.TrafficType"))
	trust := valueAt(onlyResource(t, network, "AWS::IAM::Role"), "Properties.AssumeRolePolicyDocument")
	assert.Contains(t, jsonText(trust), "vpc-flow-logs.amazonaws.com")
	assert.Contains(t, jsonText(onlyResource(t, network, "AWS::IAM::Policy")), "logs:PutLogEvents")
}

func TestC7_ImportsAreReferences(t *testing.T) {
	s := stackTemplate(t, "given", "database")
	parameters := jsonText(s["Parameters"])
	assert.Contains(t, parameters, `"Default":"/network/vpc"`)
	assert.Contains(t, parameters, `"Default":"/network/subnet-c"`)
	assert.Contains(t, jsonText(valueAt(onlyResource(t, s, "AWS::RDS::DBSubnetGroup"), "Properties.SubnetIds")),
		"subnet-0123456789abcdef0")
	key := "arn:aws:kms:eu-west-1:666677778888:key/11111111-2222-3333-4444-555555555555"
	assert.Equal(t, key, valueAt(onlyResource(t, s, "AWS::RDS::DBCluster"), "Properties.KmsKeyId"))
	assert.Contains(t, jsonText(findBucket(t, stackTemplate(t, "given", "storage"), "Objects")), key)
	for _, resourceType := range []string{"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::KMS::Key"} {
		assert.Empty(t, s.resourcesOfType(resourceType))
	}
	record := onlyResource(t, s, "AWS::Route53::RecordSet")
	assert.Equal(t, "database.given.example.com.", valueAt(record, "Properties.Name"))
	assert.Equal(t, "Z0123456789ABCDEFGHIJ", valueAt(record, "Properties.HostedZoneId"))
	assert.NotContains(t, synthesizedAssemblies["given"].templates, "network", "a network is there already")
}

func TestC7_SynthHasNoLookups(t *testing.T) {
	for environment, a := range synthesizedAssemblies {
		manifest, err := os.ReadFile(filepath.Join(a.dir, "manifest.json"))
		require.NoError(t, err)
		assert.NotContains(t, string(manifest), `"missing"`, environment)
	}
}

func TestC8_StacksDependOnEarlierStages(t *testing.T) {
	var manifest struct {
		Artifacts map[string]struct {
			Type         string
			Dependencies []string
		}
	}
	data, err := os.ReadFile(filepath.Join(synthesizedAssemblies["prod"].dir, "manifest.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &manifest))
	for later, earlier := range map[string][]string{
		"storage": {"artefact"}, "network": {"artefact"}, "database": {"artefact", "network"},
		"notifications": {"artefact", "storage", "network", "database"},
		"governance":    {"artefact", "storage", "network", "database", "notifications"},
	} {
		for _, name := range earlier {
			assert.Contains(t, manifest.Artifacts["lockstep-prod-"+later].Dependencies, "lockstep-prod-"+name)
		}
	}
}

func TestC9_EnvironmentHasItsPlugins(t *testing.T) {
	assert.Contains(t, synthesizedAssemblies["acc"].templates, "storage")
	assert.Contains(t, synthesizedAssemblies["perf"].templates, "database")
	assert.NotContains(t, synthesizedAssemblies["perf"].templates, "storage")
}

func TestC11_NamesTagsAndProtection(t *testing.T) {
	var manifest struct {
		Artifacts map[string]struct {
			Type       string
			Properties struct {
				TerminationProtection bool
				Tags                  map[string]string
			}
		}
	}
	for environment, protected := range map[string]bool{"dev": false, "prod": true, "perf": false} {
		data, err := os.ReadFile(filepath.Join(synthesizedAssemblies[environment].dir, "manifest.json"))
		require.NoError(t, err)
		manifest.Artifacts = nil
		require.NoError(t, json.Unmarshal(data, &manifest))
		for id, a := range manifest.Artifacts {
			if a.Type != "aws:cloudformation:stack" {
				continue
			}
			assert.True(t, strings.HasPrefix(id, "lockstep-"+environment+"-"), id)
			assert.Equal(t, protected, a.Properties.TerminationProtection, id)
			assert.Equal(t, map[string]string{
				"project": "lockstep", "environment": environment, "owner": "platform",
				"costCentre": "platform-" + environment,
			}, a.Properties.Tags, id)
		}
	}
	assert.Contains(t, jsonText(valueAt(findBucket(t, stackTemplate(t, "prod", "storage"), "Objects"),
		"Properties.Tags")), "platform-prod")
}

func TestC11_StackPolicyKeepsData(t *testing.T) {
	for environment, protected := range map[string]bool{"dev": false, "acc": false, "prod": true, "tooling": true} {
		rights := 0
		for name, s := range synthesizedAssemblies[environment].templates {
			policy := valueAt(s, "Metadata.lockstep:stackPolicy")
			if !protected {
				assert.Nil(t, policy, name)
				continue
			}
			denied := valueAt(policy, "Statement.1")
			assert.Equal(t, "Deny", valueAt(denied, "Effect"), name)
			assert.Equal(t, []any{"Update:Delete", "Update:Replace"}, valueAt(denied, "Action"), name)
			assert.Contains(t, jsonText(valueAt(denied, "Condition")), "AWS::RDS::DBCluster", name)
			for _, policy := range s.resourcesOfType("AWS::IAM::Policy") {
				if strings.Contains(jsonText(policy), "cloudformation:SetStackPolicy") {
					rights++
					assert.Contains(t, jsonText(valueAt(policy, "Properties.Roles")), "deploy-role")
				}
			}
		}
		assert.Equal(t, map[bool]int{false: 0, true: 1}[protected], rights, "%s: who deploys may set the policies",
			environment)
	}
}

func TestF5_RetentionFollowsConfiguration(t *testing.T) {
	for environment, days := range map[string]float64{"dev": 90, "acc": 90, "prod": 90, "given": 180} {
		groups := 0
		for _, s := range synthesizedAssemblies[environment].templates {
			for _, group := range s.resourcesOfType("AWS::Logs::LogGroup") {
				groups++
				assert.Equal(t, days, valueAt(group, "Properties.RetentionInDays"), jsonText(group))
			}
		}
		assert.Positive(t, groups)
	}
	assert.Equal(t, 30.0, valueAt(findLifecycleRule(t, findBucket(t, stackTemplate(t, "prod", "storage"), "Objects"),
		"archive"), "Transitions.0.TransitionInDays"))
	assert.Equal(t, 365.0, findLifecycleRule(t, findBucket(t, stackTemplate(t, "prod", "governance"), "Records"),
		"expire")["ExpirationInDays"])
	for stack, days := range map[string]float64{"storage": 90, "governance": 365} {
		bucket := findBucket(t, stackTemplate(t, "prod", stack), "AccessLogs")
		assert.Equal(t, days, findLifecycleRule(t, bucket, "expire")["ExpirationInDays"], stack)
	}
}

// A resource with data outlives its stack, but not a failed creation, because the next attempt uses the same name.
func TestRetention_DataOutlivesStack(t *testing.T) {
	forEachTemplate(t, func(t *testing.T, environment, name string, in template) {
		for id, r := range in.resources() {
			switch r["Type"] {
			case "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Logs::LogGroup":
				assert.Equal(t, "RetainExceptOnCreate", r["DeletionPolicy"], "%s %s %s", environment, name, id)
				assert.Equal(t, "Retain", r["UpdateReplacePolicy"], "%s %s %s", environment, name, id)
			}
		}
	})
}

func assertPrivateBucket(t *testing.T, bucket map[string]any) {
	t.Helper()
	assert.Equal(t, "Enabled", valueAt(bucket, "Properties.VersioningConfiguration.Status"))
	assert.NotNil(t, valueAt(bucket, "Properties.BucketEncryption"))
	for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		assert.Equal(t, true, valueAt(bucket, "Properties.PublicAccessBlockConfiguration."+block))
	}
}

// assertTLSOnly checks that each bucket and topic has a policy that refuses requests without TLS.
func assertTLSOnly(t *testing.T, in template) {
	t.Helper()
	for resource, policy := range map[string]string{
		"AWS::S3::Bucket": "AWS::S3::BucketPolicy",
		"AWS::SNS::Topic": "AWS::SNS::TopicPolicy",
	} {
		policies := in.resourcesOfType(policy)
		assert.Len(t, policies, len(in.resourcesOfType(resource)))
		for _, p := range policies {
			assert.Contains(t, jsonText(valueAt(p, "Properties.PolicyDocument")), `{"Bool":{"aws:SecureTransport":"false"}}`)
		}
	}
}

func findBucket(t *testing.T, in template, id string) map[string]any {
	t.Helper()
	for logical, r := range in.resources() {
		if r["Type"] == "AWS::S3::Bucket" && strings.HasPrefix(logical, id) {
			return r
		}
	}
	require.Fail(t, "no bucket "+id)
	return nil
}

func findLifecycleRule(t *testing.T, bucket map[string]any, id string) map[string]any {
	t.Helper()
	rules, _ := valueAt(bucket, "Properties.LifecycleConfiguration.Rules").([]any)
	for _, rule := range rules {
		if valueAt(rule, "Id") == id {
			return rule.(map[string]any)
		}
	}
	require.Fail(t, "no rule "+id)
	return nil
}

// packRules returns the rules of a stack's conformance pack.
func packRules(t *testing.T, in template) []string {
	t.Helper()
	var pack struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				Source struct{ SourceIdentifier string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(valueAt(onlyResource(t, in, "AWS::Config::ConformancePack"),
		"Properties.TemplateBody").(string)), &pack))
	var rules []string
	for _, rule := range pack.Resources {
		assert.Equal(t, "AWS::Config::ConfigRule", rule.Type)
		rules = append(rules, rule.Properties.Source.SourceIdentifier)
	}
	return rules
}
