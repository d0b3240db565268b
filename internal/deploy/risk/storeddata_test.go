package risk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

func TestFindStoredData_NamesBackupsOfTheTemplate(t *testing.T) {
	for name, test := range map[string]struct {
		resource string
		keeps    string
		backups  []string
	}{
		"a database with backups": {
			`{"Type":"AWS::RDS::DBCluster","DeletionPolicy":"Snapshot","Properties":{"BackupRetentionPeriod":7}}`,
			"a database",
			[]string{"automated backups of 7 days", "a snapshot when its stack is deleted"},
		},
		"an instance of a cluster": {
			`{"Type":"AWS::RDS::DBInstance","DeletionPolicy":"Delete","Properties":{"DBClusterIdentifier":{"Ref":"C"}}}`,
			"a database",
			[]string{"the backups of its cluster"},
		},
		"a database without backups": {
			`{"Type":"AWS::RDS::DBCluster","DeletionPolicy":"Delete","Properties":{"BackupRetentionPeriod":0}}`,
			"a database", nil,
		},
		"a bucket with versions": {
			`{"Type":"AWS::S3::Bucket","DeletionPolicy":"Retain","Properties":{"VersioningConfiguration":{"Status":"Enabled"}}}`,
			"objects",
			[]string{"earlier versions of objects", "it is kept when its stack is deleted"},
		},
		"a bucket whose versions are suspended": {
			`{"Type":"AWS::S3::Bucket","Properties":{"VersioningConfiguration":{"Status":"Suspended"}}}`, "objects", nil,
		},
		"a table": {
			`{"Type":"AWS::DynamoDB::Table","Properties":{"PointInTimeRecoverySpecification":` +
				`{"PointInTimeRecoveryEnabled":true}}}`,
			"a table",
			[]string{"point-in-time recovery"},
		},
		"a table without it": {`{"Type":"AWS::DynamoDB::Table"}`, "a table", nil},
		"a file system": {
			`{"Type":"AWS::EFS::FileSystem","Properties":{"BackupPolicy":{"Status":"ENABLED"}}}`,
			"files",
			[]string{"AWS Backup, every day"},
		},
		"a period that is an expression": {
			`{"Type":"AWS::RDS::DBInstance","Properties":{"BackupRetentionPeriod":{"Ref":"Days"}}}`,
			"a database",
			[]string{"automated backups of an unknown number of days"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := assembly.ParseTemplate(
				`{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"Data":` + test.resource + `}}`)
			require.NoError(t, err)
			data := FindStoredData("web", parsed)
			require.Len(t, data, 1, "a topic keeps nothing")
			assert.Equal(t, "Data", data[0].LogicalID)
			assert.Equal(t, test.keeps, data[0].Keeps)
			assert.Equal(t, test.backups, data[0].Backups)
		})
	}
}
