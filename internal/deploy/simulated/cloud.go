// Package simulated is as much of AWS as a deployment calls: STS, SSM, S3 and CloudFormation over HTTP, in memory, with
// a latency and a throttle that can be set, and stacks that can be put into any state. It is for tests and
// measurements. It plays what AWS does to its clients, by the rows of a catalogue; the emulated accounts of a rehearsal
// know more services and types.
package simulated

import (
	"cmp"
	"crypto/ecdsa"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// A Cloud is a set of accounts.
type Cloud struct {
	// Latency is how long every answer takes.
	Latency time.Duration
	// OperationTime is how long CloudFormation works on a stack.
	OperationTime time.Duration
	// ChangeSetTime is how long CloudFormation works on a change set.
	ChangeSetTime time.Duration
	// AccountRate is the number of calls per second that the CloudFormation of one account answers; 0 for any number.
	// One second's calls may come at once, as on AWS.
	AccountRate float64
	// SharedRate is the same for CloudFormation and STS of all accounts together.
	SharedRate float64
	// StaleReads is how many answers of DescribeStacks after the begin of an operation are those from before it.
	StaleReads int
	// UnrenderableTypes are the resource types whose changes DescribeChangeSet leaves out where it is asked for property
	// values. Source: https://github.com/aws/aws-cdk-cli/issues/1780.
	UnrenderableTypes []string
	// LateStart is how long after its call an operation begins.
	LateStart time.Duration
	// LateEvents is how long after it happened every second event of a resource is answered.
	LateEvents time.Duration
	// PageSize is how many events an answer has at most; 0 for all.
	PageSize int
	// EmptyReasons are the reasons of change sets without changes, which take turns.
	EmptyReasons []string
	// DeletionTime is how long a change set that is deleted is still listed.
	DeletionTime time.Duration
	// RunningDetections is how many calls of DetectStackDrift for a stack are refused because another comparison runs.
	RunningDetections int
	// FaultOf returns the fault of the call of a service with a number; nil for none. It may be called by many at once.
	FaultOf func(service string, number int64) Fault
	// RemakesEmptyStacks says that a change set for a stack that only holds change sets changes the time of the stack, as
	// the emulated accounts do and AWS does not.
	RemakesEmptyStacks bool
	// BootstrapVersion is the version of the accounts' bootstrap.
	BootstrapVersion string
	// SigningKeys are the asymmetric keys of KMS, as ACCOUNT/KEY.
	SigningKeys map[string]*ecdsa.PrivateKey
	// DeniesParameters says that nobody may read or write parameters of SSM.
	DeniesParameters bool
	// Encryption is how all buckets encrypt: an algorithm and, after a space, a key of KMS.
	Encryption string
	// RefusesUnencrypted says that a policy of the organisation refuses an object whose request does not say how it is
	// encrypted.
	RefusesUnencrypted bool
	// DeniedActions are actions that the deploy roles may not do, besides those that came with a newer bootstrap.
	DeniedActions []string
	// DeniesInquiries says that nobody may ask about rights, resources and quotas.
	DeniesInquiries bool
	// Quotas are the values of quotas, as SERVICE/CODE.
	Quotas map[string]float64
	// MissingRoles are the ARNs of roles that nobody may assume, because they do not exist.
	MissingRoles []string
	// MissingRepositories says that no account has a repository of ECR.
	MissingRepositories bool
	// LayerPartSize is how large ECR says that the parts of a layer have to be; zero for 10 MiB. MissingLayersFail answers
	// a layer that is not there among the failures of a call.
	LayerPartSize     int64
	MissingLayersFail bool

	mu           sync.Mutex
	accounts     map[string]*account
	keys         map[string]string // access key id to account
	rolesOfKeys  map[string]string // access key id to the ARN of its role
	expiries     map[string]time.Time
	ssm          map[string]string
	parameters   map[string]string // account and name to value
	issued       int
	callsOf      map[string]int64
	paused       atomic.Int64
	assumedRoles map[string]bool
	sharedBucket tokenBucket

	calls, sharedCalls, throttled atomic.Int64
}

// An account is one account in one region.
type account struct {
	id, region string
	mu         sync.Mutex
	stacks     map[string]*stack
	objects    map[string]object
	callBucket tokenBucket
	serial     int
	alarms     map[string]Alarm
	registry   registry
	// resources are the resources that are in no stack, by type and identifier.
	resources map[string]map[string]map[string]any
}

// New returns a realistic cloud: one that plays every row of the catalogue. It has no latency.
func New() *Cloud {
	c := NewKind()
	for _, row := range Catalogue() {
		if row.play != nil {
			row.play(c)
		}
	}
	return c
}

// NewKind returns a cloud that plays only the rows that cannot be switched off. Operations begin and end at once, and
// every call is answered.
func NewKind() *Cloud {
	return &Cloud{
		BootstrapVersion: "33", Encryption: "aws:kms",
		EmptyReasons: []string{"The submitted information didn't contain changes."},
		accounts:     map[string]*account{}, keys: map[string]string{}, rolesOfKeys: map[string]string{},
		expiries: map[string]time.Time{}, ssm: map[string]string{},
		callsOf:     map[string]int64{},
		SigningKeys: map[string]*ecdsa.PrivateKey{}, parameters: map[string]string{},
		assumedRoles: map[string]bool{},
	}
}

// Config returns a configuration of the AWS SDK for the root of an account, with the base address of a Cloud.
func Config(address, account, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &address,
		Credentials: credentials.NewStaticCredentialsProvider(account, "simulated", ""),
	}
}

