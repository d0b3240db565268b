package risk

import (
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// This file judges what notifies somebody of what happens in an account, or refuses it: alarms, rules that hand events
// on, metrics of logs, notifications, firewalls. Without one, what it is about happens, and nobody sees it.

// signalPattern matches the types that notify somebody of what happens.
var signalPattern = newPattern(`^AWS::(` + strings.Join([]string{
	`CloudWatch::(Alarm|CompositeAlarm|LogAlarm|AnomalyDetector|InsightRule|MetricStream)`,
	`Events::Rule|Logs::(MetricFilter|LogAnomalyDetector|Delivery)|SNS::Subscription`,
	`Budgets::\w+|CE::Anomaly\w+|\w+::EventSubscription|\w+::AccessLogSubscription`,
	`Notifications::(EventRule|NotificationConfiguration|\w*Association)|DevOpsGuru::\w+`,
	`Route53::(HealthCheck|QueryLoggingConfig)|Synthetics::Canary|SSMIncidents::ResponsePlan`,
	`GuardDuty::(Master|Member|PublishingDestination|MalwareProtectionPlan|Threat\w+|\w*Association)`,
	`Detective::(MemberInvitation|OrganizationAdmin)|Macie::(Member|CustomDataIdentifier)`,
	`Inspector::Assessment\w+|InspectorV2::\w*(Connector|Integration)|FMS::(NotificationChannel|Policy)`,
	`SecurityLake::(AwsLogSource|DataLake|SubscriberNotification)|AuditManager::(Assessment|Control)`,
	`SecurityHub::(DelegatedAdmin|PolicyAssociation|FindingAggregator|AggregatorV2|SecurityControl)`,
	`SecurityHub::(OrganizationConfiguration|Connector(V2)?|ActionTarget)|Config::RemediationConfiguration`,
	`CloudTrail::Channel|ApplicationSignals::ServiceLevelObjective`,
}, "|") + `)$`)

// isSignalType reports whether the resources of a type may notify somebody of what happens.
func isSignalType(resourceType string) bool { return signalPattern.MatchString(resourceType) }

// silentWhen says which resources of such a type notify nobody: they are a part of what an application does.
var silentWhen = map[string]func(properties map[string]any) bool{
	"AWS::Events::Rule": func(p map[string]any) bool { return resolve.Text(p["EventPattern"]) == "" },
	"AWS::SNS::Subscription": func(p map[string]any) bool {
		protocol := strings.ToLower(resolve.Text(p["Protocol"]))
		return slices.Contains([]string{"sqs", "lambda", "firehose", "application"}, protocol)
	},
}

// The properties with which a signal is switched off, and those that name whom it notifies.
var (
	signalSwitches = newPattern(`^(State|Status|Enabled|Enable|ActionsEnabled)$`)
	signalTargets  = newPattern(`^(AlarmActions|Targets|NotificationsWithSubscribers|Subscribers|SnsTopicArn)$`)
)

// signalsOf returns whom and what a resource notifies of what happens; nothing if it is off, or no signal.
func signalsOf(resource resolve.Resource) []string {
	properties, _ := resource.Properties.(map[string]any)
	isSilent := silentWhen[resource.Type]
	if !isSignalType(resource.Type) || isSilent != nil && isSilent(properties) {
		return nil
	}
	for name, value := range properties {
		if signalSwitches.MatchString(name) && isOff(value) {
			return nil
		}
	}
	signals := []string{"somebody is notified of what happens"}
	for _, name := range sortedKeys(properties) {
		list, isList := properties[name].([]any)
		if isEmpty := isList && len(list) == 0; signalTargets.MatchString(name) && !isEmpty {
			signals = append(signals, name)
		}
	}
	return signals
}

// lostSignals returns the signals that the resource gave, and gives no longer.
func (j *judgement) lostSignals(world resolve.World, id string, old resolve.Resource, next *resolve.Resource) []grant {
	before := signalsOf(old)
	switch {
	case len(before) == 0:
		return nil
	case next == nil && (j.isRenamed(world, old) || j.isWithoutSubject(world, id, old)):
		return nil
	case next == nil:
		return []grant{lostSignal(before[0])}
	}
	after := signalsOf(*next)
	if len(after) == 0 {
		return []grant{lostSignal("it is on (" + strings.Join(switchesOff(*next), ", ") + ")")}
	}
	var lost []grant
	for _, signal := range before {
		if !slices.Contains(after, signal) {
			lost = append(lost, lostSignal(signal))
		}
	}
	return lost
}

func lostSignal(text string) grant { return grant{kind: limits, text: "no longer: " + text} }

// switchesOff returns the properties with which a signal is off.
func switchesOff(resource resolve.Resource) []string {
	properties, _ := resource.Properties.(map[string]any)
	return slices.DeleteFunc(sortedKeys(properties), func(name string) bool {
		return !signalSwitches.MatchString(name) || !isOff(properties[name])
	})
}

// lostProtection returns what refused something, and is removed from what stays.
func (j *judgement) lostProtection(world resolve.World, id string, old resolve.Resource) []grant {
	_, isAttached := attachedProperties[old.Type]
	if isAttached || !protectorPattern.MatchString(old.Type) || j.isRenamed(world, old) ||
		j.isWithoutSubject(world, id, old) {
		return nil
	}
	return []grant{lostSignal("it refuses what it does not allow")}
}

// isRenamed reports whether the template has a resource that is as one that is removed, under another id or name.
func (j *judgement) isRenamed(world resolve.World, old resolve.Resource) bool {
	return slices.ContainsFunc(j.next.template.LogicalIDs(), func(id string) bool {
		next, exists, undecided := j.next.template.Resource(world, id)
		return exists && undecided == "" && next.Type == old.Type && withoutName(next) == withoutName(old)
	})
}

// withoutName returns the properties of a resource without its own name, as a text.
func withoutName(resource resolve.Resource) string {
	properties, _ := resource.Properties.(map[string]any)
	properties = maps.Clone(properties)
	maps.DeleteFunc(properties, func(name string, _ any) bool { return isOwnName(resource.Type, name) })
	return resolve.Text(properties)
}

// isWithoutSubject reports whether all that a signal is about is removed with it, which is not whom it notifies.
func (j *judgement) isWithoutSubject(world resolve.World, id string, old resolve.Resource) bool {
	properties, _ := old.Properties.(map[string]any)
	hasSubject := false
	for name := range properties {
		if signalTargets.MatchString(name) || strings.HasSuffix(name, "Actions") {
			continue
		}
		for _, subject := range j.old.template.RefersTo(id, name) {
			hasSubject = true
			if j.staysOf(world, subject) {
				return false
			}
		}
	}
	return hasSubject
}
