package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsaccessanalyzer"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsce"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsguardduty"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// GovernanceProps are the properties of the governance stack.
type GovernanceProps struct {
	config.Governance
	Topics Topics
	Budget *config.Budget
	// LogDays is how many days the audit trail is kept where alarms and queries use it.
	LogDays int
	// Protected is whether the environment's databases have to be protected from deletion.
	Protected bool
	// IsFurtherRegion says that the account is governed in another region already: its budget, its detection of cost
	// anomalies and its trail are those of the account.
	IsFurtherRegion bool
	// HasCostAnomalyDetection is whether AWS detects unexpected cost in this partition.
	HasCostAnomalyDetection bool
}

// accessLogDays is how many days the access logs of the audit records are kept.
const accessLogDays = 365

// The services that an organisation can provide for its accounts, as the configuration names them.
const (
	accessAnalyzer = "accessAnalyzer"
	configRecorder = "config"
	costAnomaly    = "costAnomaly"
	guardDuty      = "guardDuty"
	auditTrail     = "trail"
)

// HasResources reports whether there is anything that the organisation does not provide.
func (props GovernanceProps) HasResources() bool {
	return props.hasBudget() || slices.ContainsFunc([]string{
		accessAnalyzer, configRecorder, costAnomaly, guardDuty,
		auditTrail,
	}, props.isManagedHere)
}

// ofAccount are the services that AWS has once for an account, whatever its regions. A trail of one region is in all
// regions of the account.
var ofAccount = []string{costAnomaly, auditTrail}

// isManagedHere reports whether the account provides a service itself, in this region.
func (props GovernanceProps) isManagedHere(service string) bool {
	switch {
	case slices.Contains(props.Organisation, service),
		props.IsFurtherRegion && slices.Contains(ofAccount, service),
		service == costAnomaly && !props.HasCostAnomalyDetection:
		return false
	}
	return true
}

// hasBudget reports whether the account's budget is managed in this region.
func (props GovernanceProps) hasBudget() bool { return props.Budget != nil && !props.IsFurtherRegion }

// AddGovernance adds what monitors the account: its cost, its audit trail and its compliance. What the organisation
// provides is left out.
func AddGovernance(stack awscdk.Stack, props GovernanceProps) {
	if props.hasBudget() {
		// addBudget notifies finance and the owners when the cost of the month passes the two thresholds, or is forecast to
		// pass the budget.
		addBudget(stack, *props.Budget, props.Topics)
	}
	if props.isManagedHere(costAnomaly) {
		// addCostAnomalyDetection notifies finance of unexpected cost.
		addCostAnomalyDetection(stack, props.AnomalyDollars, props.Topics)
	}
	if props.isManagedHere(auditTrail) || props.isManagedHere(configRecorder) {
		key := constructs.NewKey(stack, "Key", "encrypts the audit records of "+*stack.StackName())
		records := newAuditBucket(stack, key, props.TrailDays)
		if props.isManagedHere(auditTrail) {
			addSecurityAlarms(stack, addTrail(stack, key, records, props.LogDays), props.Alarms)
		}
		if props.isManagedHere(configRecorder) {
			addCompliance(stack, key, records, props)
		}
	}
	if props.isManagedHere(guardDuty) {
		awsguardduty.NewCfnDetector(stack, jsii.String("ThreatDetection"), &awsguardduty.CfnDetectorProps{
			Enable: jsii.Bool(true), FindingPublishingFrequency: jsii.String("FIFTEEN_MINUTES"),
		})
	}
	if props.isManagedHere(accessAnalyzer) {
		awsaccessanalyzer.NewCfnAnalyzer(stack, jsii.String("AccessAnalyzer"), &awsaccessanalyzer.CfnAnalyzerProps{
			AnalyzerName: stack.StackName(), Type: jsii.String("ACCOUNT"),
		})
	}
}

// newAuditBucket returns the bucket of the audit records.
func newAuditBucket(stack awscdk.Stack, key awskms.IKey, keepDays int) awss3.Bucket {
	logs := constructs.NewBucket(stack, "AccessLogs",
		constructs.BucketProps{LifecycleRules: []*awss3.LifecycleRule{constructs.ExpireRule(accessLogDays)}})
	return constructs.NewBucket(stack, "Records", constructs.BucketProps{
		Key: key, AccessLogs: logs,
		LifecycleRules: []*awss3.LifecycleRule{constructs.ExpireRule(keepDays)},
	})
}

// addBudget notifies finance and the owners when the account's cost of the month passes the two thresholds, or is
// forecast to pass the whole.
func addBudget(stack awscdk.Stack, budget config.Budget, topics Topics) {
	notify := func(kind string, percent float64) *awsbudgets.CfnBudget_NotificationWithSubscribersProperty {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				ComparisonOperator: jsii.String("GREATER_THAN"), NotificationType: jsii.String(kind),
				Threshold: jsii.Number(percent), ThresholdType: jsii.String("PERCENTAGE"),
			},
			Subscribers: []any{&awsbudgets.CfnBudget_SubscriberProperty{
				SubscriptionType: jsii.String("SNS"),
				Address:          topics.Cost.TopicArn(),
			}},
		}
	}
	awsbudgets.NewCfnBudget(stack, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetName: stack.StackName(), BudgetType: jsii.String("COST"), TimeUnit: jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(budget.Monthly), Unit: jsii.String("USD")},
		},
		NotificationsWithSubscribers: []any{
			notify("ACTUAL", budget.WarningPercent),
			notify("ACTUAL", budget.CriticalPercent), notify("FORECASTED", 100),
		},
	})
}

// addCostAnomalyDetection notifies finance of cost that nobody expected.
func addCostAnomalyDetection(stack awscdk.Stack, dollars float64, topics Topics) {
	monitor := awsce.NewCfnAnomalyMonitor(stack, jsii.String("CostMonitor"), &awsce.CfnAnomalyMonitorProps{
		MonitorName: stack.StackName(), MonitorType: jsii.String("DIMENSIONAL"), MonitorDimension: jsii.String("SERVICE"),
	})
	awsce.NewCfnAnomalySubscription(stack, jsii.String("CostAnomalies"), &awsce.CfnAnomalySubscriptionProps{
		SubscriptionName: stack.StackName(), Frequency: jsii.String("IMMEDIATE"),
		MonitorArnList: &[]any{monitor.AttrMonitorArn()},
		Subscribers: []any{&awsce.CfnAnomalySubscription_SubscriberProperty{
			Type:    jsii.String("SNS"),
			Address: topics.Cost.TopicArn(),
		}},
		ThresholdExpression: asJSON(map[string]any{"Dimensions": map[string]any{
			"Key":          "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
			"MatchOptions": []string{"GREATER_THAN_OR_EQUAL"}, "Values": []string{formatNumber(dollars)},
		}}),
	})
}
