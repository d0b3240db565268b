package risk

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// A measure says how a property keeps data.
type measure int

const (
	none measure = iota
	// longer is a time or a number: more of it keeps more.
	longer
	// forever is a time; without it data is kept forever.
	forever
	// on keeps data while it is on.
	on
	// off keeps data while it is off.
	off
	// enabled keeps data while it has a value.
	enabled
	// removesAfter deletes data by itself: any that is new or another loses data.
	removesAfter
)

// A keeper is a property that keeps data, with its value.
type keeper struct {
	measure measure
	value   string
}

// keeperNames are the properties that keep data, in whatever type they stand.
var keeperNames = []struct {
	names   pattern
	measure measure
}{
	{
		newPattern(`^(BackupRetentionPeriod|SnapshotRetentionLimit|AutomatedSnapshotRetentionPeriod|` +
			`ManualSnapshotRetentionPeriod|SnapshotRetentionPeriod|FinalSnapshotRetentionPeriod|RetentionPeriodHours|` +
			`MessageRetentionPeriod|DataRetentionInHours|PendingWindowInDays|RecoveryWindowInDays|RecoveryPeriodInDays|` +
			`AutomaticBackupRetentionDays|MemoryStoreRetentionPeriodInHours|MagneticStoreRetentionPeriodInDays|` +
			`DeleteAfterDays|RetentionPeriodInDays|RetentionDays|BackupRetention|MinRetentionDays|RetentionPeriod|` +
			`NumberOfBackupsToRetain)$`), longer,
	},
	{newPattern(`^RetentionInDays$`), forever},
	{
		newPattern(`^(DeletionProtection|DeletionProtectionEnabled|DeleteProtection|PointInTimeRecoveryEnabled|` +
			`EnableContinuousBackup|TerminationProtectionEnabled|DisableApiTermination|ObjectLockEnabled|Enabled|` +
			`MultiRegion|TerminationProtected|EnableTerminationProtection)$`), on,
	},
	{
		newPattern(`^(DeleteAutomatedBackups|EmptyOnDelete|SkipFinalSnapshot|DeleteOnTermination|` +
			`ForceDestroy)$`), off,
	},
	{newPattern(`^(ObjectLockConfiguration|LockConfiguration|ReplicationConfiguration|BackupPolicy)$`), enabled},
	{newPattern(`^(TimeToLiveSpecification|LifecyclePolicy|LifecycleConfiguration)$`), removesAfter},
}

// makers are the types whose resources make copies of data, and what they make.
var makers = map[string]string{
	"AWS::Backup::BackupPlan":                         "the backups that it plans",
	"AWS::Backup::BackupSelection":                    "the backups of what it selects",
	"AWS::DLM::LifecyclePolicy":                       "the snapshots that it takes",
	"AWS::RDS::DBInstanceAutomatedBackupsReplication": "the copies of backups",
}

// keeperDefaults are what the properties are where a template does not say, by their names.
// Source: the AWS CloudFormation template reference.
var keeperDefaults = map[string]string{
	"AutomatedSnapshotRetentionPeriod": "1",
	"BackupRetentionPeriod":            "1",
	"DeleteAutomatedBackups":           "true",
	"Enabled":                          "true",
	"MessageRetentionPeriod":           "345600",
	"PendingWindowInDays":              "30",
	"RetentionPeriodHours":             "24",
}

// enabledTypes are the types in which the property Enabled, by itself, decides whether data can be used.
var enabledTypes = []string{"AWS::KMS::Key", "AWS::KMS::ReplicaKey"}

// keepersOf returns the properties of a resource that keep data, by their paths.
func keepersOf(resource resolve.Resource) map[string]keeper {
	out := map[string]keeper{}
	properties, _ := resource.Properties.(map[string]any)
	for _, name := range sortedKeys(properties) {
		if name == "VersioningConfiguration" {
			versioning, _ := properties[name].(map[string]any)
			out["Versioning"] = keeper{on, resolve.Text(versioning["Status"])}
			continue
		}
		collectKeepers(resource.Type, name, name, properties[name], out)
	}
	return out
}

