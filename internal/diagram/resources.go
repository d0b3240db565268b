package diagram

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// serviceNames are AWS's names of services that the names of resource types abbreviate or join.
var serviceNames = map[string]string{
	"AccessAnalyzer": "IAM Access Analyzer", "ApiGateway": "API Gateway", "ApiGatewayV2": "API Gateway",
	"ApplicationAutoScaling": "Application Auto Scaling", "AutoScaling": "Auto Scaling",
	"CE": "Cost Explorer", "CertificateManager": "Certificate Manager", "CloudFormation": "CloudFormation",
	"CodeStarConnections": "CodeConnections", "DocDB": "DocumentDB", "DynamoDB": "DynamoDB",
	"ElasticLoadBalancing": "Elastic Load Balancing", "ElasticLoadBalancingV2": "Elastic Load Balancing",
	"Events": "EventBridge", "KinesisFirehose": "Data Firehose", "Logs": "CloudWatch Logs",
	"OpenSearchService": "OpenSearch Service", "Route53": "Route 53", "SecretsManager": "Secrets Manager",
	"SSM": "Systems Manager", "StepFunctions": "Step Functions", "WAFv2": "WAF",
}

// metadataType is the type of the resource that the CDK adds for its statistics.
const metadataType = "AWS::CDK::Metadata"

// splitType splits the name of a resource type, such as AWS::RDS::DBCluster, into the service and the resource, such as
// RDS and DBCluster.
func splitType(name string) (service, resource string) {
	parts := strings.Split(name, "::")
	switch {
	case len(parts) < 2:
		return "other", name
	case parts[0] == "Custom":
		return "custom resources", strings.Join(parts[1:], " ")
	case len(parts) < 3:
		return parts[0], parts[1]
	}
	service = strings.Join(parts[1:len(parts)-1], " ")
	if parts[0] != "AWS" {
		service = parts[0] + " " + service
	}
	return cmp.Or(serviceNames[service], service), parts[len(parts)-1]
}

// wordStart matches where a new word starts in a name such as DBClusterParameterGroup.
var wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// abbreviations are words in the names of resource types that AWS's pages write in capitals.
var abbreviations = []string{"Acl", "Api", "Http", "Rest", "Url", "Vpc"}

// countResource returns the number and name of resources: 1 and DBCluster gives "1 DB cluster", 12 and Alarm
// "12 alarms".
func countResource(n int, resource string) string {
	words := strings.Fields(wordStart.ReplaceAllString(resource, "$1$3 $2$4"))
	for i, word := range words {
		switch {
		case slices.Contains(abbreviations, word):
			words[i] = strings.ToUpper(word)
		case word != strings.ToUpper(word): // not an abbreviation
			words[i] = strings.ToLower(word)
		}
	}
	name := strings.Join(words, " ")
	if n != 1 {
		name = plural(name)
	}
	return fmt.Sprintf("%d %s", n, name)
}

// plural returns the plural of an English noun as the names of resources have them.
func plural(noun string) string {
	switch {
	case noun == "":
		return noun
	case strings.HasSuffix(noun, "y") && !strings.ContainsAny(noun[max(0, len(noun)-2):len(noun)-1], "aeiou"):
		return strings.TrimSuffix(noun, "y") + "ies"
	case strings.HasSuffix(noun, "ss"), strings.HasSuffix(noun, "us"), strings.HasSuffix(noun, "x"),
		strings.HasSuffix(noun, "ch"):
		return noun + "es"
	case strings.HasSuffix(noun, "s"): // such as credentials
		return noun
	}
	return noun + "s"
}

// counted returns the number with its noun, in the plural unless it is 1.
func counted(n int, noun string) string {
	if n != 1 {
		noun = plural(noun)
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// A service is the resources of one service in one or more stacks.
type service struct {
	name string
	// types are the numbers of resources by the name of their kind.
	types map[string]int
	total int
}

// lines returns the name of the service and a line for each kind of its resources, the most frequent first.
func (s service) lines() []string {
	kinds := slices.SortedFunc(maps.Keys(s.types), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.types[b], s.types[a]), cmp.Compare(a, b))
	})
	lines := []string{s.name}
	for _, kind := range kinds {
		lines = append(lines, countResource(s.types[kind], kind))
	}
	return lines
}

// servicesOf returns the services of the stacks' resources, those with the most resources first.
func servicesOf(stacks ...*assembly.Stack) []service {
	byName := map[string]*service{}
	for _, stack := range stacks {
		for _, resource := range stack.Template.Resources {
			if resource.Type == metadataType {
				continue
			}
			name, kind := splitType(resource.Type)
			if byName[name] == nil {
				byName[name] = &service{name: name, types: map[string]int{}}
			}
			byName[name].types[kind]++
			byName[name].total++
		}
	}
	var services []service
	for _, s := range byName {
		services = append(services, *s)
	}
	slices.SortFunc(services, func(a, b service) int {
		return cmp.Or(cmp.Compare(b.total, a.total), cmp.Compare(a.name, b.name))
	})
	return services
}

// summarize returns a line with the number of resources of the stacks, and lines with their services.
func summarize(stacks ...*assembly.Stack) []string {
	const maxServices = 6
	services := servicesOf(stacks...)
	total := 0
	var names []string
	for _, s := range services {
		total += s.total
		names = append(names, s.name)
	}
	lines := []string{counted(total, "resource")}
	if len(names) > maxServices {
		names = append(names[:maxServices-1:maxServices-1], fmt.Sprintf("%d more services", len(names)-maxServices+1))
	}
	return append(lines, inLines(names)...)
}
