package assembly

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// URLSuffix returns the domain of the services of a region, as the pseudo parameter AWS::URLSuffix has it
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html).
func URLSuffix(region string) string {
	switch Partition(region) {
	case "aws-cn":
		return "amazonaws.com.cn"
	case "aws-iso":
		return "c2s.ic.gov"
	case "aws-iso-b":
		return "sc2s.sgov.gov"
	case "aws-iso-e":
		return "cloud.adc-e.uk"
	case "aws-iso-f":
		return "csp.hci.ic.gov"
	case "aws-eusc":
		return "amazonaws.eu"
	}
	return "amazonaws.com"
}

// ParseS3Address returns the bucket and the key of an object's address: s3://BUCKET/KEY, or an https address of S3 in
// the region, with the bucket in its path or in its host. It reports false for any other address.
func ParseS3Address(text, region string) (bucket, key string, ok bool) {
	address, err := url.Parse(text)
	if err != nil || !isPlain(address) {
		return "", "", false
	}
	object := strings.TrimPrefix(address.Path, "/")
	switch address.Scheme {
	case "s3":
		return address.Host, object, address.Host != "" && object != ""
	case "https":
	default:
		return "", "", false
	}
	for _, host := range []string{"s3." + region + "." + URLSuffix(region), "s3." + URLSuffix(region)} {
		if address.Host == host {
			bucket, key, ok = strings.Cut(object, "/")
			return bucket, key, ok && bucket != "" && key != ""
		}
		if bucket, ok = strings.CutSuffix(address.Host, "."+host); ok {
			return bucket, object, bucket != "" && object != ""
		}
	}
	return "", "", false
}

// isPlain reports whether an address has nothing but a scheme, a host and a path that is written as it is.
func isPlain(a *url.URL) bool {
	return a.User == nil && a.RawQuery == "" && !a.ForceQuery && a.Fragment == "" && a.RawPath == "" && a.Opaque == ""
}

// nestingTypes are the resource types whose TemplateURL is a template that CloudFormation deploys.
var nestingTypes = []string{"AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet"}

// A NestedTemplate is a resource whose template lies elsewhere.
type NestedTemplate struct {
	LogicalID string
	// URL is where the template is; empty if the template of the stack does not say.
	URL string
}

// NestedTemplates returns the resources of a template of the stack, its own or a nested one, whose template lies
// elsewhere, in the order of their logical ids.
func (s *Stack) NestedTemplates(t Template) []NestedTemplate {
	var out []NestedTemplate
	for _, id := range sortedKeys(t.Resources) {
		r := t.Resources[id]
		if !slices.Contains(nestingTypes, r.Type) {
			continue
		}
		value, has := r.Properties["TemplateURL"]
		if !has && r.Type == "AWS::CloudFormation::StackSet" { // it has a TemplateBody
			continue
		}
		address, _ := s.resolveText(value)
		out = append(out, NestedTemplate{LogicalID: id, URL: address})
	}
	return out
}

// resolveText returns the text that a value of the stack's template stands for, as far as the assembly decides it:
// Fn::Join and Fn::Sub of texts, pseudo parameters and the stack's parameters. Otherwise it reports false.
func (s *Stack) resolveText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case map[string]any:
		if len(v) != 1 {
			return "", false
		}
		for function, argument := range v {
			switch function {
			case "Ref":
				name, _ := argument.(string)
				return s.resolveRef(name)
			case "Fn::Join":
				return resolve.Join(argument, s.resolveText)
			case "Fn::Sub":
				return resolve.Substitute(argument, s.resolveText, s.resolveRef)
			}
		}
	}
	return "", false
}

func (s *Stack) resolveRef(name string) (string, bool) {
	switch name {
	case "AWS::AccountId":
		return s.Account, true
	case "AWS::Region":
		return s.Region, true
	case "AWS::Partition":
		return Partition(s.Region), true
	case "AWS::URLSuffix":
		return URLSuffix(s.Region), true
	}
	if p, ok := s.Template.Parameters[name]; !ok || p.IsFromSSM() {
		return "", false
	}
	return s.ParameterValue(name)
}

// String returns what a message says of the resource.
func (n NestedTemplate) String() string {
	if n.URL == "" {
		return fmt.Sprintf("resource %s takes its template from an address that its template does not say", n.LogicalID)
	}
	return fmt.Sprintf("resource %s takes its template from %s", n.LogicalID, n.URL)
}
