package maintain

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

var update = flag.Bool("update", false, "write the page of the schedule")

func TestPage_IsUpToDate(t *testing.T) {
	file := filepath.Join("..", "..", filepath.FromSlash(PageFile))
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(Page()), 0o644))
	}
	written, err := os.ReadFile(file)
	require.NoError(t, err, "write it with `go test ./internal/maintain -update`")
	assert.Equal(t, Page(), string(written), "the schedule has changed: run `go test ./internal/maintain -update`")
}

func TestSchedule_HasTasksForEveryPeriod(t *testing.T) {
	total := 0
	for _, period := range Periods() {
		tasks := Tasks(period)
		assert.NotEmpty(t, tasks, period)
		total += len(tasks)
		seen := map[CheckID]bool{}
		for _, task := range tasks {
			assert.NotEmpty(t, task.Person, "%s %s", period, task.Check)
			assert.False(t, seen[task.Check], "%s has %s twice", period, task.Check)
			seen[task.Check] = true
		}
	}
	assert.Len(t, Schedule(), total, "a task has a period that is no command")
}

// monday is when maintenance is done in these tests.
func monday() time.Time { return time.Date(2026, 3, 2, 9, 30, 0, 5, time.UTC) }

// allClear returns checks that find nothing.
func allClear() map[CheckID]Check {
	checks := map[CheckID]Check{}
	for _, task := range Schedule() {
		checks[task.Check] = func(context.Context) ([]string, error) { return nil, nil }
	}
	return checks
}

func TestRun_StatusOfTask(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct {
		check Check
		want  Status
		found []string
		// reason is why it was not run.
		reason string
	}{
		"nothing to do": {
			func(context.Context) ([]string, error) { return nil, nil }, Clear, nil, "",
		},
		"something to do": {
			func(context.Context) ([]string, error) { return []string{"a"}, nil }, Found, []string{"a"}, "",
		},
		"it cannot be done": {
			func(context.Context) ([]string, error) { return nil, errors.New("no network") }, NotRun, nil, "no network",
		},
		"only a part can be done": {
			func(context.Context) ([]string, error) { return []string{"a"}, errors.New("no network") },
			NotRun,
			[]string{"a"},
			"no network",
		},
		"there is no check": {nil, NotRun, nil, "there is no check for it"},
	} {
		t.Run(name, func(t *testing.T) {
			checks := allClear()
			checks[Drift] = test.check
			report, err := Run(t.Context(), Weekly, monday(), checks)
			require.Equal(t, len(Tasks(Weekly)), len(report.Results), "one that fails does not stop the others")
			for _, r := range report.Results {
				if r.Check != Drift {
					assert.Equal(t, Clear, r.Status)
					continue
				}
				assert.Equal(t, test.want, r.Status)
				assert.Equal(t, test.found, r.Found)
				assert.Equal(t, test.reason, r.Reason)
			}
			var incomplete *IncompleteError
			if test.want == Clear {
				assert.NoError(t, err)
			} else {
				assert.ErrorAs(t, printed.Error(err), &incomplete)
			}
		})
	}
}

func TestRun_TaskForPersonIsNoFailure(t *testing.T) {
	report, err := Run(t.Context(), HalfYearly, monday(), allClear())
	require.NoError(t, err)
	statuses := map[CheckID]Status{}
	for _, r := range report.Results {
		statuses[r.Check] = r.Status
	}
	assert.Equal(t, ByPerson, statuses[Architecture])
}

func TestRun_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	checks := allClear()
	checks[Vulnerabilities] = func(context.Context) ([]string, error) {
		cancel()
		return nil, nil
	}
	report, err := Run(ctx, Weekly, monday(), checks)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Len(t, report.Results, 1)
}

func TestReport_Record(t *testing.T) {
	checks := allClear()
	checks[BaseImages] = func(context.Context) ([]string, error) { return nil, errors.New("no <network>") }
	checks[Drift] = func(context.Context) ([]string, error) { return []string{"acc: web: drifted"}, nil }
	report, err := Run(t.Context(), Weekly, monday(), checks)
	require.Error(t, err)
	record, err := report.Record()
	require.NoError(t, err)
	for _, line := range []string{
		`"period": "weekly"`, `"at": "2026-03-02T09:30:00Z"`, `"reason": "no <network>"`, `"acc: web: drifted"`,
	} {
		assert.Contains(t, string(record), line)
	}
	assert.Equal(t, len(Tasks(Weekly)), strings.Count(string(record), `"done": ""`), "a field for each task of a person")
	assert.Equal(t, "2026-03-02-weekly.json", report.RecordName(1))
	assert.Equal(t, "2026-03-02-weekly-2.json", report.RecordName(2))
}
