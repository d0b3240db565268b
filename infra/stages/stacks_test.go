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

func TestC2_ConfigurationIsPublishedAsParameters(t *testing.T) {
	for environment, want := range map[string]map[string]string{
		"dev":  {"/lockstep/dev/logLevel": "debug", "/lockstep/dev/releaseChannel": "dev", "/lockstep/dev/_environment": `{"name":"dev","account":"111122223333","region":"eu-west-1"}`},
		"prod": {"/lockstep/prod/logLevel": "info", "/lockstep/prod/releaseChannel": "prod", "/lockstep/prod/_environment": `{"name":"prod","account":"777788889999","region":"eu-west-1","after":"acc"}`},
	} {
		got := map[string]string{}
		for _, p := range stack(t, environment, "artefact").ofType("AWS::SSM::Parameter") {
			got[fmt.Sprint(at(p, "Properties.Name"))] = fmt.Sprint(at(p, "Properties.Value"))
		}
		assert.Equal(t, want, got)
	}
}

func TestC2_EveryOutputIsAParameterToo(t *testing.T) {
	everywhere(t, func(t *testing.T, environment, name string, in template) {
		environment, _, _ = strings.Cut(environment, " ")
		published := map[string]string{}
		for _, p := range in.ofType("AWS::SSM::Parameter") {
			published[fmt.Sprint(at(p, "Properties.Name"))] = text(at(p, "Properties.Value"))
		}
		outputs, _ := in["Outputs"].(map[string]any)
		for id, o := range outputs {
			if !strings.HasPrefix(id, "ExportsOutput") { // those are for other stacks alone
				assert.Equal(t, text(at(o, "Value")), published["/lockstep/"+environment+"/_outputs/"+name+"/"+id], "%s %s %s", environment, name, id)
			}
		}
	})
}

func TestC3_StorageIsPrivateEncryptedVersionedAndArchived(t *testing.T) {
	s := stack(t, "acc", "storage")
	for _, bucket := range s.ofType("AWS::S3::Bucket") {
		assertPrivateBucket(t, bucket)
	}
	assertTLSOnly(t, s)
	objects := bucketCalled(t, s, "Objects")
	assert.Equal(t, "aws:kms", at(objects, "Properties.BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.SSEAlgorithm"))
	assert.NotNil(t, at(objects, "Properties.LoggingConfiguration.DestinationBucketName"))
	archive := ruleCalled(t, objects, "archive")
	assert.Equal(t, []any{map[string]any{"StorageClass": "GLACIER", "TransitionInDays": 30.0}}, archive["Transitions"])
	assert.Equal(t, 180.0, at(archive, "NoncurrentVersionExpiration.NoncurrentDays"))
	assert.Equal(t, true, at(only(t, s, "AWS::KMS::Key"), "Properties.EnableKeyRotation"))
}

