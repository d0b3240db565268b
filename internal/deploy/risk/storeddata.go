package risk

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/resolve"
	"lockstep/internal/stateful"
)

// StoredData is a resource that keeps data, which no template brings back.
type StoredData struct {
	Stack     string `json:"stack"`
	LogicalID string `json:"resource"`
	Type      string `json:"type"`
	// Keeps is what it keeps, such as "a database".
	Keeps string `json:"keeps"`
	// Backups are what the template arranges for, such as "backups of 7 days"; none if the data is lost with the resource.
	Backups []string `json:"backups,omitempty"`
}

// FindStoredData returns the resources of a template that keep data, by logical id.
func FindStoredData(stack string, t assembly.Template) []StoredData {
	var out []StoredData
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		keeps, ok := stateful.Data(r.Type)
		if !ok {
			continue
		}
		out = append(out, StoredData{Stack: stack, LogicalID: id, Type: r.Type, Keeps: keeps, Backups: backups(r)})
	}
	return out
}

// A backupSetting is a property with which a template arranges for backups.
type backupSetting struct {
	// types are the beginnings of the resource types that have it.
	types []string
	// path is where the property is, as resolve.ValueAt takes it.
	path string
	// text says what a value arranges for; empty for nothing.
	text func(value any) string
}

// daysOf returns a text about a number of days, of which zero means none.
func daysOf(format string) func(any) string {
	return func(value any) string {
		days := fmt.Sprint(value)
		if value == nil || days == "0" {
			return ""
		}
		if _, isExpression := value.(map[string]any); isExpression {
			days = "an unknown number of"
		}
		return fmt.Sprintf(format, days)
	}
}

// when returns the text if the value is the one that switches the setting on.
func when(on, text string) func(any) string {
	return func(value any) string {
		if fmt.Sprint(value) == on {
			return text
		}
		return ""
	}
}

// backupSettings returns the properties that arrange for backups. Source: the CloudFormation template reference of each
// type.
func backupSettings() []backupSetting {
	return []backupSetting{
		{
			[]string{"AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::DocDB::DBCluster", "AWS::Neptune::DBCluster"},
			"BackupRetentionPeriod", daysOf("automated backups of %s days"),
		},
		{
			[]string{"AWS::DynamoDB::Table"},
			"PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
			when("true", "point-in-time recovery"),
		},
		{[]string{"AWS::S3::Bucket"}, "VersioningConfiguration/Status", when("Enabled", "earlier versions of objects")},
		{[]string{"AWS::S3::Bucket"}, "ReplicationConfiguration/Role", func(value any) string {
			if value == nil {
				return ""
			}
			return "replication to another bucket"
		}},
		{[]string{"AWS::EFS::FileSystem"}, "BackupPolicy/Status", when("ENABLED", "AWS Backup, every day")},
		{[]string{"AWS::FSx::FileSystem"}, "WindowsConfiguration/AutomaticBackupRetentionDays", daysOf("backups of %s days")},
		{[]string{"AWS::Redshift::Cluster"}, "AutomatedSnapshotRetentionPeriod", daysOf("automated snapshots of %s days")},
		{[]string{"AWS::ElastiCache::"}, "SnapshotRetentionLimit", daysOf("snapshots of %s days")},
		{[]string{"AWS::MemoryDB::Cluster"}, "SnapshotRetentionLimit", daysOf("snapshots of %s days")},
	}
}

// backups returns what the template arranges for a resource's data.
func backups(r assembly.Resource) []string {
	if r.Properties["DBClusterIdentifier"] != nil {
		return []string{"the backups of its cluster"}
	}
	var out []string
	for _, setting := range backupSettings() {
		hasSetting := func(prefix string) bool { return strings.HasPrefix(r.Type, prefix) }
		if !slices.ContainsFunc(setting.types, hasSetting) {
			continue
		}
		if text := setting.text(resolve.ValueAt(r.Properties, setting.path)); text != "" {
			out = append(out, text)
		}
	}
	switch r.DeletionPolicy {
	case "Snapshot":
		out = append(out, "a snapshot when its stack is deleted")
	case "Retain", "RetainExceptOnCreate":
		out = append(out, "it is kept when its stack is deleted")
	}
	return out
}
