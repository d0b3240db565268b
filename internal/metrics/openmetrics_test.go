package metrics

import (
	"os"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Prometheus reads what is written, with every sample under its labels.
func TestWriteOpenMetrics_PrometheusReadsIt(t *testing.T) {
	text, err := os.Open("testdata/openmetrics.txt") // what TestWriteOpenMetrics has compared
	require.NoError(t, err)
	defer text.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	read, err := parser.TextToMetricFamilies(text)
	require.NoError(t, err)
	require.Len(t, read, len(families))
	got := map[string]map[string]float64{}
	for name, family := range read {
		assert.NotEmpty(t, family.GetHelp(), name)
		got[name] = map[string]float64{}
		for _, m := range family.GetMetric() {
			labels := ""
			for _, label := range m.GetLabel() {
				labels += label.GetName() + "=" + label.GetValue() + " "
			}
			got[name][labels] = m.GetGauge().GetValue()
		}
	}
	assert.Equal(t, map[string]float64{"environment=acc ": 10, "environment=prod ": 0}, got["lockstep_deployments"])
	assert.Equal(t, map[string]float64{
		"environment=acc statistic=median ": 43200, "environment=acc statistic=p90 ": 64800,
	}, got["lockstep_lead_time_seconds"])
}