func TestC4_DatabaseIsServerlessEncryptedAndWatched(t *testing.T) {
	for environment, want := range map[string]struct {
		least, most, backupDays, readers, insightsDays float64
		protected                                      bool
	}{
		"dev":  {least: 0.5, most: 2, backupDays: 1, insightsDays: 7},
		"acc":  {least: 0.5, most: 4, backupDays: 7, insightsDays: 7},
		"prod": {least: 1, most: 16, backupDays: 35, readers: 1, insightsDays: 93, protected: true},
		"perf": {least: 2, most: 64, backupDays: 3, readers: 2, insightsDays: 7},
	} {
		t.Run(environment, func(t *testing.T) {
			s := stack(t, environment, "database")
			cluster := only(t, s, "AWS::RDS::DBCluster")
			p := cluster["Properties"].(map[string]any)
			assert.Equal(t, map[string]any{"MinCapacity": want.least, "MaxCapacity": want.most}, p["ServerlessV2ScalingConfiguration"])
			assert.Equal(t, want.backupDays, p["BackupRetentionPeriod"])
			assert.Equal(t, want.protected, p["DeletionProtection"])
			assert.Equal(t, true, p["StorageEncrypted"])
			assert.Equal(t, true, p["EnableIAMDatabaseAuthentication"])
			assert.Equal(t, true, p["ManageMasterUserPassword"], "RDS keeps the password in Secrets Manager and changes it")
			assert.NotContains(t, p, "MasterUserPassword")
			assert.Equal(t, p["KmsKeyId"], at(p, "MasterUserSecret.KmsKeyId"))
			assert.Equal(t, []any{"postgresql"}, p["EnableCloudwatchLogsExports"])
			assert.Equal(t, "Snapshot", cluster["DeletionPolicy"])
			assert.Contains(t, text(only(t, s, "AWS::RDS::DBClusterParameterGroup")), `"rds.force_ssl":"1"`)

			instances := s.ofType("AWS::RDS::DBInstance")
			assert.Len(t, instances, 1+int(want.readers))
			for _, instance := range instances {
				assert.Equal(t, "db.serverless", at(instance, "Properties.DBInstanceClass"))
				assert.Equal(t, false, at(instance, "Properties.PubliclyAccessible"))
				assert.Equal(t, true, at(instance, "Properties.EnablePerformanceInsights"))
				assert.Equal(t, want.insightsDays, at(instance, "Properties.PerformanceInsightsRetentionPeriod"))
			}
			group := only(t, s, "AWS::Logs::LogGroup")
			assert.Equal(t, "/aws/rds/cluster/lockstep-"+environment+"-database/postgresql", at(group, "Properties.LogGroupName"))
			assert.Equal(t, "lockstep-"+environment+"-database", p["DBClusterIdentifier"])
		})
	}
}

func TestC4_DatabaseStandsInIsolatedSubnets(t *testing.T) {
	network := stack(t, "prod", "network")
	assert.Len(t, network.ofType("AWS::EC2::Subnet"), 3)
	for _, out := range []string{"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::VPCGatewayAttachment"} {
		assert.Empty(t, network.ofType(out), "%s is a way out", out)
	}
	assert.Len(t, network.ofType("AWS::EC2::FlowLog"), 1)
	database := stack(t, "prod", "database")
	assert.Len(t, at(only(t, database, "AWS::RDS::DBSubnetGroup"), "Properties.SubnetIds"), 3)
	rules := map[string]string{}
	for _, group := range database.ofType("AWS::EC2::SecurityGroup") {
		rules[fmt.Sprint(at(group, "Properties.GroupDescription"))] = text(at(group, "Properties.SecurityGroupIngress"))
	}
	assert.Equal(t, map[string]string{
		"reaches the database of lockstep-prod-database": "null",
		"the database of lockstep-prod-database":         `[{"Description":"clients of the database","FromPort":5433,"IpProtocol":"tcp","SourceSecurityGroupId":{"Fn::GetAtt":["Clients","GroupId"]},"ToPort":5433}]`,
	}, rules)
}

// EC2 takes few characters in the descriptions of security groups and their rules.
func TestC4_SecurityGroupsAreDescribedAsEC2Takes(t *testing.T) {
	everywhere(t, func(t *testing.T, environment, name string, in template) {
		for _, group := range in.ofType("AWS::EC2::SecurityGroup") {
			descriptions := []any{at(group, "Properties.GroupDescription")}
			for _, rules := range []string{"SecurityGroupIngress", "SecurityGroupEgress"} {
				list, _ := at(group, "Properties."+rules).([]any)
				for _, rule := range list {
					descriptions = append(descriptions, at(rule, "Description"))
				}
			}
			for _, d := range descriptions {
				assert.Regexp(t, `^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`, d, "%s %s", environment, name)
			}
		}
	})
}

func TestC4_DatabaseAlarmsHaveTheConfiguredThresholds(t *testing.T) {
	for environment, connections := range map[string]float64{"acc": 200, "prod": 1000} {
		got := map[string]float64{}
		for _, alarm := range stack(t, environment, "database").ofType("AWS::CloudWatch::Alarm") {
			got[fmt.Sprint(at(alarm, "Properties.MetricName"))] = at(alarm, "Properties.Threshold").(float64)
		}
		assert.Equal(t, map[string]float64{
			"ACUUtilization": 90, "CPUUtilization": 80, "DatabaseConnections": connections,
			"Deadlocks": 1, "AuroraReplicaLagMaximum": 1000, "RefusedSignIns": 10,
		}, got)
	}
	assert.Len(t, stack(t, "acc", "database").ofType("AWS::CloudWatch::Dashboard"), 1)
}

