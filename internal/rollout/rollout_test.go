package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRollout_StopsAfterFailures(t *testing.T) {
	for name, c := range map[string]struct {
		waves       []int
		atOnce      int
		maxFailures int
		fails       string // the places that fail, as WAVE.PLACE
		want        string // what came of each place: ok, failed, or - for not begun
	}{
		"nobody fails":                               {[]int{1, 3}, 8, -1, "", "ok | ok ok ok"},
		"the first account fails":                    {[]int{1, 3}, 8, -1, "0.0", "failed | - - -"},
		"one of a wave fails":                        {[]int{1, 3, 2}, 8, -1, "1.1", "ok | ok failed ok | - -"},
		"one of a wave fails, one at a time":         {[]int{1, 3, 2}, 1, -1, "1.0", "ok | failed ok ok | - -"},
		"no failure is allowed, one at a time":       {[]int{1, 3}, 1, 0, "1.0", "ok | failed - -"},
		"one failure is allowed":                     {[]int{1, 3, 2}, 1, 1, "1.0", "ok | failed ok ok | ok ok"},
		"two failures are more than the one allowed": {[]int{1, 3, 2}, 1, 1, "1.0 1.1", "ok | failed failed - | - -"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Policy{MaxConcurrent: c.atOnce, MaxFailures: c.maxFailures}
			out := r.Run(t.Context(), c.waves, func(_ context.Context, wave, place int) error {
				for _, f := range strings.Fields(c.fails) {
					if f == fmt.Sprintf("%d.%d", wave, place) {
						return errors.New("fault")
					}
				}
				return nil
			})
			got := ""
			for w, wave := range out {
				if w > 0 {
					got += " | "
				}
				for p, err := range wave {
					var notBegun *NotStartedError
					word := map[bool]string{true: "ok", false: "failed"}[err == nil]
					if errors.As(err, &notBegun) {
						word = "-"
					}
					if p > 0 {
						got += " "
					}
					got += word
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestRollout_BoundsConcurrency(t *testing.T) {
	var mu sync.Mutex
	under, most := 0, 0
	Policy{MaxConcurrent: 3, MaxFailures: -1}.Run(t.Context(), []int{50}, func(context.Context, int, int) error {
		mu.Lock()
		under++
		most = max(most, under)
		mu.Unlock()
		mu.Lock()
		under--
		mu.Unlock()
		return nil
	})
	assert.LessOrEqual(t, most, 3)
}
