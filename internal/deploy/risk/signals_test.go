package risk

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/change"
)

// What nobody is notified of any more may happen unseen.
func TestPermissionFlags_WhatTellsIsLost(t *testing.T) {
	const (
		alarm    = `{"AlarmActions":["t"],"MetricName":"m","Threshold":1}`
		rule     = `{"EventPattern":{"source":["aws.guardduty"]},"Targets":[{"Arn":"t","Id":"a"}]}`
		notified = "no longer: somebody is notified of what happens"
		addsTo   = `{"Name":"n","FilterCriteria":{}}`
	)
	run(t, change.Permissions, []attack{
		{name: "an alarm", kind: "AWS::CloudWatch::Alarm", before: alarm, want: notified},
		{name: "an alarm of alarms", kind: "AWS::CloudWatch::CompositeAlarm", before: `{"AlarmRule":"a"}`, want: notified},
		{name: "a rule for events", kind: "AWS::Events::Rule", before: rule, want: notified},
		{name: "a metric of a log", kind: "AWS::Logs::MetricFilter", before: `{"FilterPattern":"root"}`, want: notified},
		{name: "a budget", kind: "AWS::Budgets::Budget", before: `{"Budget":{"BudgetType":"COST"}}`, want: notified},
		{name: "unusual cost", kind: "AWS::CE::AnomalySubscription", before: `{"Threshold":1}`, want: notified},
		{name: "events of databases", kind: "AWS::RDS::EventSubscription", before: `{"SnsTopicArn":"t"}`, want: notified},
		{
			name: "the address of a person", kind: "AWS::SNS::Subscription", want: notified,
			before: `{"Protocol":"email","Endpoint":"a@example.com","TopicArn":"t"}`,
		},
		{name: "a log of calls of a service", kind: "AWS::VpcLattice::AccessLogSubscription", before: `{}`, want: notified},

		// It is there, and says nothing.
		{
			name: "an alarm without actions", kind: "AWS::CloudWatch::Alarm", before: alarm,
			after: strings.Replace(alarm, `["t"]`, `[]`, 1), want: "no longer: AlarmActions",
		},
		{
			name: "an alarm whose actions are off", kind: "AWS::CloudWatch::Alarm", before: alarm,
			after: strings.Replace(alarm, `{`, `{"ActionsEnabled":false,`, 1), want: "no longer: it is on (ActionsEnabled)",
		},
		{
			name: "a rule that is off", kind: "AWS::Events::Rule", before: rule,
			after: strings.Replace(rule, `{`, `{"State":"DISABLED",`, 1), want: "no longer: it is on (State)",
		},
		{
			name: "a rule without targets", kind: "AWS::Events::Rule", before: rule,
			after: `{"EventPattern":{"source":["aws.guardduty"]}}`, want: "no longer: Targets",
		},
		{
			name: "subscriptions that are off", kind: "AWS::RDS::EventSubscription", before: `{"SnsTopicArn":"t"}`,
			after: `{"SnsTopicArn":"t","Enabled":false}`, want: "no longer: it is on (Enabled)",
		},

		// What hides what is found.
		{name: "muted alarms", kind: "AWS::CloudWatch::AlarmMuteRule", after: `{"Rule":{"Schedule":{}}}`, want: "Rule"},
		{name: "archived findings", kind: "AWS::AccessAnalyzer::ArchiveRule", after: addsTo, want: "FilterCriteria"},
		{name: "hidden findings", kind: "AWS::Macie::FindingsFilter", after: `{"Action":"ARCHIVE"}`, want: "ARCHIVE"},
		{name: "text that is no finding", kind: "AWS::Macie::AllowList", after: `{"Criteria":{}}`, want: "Criteria"},
		{
			name: "findings that are changed", kind: "AWS::SecurityHub::AutomationRule",
			after: `{"Actions":[{"Type":"FINDING_FIELDS_UPDATE"}]}`, want: "Actions",
		},
		{
			name: "addresses that are trusted", kind: "AWS::GuardDuty::TrustedEntitySet", after: `{"Activate":true}`,
			want: "Activate",
		},

		// What is no signal, or goes with what it is about.
		{name: "a schedule", kind: "AWS::Events::Rule", before: `{"ScheduleExpression":"rate(1 day)","Targets":[]}`},
		{
			name: "a queue that reads a topic", kind: "AWS::SNS::Subscription",
			before: `{"Protocol":"sqs","Endpoint":"q","TopicArn":"t"}`,
		},
		{
			name: "a threshold", kind: "AWS::CloudWatch::Alarm", before: alarm,
			after: strings.Replace(alarm, `"Threshold":1`, `"Threshold":2`, 1),
		},
		{
			name: "another topic", kind: "AWS::CloudWatch::Alarm", before: alarm,
			after: strings.Replace(alarm, `["t"]`, `["u"]`, 1), want: "AlarmActions leads to u",
		},
		{name: "an alarm that was off", kind: "AWS::CloudWatch::Alarm", before: `{"ActionsEnabled":false}`},
	})
}

