package faults

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

const stackCount = 4

// How AWS refuses a session that has expired: services with the query protocol, and S3.
const (
	expiredToken = `<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>` +
		`<Message>The security token included in the request is expired</Message></Error></ErrorResponse>`
	expiredTokenS3 = `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`
)

func TestFault_ThrottlingAndServerErrors(t *testing.T) {
	w := newFaultTestbed(t, "429 and 5xx", "30 % of all calls are answered with 429, 500, 502, 503 or 504",
		"it passes, with nothing done twice")
	codes := []int{429, 500, 502, 503, 504}
	w.proxy.setFault(withProbability(0.3, func(c *call) bool {
		c.w.WriteHeader(codes[c.n%len(codes)])
		return true
	}))
	w.deployDespiteFault()
	assert.Equal(t, 1, w.countOperations("stack0"))
}

func TestFault_ConnectionResets(t *testing.T) {
	w := newFaultTestbed(t, "connection resets",
		"20 % of all connections are reset, half of them after the call was carried out",
		"it passes, with nothing done twice")
	w.proxy.setFault(withProbability(0.2, func(c *call) bool {
		if c.n%2 == 0 {
			c.forward()
		}
		resetConnection(c.w)
		return true
	}))
	for round, value := range []string{"one", "two", "three"} {
		w.deploy(w.assembly("dev", dev, stackCount, value))
		assert.Equal(t, round+1, w.countOperations("stack1"), "an operation whose answer was lost is not repeated")
	}
	w.proxy.setFault(nil)
	w.assertDeployed(stackCount, "three")
}

func TestFault_LateResponses(t *testing.T) {
	w := newFaultTestbed(t, "late answers",
		"the first answer to each kind of writing call does not come, after it was carried out",
		"the call is made again without waiting, and it passes, with nothing done twice")
	var mu sync.Mutex
	late := map[string]bool{"CreateChangeSet": true, "ExecuteChangeSet": true, "PUT": true, "AssumeRole": true}
	w.proxy.setFault(func(c *call) bool {
		mu.Lock()
		hit := late[c.action]
		delete(late, c.action)
		mu.Unlock()
		if !hit {
			return false
		}
		c.forward()
		<-c.r.Context().Done() // the program waits no longer
		return true
	})
	w.deploy(w.assembly("dev", dev, 2, "one"))
	assert.Empty(t, late)
	w.proxy.setFault(nil)
	w.assertDeployed(2, "one")
	assert.Equal(t, 1, w.countOperations("stack0"))
}

func TestFault_ExpiringSessionCredentials(t *testing.T) {
	w := newFaultTestbed(t, "expiring credentials",
		"every assumed session is refused as expired from its fifteenth call on",
		"new ones are asked for, and it passes")
	var mu sync.Mutex
	used := map[string]int{}
	w.proxy.setFault(func(c *call) bool {
		token := c.r.Header.Get("X-Amz-Security-Token")
		if token == "" {
			return false
		}
		mu.Lock()
		used[token]++
		n := used[token]
		mu.Unlock()
		if n <= 15 {
			return false
		}
		c.w.WriteHeader(http.StatusForbidden)
		if strings.Contains(c.r.Header.Get("Authorization"), "/s3/") {
			_, _ = io.WriteString(c.w, expiredTokenS3)
		} else {
			_, _ = io.WriteString(c.w, expiredToken)
		}
		return true
	})
	w.deployDespiteFault()
}

func TestFault_ExpiredCallerCredentials(t *testing.T) {
	w := newFaultTestbed(t, "the caller's credentials expire", "AWS refuses the caller itself as expired, in the middle",
		"it ends with what is wrong; signed in again, the next run goes on from there")
	var mu sync.Mutex
	executed := 0
	w.proxy.setFault(func(c *call) bool {
		mu.Lock()
		defer mu.Unlock()
		if c.action == "ExecuteChangeSet" {
			executed++
		}
		if executed < 2 {
			return false
		}
		c.w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(c.w, expiredToken)
		return true
	})
	dir := w.assembly("dev", dev, stackCount, "one")
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	assert.Equal(t, 1, status, out)
	assert.Contains(t, out, "ExpiredToken")
	w.proxy.setFault(nil)
	out = w.deploy(dir)
	assert.Contains(t, out, "this run goes on from there")
	w.assertDeployed(stackCount, "one")
}

