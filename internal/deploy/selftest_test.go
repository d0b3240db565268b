package deploy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault/faulttest"
)

const selfTestName = "lockstep-selftest-acc"

// selfTester opens an account for a self-test, which pauses as pause says.
func (c *cloud) selfTester(pause func(context.Context, time.Duration) error) *Deployment {
	o := c.options(&assembly.Assembly{})
	o.Pause = pause
	d, err := OpenAccount(c.t.Context(), c.Config(testTooling, testRegion), testTarget, o)
	require.NoError(c.t, err)
	return d
}

// Each row of the catalogue is tried, or it is said why it cannot be.
func TestSelfTest_HasEveryRowOfTheCatalogue(t *testing.T) {
	var rows []string
	for _, row := range simulated.Catalogue() {
		rows = append(rows, row.Name)
	}
	assert.ElementsMatch(t, rows, slices.Concat(selftest.RowNames(), selftest.UnseenNames()))
}

func TestSelfTest_ConfirmsWhatTheCloudPlays(t *testing.T) {
	c := newCloud(t)
	c.FaultOf = nil
	report, err := c.selfTester(c.Pause).SelfTest(t.Context())
	require.NoError(t, err)
	assert.True(t, report.Removed)
	assert.Empty(t, c.stack(selfTestName).Status)
	verdicts := map[string]selftest.Verdict{}
	for _, row := range report.Rows {
		verdicts[row.Name] = row.Verdict
		assert.NotEqual(t, selftest.Contradicted, row.Verdict, "%s: %s", row.Name, row.Observed)
	}
	for _, name := range []string{
		"late start", "stale descriptions", "question marks", "no changes", "another template without a change",
		"deleted later", "kept when left out", "parameters", "drift detection already running", "failed update",
		"failed creation", "early validation", "cancelled resources",
	} {
		assert.Equal(t, selftest.Confirmed, verdicts[name], name)
	}
	assert.Equal(t, len(simulated.Catalogue()), len(report.Rows))
	assert.Empty(t, c.Objects(testAccount, testRegion), "nothing is recorded")
}

// A call whose answer is lost is sent again, and AWS has done already what it asks for.
func TestSelfTest_OutlivesEveryFault(t *testing.T) {
	for _, fault := range []simulated.Fault{
		simulated.Throttled, simulated.ServerError, simulated.AnswerLost, simulated.UploadReset, simulated.KeyExpired,
	} {
		for _, period := range []int64{2, 3, 5} {
			t.Run(fmt.Sprintf("%s, every call number %d", fault, period), func(t *testing.T) {
				c := newCloud(t)
				c.FaultOf = func(_ string, number int64) simulated.Fault {
					if number%period == 0 {
						return fault
					}
					return simulated.NoFault
				}
				report, err := c.selfTester(c.Pause).SelfTest(t.Context())
				require.NoError(t, err)
				assert.True(t, report.Removed)
				for _, row := range report.Rows {
					assert.NotEqual(t, selftest.Contradicted, row.Verdict, "%s: %s", row.Name, row.Observed)
					switch row.Name {
					case "no changes", "kept when left out", "parameters", "failed update", "failed creation",
						"early validation", "cancelled resources":
						assert.Equal(t, selftest.Confirmed, row.Verdict, "%s: %s", row.Name, row.Observed)
					}
				}
			})
		}
	}
}

// A kind cloud does not do what the catalogue says, and the self-test notices.
func TestSelfTest_SeesWhatDoesNotHappen(t *testing.T) {
	c := newCloud(t)
	c.Cloud = simulated.NewKind()
	c.OperationTime = 10 * time.Millisecond
	c.EmptyReasons = []string{"There is nothing to do."}
	report, err := c.selfTester(c.Pause).SelfTest(t.Context())
	require.NoError(t, err)
	for _, row := range report.Rows {
		switch row.Name {
		case "no changes", "another template without a change":
			assert.Equal(t, selftest.Contradicted, row.Verdict, row.Name)
		case "late start", "stale descriptions", "deleted later", "late events":
			assert.Equal(t, selftest.NotSeen, row.Verdict, row.Name)
		}
	}
}

// lacking is the client of a cloud that answers actions of CloudFormation as a server does that has failed.
type lacking struct {
	aws.HTTPClient
	actions []string
}

func (l lacking) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil || !slices.Contains(l.actions, form.Get("Action")) {
		return l.HTTPClient.Do(r)
	}
	answer := httptest.NewRecorder()
	answer.WriteHeader(http.StatusInternalServerError)
	_, err = answer.WriteString("<!doctype html>\n<title>the action has not been implemented</title>")
	return answer.Result(), err
}

// What does not answer has neither confirmed nor contradicted anything.
func TestSelfTest_MissingAnswersAreNotSeen(t *testing.T) {
	for action, row := range map[string]string{
		"DescribeEvents": "early validation", "DetectStackDrift": "drift detection already running",
		"RollbackStack": "failed update",
	} {
		t.Run(action, func(t *testing.T) {
			c := newCloud(t)
			c.FaultOf = nil
			cfg := c.Config(testTooling, testRegion)
			cfg.HTTPClient = lacking{cfg.HTTPClient, []string{action}}
			o := c.options(&assembly.Assembly{})
			d, err := OpenAccount(t.Context(), cfg, testTarget, o)
			require.NoError(t, err)
			report, err := d.SelfTest(t.Context())
			require.NoError(t, err)
			assert.True(t, report.Removed)
			i := slices.IndexFunc(report.Rows, func(r selftest.Row) bool { return r.Name == row })
			assert.Equal(t, selftest.NotSeen, report.Rows[i].Verdict, report.Rows[i].Observed)
			assert.Zero(t, report.Count(selftest.Contradicted))
		})
	}
}

func TestSelfTest_RemovesItsStackWheneverItEnds(t *testing.T) {
	c := newCloud(t)
	c.FaultOf = nil
	pauses := 0
	_, err := c.selfTester(func(ctx context.Context, d time.Duration) error {
		pauses++
		return c.Pause(ctx, d)
	}).SelfTest(t.Context())
	require.NoError(t, err)
	for cut := 1; cut <= pauses; cut += 1 + pauses/12 {
		ctx, cancel := context.WithCancel(t.Context())
		remaining := cut
		report, err := c.selfTester(func(ctx context.Context, d time.Duration) error {
			if remaining--; remaining == 0 {
				cancel()
				return ctx.Err()
			}
			return c.Pause(ctx, d)
		}).SelfTest(ctx)
		if remaining > 0 { // how many pauses there are depends on the time as well, and this one had fewer
			cancel()
			require.NoError(t, err)
			break
		}
		require.Error(t, err, "after %d pauses", cut)
		assert.Len(t, report.Rows, len(simulated.Catalogue()), "what was not reached is not seen")
		cancel()
	}
	report, err := c.selfTester(c.Pause).SelfTest(t.Context())
	require.NoError(t, err, "the next one removes what is left")
	assert.True(t, report.Removed)
	assert.Empty(t, c.stack(selfTestName).Status)
}

func TestSelfTest_TouchesNoOtherStack(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.FaultOf = nil
	c.PutStack(testAccount, testRegion, selfTestName, topics(1), "CREATE_COMPLETE")
	_, err := c.selfTester(c.Pause).SelfTest(t.Context())
	requireRefused(t, printed.Error(err))
	assert.Contains(t, err.Error(), "is not one of the self-test")
	assert.Equal(t, "CREATE_COMPLETE", c.stack(selfTestName).Status)
}
