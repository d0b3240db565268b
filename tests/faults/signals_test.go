package faults

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/simulated"
)

const (
	// momentsVariable is how many moments TestSignals_RandomMoments tries, and seedVariable where its random numbers
	// begin.
	momentsVariable = "LOCKSTEP_TEST_MOMENTS"
	seedVariable    = "LOCKSTEP_TEST_SEED"
	defaultMoments  = 200
	// momentWorkers is how many deployments are ended at a time.
	momentWorkers = 4
	momentStacks  = 3
	// momentMarker marks the processes of a deployment, so that one that is left is found.
	momentMarker = "LOCKSTEP_TEST_MOMENT"
)

// An ending is a way to end a deployment from outside.
type ending struct {
	name string
	// end ends the deployment.
	end func(*deployment)
	// statuses are the exit statuses that the program may end with.
	statuses []int
	// stops is set if the program ends before its next call.
	stops bool
	// leavesNoLock is set if the lock is free when the program has ended.
	leavesNoLock bool
}

func endings() []ending {
	send := func(signals ...syscall.Signal) func(*deployment) {
		return func(d *deployment) {
			for _, s := range signals {
				_ = d.cmd.Process.Signal(s) // it may have ended
			}
		}
	}
	return []ending{
		{"SIGINT", send(syscall.SIGINT), []int{0, 130}, false, true},
		{"SIGTERM", send(syscall.SIGTERM), []int{0, 130}, false, true},
		{"SIGHUP", send(syscall.SIGHUP), []int{0, 130}, false, true},
		{"SIGQUIT", send(syscall.SIGQUIT), []int{0, 130}, false, true},
		{"SIGINT and SIGTERM", send(syscall.SIGINT, syscall.SIGTERM), []int{0, 130}, false, false},
		{"SIGKILL", send(syscall.SIGKILL), []int{-1}, true, false},
		{"closed pipe", func(d *deployment) { _ = d.reader.Close() }, []int{0, 1}, false, true},
	}
}

// interruptedAWS is simulated AWS that ends the deployment at its nth call, before or after it is carried out.
type interruptedAWS struct {
	cloud *simulated.Cloud

	mu    sync.Mutex
	calls int
	// at is the number of that call; negative for none.
	at    int
	after bool
	end   func()
	// stopped is set if no call is carried out once the deployment was asked to end.
	stopped func() bool
}

func (a *interruptedAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	n := a.calls
	a.calls++
	isMoment, after, end, stopped := n == a.at, a.after, a.end, a.stopped
	a.mu.Unlock()
	if isMoment && !after {
		end()
	}
	if stopped != nil && stopped() {
		return
	}
	a.cloud.ServeHTTP(w, r)
	if isMoment && after {
		end()
	}
}

// reset sets what the next deployment meets, and returns how many calls the last one made.
func (a *interruptedAWS) reset(at int, after bool, end func(), stopped func() bool) (calls int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls = a.calls
	a.calls, a.at, a.after, a.end, a.stopped = 0, at, after, end, stopped
	return calls
}