func TestPermissionFlags_SignalsThatGoWithTheirSubject(t *testing.T) {
	resource := func(id, kind, properties string) string {
		return `"` + id + `":{"Type":"` + kind + `","Properties":` + properties + `}`
	}
	body := func(resources ...string) string { return `{"Resources":{` + strings.Join(resources, ",") + `}}` }
	const alarm = "AWS::CloudWatch::Alarm"
	about := `{"AlarmActions":[{"Ref":"T"}],"Dimensions":[{"Name":"Queue","Value":{"Ref":"Q"}}]}`
	queue, topic := resource("Q", "AWS::SQS::Queue", `{}`), resource("T", "AWS::SNS::Topic", `{}`)
	before := body(queue, topic, resource("A", alarm, about))
	for name, test := range map[string]struct {
		after string
		want  int
	}{
		"the alarm alone":             {body(queue, topic), 1},
		"with what it is about":       {body(topic), 0},
		"with whom it notifies":       {body(queue), 1},
		"under another logical id":    {body(queue, topic, resource("B", alarm, about)), 0},
		"in the place of another one": {body(queue, topic, resource("B", alarm, `{}`)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			flags, err := Flags("s", nil, Version{Template: before}, Version{Template: test.after})
			require.NoError(t, err)
			flags = slices.DeleteFunc(flags, func(f change.Flag) bool { return f.LogicalID != "A" })
			assert.Len(t, flags, test.want)
		})
	}
}

// silent are the types of services that watch, whose resources notify nobody of anything: why.
var silent = map[string]string{
	"AWS::AuditManager::AssessmentFramework":        "it only describes what an assessment collects",
	"AWS::CE::CostCategory":                         "it sorts costs",
	"AWS::CloudTrail::Dashboard":                    "it draws what is recorded",
	"AWS::CloudWatch::Dashboard":                    "it draws what is measured",
	"AWS::CloudWatch::Integration":                  "it draws what is measured",
	"AWS::CloudWatch::OTelEnrichment":               "it adds names to what is measured",
	"AWS::CloudWatch::ResourceMetricsConfiguration": "it adds detail to what is measured",
	"AWS::CloudWatch::View":                         "it draws what is measured",
	"AWS::Config::Connector":                        "it brings in resources of other clouds",
	"AWS::Config::StoredQuery":                      "it is the text of a question",
	"AWS::FMS::ApplicationsList":                    "it is a list that policies name",
	"AWS::FMS::ProtocolsList":                       "it is a list that policies name",
	"AWS::FMS::ResourceSet":                         "it is a list that policies name",
	"AWS::Inspector::ResourceGroup":                 "it is a list that targets name",
	"AWS::Notifications::NotificationHub":           "it is the region that notifications are kept in",
	"AWS::SecurityHub::Insight":                     "it is the text of a question",
	"AWS::SecurityLake::Subscriber":                 "it reads what is recorded",
}

// AWS adds types to its services. Each type of one that watches is decided upon.
func TestSignals_EveryTypeOfAWatchingServiceIsDecided(t *testing.T) {
	decided := 0
	for _, name := range awsmodel.Names() {
		parts := strings.Split(name, "::")
		if !slices.Contains(watchingServices, parts[1]) {
			continue
		}
		decided++
		_, isSilent := silent[name]
		isFlagged := isGoverned(name) || isChecker(name) || isSignalType(name)
		assert.NotEqual(t, isFlagged, isSilent, "%s: add it to the table of signals, or say why it notifies nobody", name)
	}
	assert.Greater(t, decided, 80)
	for name := range silent {
		_, exists := awsmodel.Lookup(name)
		assert.True(t, exists, name)
	}
}

// watchingServices are the services whose types are looked at.
var watchingServices = []string{
	"AccessAnalyzer", "AuditManager", "Budgets", "CE", "CloudTrail", "CloudWatch", "Config", "Detective", "DevOpsGuru",
	"FMS", "GuardDuty", "Inspector", "InspectorV2", "Macie", "Notifications", "SecurityHub", "SecurityLake",
}