func TestC5_NotificationsReachFinanceAndOwners(t *testing.T) {
	s := stack(t, "perf", "notifications")
	for _, topic := range s.ofType("AWS::SNS::Topic") {
		assert.NotNil(t, at(topic, "Properties.KmsMasterKeyId"))
	}
	assertTLSOnly(t, s)
	addresses := map[string][]string{}
	for _, subscription := range s.ofType("AWS::SNS::Subscription") {
		topic := strings.TrimRight(fmt.Sprint(at(subscription, "Properties.TopicArn.Ref")), "0123456789ABCDEF")
		addresses[topic] = append(addresses[topic], fmt.Sprint(at(subscription, "Properties.Endpoint")))
	}
	assert.ElementsMatch(t, []string{"money@example.com", "perf@example.com", "platform@example.com"}, addresses["Finance"])
	assert.ElementsMatch(t, []string{"perf@example.com", "platform@example.com"}, addresses["Owners"])
	assert.Empty(t, s.ofType("AWS::Chatbot::SlackChannelConfiguration"))

	chat := only(t, stack(t, "given", "notifications"), "AWS::Chatbot::SlackChannelConfiguration")
	assert.Equal(t, "C0123456789", at(chat, "Properties.SlackChannelId"))
}

// A message is lost without a word when its sender may speak on the topic, but may not encrypt with its key.
func TestC5_WhoeverSpeaksOnATopicMayUseItsKey(t *testing.T) {
	s := stack(t, "acc", "notifications")
	mayUseKey := text(at(only(t, s, "AWS::KMS::Key"), "Properties.KeyPolicy"))
	for _, statement := range statements(only(t, s, "AWS::KMS::Key")["Properties"]) {
		if slices.Contains(list(at(statement, "Principal.Service")), "events.amazonaws.com") {
			assert.Nil(t, statement["Condition"], "what EventBridge says would be lost in silence")
		}
	}
	speakers := map[string]bool{}
	for _, policy := range s.ofType("AWS::SNS::TopicPolicy") {
		for _, statement := range at(policy, "Properties.PolicyDocument.Statement").([]any) {
			for _, service := range list(at(statement, "Principal.Service")) {
				speakers[service] = true
				if service == "events.amazonaws.com" {
					assert.Nil(t, at(statement, "Condition"), "EventBridge passes no account on")
					continue
				}
				assert.Equal(t, "444455556666", at(statement, "Condition.StringEquals.aws:SourceAccount"), "%s speaks for other accounts too", service)
			}
		}
	}
	assert.Equal(t, map[string]bool{"events.amazonaws.com": true, "budgets.amazonaws.com": true, "costalerts.amazonaws.com": true}, speakers)
	for service := range speakers {
		assert.Contains(t, mayUseKey, service)
	}
}

func TestC5_OwnersHearOfEveryAlarm(t *testing.T) {
	heard := map[string]string{}
	for _, rule := range stack(t, "acc", "notifications").ofType("AWS::Events::Rule") {
		heard[fmt.Sprint(at(rule, "Properties.EventPattern.source.0"))] = fmt.Sprint(at(rule, "Properties.Targets.0.Arn.Ref"))
	}
	for _, source := range []string{"aws.cloudwatch", "aws.guardduty", "aws.config", "aws.access-analyzer"} {
		assert.True(t, strings.HasPrefix(heard[source], "Owners"), "%s: %s", source, heard[source])
	}
}

func TestC6_BudgetWarnsAtItsThresholds(t *testing.T) {
	for environment, want := range map[string][]float64{"acc": {500, 80, 95}, "perf": {1234, 50, 75}} {
		budget := only(t, stack(t, environment, "governance"), "AWS::Budgets::Budget")
		assert.Equal(t, want[0], at(budget, "Properties.Budget.BudgetLimit.Amount"))
		assert.Equal(t, "MONTHLY", at(budget, "Properties.Budget.TimeUnit"))
		for i, percent := range want[1:] {
			notification := at(budget, fmt.Sprintf("Properties.NotificationsWithSubscribers.%d", i))
			assert.Equal(t, percent, at(notification, "Notification.Threshold"))
			assert.Equal(t, "ACTUAL", at(notification, "Notification.NotificationType"))
			assert.Contains(t, text(at(notification, "Subscribers")), "Finance", "which finance and the owners hear")
		}
	}
}

