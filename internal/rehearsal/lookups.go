package rehearsal

import (
	"io/fs"
	"regexp"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// An answer takes the place of a placeholder that the CDK writes for a look-up without an answer.
type answer struct {
	// provider is the look-up's provider.
	provider string
	// placeholder is the CDK's text, a whole word, and value what is deployed instead: what every emulated account has,
	// or else a value of the same shape.
	placeholder, value string
}

// The default network of every emulated account and region.
const (
	emulatedVPC      = "vpc-00000001"
	emulatedCIDR     = "172.31.0.0/16"
	emulatedSubnetA  = "subnet-00000001"
	emulatedSubnetB  = "subnet-00000002"
	emulatedRoutes   = "rtb-00000001"
	emulatedGroup    = "sg-00000001"
	emulatedImage    = "ami-0123456789abcdef0"
	balancerProvider = "load-balancer"
	listenerProvider = "load-balancer-listener"
	networkProvider  = "vpc-provider"
	groupProvider    = "security-group"
	imageProvider    = "ami"
)

// answers are the placeholders that the emulator, or a schema of the registry, does not take.
// Source: https://github.com/aws/aws-cdk, packages/aws-cdk-lib: aws-ec2/lib/vpc.ts, aws-ec2/lib/security-group.ts,
// aws-ec2/lib/machine-image/machine-image.ts, aws-elasticloadbalancingv2/lib/shared.
var answers = []answer{
	{networkProvider, "vpc-12345", emulatedVPC},
	{networkProvider, "s-12345", emulatedSubnetA},
	{networkProvider, "s-67890", emulatedSubnetB},
	{networkProvider, "p-12345", emulatedSubnetA},
	{networkProvider, "p-67890", emulatedSubnetB},
	{networkProvider, "rtb-12345s", emulatedRoutes},
	{networkProvider, "rtb-67890s", emulatedRoutes},
	{networkProvider, "rtb-12345p", emulatedRoutes},
	{networkProvider, "rtb-57890p", emulatedRoutes},
	{groupProvider, "sg-12345678", emulatedGroup},
	{balancerProvider, "sg-1234", emulatedGroup},
	{balancerProvider, "vpc-12345", emulatedVPC},
	{listenerProvider, "sg-123456789012", emulatedGroup},
	{imageProvider, "ami-1234", emulatedImage},
}

// placeholderCIDR is the address range of the CDK's placeholder of a network.
const placeholderCIDR = "1.2.3.4/5"

// placeholderZone begins the names that the CDK writes for zones that it could not look up: dummy1a, dummy1b, dummy1c.
// Source: https://github.com/aws/aws-cdk, packages/aws-cdk-lib/core/lib/stack.ts.
const placeholderZone = "dummy1"

// placeholderBalancer is in the names of load balancers and listeners that the CDK could not look up, which are in a
// region and an account of the CDK's own.
var placeholderBalancer = regexp.MustCompile(
	`^arn:aws:elasticloadbalancing:us-west-2:123456789012:(.*/my-load-balancer/50dc6c495c0c9188.*)$`)

// placeholderHostedZone matches texts that end with the CDK's placeholder of a hosted zone.
var placeholderHostedZone = regexp.MustCompile(`^(.*hostedzone/)?DUMMY$`)

// standInHostedZone is the hosted zone that takes its place. No emulated account has one.
const standInHostedZone = "Z00LOCKSTEPLOOKUP"

// parentsLookedUp are the properties by which a resource is a part of another one, and the values that say that the
// other one was looked up. The emulator has none of them, so that the resource is a stand-in.
var parentsLookedUp = map[string]*regexp.Regexp{
	"HostedZoneId":    regexp.MustCompile("^" + standInHostedZone + "$"),
	"ListenerArn":     regexp.MustCompile(`/my-load-balancer/50dc6c495c0c9188/`),
	"LoadBalancerArn": regexp.MustCompile(`/my-load-balancer/50dc6c495c0c9188$`),
}

// isPartOfLookup reports whether a resource with these properties is a part of what was looked up.
func isPartOfLookup(properties map[string]any) bool {
	for name, placeholder := range parentsLookedUp {
		if value, ok := properties[name].(string); ok && placeholder.MatchString(value) {
			return true
		}
	}
	return false
}

// word matches what placeholders are compared with.
var word = regexp.MustCompile(`[\w-]+`)

// lookupKeys returns the keys of the look-ups without an answer, and their providers.
func lookupKeys(files fs.FS) (keys []string, providers map[string]bool, err error) {
	lookups, err := assembly.Lookups(files)
	providers = map[string]bool{}
	for _, lookup := range lookups {
		keys = append(keys, lookup.Key)
		providers[lookup.Provider] = true
	}
	return keys, providers, err
}

// answerLookups replaces the placeholders of look-ups in the templates by what the emulated accounts have, or take. It
// returns the files with those templates, and which of them it has changed.
func answerLookups(
	files fs.FS, templates []assembly.TemplateFile, providers map[string]bool,
) (fs.FS, []bool, error) {
	isChanged := make([]bool, len(templates))
	if len(providers) == 0 {
		return files, isChanged, nil
	}
	values := map[string]string{}
	for _, a := range answers {
		if providers[a.provider] {
			values[a.placeholder] = a.value
		}
	}
	for i, t := range templates {
		replaceTexts(t.Document, func(text string) (any, bool) {
			value := answerText(t, text, values, providers)
			isChanged[i] = isChanged[i] || value != any(text)
			return value, true
		})
	}
	answered, err := rewriteFiles(files, templates, isChanged)
	return answered, isChanged, err
}

// answerText returns what takes the place of a text: the text itself, if it has no placeholder.
func answerText(t assembly.TemplateFile, text string, values map[string]string, providers map[string]bool) any {
	region, account := t.Region, t.Account
	isAgnostic := region == "" || region == unknownRegion
	if zone, ok := strings.CutPrefix(text, placeholderZone); ok && len(zone) == 1 {
		// Every region has the zones a, b and c, or names that the emulator does not tell apart.
		if isAgnostic {
			return map[string]any{"Fn::Sub": "${AWS::Region}" + zone}
		}
		return region + zone
	}
	if text == placeholderCIDR && providers[networkProvider] {
		return emulatedCIDR
	}
	if match := placeholderBalancer.FindStringSubmatch(text); match != nil && !isAgnostic && account != "" {
		return "arn:aws:elasticloadbalancing:" + region + ":" + account + ":" + match[1]
	}
	if match := placeholderHostedZone.FindStringSubmatch(text); match != nil && providers["hosted-zone"] {
		return match[1] + standInHostedZone
	}
	return word.ReplaceAllStringFunc(text, func(word string) string {
		if value, ok := values[word]; ok {
			return value
		}
		return word
	})
}
