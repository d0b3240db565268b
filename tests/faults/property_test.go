package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/assembly/assemblytest"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/simulated"
	failures "lockstep/internal/fault"
)

// A sequence is what one draw does to an account: the behaviours of AWS, the stack that is found, and the runs.
type sequence struct {
	staleReads, pageSize                            int
	lateStart, lateEvents, operation, deletion, set time.Duration
	// found is the state of a stack from before; empty for none.
	found string
	runs  []drawnRun
}

// A drawnRun is one run of a deployment. The templates are by stack.
type drawnRun struct {
	templates map[string]string
	allow     bool
	// faults are by the number of the call in the run, of all services together. The process is killed at call killAt;
	// 0 for a run that lives.
	faults map[int64]simulated.Fault
	killAt int64
}

const (
	oneTopic     = `{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic"}}}`
	twoTopics    = `{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic"},"Topic1":{"Type":"AWS::SNS::Topic"}}}`
	dataResource = `"Data":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"data"}}`
)

// drawnTemplates are what a stack may have to become. In each pair of neighbours something else differs: a resource,
// data, a dependency, the spelling of a value, or whether it can be created at all.
var drawnTemplates = []string{
	oneTopic,
	twoTopics,
	`{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic"},` + dataResource + `}}`,
	`{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic","DependsOn":"Data"},` + dataResource + `}}`,
	`{"Parameters":{"P":{"Type":"String","Default":"data"}},"Resources":{"Topic0":{"Type":"AWS::SNS::Topic"},
		"Data":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":{"Ref":"P"}}}}}`,
	`{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic"},"Never":{"Type":"` + simulated.FailingType + `"}}}`,
	`{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic"},"Bad":{"Type":"` + simulated.InvalidType + `"}}}`,
}

// canBeDeployed reports whether AWS takes a template.
func canBeDeployed(template string) bool {
	return !strings.Contains(template, simulated.FailingType) && !strings.Contains(template, simulated.InvalidType)
}

func drawSequence(t *rapid.T) sequence {
	pause := rapid.SampledFrom([]time.Duration{0, 0, 60 * time.Millisecond, 400 * time.Millisecond, 5 * time.Second})
	return sequence{
		staleReads: rapid.IntRange(0, 4).Draw(t, "stale reads"),
		pageSize:   rapid.IntRange(0, 4).Draw(t, "page size"),
		lateStart:  pause.Draw(t, "late start"),
		lateEvents: rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond}).
			Draw(t, "late events"),
		operation: pause.Draw(t, "operation"),
		deletion:  pause.Draw(t, "deletion"),
		set:       rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond}).Draw(t, "change set"),
		found: rapid.SampledFrom([]string{
			"", "", "", "CREATE_COMPLETE", "UPDATE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED",
			"REVIEW_IN_PROGRESS",
		}).Draw(t, "found"),
		runs: rapid.SliceOfN(rapid.Custom(drawRun), 1, 3).Draw(t, "runs"),
	}
}

func drawRun(t *rapid.T) drawnRun {
	template := rapid.SampledFrom(drawnTemplates)
	return drawnRun{
		templates: map[string]string{"a": template.Draw(t, "a"), "b": template.Draw(t, "b")},
		allow:     rapid.Bool().Draw(t, "allow"),
		faults: rapid.MapOfN(rapid.Int64Range(1, 60), rapid.SampledFrom([]simulated.Fault{
			simulated.Throttled, simulated.ServerError, simulated.AnswerLost, simulated.KeyExpired, simulated.UploadReset,
		}), 0, 12).Draw(t, "faults"),
		killAt: rapid.SampledFrom([]int64{0, 1}).Draw(t, "killed") * rapid.Int64Range(1, 70).Draw(t, "at"),
	}
}

const (
	drawnTooling = "123456789012"
	drawnAccount = "444455556666"
	drawnRegion  = "eu-west-1"
)

var drawnTarget = awsclient.Target{
	Project: "shop", Environment: "acc", Account: drawnAccount, Region: drawnRegion, ToolingAccount: drawnTooling,
	Qualifier: "hnb659fds",
}

// assemble returns a cloud assembly with the stack a and the stack b, which needs a.
func (r drawnRun) assemble(t *testing.T) *assembly.Assembly {
	t.Helper()
	role := func(kind string) string {
		return fmt.Sprintf("arn:aws:iam::%[1]s:role/cdk-hnb659fds-%[2]s-role-%[1]s-%[3]s", drawnAccount, kind, drawnRegion)
	}
	files := fstest.MapFS{}
	artefacts := map[string]any{}
	for name, body := range r.templates {
		files[name+".json"] = &fstest.MapFile{Data: []byte(body)}
		var needed []string
		if name == "b" {
			needed = []string{"a"}
		}
		artefacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + drawnAccount + "/" + drawnRegion,
			"dependencies": needed,
			"properties": map[string]any{
				"templateFile": name + ".json", "assumeRoleArn": role("deploy"),
				"cloudFormationExecutionRoleArn": role("cfn-exec"),
			},
		}
	}
	return assemblytest.Read(t, assembly.Defaults{Account: drawnAccount, Region: drawnRegion}, artefacts, files)
}

