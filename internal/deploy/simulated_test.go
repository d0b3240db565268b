package deploy

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/assembly/assemblytest"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

const (
	testTooling = "123456789012"
	testAccount = "444455556666"
	testRegion  = "eu-west-1"
)

// cloud is simulated AWS with an environment to deploy to.
type cloud struct {
	*simulated.Cloud
	t        *testing.T
	progress *progressLog
	// hasTimers says that pauses are real, for a test in the virtual time of testing/synctest.
	hasTimers bool
}

// A progressLog keeps the progress of deployments.
type progressLog struct {
	mu    sync.Mutex
	lines []string
}

func (s *progressLog) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *progressLog) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// newCloud returns a realistic cloud.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	return &cloud{Cloud: simulated.New(), t: t, progress: &progressLog{}}
}

var testTarget = awsclient.Target{
	Project: "shop", Environment: "acc", Account: testAccount, Region: testRegion, ToolingAccount: testTooling,
	Qualifier: "hnb659fds",
}

// requireRefused fails the test if the error is not that of a refusal.
func requireRefused(t *testing.T, err error) {
	t.Helper()
	var refused *refusal.Error
	require.ErrorAs(t, err, &refused)
}

// needs are stacks by name, with the names of those that they need.
type needs map[string][]string

// assemble returns a cloud assembly with stacks. Those without a template have one with a topic.
func assemble(t *testing.T, stacks needs, templates map[string]string) *assembly.Assembly {
	t.Helper()
	files := fstest.MapFS{}
	artefacts := map[string]any{}
	for name, needed := range stacks {
		body := templates[name]
		if body == "" {
			body = `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`
		}
		files[name+".json"] = &fstest.MapFile{Data: []byte(body)}
		artefacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + testAccount + "/" + testRegion, "dependencies": needed,
			"properties": map[string]any{
				"templateFile":                   name + ".json",
				"assumeRoleArn":                  bootstrapRole(testTarget, roles.Deploy).ARN,
				"cloudFormationExecutionRoleArn": bootstrapRole(testTarget, roles.Execution).ARN,
			},
		}
	}
	return assemblytest.Read(t, assembly.Defaults{Account: testAccount, Region: testRegion}, artefacts, files)
}

// exportingTemplate returns a template whose stack exports a name, so that a stack that imports it has to wait.
func exportingTemplate(stack string) string {
	return `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},
		"Outputs":{"Name":{"Value":"v","Export":{"Name":"` + stack + `:Name"}}}}`
}

// oneStack is an assembly with one stack.
func oneStack(t *testing.T, template string) *assembly.Assembly {
	t.Helper()
	return assemble(t, needs{"web": nil}, map[string]string{"web": template})
}

// options are those of a run of its own.
func (c *cloud) options(asm *assembly.Assembly) Options {
	o := Options{
		Run: RunInfo{ID: NewRunID(), Command: "lockstep deploy", Mode: Rehearsal, Commit: "abc"}, Progress: c.progress.add,
		SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest),
		ConfigurationDigest: "configuration", Access: DeployAccess,
	}
	if !c.hasTimers {
		o.Pause = c.Pause
	}
	return o
}

// open is a deployment as a run of its own.
func (c *cloud) open(asm *assembly.Assembly, change ...func(*Options)) *Deployment {
	c.t.Helper()
	o := c.options(asm)
	o.LivenessDir = c.t.TempDir()
	for _, f := range change {
		f(&o)
	}
	d, err := Open(c.t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
	require.NoError(c.t, err)
	return d
}

// deploy deploys as a run of its own.
func (c *cloud) deploy(asm *assembly.Assembly, o DeployRequest, change ...func(*Options)) (Record, error) {
	c.t.Helper()
	return c.open(asm, change...).Deploy(context.WithoutCancel(c.t.Context()), o)
}

func (c *cloud) stack(name string) simulated.Stack {
	return c.Stack(testAccount, testRegion, name)
}

// topics is a template with that many topics.
func topics(n int) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(`"Topic%d":{"Type":"AWS::SNS::Topic"}`, i))
	}
	return `{"Resources":{` + strings.Join(parts, ",") + `}}`
}

// failingTemplate is a template with a resource whose creation fails.
var failingTemplate = `{"Resources":{"Never":{"Type":"` + simulated.FailingType + `"}}}`