func TestFault_EndpointRestart(t *testing.T) {
	w := newFaultTestbed(t, "the endpoint goes and comes back",
		"the emulated AWS is stopped in the middle and started again after a call went unanswered",
		"it passes, or ends with what is wrong and the next run goes on from there")
	dir := w.assembly("dev", dev, stackCount, "one")
	var stopped, unanswered sync.Once
	down, missed, restarted := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(restarted)
		<-missed
		w.restartEmulator()
	}()
	w.proxy.setFault(func(c *call) bool {
		if c.action == "ExecuteChangeSet" {
			stopped.Do(func() {
				w.stopEmulator()
				close(down)
			})
		}
		select {
		case <-down:
		default:
			return false
		}
		answer, text := c.forward()
		if answer == nil {
			unanswered.Do(func() { close(missed) })
		}
		writeResponse(c.w, answer, text)
		return true
	})
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	<-restarted
	w.proxy.setFault(nil)
	if status != 0 {
		assert.Contains(t, out, "run this again")
		w.deploy(dir)
	}
	w.assertDeployed(stackCount, "one")
}

func TestFault_ConcurrentDeployments(t *testing.T) {
	w := newFaultTestbed(t, "two at once", "two runs deploy to one account at the same time",
		"one goes on; the other one ends with 3 and names the first, before it has written anything")
	dir := w.assembly("dev", dev, stackCount, "one")
	reached, held := make(chan struct{}), make(chan struct{})
	var isFirstHeld atomic.Bool
	w.proxy.setFault(func(c *call) bool {
		if c.action == "CreateChangeSet" && isFirstHeld.CompareAndSwap(false, true) {
			close(reached)
			<-held
		}
		return false
	})
	first := make(chan string, 1)
	go func() {
		out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
		first <- fmt.Sprint(status, "\n", out)
	}()
	select {
	case <-reached:
	case out := <-first:
		t.Fatal(out)
	}
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	assert.Equal(t, 3, status, out)
	assert.Regexp(t, `has held the lock for \d+s; its last heartbeat was \d+s ago; `+
		`wait until it has ended, or, if it is gone for good, .lockstep unlock --env dev --holder \w+`, out)
	out, status = w.run("unlock", "--env", "dev", "--holder", "somebody")
	assert.Equal(t, 3, status, out)
	close(held)
	out = <-first
	assert.True(t, strings.HasPrefix(out, "0"), out)
	w.assertDeployed(stackCount, "one")
}

func TestFault_FailingTemplate(t *testing.T) {
	w := newFaultTestbed(t, "a template that fails", "CloudFormation cannot make one of the resources",
		"the stack is rolled back, and the first resource that failed is named with its reason; "+
			"once that is fixed, the next run passes")
	dir := w.assembly("dev", dev, stackCount, "one")
	good, err := os.ReadFile(filepath.Join(dir, "stack2.json"))
	require.NoError(t, err)
	harness.MustWriteFile(t, filepath.Join(dir, "stack2.json"), `{"Resources":{"Value":{"Type":"AWS::SSM::Parameter",
		"Properties":{"Type":"String","Name":"/stack0","Value":"taken"}}}}`)
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	assert.Equal(t, 1, status, out)
	assert.Regexp(t, `Value \(AWS::SSM::Parameter\): .*already exists.*; the stack is now in state ROLLBACK_COMPLETE`, out)
	assert.Contains(t, out, "it needs stack2, which was not deployed")
	harness.MustWriteFile(t, filepath.Join(dir, "stack2.json"), string(good))
	w.deploy(dir)
	w.assertDeployed(stackCount, "one")
}