// drawnSequences is how many sequences are drawn. The seeds of the parts are so far apart that no seed of one part is
// one of the other's: rapid adds less than a million to them.
const (
	drawnSequences = 2000
	firstSeed      = 1
	secondSeed     = 1 << 32
)

// A part draws a number of sequences from a seed.
type part struct {
	seed   uint64
	checks int
}

// partsOf returns the two parts that are drawn in parallel. A seed of -rapid.seed is where each begins, so that the
// sequence that failed in either comes first; the first part then draws all sequences. A number of -rapid.checks is
// that of all parts together.
func partsOf(t *testing.T) []part {
	t.Helper()
	number := func(name string, unset uint64) uint64 {
		f := flag.Lookup(name)
		if f.Value.String() == f.DefValue {
			return unset
		}
		n, err := strconv.ParseUint(f.Value.String(), 10, 64)
		require.NoError(t, err)
		return n
	}
	checks := int(number("rapid.checks", drawnSequences))
	if seed := number("rapid.seed", 0); seed != 0 {
		return []part{{seed, checks}, {seed, 1}}
	}
	return []part{{firstSeed, checks - checks/2}, {secondSeed, checks / 2}}
}

// rapidFlags guards the flags of rapid: a part sets them, and rapid reads them before it draws.
type rapidFlags struct{ mu sync.Mutex }

// check draws a part's sequences. With -short, rapid draws a fifth of them.
func (f *rapidFlags) check(t *testing.T, p part, property func(*rapid.T)) {
	t.Helper()
	f.mu.Lock()
	release := sync.OnceFunc(f.mu.Unlock)
	defer release()
	require.NoError(t, flag.Set("rapid.seed", strconv.FormatUint(p.seed, 10)))
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(p.checks)))
	rapid.Check(t, func(rt *rapid.T) {
		release()
		property(rt)
	})
}

// Whatever AWS does and wherever a run is killed: success is said only when the stacks are there as the assembly says,
// a run that is repeated comes to its end, nothing that keeps data goes without its permit, and each release is
// recorded once, in order.
func TestDeploy_HoldsUnderDrawnSequences(t *testing.T) {
	for _, name := range []string{"rapid.checks", "rapid.seed"} {
		before := flag.Lookup(name).Value.String()
		t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
	}
	percent := debug.SetGCPercent(400) // a third of the time is the collection of what the SDK leaves
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	var flags rapidFlags
	for i, p := range partsOf(t) {
		t.Run(fmt.Sprintf("part %d", i+1), func(t *testing.T) {
			t.Parallel()
			t.Logf("%d sequences from -rapid.seed=%d", p.checks, p.seed)
			drawn := map[string]bool{}
			flags.check(t, p, func(rt *rapid.T) {
				s := drawSequence(rt)
				drawn[fmt.Sprint(s)] = true
				var err error
				synctest.Test(t, func(t *testing.T) { err = s.play(t) })
				if err != nil {
					rt.Fatal(err)
				}
			})
			if !testing.Short() { // rapid ends early when the time of the test is nearly over
				assert.Greater(t, len(drawn), p.checks*9/10, "different sequences")
			}
		})
	}
}

// The parts draw other sequences, unless a seed is given, which both begin with.
func TestPartsOf_DrawOtherSequences(t *testing.T) {
	for _, test := range []struct {
		seed, checks string
		want         []part
	}{
		{"0", "100", []part{{1, 1000}, {1 << 32, 1000}}},
		{"0", "7", []part{{1, 4}, {1 << 32, 3}}},
		{"42", "100", []part{{42, 2000}, {42, 1}}},
	} {
		for name, value := range map[string]string{"rapid.seed": test.seed, "rapid.checks": test.checks} {
			before := flag.Lookup(name).Value.String()
			t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
			require.NoError(t, flag.Set(name, value))
		}
		assert.Equal(t, test.want, partsOf(t))
	}
}

// A player plays a sequence, and knows what must not change.
type player struct {
	*simulated.Cloud
	t *testing.T
	// live is the run whose calls get through.
	calls    atomic.Int64
	releases map[int]string
}