func TestC6_TrailIsKeptForAYearAndCannotBeForged(t *testing.T) {
	s := stack(t, "acc", "governance")
	trail := only(t, s, "AWS::CloudTrail::Trail")
	assert.Equal(t, true, at(trail, "Properties.IsMultiRegionTrail"))
	assert.Equal(t, true, at(trail, "Properties.EnableLogFileValidation"))
	assert.NotNil(t, at(trail, "Properties.KMSKeyId"))
	mayEncrypt := slices.ContainsFunc(statements(only(t, s, "AWS::KMS::Key")["Properties"]), func(statement map[string]any) bool {
		return at(statement, "Principal.Service") == "cloudtrail.amazonaws.com" && strings.Contains(text(statement["Action"]), "kms:GenerateDataKey") &&
			at(statement, "Condition.StringEquals.aws:SourceArn") == "arn:aws:cloudtrail:eu-west-1:444455556666:trail/lockstep-acc-governance"
	})
	assert.True(t, mayEncrypt, "CloudTrail refuses a key that it may not use")
	records := bucketCalled(t, s, "Records")
	assertPrivateBucket(t, records)
	assert.Equal(t, 365.0, ruleCalled(t, records, "expire")["ExpirationInDays"])
}

func TestC6_SecurityEventsRaiseAlarms(t *testing.T) {
	s := stack(t, "acc", "governance")
	filters := map[string]string{}
	for _, filter := range s.ofType("AWS::Logs::MetricFilter") {
		filters[fmt.Sprint(at(filter, "Properties.MetricTransformations.0.MetricName"))] = fmt.Sprint(at(filter, "Properties.FilterPattern"))
	}
	thresholds := map[string]float64{}
	for _, alarm := range s.ofType("AWS::CloudWatch::Alarm") {
		name := fmt.Sprint(at(alarm, "Properties.MetricName"))
		thresholds[name] = at(alarm, "Properties.Threshold").(float64)
		assert.Contains(t, filters, name, "an alarm on a metric that nothing counts")
		assert.Equal(t, "lockstep-acc-governance", at(alarm, "Properties.Namespace"))
	}
	assert.Len(t, thresholds, len(filters), "an event that is counted and raises no alarm")
	for event, part := range map[string]string{
		"RootUse": `$.userIdentity.type = "Root"`, "DeniedCalls": "AccessDenied", "SignInWithoutMFA": "MFAUsed", "IAMChanges": "iam.amazonaws.com",
		"NetworkChanges": "CreateVpc", "SecurityGroupChanges": "AuthorizeSecurityGroup", "TrailChanges": "StopLogging",
	} {
		assert.Contains(t, filters[event], part)
	}
	assert.Equal(t, 1.0, thresholds["RootUse"])
	assert.Equal(t, 10.0, thresholds["DeniedCalls"])
	for _, alarm := range stack(t, "perf", "governance").ofType("AWS::CloudWatch::Alarm") {
		if at(alarm, "Properties.MetricName") == "DeniedCalls" {
			assert.Equal(t, 25.0, at(alarm, "Properties.Threshold"), "the configuration says how many are normal")
		}
	}
	assert.Equal(t, 730.0, ruleCalled(t, bucketCalled(t, stack(t, "perf", "governance"), "Records"), "expire")["ExpirationInDays"])
}

func TestC6_AnomaliesComplianceAndAccessAreWatched(t *testing.T) {
	s := stack(t, "acc", "governance")
	assert.Equal(t, true, at(only(t, s, "AWS::GuardDuty::Detector"), "Properties.Enable"))
	assert.Equal(t, "ACCOUNT", at(only(t, s, "AWS::AccessAnalyzer::Analyzer"), "Properties.Type"))
	anomalies := only(t, s, "AWS::CE::AnomalySubscription")
	assert.Contains(t, text(at(anomalies, "Properties.Subscribers")), "Finance")
	assert.Equal(t, true, at(only(t, s, "AWS::Config::ConfigurationRecorder"), "Properties.RecordingGroup.AllSupported"))
	assert.Contains(t, packRules(t, s), "S3_BUCKET_SSL_REQUESTS_ONLY")
	assert.Contains(t, packRules(t, s), "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS")
	assert.NotContains(t, packRules(t, s), "RDS_CLUSTER_DELETION_PROTECTION_ENABLED")
	assert.Contains(t, packRules(t, stack(t, "prod", "governance")), "RDS_CLUSTER_DELETION_PROTECTION_ENABLED")
}

