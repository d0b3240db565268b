package risk

import (
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
)

// This file judges the properties that no table names: by the words in their names, and by what their values say. AWS
// has thousands of properties and adds new ones every week, so what is not in a table is not therefore harmless.

// openingWords are in the names of properties that give access; guardWords in those that hold it within bounds.
var (
	openingWords = newPattern(`Public|Anonymous|Unauth|Guest|Allow|External|CrossAccount|Shar(e|ing)|Trust|` +
		`Principal|Permission|Grant|Privilege|Admin|Internet|Access|Cidr|CIDR|Ingress|Inbound|Authorized|Federat|` +
		`White[lL]ist|Webhook|Delegat|Impersonat|Insecure|Cors|Bypass|AutoAccept|Ssh|SSH|Console|Capabilities|` +
		`Disabled$|^Disable`)
	guardWords = newPattern(`Auth|Encrypt|TLS|Tls|SSL|Ssl|Ciphers|MFA|Mfa|Restrict|Block|Deny|Denied|Require|` +
		`Enforce|Verif|Validat|Signing|Secur|Jwt|JWT|Acl|ACL|Approval|Isolat|Boundary|Firewall|Protect|Password|` +
		`Black[lL]ist|MinimumProtocolVersion|Issuer|Audience|VpcConfig|^EndpointConfiguration$|\bssl|_ssl|tls|require_secure`)
)

// noWords matches the names that have such a word and say nothing about access, in camel case and whole.
var noWords = newPattern(`^PublicAccessBlockConfiguration$|AccessLog|AccessTier|LastAccess|` +
	`AccessKeyId|VersionUpgrade|AllowedValues|` +
	`AllowedPattern|InstanceType|Deletion|Termination|ScaleIn|ScaleOut|BlockDevice|BlockDuration|BlockSize|` +
	`BlockStorage|ShareIdentifier|SharedMemory|Fair|AllowReassociation|Certificate|PasswordSecret|Accessib|` +
	`AdminUser|Username|UserName|LoggingPolicy|Author$|ExternalId$|TransitEncryptionPort|^CidrBlock$|` +
	`^(Ipv4|Ipv6|Destination)?Cidr(Block)?$|PrivateDns|DisabledReason|DisableRollback|DisableScale|^Password$|` +
	`MasterUserPassword$|AuthorizerUri|CapabilitiesOverride|TTL$|Ttl\w*$`)

// declares reports whether a type has a property with a name, at any depth: what else stands there has a name that the
// author chose, such as a variable of an environment. Nothing is known of a type that is not published, so that it has
// every property.
func declares(resourceType, name string) bool {
	if strings.HasSuffix(resourceType, "ParameterGroup") { // the settings of a database
		return true
	}
	published, ok := awsmodel.Lookup(resourceType)
	return !ok || published.Declares(name)
}

// optionNames matches the properties that hold settings whose names no schema has, because AWS hands them on to
// something else, such as a database or a platform.
var optionNames = newPattern(`^(ConnectionProperties|OptionSettings|\w*Attributes|DefaultArguments|AdvancedOptions|` +
	`ServerProperties)$`)

// isOption reports whether the reader is among such settings.
func (r *reader) isOption() bool {
	return slices.ContainsFunc(strings.Split(r.path, "."), optionNames.MatchString)
}

// readOptions reads settings that are not members of an object, and reports whether there are any: as text, with a line
// for each, or as an object with a name and a value.
func (r *reader) readOptions(value any) bool {
	switch v := value.(type) {
	case string:
		for line := range strings.Lines(v) {
			if name, setting, ok := strings.Cut(strings.TrimSpace(line), "="); ok && r.isOption() {
				r.readOption(name, setting)
			}
		}
		return strings.Contains(v, "=") && r.isOption()
	case map[string]any:
		name := resolve.Text(v["OptionName"]) + resolve.Text(v["Key"])
		if name == "" || !r.isOption() {
			return false
		}
		r.readOption(name, v["Value"])
		return true
	}
	return false
}

func (r *reader) readOption(name string, value any) {
	r.walkInto(name, func() { r.walk(name, value) })
}

// camelCase returns a name as AWS writes names: allow.everyone.if is AllowEveryoneIf.
func camelCase(name string) string {
	var out strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(c rune) bool { return strings.ContainsRune("._-", c) }) {
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}

