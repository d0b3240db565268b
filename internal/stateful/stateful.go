// Package stateful owns the list of resource types that keep data: those that the CDK publishes, and a few more. It
// knows nothing of templates, policies or AWS's API. It is small, because the CDK app links it.
package stateful

import (
	"cmp"
	"maps"
	"slices"
)

//go:generate go run ./generate

// additions are types that the CDK does not count, and why their resources cannot be made again.
var additions = map[string]string{
	"AWS::ApiGateway::ApiKey":              "AWS chooses the key's value, which its users have",
	"AWS::CertificateManager::Certificate": "its users refer to it, and a new one has to be validated",
	"AWS::CloudTrail::EventDataStore":      "events of the past are not recorded again",
	"AWS::ECR::Repository":                 "images that were pushed may exist nowhere else",
	"AWS::IAM::AccessKey":                  "AWS chooses the secret, which its users have",
	"AWS::MSK::Cluster":                    "messages that were not read yet exist nowhere else",
	"AWS::MemoryDB::Cluster":               "it is a durable database, unlike a cache",
	"AWS::RDS::GlobalCluster":              "its clusters hold a database",
	"AWS::Timestream::Database":            "its tables hold measurements",
	"AWS::Timestream::Table":               "it holds measurements",
}

// kept is what the resources of each type keep and no template brings back.
var kept = map[string]string{
	"AWS::ApiGateway::ApiKey":              "the key's value",
	"AWS::Backup::BackupVault":             "recovery points",
	"AWS::CertificateManager::Certificate": "the certificate, of which its users need a new one",
	"AWS::CloudFormation::Stack":           "whatever is in the nested stack",
	"AWS::CloudTrail::EventDataStore":      "audit events",
	"AWS::Cognito::UserPool":               "users",
	"AWS::EC2::Volume":                     "a disk",
	"AWS::ECR::Repository":                 "images",
	"AWS::EFS::FileSystem":                 "files",
	"AWS::EMR::Cluster":                    "the files on its disks",
	"AWS::ElastiCache::CacheCluster":       "cached data",
	"AWS::ElastiCache::ReplicationGroup":   "cached data",
	"AWS::Elasticsearch::Domain":           "indexes",
	"AWS::FSx::FileSystem":                 "files",
	"AWS::IAM::AccessKey":                  "the key",
	"AWS::KMS::Key":                        "the key, and with it whatever it encrypted",
	"AWS::Kinesis::Stream":                 "records that were not read yet",
	"AWS::Logs::LogGroup":                  "logs",
	"AWS::MSK::Cluster":                    "messages",
	"AWS::OpenSearchService::Domain":       "indexes",
	"AWS::Organizations::Account":          "the account, with all that is in it",
	"AWS::S3::Bucket":                      "objects",
	"AWS::SQS::Queue":                      "messages that were not read yet",
	"AWS::SecretsManager::Secret":          "the secret's value",

	"AWS::DocDB::DBCluster":      database,
	"AWS::DocDB::DBInstance":     database,
	"AWS::DynamoDB::GlobalTable": table,
	"AWS::DynamoDB::Table":       table,
	"AWS::MemoryDB::Cluster":     database,
	"AWS::Neptune::DBCluster":    database,
	"AWS::Neptune::DBInstance":   database,
	"AWS::QLDB::Ledger":          "a ledger",
	"AWS::RDS::DBCluster":        database,
	"AWS::RDS::DBInstance":       database,
	"AWS::RDS::GlobalCluster":    database,
	"AWS::Redshift::Cluster":     database,
	"AWS::SDB::Domain":           database,
	"AWS::Timestream::Database":  database,
	"AWS::Timestream::Table":     table,
}

const (
	database = "a database"
	table    = "a table"
)

// Data returns what the resources of a type keep, and whether they keep anything.
func Data(resourceType string) (string, bool) {
	_, isAdded := additions[resourceType]
	if !isAdded && !slices.Contains(published, resourceType) {
		return "", false
	}
	return cmp.Or(kept[resourceType], "data"), true
}

// Types returns the types whose resources keep data, in alphabetical order.
func Types() []string {
	return slices.Sorted(slices.Values(slices.Concat(published, slices.Collect(maps.Keys(additions)))))
}