// Calls returns the number of calls, the number of those that count for SharedRate, and the number that was throttled.
func (c *Cloud) Calls() (all, shared, throttled int64) {
	return c.calls.Load(), c.sharedCalls.Load(), c.throttled.Load()
}

// account returns an account, which is created by its first call.
func (c *Cloud) account(id, region string) *account {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := id + "/" + region
	a := c.accounts[key]
	if a == nil {
		a = &account{
			id: id, region: region,
			stacks: map[string]*stack{}, objects: map[string]object{}, alarms: map[string]Alarm{},
			resources: map[string]map[string]map[string]any{},
		}
		c.accounts[key] = a
	}
	return a
}

// callerAccount returns the account of an access key. The root of an account has the account's id as its key.
func (c *Cloud) callerAccount(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.keys[key], key)
}

// issueKey returns a new access key for an account, and when it expires.
func (c *Cloud) issueKey(account string, lifetime time.Duration) (string, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued++
	key := fmt.Sprintf("ASIA%s%d", account, c.issued)
	expires := c.now().Add(lifetime)
	c.keys[key], c.expiries[key] = account, expires
	return key, expires
}

// hasExpired reports whether a key was issued that is too old by now.
func (c *Cloud) hasExpired(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	expires, isIssued := c.expiries[key]
	return isIssued && c.now().After(expires)
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.calls.Add(1)
	if c.Latency > 0 {
		time.Sleep(c.Latency)
	}
	key, region, service := parseCredentialScope(r.Header.Get("Authorization"))
	id := c.callerAccount(key)
	if service == "sts" || service == "cloudformation" {
		c.sharedCalls.Add(1)
		if !c.sharedBucket.take(c.SharedRate) {
			c.throttled.Add(1)
			writeError(w, http.StatusBadRequest, "Throttling", "Rate exceeded")
			return
		}
	}
	c.serveService(w, r, service, id, region)
}

// serveService answers a call of a service.
func (c *Cloud) serveService(w http.ResponseWriter, r *http.Request, service, id, region string) {
	switch service {
	case "sts":
		c.serveSTS(w, r, id)
	case "ssm":
		c.serveSSM(w, r, id)
	case "kms":
		c.serveKMS(w, r, id)
	case "ecr":
		c.serveECR(c.account(id, region), w, r)
	case "iam":
		c.serveIAM(w, r)
	case "cloudcontrolapi":
		c.serveCloudControl(c.account(id, region), w, r)
	case "servicequotas":
		c.serveServiceQuotas(w, r)
	case "s3":
		c.account(id, region).serveS3(c, w, r)
	case "monitoring":
		serveCloudWatch(c.account(id, region), w, r)
	case "cloudformation":
		a := c.account(id, region)
		if !a.callBucket.take(c.AccountRate) {
			c.throttled.Add(1)
			writeError(w, http.StatusBadRequest, "Throttling", "Rate exceeded")
			return
		}
		a.serveCloudFormation(c, w, r)
	default:
		http.Error(w, "there is no service "+service, http.StatusNotFound)
	}
}

