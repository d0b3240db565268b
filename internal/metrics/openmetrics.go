package metrics

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A sample is one value of a metric family. The labels are in the form of OpenMetrics, without those of the
// environment.
type sample struct {
	labels string
	value  float64
}

// A family is a metric with its samples for one environment.
type family struct {
	name, unit, help string
	samples          func(Figures) []sample
}

// families are the metrics in the order in which they are written. A figure that does not exist has no sample.
var families = []family{
	{
		"lockstep_deployments", "", "Deployments in the window, failed ones included, rollbacks not.",
		func(f Figures) []sample { return one(float64(f.Deployments)) },
	},
	{
		"lockstep_failed_deployments", "", "Deployments in the window that failed or were rolled back from.",
		func(f Figures) []sample { return one(float64(f.Failed)) },
	},
	{
		"lockstep_rollbacks", "", "Rollbacks in the window.",
		func(f Figures) []sample { return one(float64(f.Rollbacks)) },
	},
	{
		"lockstep_not_recovered", "", "Failed deployments after which no release has ended well yet.",
		func(f Figures) []sample { return one(float64(f.Open)) },
	},
	{
		"lockstep_deployments_per_day", "", "Releases a day in the window.",
		func(f Figures) []sample { return ifKnown(f.DeploymentsPerDay) },
	},
	{
		"lockstep_change_failure_ratio", "ratio", "Failed deployments divided by deployments.",
		func(f Figures) []sample { return ifKnown(f.ChangeFailureRate) },
	},
	{
		"lockstep_lead_time_seconds", "seconds", "Time from the commit to the release.",
		func(f Figures) []sample { return ofDurations(f.LeadTime) },
	},
	{
		"lockstep_recovery_time_seconds", "seconds", "Time from a failed deployment to the release after it.",
		func(f Figures) []sample { return ofDurations(f.RecoveryTime) },
	},
}

func one(value float64) []sample { return []sample{{value: value}} }

func ifKnown(value *float64) []sample {
	if value == nil {
		return nil
	}
	return one(*value)
}

func ofDurations(d Durations) []sample {
	if d.Count == 0 {
		return nil
	}
	return []sample{{`statistic="median"`, d.MedianSeconds}, {`statistic="p90"`, d.P90Seconds}}
}

// WriteOpenMetrics writes the figures of environments in the text format of OpenMetrics 1.0.
func WriteOpenMetrics(w io.Writer, all []Figures) error {
	var out strings.Builder
	for _, m := range families {
		fmt.Fprintf(&out, "# TYPE %s gauge\n", m.name)
		if m.unit != "" {
			fmt.Fprintf(&out, "# UNIT %s %s\n", m.name, m.unit)
		}
		fmt.Fprintf(&out, "# HELP %s %s\n", m.name, m.help)
		for _, f := range all {
			for _, s := range m.samples(f) {
				labels := fmt.Sprintf("environment=%s", strconv.Quote(f.Environment)) // a name has letters and digits
				if s.labels != "" {
					labels += "," + s.labels
				}
				fmt.Fprintf(&out, "%s{%s} %s\n", m.name, labels, strconv.FormatFloat(s.value, 'g', -1, 64))
			}
		}
	}
	out.WriteString("# EOF\n")
	_, err := io.WriteString(w, out.String())
	return err
}