func collectKeepers(resourceType, path, name string, value any, out map[string]keeper) {
	for _, known := range keeperNames {
		if !known.names.MatchString(name) || name == "Enabled" && !slices.Contains(enabledTypes, resourceType) {
			continue
		}
		text := resolve.Text(value)
		if known.measure == removesAfter {
			if text = removalRules(value); text == "" {
				return
			}
		}
		out[path] = keeper{known.measure, text}
		return
	}
	switch v := value.(type) {
	case map[string]any:
		if key := resolve.Text(v["Key"]); strings.Contains(key, "deletion_protection") {
			out[key] = keeper{on, resolve.Text(v["Value"])} // an attribute of a load balancer
			return
		}
		for _, key := range sortedKeys(v) {
			collectKeepers(resourceType, path+"."+key, key, v[key], out)
		}
	case []any:
		for i, item := range v {
			collectKeepers(resourceType, path+"."+strconv.Itoa(i), name, item, out)
		}
	}
}

// removalRules returns the rules of a lifecycle that delete data, a line each and sorted. Their names are left out, and
// so are rules that are off. What cannot be read is a rule.
func removalRules(value any) string {
	object, ok := value.(map[string]any)
	if !ok {
		return resolve.Text(value)
	}
	if isOff(object["Enabled"]) && object["Enabled"] != nil {
		return ""
	}
	rules, isList := object["Rules"].([]any)
	if !isList {
		return resolve.Text(value)
	}
	var out []string
	for _, item := range rules {
		rule, ok := item.(map[string]any)
		if !ok {
			out = append(out, resolve.Text(item))
			continue
		}
		rule = maps.Clone(rule)
		delete(rule, "Id")
		text := resolve.Text(rule)
		if rule["Status"] != "Disabled" && (strings.Contains(text, "Expir") || strings.Contains(text, "Fn::")) {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// isKeptLess reports, by the measure of the keepers, whether data is kept less with the one after a change than with
// the one before.
var isKeptLess = map[measure]func(before, after keeper) bool{
	longer: func(before, after keeper) bool {
		if before.measure == none {
			return after.value == "0"
		}
		return isShorter(before.value, after.value)
	},
	on:      func(before, after keeper) bool { return isOn(before.value) && !isOn(after.value) },
	off:     func(before, after keeper) bool { return isOff(before.value) && !isOff(after.value) },
	enabled: func(before, _ keeper) bool { return before.measure != none },
	removesAfter: func(before, after keeper) bool {
		return after.measure != none && !expiresLater(before.value, after.value)
	},
	forever: func(before, after keeper) bool {
		return after.measure != none && (before.measure == none || isShorter(before.value, after.value))
	},
}

// orDefault returns the keeper with what its property is where a template does not say.
func (k keeper) orDefault(name string, m measure) keeper {
	value, ok := keeperDefaults[name[strings.LastIndex(name, ".")+1:]]
	if k.measure != none || !ok {
		return k
	}
	return keeper{m, value}
}

// lessThan returns why data is kept less with the keeper after a change than with k, or "".
func (k keeper) lessThan(name string, after keeper) string {
	measure := max(k.measure, after.measure)
	k, after = k.orDefault(name, measure), after.orDefault(name, measure)
	if k == after || !isKeptLess[measure](k, after) {
		return ""
	}
	return fmt.Sprintf("%s is %s and no longer %s", name, orNothing(after.value), orNothing(k.value))
}

func isOn(value string) bool {
	return slices.Contains([]string{"true", "enabled", "active", "1"}, strings.ToLower(value))
}

// isShorter reports whether a time is shorter than it was. What cannot be known is.
func isShorter(before, after string) bool {
	x, errX := strconv.ParseFloat(before, 64)
	y, errY := strconv.ParseFloat(after, 64)
	return errX != nil || errY != nil || y < x
}

// daysPattern matches a number in the text of a lifecycle.
var daysPattern = newPattern(`\d+`)

// expiresLater reports whether each rule of a lifecycle was there before, with the same or shorter times.
func expiresLater(before, after string) bool {
	old := strings.Split(before, "\n")
	for rule := range strings.SplitSeq(after, "\n") {
		if !slices.ContainsFunc(old, func(earlier string) bool { return isLaterRule(earlier, rule) }) {
			return false
		}
	}
	return true
}

// isLaterRule reports whether a rule differs from an earlier one in nothing but longer times.
func isLaterRule(earlier, rule string) bool {
	if daysPattern().ReplaceAllString(earlier, "N") != daysPattern().ReplaceAllString(rule, "N") {
		return false
	}
	next := daysPattern().FindAllString(rule, -1)
	for i, days := range daysPattern().FindAllString(earlier, -1) {
		if isShorter(days, next[i]) {
			return false
		}
	}
	return true
}