func TestC6_WhatTheOrganisationProvidesIsNotMadeTwice(t *testing.T) {
	assert.NotContains(t, assemblies["given"].templates, "governance", "nothing is left to make, and CloudFormation takes no empty stack")
}

func TestC7_ImportedResourcesAreReferredToAndNotLookedUp(t *testing.T) {
	s := stack(t, "given", "database")
	parameters := text(s["Parameters"])
	assert.Contains(t, parameters, `"Default":"/network/vpc"`)
	assert.Contains(t, parameters, `"Default":"/network/subnet-c"`)
	assert.Contains(t, text(at(only(t, s, "AWS::RDS::DBSubnetGroup"), "Properties.SubnetIds")), "subnet-0123456789abcdef0")
	key := "arn:aws:kms:eu-west-1:666677778888:key/11111111-2222-3333-4444-555555555555"
	assert.Equal(t, key, at(only(t, s, "AWS::RDS::DBCluster"), "Properties.KmsKeyId"))
	assert.Contains(t, text(bucketCalled(t, stack(t, "given", "storage"), "Objects")), key)
	for _, made := range []string{"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::KMS::Key"} {
		assert.Empty(t, s.ofType(made))
	}
	record := only(t, s, "AWS::Route53::RecordSet")
	assert.Equal(t, "database.given.example.com.", at(record, "Properties.Name"))
	assert.Equal(t, "Z0123456789ABCDEFGHIJ", at(record, "Properties.HostedZoneId"))
	assert.NotContains(t, assemblies["given"].templates, "network", "a network is there already")
}

func TestC7_NothingIsLookedUpDuringTheSynthesis(t *testing.T) {
	for environment, a := range assemblies {
		manifest, err := os.ReadFile(filepath.Join(a.dir, "manifest.json"))
		require.NoError(t, err)
		assert.NotContains(t, string(manifest), `"missing"`, environment)
	}
}

func TestC8_StagesComeInTheirOrder(t *testing.T) {
	var manifest struct {
		Artifacts map[string]struct {
			Type         string
			Dependencies []string
		}
	}
	data, err := os.ReadFile(filepath.Join(assemblies["prod"].dir, "manifest.json"))
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

func TestC9_AnEnvironmentHasThePluginsThatItNames(t *testing.T) {
	assert.Contains(t, assemblies["acc"].templates, "storage")
	assert.Contains(t, assemblies["perf"].templates, "database")
	assert.NotContains(t, assemblies["perf"].templates, "storage")
}

func TestC11_NamesTagsAndProtectionFollowTheConfiguration(t *testing.T) {
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
		data, err := os.ReadFile(filepath.Join(assemblies[environment].dir, "manifest.json"))
		require.NoError(t, err)
		manifest.Artifacts = nil
		require.NoError(t, json.Unmarshal(data, &manifest))
		for id, a := range manifest.Artifacts {
			if a.Type != "aws:cloudformation:stack" {
				continue
			}
			assert.True(t, strings.HasPrefix(id, "lockstep-"+environment+"-"), id)
			assert.Equal(t, protected, a.Properties.TerminationProtection, id)
			assert.Equal(t, map[string]string{"project": "lockstep", "environment": environment, "owner": "platform", "costCentre": "platform-" + environment}, a.Properties.Tags, id)
		}
	}
	assert.Contains(t, text(at(bucketCalled(t, stack(t, "prod", "storage"), "Objects"), "Properties.Tags")), "platform-prod")
}

