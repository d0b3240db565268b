package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/rehearsal"
)

const prodAccount = "777788889999"

// minCoverage is the share of all resources, of the tooling account too, that must not be stand-ins.
const minCoverage = 0.9

func TestRehearsal_CreatesSupportedResources(t *testing.T) {
	p := newProject(t)
	_ = p.session() // the emulator runs until the end of the test
	var all rehearsal.Coverage
	for _, environment := range []string{"dev", "acc", "prod", "tooling"} {
		all.Add(p.deployCoverage(environment))
	}
	assert.Greater(t, all.Ratio, minCoverage, "%d of %d resources were stood in for", len(all.StandIns), all.Resources)
	for environment, account := range map[string]string{"acc": accAccount, "tooling": toolingAccount} {
		p.assertResources(environment, account, all.StandIns)
	}
	p.assertDatabase()

	prod := cloudformation.NewFromConfig(p.aws(prodAccount))
	policy, err := prod.GetStackPolicy(t.Context(), &cloudformation.GetStackPolicyInput{
		StackName: aws.String("lockstep-prod-database"),
	})
	require.NoError(t, err)
	assert.Contains(t, aws.ToString(policy.StackPolicyBody), "AWS::RDS::DBCluster", "an update cannot replace prod's data")
}

// deployCoverage deploys to an environment and returns how much of it was rehearsed.
func (p project) deployCoverage(environment string) rehearsal.Coverage {
	p.t.Helper()
	cmd := p.command("deploy", "--env", environment, "--json")
	out, err := cmd.Output()
	require.NoError(p.t, err, string(out))
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var summary struct {
		Result   string
		Coverage rehearsal.Coverage
	}
	require.NoError(p.t, json.Unmarshal([]byte(lines[len(lines)-1]), &summary))
	require.Equal(p.t, "passed", summary.Result)
	return summary.Coverage
}

// assertResources checks that the account has every resource of the environment's templates, or a stand-in where it is
// to have one.
func (p project) assertResources(environment, account string, standIns []rehearsal.StandIn) {
	p.t.Helper()
	hasStandIn := map[string]bool{} // by stack and logical id
	for _, s := range standIns {
		hasStandIn[s.Stack+"/"+s.LogicalID] = true
	}
	client := cloudformation.NewFromConfig(p.aws(account))
	files, err := filepath.Glob(filepath.Join(p.dir, ".lockstep", "assembly", environment, "*.template.json"))
	require.NoError(p.t, err)
	require.NotEmpty(p.t, files)
	for _, file := range files {
		stack := strings.TrimSuffix(filepath.Base(file), ".template.json")
		var template struct {
			Resources map[string]struct{ Type string }
		}
		data, err := os.ReadFile(file)
		require.NoError(p.t, err)
		require.NoError(p.t, json.Unmarshal(data, &template))
		out, err := client.DescribeStackResources(p.t.Context(), &cloudformation.DescribeStackResourcesInput{
			StackName: aws.String(stack),
		})
		require.NoError(p.t, err)
		created := map[string]string{} // types by logical id
		for _, r := range out.StackResources {
			assert.Equal(p.t, "CREATE_COMPLETE", string(r.ResourceStatus), "%s %s", stack, aws.ToString(r.LogicalResourceId))
			assert.NotEmpty(p.t, aws.ToString(r.PhysicalResourceId))
			created[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.ResourceType)
		}
		for id, r := range template.Resources {
			if hasStandIn[stack+"/"+id] {
				assert.NotEqual(p.t, r.Type, created[id], "%s %s is reported as a stand-in", stack, id)
				continue
			}
			assert.Equal(p.t, r.Type, created[id], "%s %s", stack, id)
		}
	}
}

// assertDatabase checks the cluster of acc in RDS, and the parameter with its endpoint.
func (p project) assertDatabase() {
	p.t.Helper()
	acc := p.aws(accAccount)
	clusters, err := rds.NewFromConfig(acc).DescribeDBClusters(p.t.Context(), &rds.DescribeDBClustersInput{
		DBClusterIdentifier: aws.String("lockstep-acc-database"),
	})
	require.NoError(p.t, err)
	require.Len(p.t, clusters.DBClusters, 1)
	cluster := clusters.DBClusters[0]
	assert.Equal(p.t, "aurora-postgresql", aws.ToString(cluster.Engine))
	assert.InDelta(p.t, 0.5, aws.ToFloat64(cluster.ServerlessV2ScalingConfiguration.MinCapacity), 0)
	assert.InDelta(p.t, 4, aws.ToFloat64(cluster.ServerlessV2ScalingConfiguration.MaxCapacity), 0)
	assert.True(p.t, aws.ToBool(cluster.StorageEncrypted))
	assert.True(p.t, aws.ToBool(cluster.IAMDatabaseAuthenticationEnabled))
	assert.Equal(p.t, int32(7), aws.ToInt32(cluster.BackupRetentionPeriod))
	assert.Len(p.t, cluster.DBClusterMembers, 1)
	endpoint, err := ssm.NewFromConfig(acc).GetParameter(p.t.Context(), &ssm.GetParameterInput{
		Name: aws.String("/lockstep/acc/_outputs/database/Endpoint"),
	})
	require.NoError(p.t, err)
	assert.Equal(p.t, aws.ToString(cluster.Endpoint), aws.ToString(endpoint.Parameter.Value))
}
