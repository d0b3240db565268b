package risk

import (
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/resolve"
)

// This file judges where a resource sends data, and whom it calls or obeys: the target of a schedule, the bucket of an
// inventory, the function behind an API. Another one in the place of the first needs no more rights, and gets what the
// first has got.

// destinationNames matches the properties that say where something goes, beside those of which AWS publishes that they
// hold an address.
var destinationNames = newPattern(`^(` + strings.Join([]string{
	`\w*Destination(s|Arn|ARN|Url|Uri|Name|Id|Identifier|ResourceArn)?`,
	`\w*Target(s|Arns?|ARNs?|Url|Address|Identifier)?|\w*TargetGroup(s|Identifier|Arns?|ARNs?)?`,
	`\w*Bucket(s|Name|Arn|ARN)?|\w*Vault(s|Name|Arn)?|\w*Table(Name|Arn)|\w*Location(Uri|Arn)?`,
	`\w*(Topic|Queue|Stream|Firehose|EventBus|StateMachine|Lambda|Function|Hook)(s|Name|Names|Arns?|ARNs?|Url)?`,
	`\w*(LogGroup|Cluster|DBCluster|DBInstance|VirtualRouter|VirtualNode)(Name|Names|Arn|ARN|Identifiers?)|LogGroup`,
	`\w*(Url|URL|Uri|URI)s?|\w*Endpoints?|\w*Host([nN]ame)?s?|\w*(DomainName|DNSName|Fqdn)|\w*Server(s|Name)?`,
	`\w*Regions?|\w*Email|\w*(EmailAddress|PhoneNumber|Recipient)(es|s)?|Address|From|ReplyToAddresses|Relay`,
	`\w*(Notification|Integration|Connection|Resource|Channel|Delivery)(Arn|ARN)|(Alarm|OK|InsufficientData)Actions`,
	`Arn|Enrichment|EndpointConfigName|EndpointArn|TargetEndpointArn|GroupName`,
	// Of settings that AWS hands on: of drivers that write logs, and of registered instances.
	`Awslogs(Group|Region)|AWSINSTANCE(IPV4|IPV6|CNAME)`,
}, "|") + `)$`)

// noDestinations matches the properties with such a name, or that hold the ARN of something, to which nothing is sent:
// rights, keys, networks and rules are judged by what they are, and code, images and models are not judged.
var noDestinations = newPattern(`Role|Kms|KMS|Key|Cmk|Encrypt|Certificate|Polic|SecurityGroup|Subnet|Vpc|VPC|Layer|` +
	`Image|Code(Uri|Location|S3Location)|Script|Template|Source[A-Z]|Secret|Credential|Model|Schema|Prompt|Guardrail|` +
	`Dataset|Signing|TaskDefinition|Icon|Logo|Cidr|Parameter[a-zA-Z]*Group|Rule|Profile|Version|Instance(Type|Class)|` +
	`Definition|Body|^Source$|Documentation|TermsOfService|Availability|Recipe|Component|Blueprint`)

// reportNames matches the paths of properties that say where a resource sends what happens to it.
var reportNames = newPattern(`Log|Alarm|Notif|Actions|[dD]eadLetter|OnFailure|Metrics|Monitor|Audit|Report`)

// folderOfObject matches the address of an object in a bucket, whose folder is no other place.
var folderOfObject = newPattern(`^(s3://[^/]+)/.*$`)

// destinationAdditions are further properties that say where something goes or comes from, by their types.
var destinationAdditions = map[string][]string{
	"AWS::AppSync::SourceApiAssociation":        {"SourceApiIdentifier"},
	"AWS::ElasticLoadBalancingV2::TargetGroup":  {"Id"},
	"AWS::KMS::ReplicaKey":                      {"PrimaryKeyArn"},
	"AWS::StepFunctions::StateMachineAlias":     {"StateMachineVersionArn"},
	"AWS::DataSync::LocationS3":                 {"Subdirectory"},
	"AWS::KinesisFirehose::DeliveryStream":      {"ParameterValue"},
	"AWS::SSM::MaintenanceWindowTask":           {"TaskArn"},
	"AWS::CodeDeploy::DeploymentGroup":          {"Name"},
	"AWS::ElasticLoadBalancingV2::ListenerRule": {"Host"},
}

// isDestination reports whether a property says where something goes.
func (r *reader) isDestination(name string) bool {
	published, ok := awsmodel.Lookup(r.kind)
	switch {
	case slices.Contains(destinationAdditions[r.kind], name):
		return true
	case r.isOption() || strings.HasSuffix(r.path, ".Options."+name):
		name = camelCase(name)
	case r.path == name && (isOwnName(r.kind, name) || ok && slices.Equal(published.PrimaryIdentifier, []string{name})):
		return false // it says what the resource itself is
	case !declares(r.kind, name):
		return false
	case ok && published.HoldsAddress(name):
		return !noDestinations.MatchString(name)
	}
	return destinationNames.MatchString(name) && !noDestinations.MatchString(name)
}

// readDestinations adds where a property sends something, at any depth.
func (r *reader) readDestinations(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if key := resolve.Text(v["Key"]); key != "" && r.isOption() {
			r.walkInto(key, func() { r.readDestinations(key, v["Value"]) })
			return
		}
		for _, key := range sortedKeys(v) {
			r.walkInto(key, func() { r.readDestinations(key, v[key]) })
		}
	case []any:
		for _, item := range v {
			r.readDestinations(name, item)
		}
	case string:
		if !r.isDestination(name) || mayBePolicy(v) {
			return
		}
		k := leads
		if isSignalType(r.kind) || reportNames.MatchString(r.path) {
			k = reports
		}
		r.add(k, r.path+" leads to "+folderOfObject().ReplaceAllString(v, "$1"))
	}
}

// readDelegation adds the part of a domain that a record hands to the name servers of others.
func (r *reader) readDelegation(record map[string]any) {
	if strings.HasPrefix(r.kind, "AWS::Route53::RecordSet") && resolve.Text(record["Type"]) == "NS" {
		r.addItems(allows, "hands "+resolve.Text(record["Name"])+" to ", record["ResourceRecords"])
	}
}
