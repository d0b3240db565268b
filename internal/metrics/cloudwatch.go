package metrics

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"lockstep/internal/pipeline"
)

// CloudWatchData returns the figures of environments as CloudWatch takes them, with the time of the end of the window.
// A figure that does not exist has no value, so that a dashboard shows a gap and not a zero.
func CloudWatchData(all []Figures) []cwtypes.MetricDatum {
	var out []cwtypes.MetricDatum
	for _, f := range all {
		add := func(name string, unit cwtypes.StandardUnit, value float64) {
			out = append(out, newDatum(f.Environment, f.To, name, unit, value))
		}
		if f.LeadTime.Count > 0 {
			add(pipeline.MetricLeadTime, cwtypes.StandardUnitSeconds, f.LeadTime.MedianSeconds)
		}
		if f.RecoveryTime.Count > 0 {
			add(pipeline.MetricRecoveryTime, cwtypes.StandardUnitSeconds, f.RecoveryTime.MedianSeconds)
		}
		if f.DeploymentsPerDay != nil {
			add(pipeline.MetricDeploymentsPerDay, cwtypes.StandardUnitCount, *f.DeploymentsPerDay)
		}
		if f.ChangeFailureRate != nil {
			add(pipeline.MetricChangeFailureRate, cwtypes.StandardUnitPercent, 100**f.ChangeFailureRate)
		}
		add(pipeline.MetricNotRecovered, cwtypes.StandardUnitCount, float64(f.Open))
	}
	return out
}

func newDatum(
	environment string, at time.Time, name string, unit cwtypes.StandardUnit, value float64,
) cwtypes.MetricDatum {
	return cwtypes.MetricDatum{
		MetricName: aws.String(name), Timestamp: aws.Time(at), Unit: unit, Value: aws.Float64(value),
		Dimensions: []cwtypes.Dimension{
			{Name: aws.String(pipeline.MetricsDimension), Value: aws.String(environment)},
		},
	}
}
