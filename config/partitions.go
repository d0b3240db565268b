package config

import (
	"fmt"
	"strconv"
	"strings"
)

// What the regions of two partitions of AWS begin with.
const (
	chinaPrefix    = "cn-"
	govCloudPrefix = "us-gov-"
)

// partition returns what the regions of one partition of AWS, other than the commercial one, begin with.
func partition(region string) string {
	for _, prefix := range []string{
		chinaPrefix, govCloudPrefix, "us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-",
	} {
		if strings.HasPrefix(region, prefix) {
			return prefix
		}
	}
	return ""
}

// HasCostAnomalyDetection reports whether AWS detects unexpected cost in a region's partition. GovCloud has no cost
// management of its own: its cost is that of the commercial account that belongs to it. Source: the AWS GovCloud (US)
// user guide, billing; the CloudFormation registry has no AWS::CE types there.
func HasCostAnomalyDetection(region string) bool { return partition(region) != govCloudPrefix }

// checkPartitions requires that an environment is in the partition of the tooling account, whose principals cannot
// assume a role of another one, and that it has nothing that AWS does not sell there.
func checkPartitions(l *loader) {
	tooling := l.pipeline.Tooling.Region
	l.forEachEnvironment(func(env Environment, d *document) {
		if env.Region == "" || tooling == "" {
			return
		}
		regions := []struct {
			path   []string
			region string
		}{{[]string{"region"}, env.Region}}
		for w, wave := range env.AdditionalWaves {
			for i, a := range wave.Accounts {
				path := []string{"waves", strconv.Itoa(w), "accounts", strconv.Itoa(i), "region"}
				regions = append(regions, struct {
					path   []string
					region string
				}{path, a.Region})
			}
		}
		for _, r := range regions {
			if r.region != "" && partition(r.region) != partition(tooling) {
				l.addProblem(d, r.path, fmt.Sprintf("%s is in another partition of AWS than the tooling account in %s, "+
					"which can assume no role there", r.region, tooling), "give each partition a repository configuration of its own")
			}
		}
		checkSoldServices(l, env, d)
	})
}

// checkSoldServices refuses what AWS does not sell in an environment's partition. Source: the types that the
// CloudFormation registry has in the regions of each partition.
func checkSoldServices(l *loader, env Environment, d *document) {
	isGovCloud, isChina := partition(env.Region) == govCloudPrefix, partition(env.Region) == chinaPrefix
	if env.Budget != nil && isGovCloud {
		l.addProblem(d, []string{"budget"}, "AWS has no budgets in "+env.Region,
			"remove it, and make the budget in the commercial account that belongs to this one")
	}
	if env.Notifications.Chat != nil && (isGovCloud || isChina) {
		l.addProblem(d, []string{"notifications", "chat"}, "AWS sends nothing to chat channels from "+env.Region,
			"remove it, and notify owners by email")
	}
}
