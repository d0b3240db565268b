package tests

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

func TestOperate_MetricsAndMaintenanceOfDeployedEnvironment(t *testing.T) {
	p := newProject(t)
	out, status := p.run("rehearsal", "start")
	require.Zero(t, status, out)
	out, status = p.run("deploy", "--env", "acc", "--assembly", p.chainAssembly(1))
	require.Zero(t, status, out)

	t.Run("the published figures are in CloudWatch of the tooling account", func(t *testing.T) {
		out, status := p.runLive(toolingAccount, "metrics", "--env", "acc", "--live", "--publish")
		require.Zero(t, status, out)
		answer, err := cloudwatch.NewFromConfig(p.aws(toolingAccount)).GetMetricStatistics(t.Context(),
			&cloudwatch.GetMetricStatisticsInput{
				Namespace:  aws.String(pipeline.MetricsNamespace("lockstep")),
				MetricName: aws.String(pipeline.MetricDeploymentsPerDay),
				Dimensions: []cwtypes.Dimension{{Name: aws.String(pipeline.MetricsDimension), Value: aws.String("acc")}},
				StartTime:  aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
				Period: aws.Int32(3600), Statistics: []cwtypes.Statistic{cwtypes.StatisticMaximum},
			})
		require.NoError(t, err)
		require.NotEmpty(t, answer.Datapoints)
		assert.InDelta(t, 1, aws.ToFloat64(answer.Datapoints[0].Maximum), 1e-9, "one release in less than a day")
	})
	t.Run("nobody else may publish them", func(t *testing.T) {
		out, status := p.runLive(accAccount, "metrics", "--env", "acc", "--live", "--publish")
		assert.Equal(t, 3, status, out)
	})
	t.Run("maintenance finds a parameter that no stack has", func(t *testing.T) {
		_, err := ssm.NewFromConfig(p.aws(accAccount)).PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: aws.String("/lockstep/acc/stray"), Value: aws.String("x"), Type: ssmtypes.ParameterTypeString,
		})
		require.NoError(t, err)
		records := filepath.Join(t.TempDir(), "records")
		out, status := p.runLive(toolingAccount, "maintain", "half-yearly", "--env", "acc", "--live", "--record", records)
		assert.Equal(t, 1, status, out)
		assert.Contains(t, out, "unused roles and parameters: to do")
		assert.Contains(t, out, "acc: parameter /lockstep/acc/stray is in no stack of the newest release")
		written, err := filepath.Glob(filepath.Join(records, "*-half-yearly.json"))
		require.NoError(t, err)
		assert.Len(t, written, 1)
	})
	t.Run("a cost that AWS does not know is not run", func(t *testing.T) {
		out, status := p.runLive(toolingAccount, "maintain", "quarterly", "--env", "acc", "--live", "--record", t.TempDir())
		assert.Equal(t, 1, status, out)
		assert.Contains(t, out, "cost: not run")
		assert.Contains(t, out, "turn on billing alerts")
	})
	t.Run("an account whose records were altered is named", func(t *testing.T) {
		objects := s3.NewFromConfig(p.aws(accAccount), func(o *s3.Options) { o.UsePathStyle = true })
		_, err := objects.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("lockstep-hnb659fds-" + accAccount + "-" + region),
			Key:    aws.String("lockstep/lockstep/acc/releases/00000001.json"), Body: strings.NewReader("{}"),
		})
		require.NoError(t, err)
		out, status := p.runLive(toolingAccount, "metrics", "--live")
		assert.Equal(t, 1, status, out)
		assert.Contains(t, out, "acc: release record 1 was changed outside Lockstep")
		assert.Regexp(t, `(?m)^dev +- +0 `, out, "the others are shown")
		assert.NotRegexp(t, `(?m)^acc +`, out)
	})
}
