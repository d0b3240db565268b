package pipeline

// The names of the key metrics in CloudWatch, each with the unit in which `lockstep metrics --publish` writes it. The
// dashboard draws the same ones.
const (
	// MetricLeadTime and MetricRecoveryTime are medians in seconds.
	MetricLeadTime     = "LeadTime"
	MetricRecoveryTime = "RecoveryTime"
	// MetricDeploymentsPerDay is a number, and MetricChangeFailureRate is in percent.
	MetricDeploymentsPerDay = "DeploymentsPerDay"
	MetricChangeFailureRate = "ChangeFailureRate"
	// MetricNotRecovered is the number of failed deployments after which no release has ended well yet.
	MetricNotRecovered = "NotRecovered"
)

// MetricsDimension is the dimension of the key metrics whose value is the name of an environment.
const MetricsDimension = "Environment"

// MetricsNamespace returns the namespace of a project's key metrics in CloudWatch.
func MetricsNamespace(project string) string { return "Lockstep/" + project }