// parseCredentialScope parses the access key, the region and the service of a signature, which contains
// Credential=KEY/DATE/REGION/SERVICE/aws4_request.
func parseCredentialScope(authorization string) (key, region, service string) {
	_, rest, _ := strings.Cut(authorization, "Credential=")
	rest, _, _ = strings.Cut(rest, ",")
	parts := strings.Split(rest, "/")
	if len(parts) < 5 {
		return "", "", ""
	}
	return parts[0], parts[2], parts[3]
}

// A tokenBucket is a throttle. It holds the tokens of one second and is full at first.
type tokenBucket struct {
	mu       sync.Mutex
	tokens   float64
	refilled time.Time
}

// take takes a token and reports whether there was one, at a rate in tokens per second. A rate of 0 is no limit.
func (b *tokenBucket) take(rate float64) bool {
	if rate <= 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.refilled.IsZero() {
		b.tokens = rate
	} else {
		b.tokens = min(rate, b.tokens+now.Sub(b.refilled).Seconds()*rate)
	}
	b.refilled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// serveSTS answers a call of STS.
func (c *Cloud) serveSTS(w http.ResponseWriter, r *http.Request, caller string) {
	form := parseForm(r)
	switch form.Get("Action") {
	case "GetCallerIdentity":
		root := "arn:aws:iam::" + caller + ":root"
		writeResult(w, "GetCallerIdentity", xmlElements("Account", caller, "Arn", root, "UserId", caller))
	case "AssumeRole":
		if slices.Contains(c.MissingRoles, form.Get("RoleArn")) {
			writeError(w, http.StatusForbidden, "AccessDenied", "not authorized to perform: sts:AssumeRole")
			return
		}
		c.recordAssumedRole(form.Get("RoleArn"))
		parts := strings.Split(form.Get("RoleArn"), ":")
		if len(parts) < 6 {
			writeError(w, http.StatusBadRequest, "ValidationError", "not a role")
			return
		}
		seconds, err := strconv.Atoi(form.Get("DurationSeconds"))
		if err != nil {
			seconds = 3600
		}
		key, expires := c.issueKey(parts[4], time.Duration(seconds)*time.Second)
		c.setRole(key, form.Get("RoleArn"))
		keys := xmlElements(
			"AccessKeyId", key, "SecretAccessKey", "simulated", "SessionToken", "token",
			"Expiration", expires.UTC().Format(time.RFC3339))
		session := form.Get("RoleSessionName")
		user := xmlElements("Arn", "arn:aws:sts::"+parts[4]+":assumed-role/r/"+session, "AssumedRoleId", "A:"+session)
		writeResult(w, "AssumeRole", xmlParent("Credentials", keys)+xmlParent("AssumedRoleUser", user))
	default:
		writeError(w, http.StatusBadRequest, "InvalidAction", form.Get("Action"))
	}
}

// setRole notes whose key one is.
func (c *Cloud) setRole(key, role string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rolesOfKeys[key] = role
}

// roleOf returns the ARN of the role that a key was issued for; empty for the key of an account.
func (c *Cloud) roleOf(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rolesOfKeys[key]
}

func (c *Cloud) recordAssumedRole(arn string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assumedRoles[arn] = true
}

// AssumedRoles returns the ARNs of the roles that were assumed, each once.
func (c *Cloud) AssumedRoles() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.assumedRoles))
}

// ForgetAssumedRoles empties what AssumedRoles returns.
func (c *Cloud) ForgetAssumedRoles() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.assumedRoles)
}
