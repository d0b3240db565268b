// Package simulated is as much of AWS as a deployment asks for: STS, SSM, S3 and CloudFormation over HTTP, in memory,
// with a latency and a throttle that can be set, and stacks that can be put into any state. It is for tests and
// measurements: what AWS really does is rehearsed on the emulator.
package simulated

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// A Cloud is a set of accounts.
type Cloud struct {
	// Latency is how long every answer takes; Operation how long CloudFormation works on a stack, and Working on a change
	// set.
	Latency, OperationTime, ChangeSetTime time.Duration
	// AccountRate is how many calls a second each account's CloudFormation answers, and Shared how many CloudFormation and
	// STS answer to all accounts together; 0 for any number. A bucket of calls as large as a second's lets bursts through,
	// as that of AWS does.
	AccountRate, SharedRate float64
	// BootstrapVersion is the version of the accounts' bootstrap.
	BootstrapVersion string

	mu           sync.Mutex
	accounts     map[string]*account
	keys         map[string]string // access key id to account
	issued       int
	sharedBucket tokenBucket

	calls, sharedCalls, throttled atomic.Int64
}

// account is one account in one region.
type account struct {
	id, region string
	mu         sync.Mutex
	stacks     map[string]*stack
	objects    map[string]object
	callBucket tokenBucket
	serial     int
}

// New is a cloud in which everything happens at once.
func New() *Cloud {
	return &Cloud{BootstrapVersion: "33", accounts: map[string]*account{}, keys: map[string]string{}}
}

// Config is a configuration of the AWS SDK whose caller is the root of an account, at an address where ServeHTTP is
// reached.
func Config(address, account, region string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider(account, "simulated", "")}
}

// Calls are how many calls there have been, how many of them count for the throttle that all accounts share, and how
// many were throttled.
func (c *Cloud) Calls() (all, counted, throttled int64) {
	return c.calls.Load(), c.sharedCalls.Load(), c.throttled.Load()
}

// account is made when it is first asked for.
func (c *Cloud) account(id, region string) *account {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := id + "/" + region
	a := c.accounts[key]
	if a == nil {
		a = &account{id: id, region: region, stacks: map[string]*stack{}, objects: map[string]object{}}
		c.accounts[key] = a
	}
	return a
}

// callerAccount is the account of an access key: the key itself for a root, and else the one that it was issued for.
func (c *Cloud) callerAccount(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := c.keys[key]; ok {
		return id
	}
	return key
}

func (c *Cloud) issueKey(account string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued++
	key := fmt.Sprintf("ASIA%s%d", account, c.issued)
	c.keys[key] = account
	return key
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
	switch service {
	case "sts":
		c.serveSTS(w, r, id)
	case "ssm":
		c.serveSSM(w, r)
	case "s3":
		c.account(id, region).serveS3(w, r)
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

// parseCredentialScope reads who calls which service where from a signature:
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

// tokenBucket is a throttle: tokens that come back at a rate.
type tokenBucket struct {
	mu       sync.Mutex
	tokens   float64
	refilled time.Time
}

// take takes a token; there are always some without a rate.
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

// serveSTS is STS.
func (c *Cloud) serveSTS(w http.ResponseWriter, r *http.Request, caller string) {
	form := parseForm(r)
	switch form.Get("Action") {
	case "GetCallerIdentity":
		writeResult(w, "GetCallerIdentity", xmlElement("Account", caller)+xmlElement("Arn", "arn:aws:iam::"+caller+":root")+xmlElement("UserId", caller))
	case "AssumeRole":
		parts := strings.Split(form.Get("RoleArn"), ":")
		if len(parts) < 6 {
			writeError(w, http.StatusBadRequest, "ValidationError", "not a role")
			return
		}
		writeResult(w, "AssumeRole", "<Credentials>"+xmlElement("AccessKeyId", c.issueKey(parts[4]))+xmlElement("SecretAccessKey", "simulated")+xmlElement("SessionToken", "token")+
			xmlElement("Expiration", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))+"</Credentials><AssumedRoleUser>"+
			xmlElement("Arn", "arn:aws:sts::"+parts[4]+":assumed-role/r/"+form.Get("RoleSessionName"))+xmlElement("AssumedRoleId", "A:"+form.Get("RoleSessionName"))+"</AssumedRoleUser>")
	default:
		writeError(w, http.StatusBadRequest, "InvalidAction", form.Get("Action"))
	}
}

// serveSSM is SSM, which has one parameter: the bootstrap's version.
func (c *Cloud) serveSSM(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	fmt.Fprintf(w, `{"Parameter":{"Name":"version","Type":"String","Value":%q}}`, c.BootstrapVersion)
}
