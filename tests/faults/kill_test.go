package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKilledAtTwentyRandomMoments(t *testing.T) {
	shows(t, "kill -9", "the program is killed at 20 random moments of a deployment, and run again each time", "the next run takes the lock over at once and goes on from there; nothing is begun twice, and no change set stays")
	w := newWorld(t)
	dir := w.assembly("dev", dev, stacks, "zero")
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
		var before [stacks]int
		for i := range before {
			before[i] = w.operations(fmt.Sprint("stack", i))
		}
		dir := w.assembly("dev", dev, stacks, fmt.Sprint("round", round))
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
			assert.Equal(t, 1, w.operations(fmt.Sprint("stack", i))-before[i], "round %d: how often stack%d was updated\n%s", round, i, out)
		}
		w.whole(stacks, fmt.Sprint("round", round))
		if t.Failed() {
			return
		}
	}
	assert.Positive(t, resumed, "no run was cut off while it was at work: the moments were badly chosen")
	t.Logf("%d of %d runs were cut off while they held the lock", resumed, rounds)
}
