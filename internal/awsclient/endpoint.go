package awsclient

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/signin"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// dnsSuffixes are the names below which the endpoints of a partition are. Source: partitions.json of the AWS SDKs.
var dnsSuffixes = map[string][]string{
	"aws":        {"amazonaws.com", "api.aws"},
	"aws-cn":     {"amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	"aws-us-gov": {"amazonaws.com", "api.aws"},
	"aws-iso":    {"c2s.ic.gov", "api.aws.ic.gov"},
	"aws-iso-b":  {"sc2s.sgov.gov", "api.aws.scloud"},
	"aws-iso-e":  {"cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	"aws-iso-f":  {"csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	"aws-eusc":   {"amazonaws.eu", "api.amazonwebservices.eu"},
}

// IsAWSEndpoint reports whether an endpoint belongs to AWS: it is reached with TLS, by a name of the partition.
func IsAWSEndpoint(endpoint, partition string) bool {
	address, err := url.Parse(endpoint)
	if err != nil || address.Scheme != "https" {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(address.Hostname(), "."))
	for _, suffix := range dnsSuffixes[partition] {
		if strings.HasSuffix(host, "."+suffix) {
			return true
		}
	}
	return false
}

// A serviceEndpoint is the endpoint that the caller's settings give a service; empty for that of AWS.
type serviceEndpoint struct{ service, endpoint string }

// serviceEndpoints returns the endpoint of every service that Lockstep calls, and of those that people sign in with, as
// the clients themselves find it: in AWS_ENDPOINT_URL, in its variant for the service, or in the profile.
func serviceEndpoints(cfg aws.Config) []serviceEndpoint {
	return []serviceEndpoint{
		{"STS", aws.ToString(sts.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"CloudFormation", aws.ToString(cloudformation.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"S3", aws.ToString(s3.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"ECR", aws.ToString(ecr.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"KMS", aws.ToString(kms.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"SSM", aws.ToString(ssm.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"CloudWatch", aws.ToString(cloudwatch.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"SSO", aws.ToString(sso.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"SSO_OIDC", aws.ToString(ssooidc.NewFromConfig(cfg).Options().BaseEndpoint)},
		{"signin", aws.ToString(signin.NewFromConfig(cfg).Options().BaseEndpoint)},
	}
}

// CheckEndpoints refuses a configuration that calls anything else than AWS. Where own is not empty, it is the endpoint
// that takes the place of AWS, and every service has to be called there.
func CheckEndpoints(cfg aws.Config, partition, own string) error {
	for _, s := range serviceEndpoints(cfg) {
		switch {
		case own != "" && s.endpoint != own:
			return refusal.Newf(fault.OtherEndpoint, nil,
				"--endpoint names %s, and the settings of this machine send the calls of %s elsewhere: "+
					"unset AWS_ENDPOINT_URL_%s, and endpoint_url in the profile", own, s.service, strings.ToUpper(s.service))
		case own == "" && s.endpoint != "" && !IsAWSEndpoint(s.endpoint, partition):
			return refusal.Newf(fault.OtherEndpoint, nil,
				"--live works on AWS, and the settings of this machine name %s for %s, which is not AWS: "+
					"unset AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_%s, and endpoint_url in the profile; or write --endpoint %s to work "+
					"there", s.endpoint, s.service, strings.ToUpper(s.service), s.endpoint)
		}
	}
	return nil
}

// ParseEndpoint returns an error unless the text is the address of an endpoint: http or https, and a host.
func ParseEndpoint(text string) error {
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "" ||
		address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return fault.Errorf(fault.FlagValue, "%q is no endpoint; write one like https://localhost:4566", text)
	}
	return nil
}
