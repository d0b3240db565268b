package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFault_KilledAtRandomMoments(t *testing.T) {
	documentFault(t, "kill -9", "the program is killed at 20 random moments of a deployment, and run again each time", "the next run takes the lock over at once and goes on from there; nothing is begun twice, and no change set stays")
	w := newTestbed(t)
	dir := w.assembly("dev", dev, stackCount, "zero")
	began := time.Now()
	w.deploy(dir)
	whole := time.Since(began)
	chance := rand.New(rand.NewPCG(3, 4))
	resumed := 0
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		var before [stackCount]int
		for i := range before {
			before[i] = w.countOperations(fmt.Sprint("stack", i))
		}
		dir := w.assembly("dev", dev, stackCount, fmt.Sprint("round", round))
		cmd := w.command("deploy", "--env", "dev", "--assembly", dir)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(chance.Float64() * float64(whole)))
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed, or had ended just before

		out := w.deploy(dir)
		if strings.Contains(out, "goes on from there") {
			resumed++
		}
		for i := range before {
			assert.Equal(t, 1, w.countOperations(fmt.Sprint("stack", i))-before[i], "round %d: how often stack%d was updated\n%s", round, i, out)
		}
		w.assertDeployed(stackCount, fmt.Sprint("round", round))
		if t.Failed() {
			return
		}
	}
	assert.Positive(t, resumed, "no run was cut off while it was at work: the moments were badly chosen")
	t.Logf("%d of %d runs were cut off while they held the lock", resumed, rounds)
}

// The very last that a run does is to give the lock back.
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