func TestFault_ClockSkew(t *testing.T) {
	w := newFaultTestbed(t, "clock skew",
		"the clock of AWS is two hours ahead of this machine's, and calls signed with another time are refused",
		"it passes; leases and the age of plans go by the clock of AWS")
	const ahead = 2 * time.Hour
	shift := func(h http.Header, name string) {
		if at, err := http.ParseTime(h.Get(name)); err == nil {
			h.Set(name, at.Add(ahead).Format(http.TimeFormat))
		}
	}
	var mu sync.Mutex
	refused := 0
	w.proxy.replacesSignature = true
	w.proxy.setFault(func(c *call) bool {
		at, err := time.Parse("20060102T150405Z", c.r.Header.Get("X-Amz-Date"))
		if err == nil && time.Now().Add(ahead).Sub(at).Abs() > 5*time.Minute {
			mu.Lock()
			refused++
			mu.Unlock()
			c.w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			c.w.WriteHeader(http.StatusForbidden)
			code := "SignatureDoesNotMatch"
			if strings.Contains(c.r.Header.Get("Authorization"), "/s3/") {
				_, _ = io.WriteString(c.w, `<Error><Code>RequestTimeTooSkewed</Code>`+
					`<Message>The difference between the request time and the current time is too large.</Message></Error>`)
			} else {
				_, _ = fmt.Fprintf(c.w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code>`+
					`<Message>Signature expired</Message></Error></ErrorResponse>`, code)
			}
			return true
		}
		answer, text := c.forward()
		if answer != nil {
			shift(answer.Header, "Date")
			shift(answer.Header, "Last-Modified")
		}
		writeResponse(c.w, answer, text)
		return true
	})
	dir := w.assembly("dev", dev, 2, "one")
	plan := filepath.Join(w.dir, "plan.json")
	out, status := w.run("plan", "--env", "dev", "--assembly", dir, "--out", plan, "--good-for", "3h")
	require.Zero(t, status, out)
	out, status = w.run("deploy", "--env", "dev", "--assembly", dir, "--plan", plan)
	require.Zero(t, status, out)
	assert.Positive(t, refused)
	w.proxy.setFault(nil)
	w.assertDeployed(2, "one")
}

func TestFault_FullDisk(t *testing.T) {
	w := newFaultTestbed(t, "a full disk", "there is no room for the plan's file, nor for the run's liveness file",
		"a plan that cannot be written is thrown away, with its change sets; a deployment needs no room")
	small := filepath.Join(w.dir, "small")
	require.NoError(t, os.MkdirAll(small, 0o755))
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("a small disk cannot be mounted here:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	filler, err := os.Create(filepath.Join(small, "filler"))
	require.NoError(t, err)
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	require.NoError(t, filler.Close())
	dir := w.assembly("dev", dev, 2, "one")
	out, status := w.run("plan", "--env", "dev", "--assembly", dir, "--out", filepath.Join(small, "plan.json"))
	assert.Equal(t, 1, status, out)
	assert.Contains(t, out, "no space left on device")
	files, err := os.ReadDir(small)
	require.NoError(t, err)
	assert.Len(t, files, 1, "a part of the plan is left")

	require.NoError(t, os.Symlink(small, filepath.Join(w.dir, ".lockstep")))
	out = w.deploy(dir)
	assert.Contains(t, out, "this run's liveness file cannot be written")
	w.assertDeployed(2, "one")
}

func TestFault_TruncatedOrEditedPlan(t *testing.T) {
	w := newFaultTestbed(t, "a plan cut in half or edited", "a part of the plan's file is missing, or says something else",
		"it ends with 3 before anything is written; the plan itself can still be applied")
	dir := w.assembly("dev", dev, 2, "one")
	plan, bad := filepath.Join(w.dir, "plan.json"), filepath.Join(w.dir, "bad.json")
	out, status := w.run("plan", "--env", "dev", "--assembly", dir, "--out", plan)
	require.Zero(t, status, out)
	text, err := os.ReadFile(plan)
	require.NoError(t, err)
	truncated := string(text[:len(text)/2])
	edited := strings.Replace(string(text), `"action": "add"`, `"action": "modify"`, 1)
	for _, spoiled := range []string{truncated, edited} {
		harness.MustWriteFile(t, bad, spoiled)
		out, status = w.run("deploy", "--env", "dev", "--assembly", dir, "--plan", bad)
		assert.Equal(t, 3, status, out)
	}
	out, status = w.run("deploy", "--env", "dev", "--assembly", dir, "--plan", plan)
	require.Zero(t, status, out)
	w.assertDeployed(2, "one")
}

func TestFault_AlteredReleaseRecord(t *testing.T) {
	w := newFaultTestbed(t, "a release record is altered", "somebody edits a record in the account's bucket",
		"`status` ends with 1 and names the record; a deployment ends with 3 before anything is written")
	w.deploy(w.assembly("dev", dev, 2, "one"))
	client := w.s3Client(dev)
	bucket, key := "lockstep-hnb659fds-"+dev+"-"+region, "lockstep/shop/dev/releases/00000001.json"
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	require.NoError(t, err)
	text, err := io.ReadAll(object.Body)
	require.NoError(t, err)
	put := func(text string) {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: strings.NewReader(text), ContentLength: aws.Int64(int64(len(text))),
		})
		require.NoError(t, err)
	}
	put(strings.Replace(string(text), "arn:aws:iam::"+tooling, "arn:aws:iam::999900001111", 1))
	out, status := w.run("status", "--env", "dev")
	assert.Equal(t, 1, status, out)
	assert.Contains(t, out, "release record 1 was changed outside Lockstep")
	out, status = w.run("deploy", "--env", "dev", "--assembly", w.assembly("dev", dev, 2, "two"))
	assert.Equal(t, 3, status, out)
	put(string(text))
	w.assertDeployed(2, "one")
	w.deploy(w.assembly("dev", dev, 2, "two"))
	w.assertDeployed(2, "two")
}
