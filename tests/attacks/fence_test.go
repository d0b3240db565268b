package attacks

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy"
)

const lockKey = "lockstep/shop/acc/lock.json"

// A thief takes the lock away from the run that it watches, right after one of the run's writes.
type thief struct {
	*victim
	// steal takes the lock away.
	steal func()
	// after is the number of the write after which it is taken, from 1.
	after int

	mu     sync.Mutex
	locked bool
	writes []string
	// late are the writes that were sent without the lock.
	late []string
}

var actionPattern = regexp.MustCompile(`Action=(\w+)`)

// describeWrite returns a call that writes in words; empty for a call that reads, and for one of the lock's own object.
func describeWrite(r *http.Request, body string) string {
	if action := actionPattern.FindStringSubmatch(body); action != nil {
		for _, read := range []string{"Describe", "Detect", "Get", "List", "Assume"} {
			if strings.HasPrefix(action[1], read) {
				return ""
			}
		}
		return action[1]
	}
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == http.MethodGet || r.Method == http.MethodHead || key == lockKey {
		return ""
	}
	return r.Method + " " + key
}

// Do implements aws.HTTPClient.
func (f *thief) Do(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(text)
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	write := describeWrite(r, body)
	switch {
	case strings.HasSuffix(r.URL.Path, lockKey) && r.Method == http.MethodPut:
		f.locked = true
	case write != "" && f.locked && len(f.writes) >= f.after:
		f.late = append(f.late, write)
	}
	answer, err := f.Cloud.Do(r)
	if write != "" && f.locked {
		if f.writes = append(f.writes, write); len(f.writes) == f.after {
			f.steal()
		}
	}
	return answer, err
}

// deploy deploys as the run whose lock is stolen after a number of writes; 0 for never.
func (f *thief) deploy(after int) error {
	f.t.Helper()
	f.after = after
	if after == 0 {
		f.after = 1000
	}
	d, err := f.open()
	require.NoError(f.t, err)
	_, err = d.Deploy(f.t.Context(), deploy.DeployRequest{})
	return err
}

func TestFence_RunWithoutLockWritesNothing(t *testing.T) {
	for name, document := range map[string]string{
		"another run took it over": `{"token":900,"holder":{"id":"other","by":"arn:aws:iam::1:user/o","doing":"deploy",` +
			`"host":"h","pid":1,"since":"2026-01-01T00:00:00Z"},"beat":0}`,
		"somebody unlocked it": `{"token":900,"beat":0}`,
		"it was damaged":       `{`,
		"a newer version of Lockstep holds it": `{"token":900,"holder":{"id":"other","by":"arn:aws:iam::1:user/o",` +
			`"doing":"deploy","host":"h","pid":1,"since":"2026-01-01T00:00:00Z"},"beat":0,"epoch":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			all := newThief(t, document)
			require.NoError(t, all.deploy(0))
			require.Contains(t, strings.Join(all.writes, "\n"), "/releases/", "the record is among the writes")
			require.Contains(t, strings.Join(all.writes, "\n"), "/blobs/")
			for after := 1; after < len(all.writes); after++ {
				t.Run(fmt.Sprintf("after %s", all.writes[after-1]), func(t *testing.T) {
					f := newThief(t, document)
					require.Error(t, f.deploy(after))
					assert.Empty(t, f.late, "written without the lock")
				})
			}
		})
	}
}

func newThief(t *testing.T, document string) *thief {
	t.Helper()
	f := &thief{victim: newVictim(t)}
	f.client = f
	f.steal = func() { f.SetObject(account, region, lockKey, document, time.Second) }
	return f
}
