package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/fault/faulttest"
)

func TestWaveRunner_StopsAfterFailures(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct {
		sizes         []int
		maxConcurrent int
		maxFailures   int
		// failing are the accounts that fail, as WAVE.ACCOUNT.
		failing []string
		// want is the result of each account: ok, failed, or - if it was not started. Waves are separated by |.
		want string
	}{
		"no account fails":                     {[]int{1, 3}, 8, -1, nil, "ok | ok ok ok"},
		"the first account fails":              {[]int{1, 3}, 8, -1, []string{"0.0"}, "failed | - - -"},
		"one of a wave fails":                  {[]int{1, 3, 2}, 8, -1, []string{"1.1"}, "ok | ok failed ok | - -"},
		"one of a wave fails, one at a time":   {[]int{1, 3, 2}, 1, -1, []string{"1.0"}, "ok | failed ok ok | - -"},
		"no failure is allowed, one at a time": {[]int{1, 3}, 1, 0, []string{"1.0"}, "ok | failed - -"},
		"one failure is allowed":               {[]int{1, 3, 2}, 1, 1, []string{"1.0"}, "ok | failed ok ok | ok ok"},
		"two failures, one is allowed":         {[]int{1, 3, 2}, 1, 1, []string{"1.0", "1.1"}, "ok | failed failed - | - -"},
	} {
		t.Run(name, func(t *testing.T) {
			r := WaveRunner{MaxConcurrent: test.maxConcurrent, MaxFailures: test.maxFailures}
			errs := r.Run(t.Context(), test.sizes, func(_ context.Context, wave, account int) error {
				if slices.Contains(test.failing, fmt.Sprintf("%d.%d", wave, account)) {
					return errors.New("fault")
				}
				return nil
			})
			for _, err := range slices.Concat(errs...) {
				printed.Error(err)
			}
			assert.Equal(t, test.want, resultsText(errs))
		})
	}
}

// resultsText returns a word for each account, with the waves separated by |.
func resultsText(waves [][]error) string {
	var text []string
	for _, errs := range waves {
		var words []string
		for _, err := range errs {
			var notStarted *NotStartedError
			switch {
			case err == nil:
				words = append(words, "ok")
			case errors.As(err, &notStarted):
				words = append(words, "-")
			default:
				words = append(words, "failed")
			}
		}
		text = append(text, strings.Join(words, " "))
	}
	return strings.Join(text, " | ")
}

func TestWaveRunner_BoundsConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		r := WaveRunner{MaxConcurrent: 3, MaxFailures: -1}
		r.Run(t.Context(), []int{50}, func(context.Context, int, int) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second) // on the clock of the test
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		})
		assert.Equal(t, 3, most)
	})
}

func TestWaveRunner_CanceledContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := WaveRunner{MaxConcurrent: 1, MaxFailures: -1}.Run(ctx, []int{1, 1}, func(context.Context, int, int) error {
		t.Error("an account was started")
		return nil
	})
	for _, wave := range errs {
		assert.ErrorIs(t, errors.Join(wave...), context.Canceled)
	}
}