// speaksOf reports whether a name has one of some words, and is one that the type of the resource has.
func (r *reader) speaksOf(words pattern, name string) bool {
	if r.isOption() {
		return words.MatchString(camelCase(name)) && !noWords.MatchString(camelCase(name))
	}
	return words.MatchString(name) && !noWords.MatchString(name) && declares(r.kind, name)
}

// readNamed adds what a property grants, or holds within bounds, by the words in its name. What it says in detail is
// not understood, so that any other value may be wider.
func (r *reader) readNamed(name string, value any) {
	_, isObject := value.(map[string]any)
	switch is := r.shownPath() + " is " + resolve.Text(value); {
	case r.speaksOf(openingWords, name):
		r.readOpening(name, value)
	case !r.speaksOf(guardWords, name):
	case !isObject && isOff(value):
		r.add(allows, is)
	default:
		r.add(limits, is)
	}
}

// readOpening adds what a property whose name speaks of access grants.
func (r *reader) readOpening(name string, value any) {
	path, text := r.shownPath(), resolve.Text(value)
	list, isList := value.([]any)
	switch {
	case strings.Contains(name, "Disable"):
		r.add(names, path+" is "+text)
	case isList:
		r.addItems(allows, path+": ", value)
		if len(list) > 0 {
			r.add(limits, path+" is limited to its items")
		}
	case isOff(value):
	case slices.Contains([]string{"true", "enabled", "enable"}, strings.ToLower(text)):
		r.add(allows, path+" is "+text)
	default:
		r.add(fixed, path+" is "+text)
	}
}

// shownPath returns where the reader is, without the numbers of items.
func (r *reader) shownPath() string {
	return strings.Join(slices.DeleteFunc(strings.Split(r.path, "."), func(part string) bool {
		return part != "" && strings.Trim(part, "0123456789") == ""
	}), ".")
}

// openValue matches the values that open something to everybody, whatever the property is called.
var openValue = newPattern(`(?i)^(public|public[_-].*|.*unauthenticated.*|anonymous|plaintext|passthrough|` +
	`open-access|allow-?_?all|0\.0\.0\.0/0|::/0|authenticated-?read)$`)

// hostPattern matches the host of an address.
var hostPattern = newPattern(`^(?i:https?|wss?|ftp|s3)://[^/?#]+`)

// hostMode matches the values with which a container shares something with its machine.
var hostMode = newPattern(`^(NetworkMode|PidMode|IpcMode)$`)

// readValue adds what a text says by itself.
func (r *reader) readValue(name, text string) {
	if host := hostPattern().FindString(text); host != "" && r.kind != change.StackType && declares(r.kind, name) {
		r.add(names, r.shownPath()+" leads to "+host)
	}
	if openValue.MatchString(text) || hostMode.MatchString(name) && strings.EqualFold(text, "host") {
		r.add(allows, r.shownPath()+" is "+text)
	}
}

// accountPattern matches the number of an account in an ARN, an address or a name.
var accountPattern = newPattern(`\b\d{12}\b`)

// secretReference matches the mark of a value that CloudFormation replaces by a secret, in the clear.
var secretReference = newPattern(`\$\{resolve:(secretsmanager|ssm-secure):[^}]*\}`)

// secretNames matches the properties that are made for secrets, so that nobody is shown them.
var secretNames = newPattern(`(?i)password|secret|token|credential|apikey|privatekey|authkey`)

// readSecrets adds the secrets that a property shows to whoever may read the resource.
func (r *reader) readSecrets(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			r.readSecrets(key, v[key])
		}
	case []any:
		for _, item := range v {
			r.readSecrets(name, item)
		}
	case string:
		if secretNames.MatchString(name) && declares(r.kind, name) {
			return
		}
		for _, reference := range secretReference().FindAllString(resolve.Show(v), -1) {
			r.add(allows, name+" shows the secret "+reference)
		}
	}
}

// readAccounts adds the accounts that a property names: what it sends there, or takes from there, is another's.
func (r *reader) readAccounts(value any) {
	for _, number := range accountPattern().FindAllString(resolve.Text(value), -1) {
		r.addGrant(grant{text: r.scope + " names the account " + number, account: number})
	}
}
