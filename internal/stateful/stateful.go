// Package stateful owns the list of resource types that keep data. It knows nothing of templates, policies or AWS's
// API.
package stateful

import (
	"maps"
	"slices"
)

// data is what the resources of each type keep and no template brings back.
var data = map[string]string{
	"AWS::ApiGateway::ApiKey":              "the key's value",
	"AWS::Backup::BackupVault":             "recovery points",
	"AWS::CertificateManager::Certificate": "the certificate, of which its users need a new one",
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
}

// Data returns what the resources of a type keep, and whether they keep anything.
func Data(resourceType string) (string, bool) {
	kept, ok := data[resourceType]
	return kept, ok
}

// Types returns the types whose resources keep data, in alphabetical order.
func Types() []string { return slices.Sorted(maps.Keys(data)) }