func TestSignals_RandomMoments(t *testing.T) {
	documentFault(t, "signals and a closed pipe",
		"the program is interrupted, hung up, killed, or loses the reader of its output at 200 random calls",
		"it ends in good order as far as it can; the next run passes, nothing is begun twice, and no lock, change set "+
			"or process stays")
	byDefault := defaultMoments
	if testing.Short() {
		byDefault /= 5
	}
	moments := environmentNumber(t, momentsVariable, byDefault)
	seed := environmentNumber(t, seedVariable, 1)
	t.Logf("%d moments; %s=%d repeats them", moments, seedVariable, seed)
	require.NoError(t, buildProgram())
	for worker := range momentWorkers {
		t.Run(fmt.Sprint("worker", worker), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(uint64(seed), uint64(worker)))
			b := newMomentTestbed(t, worker)
			for round := range moments / momentWorkers {
				b.tryMoment(round, chance)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// environmentNumber returns the number that a variable holds.
func environmentNumber(t *testing.T, name string, byDefault int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// momentTestbed is simulated AWS and a project that deploys to it.
type momentTestbed struct {
	*testbed
	aws *interruptedAWS
	// marker is in the environment of every process, and executions how often each stack was changed.
	marker     string
	executions int
	calls      int
}

func newMomentTestbed(t *testing.T, worker int) *momentTestbed {
	t.Helper()
	b := &momentTestbed{
		// It answers at once: the program has the machine's clock, and its pauses would be waited for.
		aws:    &interruptedAWS{cloud: simulated.NewKind(), at: -1},
		marker: fmt.Sprintf("%s=%d-%d", momentMarker, os.Getpid(), worker),
	}
	server := httptest.NewServer(b.aws)
	t.Cleanup(server.Close)
	b.testbed = &testbed{t: t, dir: t.TempDir(), proxy: &proxy{address: server.URL}}
	b.writeProject()
	d := b.newDeployment("deploy", "--env", "dev", "--assembly", b.assembly("dev", dev, momentStacks, "zero"))
	out, status := d.run(t)
	require.Zero(t, status, out)
	b.calls, b.executions = b.aws.reset(-1, false, nil, nil), 1
	return b
}

// tryMoment ends a deployment at a random moment, and deploys again.
func (b *momentTestbed) tryMoment(round int, chance *rand.Rand) {
	b.t.Helper()
	all := endings()
	how, at, after := all[chance.IntN(len(all))], chance.IntN(b.calls), chance.IntN(2) == 1
	moment := fmt.Sprintf("round %d: %s at call %d, after it: %v\n", round, how.name, at, after)
	dir := b.assembly("dev", dev, momentStacks, fmt.Sprint("round", round))
	d := b.newDeployment("deploy", "--env", "dev", "--assembly", dir)
	var stopped atomic.Bool
	b.aws.reset(at, after, func() {
		how.end(d)
		if how.stops {
			stopped.Store(true)
			<-d.ended
		}
	}, stopped.Load)
	out, status := d.run(b.t)
	if calls := b.aws.reset(-1, false, nil, nil); calls <= at { // how many calls it makes depends on the time
		assert.Zero(b.t, status, "it ended before "+moment+out)
		b.assertClean(moment + out)
		return
	}
	assert.Contains(b.t, how.statuses, status, moment+out)
	if how.leavesNoLock {
		assert.NotContains(b.t, b.lock(), `"holder"`, moment+out)
	}
	d = b.newDeployment("deploy", "--env", "dev", "--assembly", dir)
	again, status := d.run(b.t)
	assert.Zero(b.t, status, moment+out+again)
	b.assertClean(moment + out + again)
}

// assertClean checks that every stack was changed once more, and that no lock, change set or process is left.
func (b *momentTestbed) assertClean(moment string) {
	b.t.Helper()
	b.executions++
	assert.NotContains(b.t, b.lock(), `"holder"`, moment)
	for i := range momentStacks {
		stack := b.aws.cloud.Stack(dev, region, fmt.Sprint("stack", i))
		assert.Empty(b.t, stack.ChangeSets, moment)
		assert.Equal(b.t, b.executions, stack.Executions, moment)
	}
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(b.t, err)
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err == nil { // otherwise it has ended
			assert.NotContains(b.t, string(environ), b.marker, moment)
		}
	}
}

// lock returns the lock of the environment as it is stored.
func (b *momentTestbed) lock() string {
	return b.aws.cloud.Objects(dev, region)["lockstep/shop/dev/lock.json"]
}

// A deployment is a run of the program with a pipe for all that it prints.
type deployment struct {
	cmd    *exec.Cmd
	reader *os.File
	// ended is closed when the program has ended.
	ended chan struct{}
}

func (b *momentTestbed) newDeployment(args ...string) *deployment {
	b.t.Helper()
	cmd := b.command(args...)
	cmd.Env = append(cmd.Env, b.marker)
	return newDeployment(b.t, cmd)
}

func newDeployment(t *testing.T, cmd *exec.Cmd) *deployment {
	t.Helper()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = writer, writer
	return &deployment{cmd: cmd, reader: reader, ended: make(chan struct{})}
}

// run runs the program to its end, and returns what was read of what it printed, and its exit status.
func (d *deployment) run(t *testing.T) (string, int) {
	t.Helper()
	require.NoError(t, d.cmd.Start())
	require.NoError(t, d.cmd.Stdout.(*os.File).Close())
	read := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(d.reader) // a test may close it
		read <- string(text)
	}()
	_ = d.cmd.Wait() // its status says how it ended
	close(d.ended)
	text := <-read
	_ = d.reader.Close()
	return text, d.cmd.ProcessState.ExitCode()
}

// TestFault_SignalsOnEmulator ends deployments to the emulated accounts, which look at more than simulated AWS.
func TestFault_SignalsOnEmulator(t *testing.T) {
	w := newTestbed(t)
	w.proxy.setFault(nil) // counts from here
	w.deploy(w.assembly("dev", dev, momentStacks, "zero"))
	calls, _ := w.proxy.counts()
	chance := rand.New(rand.NewPCG(5, 6))
	for _, how := range endings() {
		at := chance.IntN(calls)
		dir := w.assembly("dev", dev, momentStacks, how.name)
		d := newDeployment(t, w.command("deploy", "--env", "dev", "--assembly", dir))
		w.proxy.setFault(func(c *call) bool {
			if c.n == at {
				how.end(d)
			}
			if c.n < at || !how.stops {
				return false
			}
			<-d.ended
			return true
		})
		out, status := d.run(t)
		w.proxy.setFault(nil)
		assert.Contains(t, how.statuses, status, "%s at call %d\n%s", how.name, at, out)
		w.deploy(dir)
		w.assertDeployed(momentStacks, how.name)
	}
}
