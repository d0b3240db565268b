package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a project is called by default is always a name that the configuration takes.
func TestProjectName_IsValid(t *testing.T) {
	for from, want := range map[string]string{
		"orders": "orders", "@acme/Orders_API": "acme-orders-api", "x": "app-x", "": "app", "42": "app-42", "…": "app",
		"aws-orders": "app-aws-orders", "AWSOrders": "app-awsorders", "ssm": "app-ssm", "3tier": "tier",
		"aws-cdk-monorepo-template": "app-aws-cdk-monorepo", "an-orders-app-with-a-name": "an-orders-app-with-a",
		"orders-for-everybody-there": "orders-for-everybody", "a-distributedloadtestingonaws": "a-distributedloadtes",
		"distributedloadtestingonaws": "distributedloadtesti",
	} {
		t.Run(from, func(t *testing.T) {
			name := projectName(from)
			assert.Equal(t, want, name)
			require.NoError(t, checkFiles([]newFile{
				{rootMarker, "project: " + name + "\ntooling:\n  account: \"123456789012\"\n  region: eu-west-1\n"},
				{"config/environments/dev.yaml", "account: \"111122223333\"\nregion: eu-west-1\n"},
			}))
		})
	}
}
