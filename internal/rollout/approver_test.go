package rollout

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/pipeline"
	"lockstep/internal/refusal"
)

// serveApprovals answers as STS and CodePipeline do: with the executions of actions, of which there is a page each.
func serveApprovals(t *testing.T, executions ...string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListActionExecutions") {
			fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>`+
				`<Arn>arn:aws:sts::123456789012:assumed-role/job/1</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		var asked struct {
			PipelineName, NextToken string
			Filter                  struct{ PipelineExecutionID string }
		}
		assert.NoError(t, json.Unmarshal(body, &asked))
		assert.Equal(t, "shop-release", asked.PipelineName)
		assert.Equal(t, "e1", asked.Filter.PipelineExecutionID)
		page := len(asked.NextToken)
		next := ""
		if page+1 < len(executions) {
			next = fmt.Sprintf(`,"nextToken":%q`, strings.Repeat("n", page+1))
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"actionExecutionDetails":[%s]%s}`, executions[page], next)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestApproverIn_AsksCodePipeline(t *testing.T) {
	execution := func(id, action, status, by string) string {
		return fmt.Sprintf(`{"pipelineExecutionId":%q,"actionName":%q,"status":%q,"updatedBy":%q}`, id, action, status, by)
	}
	const jane = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Release_1/jane@example.com"
	build := execution("e1", "deploy-dev", "InProgress", "arn:aws:iam::123456789012:role/pipeline")
	for _, test := range []struct {
		name       string
		executions []string
		want       string
	}{
		{"a person has approved", []string{build + "," + execution("e1", "approve-dev", "Succeeded", jane)}, jane},
		{"on another page", []string{build, execution("e1", "approve-dev", "Succeeded", jane)}, jane},
		{"nobody has answered", []string{execution("e1", "approve-dev", "InProgress", "")}, ""},
		{"the person has refused", []string{execution("e1", "approve-dev", "Failed", jane)}, ""},
		{"refused, after an approval", []string{
			execution("e1", "approve-dev", "Failed", jane) + "," + execution("e1", "approve-dev", "Succeeded", jane),
		}, ""},
		{"another environment", []string{execution("e1", "approve-acc", "Succeeded", jane)}, ""},
		{"another execution", []string{execution("e2", "approve-dev", "Succeeded", jane)}, ""},
		{"an approval that names nobody", []string{execution("e1", "approve-dev", "Succeeded", "")}, ""},
		{"no approval", []string{build}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "id")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "key")
			session := newOpener(t, true).session
			session.Config.Pipeline.Tooling = config.Account{ID: testTooling, Region: testRegion}
			session.Endpoint = serveApprovals(t, test.executions...).URL
			got, err := session.ApproverIn(t.Context(), "shop-release/e1", "dev")
			assert.Equal(t, test.want, got)
			var refused *refusal.Error
			if test.want == "" {
				require.ErrorAs(t, err, &refused)
				assert.Contains(t, err.Error(), "CodePipeline does not say that anybody has approved dev")
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// The request for an approval ends when the plan may not be applied any more.
func TestPlanTTL_IsThatOfPlanFiles(t *testing.T) {
	assert.Equal(t, planfile.TTL, pipeline.PlanTTL)
}
