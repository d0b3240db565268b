package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"lockstep/infra/constructs"
	"lockstep/internal/pipeline"
)

// keyMetricWidgets are the graphs of the key metrics. docs/metrics.md has the definitions.
var keyMetricWidgets = []struct{ title, metric string }{
	{"lead time for changes, median, seconds", pipeline.MetricLeadTime},
	{"deployments a day", pipeline.MetricDeploymentsPerDay},
	{"change failure rate, percent", pipeline.MetricChangeFailureRate},
	{"failed deployment recovery time, median, seconds", pipeline.MetricRecoveryTime},
	{"failed deployments that are not recovered from", pipeline.MetricNotRecovered},
}

// keyMetricRows returns the rows of the dashboard with the key metrics of each environment, which `lockstep metrics
// --publish` writes.
func keyMetricRows(props EventsProps) [][]awscloudwatch.IWidget {
	var rows [][]awscloudwatch.IWidget
	for i, widget := range keyMetricWidgets {
		var lines []awscloudwatch.IMetric
		for _, environment := range props.Environments {
			lines = append(lines, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
				Namespace:     jsii.String(pipeline.MetricsNamespace(props.Project)),
				MetricName:    jsii.String(widget.metric),
				DimensionsMap: &map[string]*string{pipeline.MetricsDimension: jsii.String(environment)},
				Statistic:     jsii.String("Maximum"), Period: awscdk.Duration_Days(jsii.Number(1)),
				Label: jsii.String(environment),
			}))
		}
		if i%2 == 0 {
			rows = append(rows, nil)
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], constructs.NewGraphWidget(widget.title, lines...))
	}
	return rows
}
