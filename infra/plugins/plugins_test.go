package plugins

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/infra/stacks"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// queueOptions and queuePlugin are everything that a new plugin takes, besides its line in All.
type queueOptions struct {
	// KeepSeconds is how long a message is kept.
	KeepSeconds int `json:"keepSeconds" jsonschema:"minimum=60,maximum=1209600"`
}

func queuePlugin() Plugin {
	return newPlugin("queue", "a queue", func(scope *stacks.Scope, options queueOptions) error {
		awssqs.NewCfnQueue(scope.NewStack("queue", "a queue"), jsii.String("Queue"),
			&awssqs.CfnQueueProps{MessageRetentionPeriod: jsii.Number(options.KeepSeconds)})
		return nil
	})
}

func newScope(plugins config.Plugins) *stacks.Scope {
	return &stacks.Scope{
		App:      awscdk.NewApp(nil),
		Pipeline: config.Pipeline{Project: "p", Bootstrap: config.Bootstrap{Qualifier: "hnb659fds"}},
		Environment: config.Environment{
			Name: "dev", Account: config.Account{ID: "111122223333", Region: "eu-west-1"}, Plugins: plugins,
		},
	}
}

func TestC9_PluginIsOneFile(t *testing.T) {
	p := newScope(config.Plugins{"queue": json.RawMessage(`{"keepSeconds": 600}`)})
	wanted, err := selectPlugins(append(All(), queuePlugin()), p.Environment)
	require.NoError(t, err)
	require.Len(t, wanted, 1)
	require.NoError(t, wanted[0].Build(p))
	require.Len(t, p.Stacks, 1)
	assert.Equal(t, "p-dev-queue", *p.Stacks[0].StackName())
	assertions.Template_FromStack(p.Stacks[0], nil).HasResourceProperties(jsii.String("AWS::SQS::Queue"),
		map[string]any{"MessageRetentionPeriod": 600})
}

func TestForEnvironment_ReturnsNamedPlugins(t *testing.T) {
	wanted, err := ForEnvironment(newScope(config.Plugins{
		"storage":  json.RawMessage(`{}`),
		"database": json.RawMessage(`{}`),
	}).Environment)
	require.NoError(t, err)
	var names []string
	for _, plugin := range wanted {
		names = append(names, plugin.Name)
		assert.NotEmpty(t, plugin.Description)
	}
	assert.Equal(t, []string{"database", "storage"}, names)

	_, err = ForEnvironment(newScope(config.Plugins{"cache": json.RawMessage(`{}`)}).Environment)
	assert.ErrorContains(t, err, `dev has plugin "cache", which this app does not know`)
}

func TestDatabase_RequiresNetwork(t *testing.T) {
	scope := newScope(config.Plugins{"database": json.RawMessage(`{"minACU": 1, "maxACU": 2}`)})
	assert.EqualError(t, databasePlugin().Build(scope), "a database needs a network")
}

func TestAll_IsSortedByDistinctNames(t *testing.T) {
	var names []string
	for _, plugin := range All() {
		names = append(names, plugin.Name)
	}
	assert.True(t, slices.IsSorted(names), names)
	assert.Len(t, slices.Compact(slices.Clone(names)), len(names))
}

func TestBuild_NotWantedAddsNothing(t *testing.T) {
	scope := newScope(nil)
	for _, plugin := range All() {
		require.NoError(t, plugin.Build(scope))
	}
	assert.Empty(t, scope.Stacks)
}
