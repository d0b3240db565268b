package risk

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
)

// statefulTypes are the resource types whose removal takes data along that no template brings back, and what that data is.
var statefulTypes = map[string]string{
	"AWS::ApiGateway::ApiKey":              "the key's value",
	"AWS::Backup::BackupVault":             "recovery points",
	"AWS::CertificateManager::Certificate": "the certificate, which its users must be given anew",
	"AWS::CloudTrail::EventDataStore":      "audit events",
	"AWS::Cognito::UserPool":               "users",
	"AWS::DocDB::DBCluster":                "a database",
	"AWS::DynamoDB::GlobalTable":           "a table",
	"AWS::DynamoDB::Table":                 "a table",
	"AWS::EC2::Volume":                     "a disk",
	"AWS::ECR::Repository":                 "images",
	"AWS::EFS::FileSystem":                 "files",
	"AWS::ElastiCache::ReplicationGroup":   "cached data",
	"AWS::Elasticsearch::Domain":           "indexes",
	"AWS::FSx::FileSystem":                 "files",
	"AWS::IAM::AccessKey":                  "the key",
	"AWS::KMS::Key":                        "the key, and with it whatever it encrypted",
	"AWS::Kinesis::Stream":                 "records that were not read yet",
	"AWS::Logs::LogGroup":                  "logs",
	"AWS::MemoryDB::Cluster":               "a database",
	"AWS::MSK::Cluster":                    "messages",
	"AWS::Neptune::DBCluster":              "a database",
	"AWS::OpenSearchService::Domain":       "indexes",
	"AWS::RDS::DBCluster":                  "a database",
	"AWS::RDS::DBInstance":                 "a database",
	"AWS::RDS::GlobalCluster":              "a database",
	"AWS::Redshift::Cluster":               "a database",
	"AWS::S3::Bucket":                      "objects",
	"AWS::SecretsManager::Secret":          "the secret's value",
	"AWS::SQS::Queue":                      "messages that were not read yet",
	"AWS::Timestream::Database":            "a database",
	"AWS::Timestream::Table":               "a table",
	change.StackType:                       "whatever is in the nested stack",
}

// RemovesData says whether a resource that keeps data goes, whatever becomes of what it holds.
func RemovesData(changes []change.Change) bool {
	return slices.ContainsFunc(changes, func(c change.Change) bool {
		_, keeps := statefulTypes[c.Type]
		return keeps && (c.Action == change.Remove || c.Action == change.Replace || c.Action == change.ReplaceMaybe)
	})
}

// dataLossFlags flags the resources that keep data and are removed or replaced without what they hold being kept.
func dataLossFlags(changes []change.Change, old, next resources) []change.Flag {
	var flags []change.Flag
	for _, c := range changes {
		data, keeps := statefulTypes[c.Type]
		if !keeps || c.Action != change.Remove && c.Action != change.Replace && c.Action != change.ReplaceMaybe {
			continue
		}
		fate := retention(c, old, next)
		if fate == "Retain" || fate == "RetainExceptOnCreate" {
			continue
		}
		why := fmt.Sprintf("it is %s, and with it go %s", map[change.Action]string{
			change.Remove: "removed", change.Replace: "replaced", change.ReplaceMaybe: "perhaps replaced",
		}[c.Action], data)
		if fate == "Snapshot" {
			why += "; a snapshot stays"
		}
		flags = append(flags, change.Flag{Permit: change.DataLoss, LogicalID: c.LogicalID, Type: c.Type, Why: why})
	}
	return flags
}

// retention is what becomes of the resource that goes: Delete, Retain or Snapshot. CloudFormation says so in newer change sets, and else the
// templates do: the removal of a resource follows the policy that it was deployed with, a replacement that of the new template.
// Source: AWS CloudFormation user guide, DeletionPolicy and UpdateReplacePolicy attributes.
func retention(c change.Change, old, next resources) string {
	if c.PolicyAction != "" {
		return strings.TrimPrefix(c.PolicyAction, "ReplaceAnd")
	}
	if c.Action == change.Remove {
		return old[c.LogicalID].DeletionPolicy
	}
	return next[c.LogicalID].UpdateReplacePolicy
}
