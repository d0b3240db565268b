package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFault_KilledAtRandomMoments(t *testing.T) {
	documentFault(t, "kill -9",
		"the program is killed at 20 random calls of a deployment, before or after the call was carried out, "+
			"and run again each time",
		"the next run takes the lock over at once and goes on from there; nothing is begun twice, and no change set stays")
	w := newTestbed(t)
	w.proxy.setFault(nil) // counts from here
	w.deploy(w.assembly("dev", dev, stackCount, "zero"))
	calls, _ := w.proxy.counts()
	chance := rand.New(rand.NewPCG(3, 4))
	resumed := 0
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		value := fmt.Sprint("round", round)
		var before [stackCount]int
		for i := range before {
			before[i] = w.countOperations(fmt.Sprint("stack", i))
		}
		dir := w.assembly("dev", dev, stackCount, value)
		w.killAtCall(chance.IntN(calls), round%2 == 0, "deploy", "--env", "dev", "--assembly", dir)

		out := w.deploy(dir)
		if strings.Contains(out, "goes on from there") {
			resumed++
		}
		for i := range before {
			operations := w.countOperations(fmt.Sprint("stack", i)) - before[i]
			assert.Equal(t, 1, operations, "round %d: how often stack%d was updated\n%s", round, i, out)
		}
		w.assertDeployed(stackCount, value)
		if t.Failed() {
			return
		}
	}
	assert.Positive(t, resumed, "no run was cut off while it was at work")
	t.Logf("%d of %d runs were cut off while they held the lock", resumed, rounds)
}

// killAtCall runs the program and kills it when it makes its nth call, before or after that is carried out. A run with
// fewer calls ends by itself.
func (w *testbed) killAtCall(n int, after bool, args ...string) {
	w.t.Helper()
	cmd := w.command(args...)
	reached, ended := make(chan struct{}), make(chan struct{})
	w.proxy.setFault(func(c *call) bool {
		if c.n < n {
			return false
		}
		if c.n > n {
			<-ended // no call is carried out after the kill
			return true
		}
		if after {
			c.forward()
		}
		close(reached)
		<-ended
		return true
	})
	require.NoError(w.t, cmd.Start())
	go func() {
		_ = cmd.Wait() // it is killed, or ends by itself
		close(ended)
	}()
	select {
	case <-reached:
		require.NoError(w.t, cmd.Process.Kill())
		<-ended
	case <-ended:
	}
	w.proxy.setFault(nil)
}

// The last call of a run unlocks the environment.
func TestFault_KilledBeforeUnlock(t *testing.T) {
	w := newTestbed(t)
	dir := w.assembly("dev", dev, stackCount, "one")
	reached, ended := make(chan struct{}), make(chan struct{})
	var locks atomic.Int32
	w.proxy.setFault(func(c *call) bool {
		if c.r.Method != http.MethodPut || !strings.HasSuffix(c.r.URL.Path, "/lock.json") || locks.Add(1) != 2 {
			return false
		}
		close(reached)
		<-ended
		return true
	})
	cmd := w.command("deploy", "--env", "dev", "--assembly", dir)
	require.NoError(t, cmd.Start())
	<-reached
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	close(ended)
	w.proxy.setFault(nil)

	out, status := w.run("status", "--env", "dev")
	require.Zero(t, status, out)
	require.Contains(t, out, "it is gone, and the next run takes over")
	out = w.deploy(dir)
	assert.Contains(t, out, "which is gone, is taken over")
	assert.Contains(t, out, "dev  account "+dev+", eu-west-1: unchanged")
	w.assertDeployed(stackCount, "one")
}