func TestC11_ProtectedStacksHaveAPolicyThatKeepsData(t *testing.T) {
	for environment, protected := range map[string]bool{"dev": false, "acc": false, "prod": true, "tooling": true} {
		rights := 0
		for name, s := range assemblies[environment].templates {
			policy := at(s, "Metadata.lockstep:stackPolicy")
			if !protected {
				assert.Nil(t, policy, name)
				continue
			}
			denied := at(policy, "Statement.1")
			assert.Equal(t, "Deny", at(denied, "Effect"), name)
			assert.Equal(t, []any{"Update:Delete", "Update:Replace"}, at(denied, "Action"), name)
			assert.Contains(t, text(at(denied, "Condition")), "AWS::RDS::DBCluster", name)
			for _, policy := range s.ofType("AWS::IAM::Policy") {
				if strings.Contains(text(policy), "cloudformation:SetStackPolicy") {
					rights++
					assert.Contains(t, text(at(policy, "Properties.Roles")), "deploy-role")
				}
			}
		}
		assert.Equal(t, map[bool]int{false: 0, true: 1}[protected], rights, "%s: who deploys may set the policies", environment)
	}
}

func TestF5_WhatIsKeptIsKeptForAsLongAsItMust(t *testing.T) {
	for environment, days := range map[string]float64{"dev": 90, "acc": 90, "prod": 90, "given": 180} {
		groups := 0
		for _, s := range assemblies[environment].templates {
			for _, group := range s.ofType("AWS::Logs::LogGroup") {
				groups++
				assert.Equal(t, days, at(group, "Properties.RetentionInDays"), text(group))
			}
		}
		assert.Positive(t, groups)
	}
	assert.Equal(t, 30.0, at(ruleCalled(t, bucketCalled(t, stack(t, "prod", "storage"), "Objects"), "archive"), "Transitions.0.TransitionInDays"))
	assert.Equal(t, 365.0, ruleCalled(t, bucketCalled(t, stack(t, "prod", "governance"), "Records"), "expire")["ExpirationInDays"])
}

// A resource that holds data outlives its stack, but not a creation that failed: the next try would find its name taken.
func TestWhatHoldsDataIsKept(t *testing.T) {
	everywhere(t, func(t *testing.T, environment, name string, in template) {
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
	assert.Equal(t, "Enabled", at(bucket, "Properties.VersioningConfiguration.Status"))
	assert.NotNil(t, at(bucket, "Properties.BucketEncryption"))
	for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		assert.Equal(t, true, at(bucket, "Properties.PublicAccessBlockConfiguration."+block))
	}
}

// assertTLSOnly: every policy of a bucket or topic refuses what comes without TLS.
func assertTLSOnly(t *testing.T, in template) {
	t.Helper()
	for resource, policy := range map[string]string{"AWS::S3::Bucket": "AWS::S3::BucketPolicy", "AWS::SNS::Topic": "AWS::SNS::TopicPolicy"} {
		policies := in.ofType(policy)
		assert.Len(t, policies, len(in.ofType(resource)))
		for _, p := range policies {
			assert.Contains(t, text(at(p, "Properties.PolicyDocument")), `{"Bool":{"aws:SecureTransport":"false"}}`)
		}
	}
}

func bucketCalled(t *testing.T, in template, id string) map[string]any {
	t.Helper()
	for logical, r := range in.resources() {
		if r["Type"] == "AWS::S3::Bucket" && strings.HasPrefix(logical, id) {
			return r
		}
	}
	require.Fail(t, "no bucket "+id)
	return nil
}

func ruleCalled(t *testing.T, bucket map[string]any, id string) map[string]any {
	t.Helper()
	rules, _ := at(bucket, "Properties.LifecycleConfiguration.Rules").([]any)
	for _, rule := range rules {
		if at(rule, "Id") == id {
			return rule.(map[string]any)
		}
	}
	require.Fail(t, "no rule "+id)
	return nil
}

// packRules are the rules that the conformance pack of a stack has.
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
	require.NoError(t, json.Unmarshal([]byte(at(only(t, in, "AWS::Config::ConformancePack"), "Properties.TemplateBody").(string)), &pack))
	var rules []string
	for _, rule := range pack.Resources {
		assert.Equal(t, "AWS::Config::ConfigRule", rule.Type)
		rules = append(rules, rule.Properties.Source.SourceIdentifier)
	}
	return rules
}