// play plays the sequence in a new account. The error says which promise was broken.
func (s sequence) play(t *testing.T) error {
	c := simulated.NewKind()
	c.StaleReads, c.PageSize = s.staleReads, s.pageSize
	c.LateStart, c.LateEvents, c.OperationTime = s.lateStart, s.lateEvents, s.operation
	c.DeletionTime, c.ChangeSetTime = s.deletion, s.set
	c.UnrenderableTypes = []string{"AWS::S3::Bucket"}
	if s.found != "" {
		c.PutStack(drawnAccount, drawnRegion, "a", oneTopic, s.found)
	}
	p := &player{Cloud: c, t: t, releases: map[int]string{}}
	for i, r := range s.runs {
		if err := p.run(r); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	return p.finish(s.runs[len(s.runs)-1].templates)
}

// finish repeats a deployment without faults until it ends. What AWS refuses ends with the failure of the resource;
// something that can be deployed ends well after that.
func (p *player) finish(templates map[string]string) error {
	good := map[string]string{"a": oneTopic, "b": twoTopics}
	for _, want := range []map[string]string{templates, good} {
		isGood := canBeDeployed(want["a"]) && canBeDeployed(want["b"])
		var err error
		const repetitions = 3
		for range repetitions {
			var failure *brokenPromiseError
			if err = p.deployOnce(drawnRun{templates: want, allow: true}); errors.As(err, &failure) {
				return err
			}
			code := failures.CodeOf(err)
			if err == nil || !isGood && (code == failures.StackFailed || code == failures.ChangeSetFailed) {
				err = nil
				break
			}
		}
		if err != nil {
			return fmt.Errorf("it does not end in %d repetitions: %w", repetitions, err)
		}
	}
	return nil
}

// A brokenPromiseError says which promise a run has broken.
type brokenPromiseError struct{ text string }

func (e *brokenPromiseError) Error() string { return e.text }

func brokenf(format string, arguments ...any) error {
	return &brokenPromiseError{fmt.Sprintf(format, arguments...)}
}

// run runs a deployment, whose failure is no broken promise.
func (p *player) run(r drawnRun) error {
	var failure *brokenPromiseError
	if err := p.deployOnce(r); errors.As(err, &failure) {
		return err
	}
	return nil
}

// deployOnce runs a deployment and checks the promises. The error is that of the deployment, or a *brokenPromiseError.
func (p *player) deployOnce(r drawnRun) error {
	ctx, kill := context.WithCancel(context.WithoutCancel(p.t.Context()))
	defer kill()
	p.calls.Store(0)
	p.FaultOf = func(string, int64) simulated.Fault {
		number := p.calls.Add(1)
		if r.killAt > 0 && number >= r.killAt {
			kill()
			return simulated.Killed
		}
		return r.faults[number]
	}
	hadData := p.stacksWithData()
	var request deploy.DeployRequest
	if r.allow {
		request.Allow = []change.Permit{change.DataLoss}
	}
	asm := r.assemble(p.t)
	d, err := deploy.Open(ctx, p.Config(drawnTooling, drawnRegion), drawnTarget, asm, deploy.Options{
		Run:         deploy.RunInfo{ID: deploy.NewRunID(), Command: "lockstep deploy", Mode: deploy.Rehearsal},
		SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest), Pause: p.Pause,
	})
	var record deploy.Record
	if err == nil {
		record, err = d.Deploy(ctx, request)
	}
	if r.killAt > 0 {
		time.Sleep(2 * ledger.Lease) // by then nobody takes the dead run for a living one
	}
	if broken := p.check(r, record, err, hadData); broken != nil {
		return broken
	}
	return err
}

// check returns the promise that a run has broken, if any.
func (p *player) check(r drawnRun, record deploy.Record, err error, hadData []string) error {
	if err == nil {
		for name, want := range r.templates {
			got := p.Stack(drawnAccount, drawnRegion, name)
			isThere := cfn.PhaseOf(types.StackStatus(got.Status)) == cfn.Updatable
			if !isThere || !p.SameEffect(got.Body, want) {
				return brokenf("success was said, and %s is in state %s with the template %s", name, got.Status, got.Body)
			}
		}
	}
	has := p.stacksWithData()
	for _, name := range hadData {
		if !r.allow && !slices.Contains(has, name) {
			return brokenf("the data of %s went without a permit", name)
		}
	}
	return p.checkReleases(record)
}

func (p *player) stacksWithData() []string {
	var out []string
	for _, name := range []string{"a", "b"} {
		if strings.Contains(p.Stack(drawnAccount, drawnRegion, name).Body, `"Data"`) {
			out = append(out, name)
		}
	}
	return out
}

var releasePattern = regexp.MustCompile(`/releases/0*(\d+)[^/]*$`)

// checkReleases checks that the releases are recorded once each, in order, and that none was changed.
func (p *player) checkReleases(record deploy.Record) error {
	now := map[int]string{}
	for key, text := range p.Objects(drawnAccount, drawnRegion) {
		if number := releasePattern.FindStringSubmatch(key); number != nil {
			n, _ := strconv.Atoi(number[1]) // the pattern has digits alone
			if now[n] != "" {
				return brokenf("release %d was recorded twice", n)
			}
			now[n] = text
		}
	}
	for n, text := range p.releases {
		if now[n] != text {
			return brokenf("the record of release %d was changed", n)
		}
	}
	if len(now) > len(p.releases)+1 {
		return brokenf("one run recorded %d releases", len(now)-len(p.releases))
	}
	numbers := slices.Sorted(maps.Keys(now))
	if len(numbers) > 0 && numbers[len(numbers)-1] != len(numbers) {
		return brokenf("the releases are numbered %v", numbers)
	}
	if record.Release > 0 && record.Release != len(numbers) {
		return brokenf("the run says release %d, and %d are recorded", record.Release, len(numbers))
	}
	p.releases = now
	return nil
}
