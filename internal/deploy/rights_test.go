package deploy

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

// send sends a call to the cloud without a client, with a key, and returns its status and answer.
func (c *cloud) send(service, key string, form url.Values) (int, string) {
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization",
		"AWS4-HMAC-SHA256 Credential="+key+"/20260101/"+testRegion+"/"+service+"/aws4_request, Signature=0")
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String()
}

// deniedTo returns the actions among those of a deployment that a deploy role may not do, by doing them.
func (c *cloud) deniedTo(role string) []string {
	_, text := c.send("sts", testTooling, url.Values{"Action": {"AssumeRole"}, "RoleArn": {role}})
	var answer struct {
		Key string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	}
	require.NoError(c.t, xml.Unmarshal([]byte(text), &answer))
	var denied []string
	for _, action := range readiness.DeployActions() {
		name := strings.TrimPrefix(action, "cloudformation:")
		if status, _ := c.send("cloudformation", answer.Key, url.Values{"Action": {name}}); status == http.StatusForbidden {
			denied = append(denied, name)
		}
	}
	return denied
}

// A deployment with the rights of a version that is too old ends before its first write; with those of 32, and what
// `lockstep bootstrap` adds, everything works.
func TestRights_OfEachVersionOfTheBootstrap(t *testing.T) {
	for version, want := range map[string][]string{
		"21": {
			"ContinueUpdateRollback", "DescribeEvents", "GetStackPolicy", "ListChangeSets", "ListExports", "ListHookResults",
			"ListImports", "ListStackResources", "ListStacks", "RollbackStack",
		},
		"31": {"GetStackPolicy", "ListChangeSets", "ListExports", "ListHookResults", "ListImports", "ListStackResources"},
		"32": nil,
	} {
		t.Run(version, func(t *testing.T) {
			c := newCloud(t)
			c.BootstrapVersion = version
			assert.Equal(t, want, c.deniedTo(bootstrapRole(testTarget, roles.Deploy).ARN))
			asm := withVersion(oneStack(t, topics(1)), 21)
			if want != nil {
				assert.Equal(t, fault.BootstrapOld, fault.CodeOf(c.openError(asm, DeployAccess)))
				assert.Empty(t, c.Objects(testAccount, testRegion))
				assert.Empty(t, c.stack("web").Status)
				return
			}
			for _, status := range []string{"", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "ROLLBACK_COMPLETE"} {
				if status != "" {
					c.RemoveStack(testAccount, testRegion, "web")
					c.PutStack(testAccount, testRegion, "web", topics(2), status)
				}
				_, err := c.deploy(asm, DeployRequest{Allow: []change.Permit{change.DataLoss}})
				require.NoError(t, err, status)
			}
		})
	}
}
