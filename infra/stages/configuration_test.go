package stages

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/infra/stacks"
	"lockstep/internal/pipeline"
)

// goldenDir holds the files that TestTemplates_MatchGoldenFiles compares with.
const goldenDir = "testdata/golden"

// The golden files show a reviewer what a change does to the stacks: the small platform's templates in full, one
// pipeline with one job, and of the fixture platform which resources each stack has. -update writes them.
func TestTemplates_MatchGoldenFiles(t *testing.T) {
	golden := map[string]string{"pipeline-with-one-job.json": indentedJSON(t, oneJobPipeline(t))}
	for name, in := range smallAssembly.templates {
		golden["small-dev-"+name+".template.json"] = indentedJSON(t, in)
	}
	for _, environment := range []string{"acc", config.ToolingEnvironment} {
		for name, in := range synthesizedAssemblies[environment].templates {
			golden["lockstep-"+environment+"-"+name+".template.json"] = resourceTypes(t, in)
		}
	}
	if *update {
		require.NoError(t, os.RemoveAll(goldenDir))
		require.NoError(t, os.MkdirAll(goldenDir, 0o755))
		for name, content := range golden {
			require.NoError(t, os.WriteFile(filepath.Join(goldenDir, name), []byte(content), 0o644))
		}
	}
	entries, err := os.ReadDir(goldenDir)
	require.NoError(t, err)
	assert.Len(t, entries, len(golden), "a stack is new or gone: review it, then run `go test ./infra/stages -update`")
	for name, content := range golden {
		want, err := os.ReadFile(filepath.Join(goldenDir, name))
		if assert.NoError(t, err) && string(want) != content {
			assert.Fail(t, name+" has changed: review it, then run `go test ./infra/stages -update`",
				firstDifference(string(want), content))
		}
	}
}

// oneJobPipeline returns the template of a pipeline stack that has one pipeline with one deployment job.
func oneJobPipeline(t *testing.T) template {
	t.Helper()
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	c.Environments = c.Environments[:1]
	tooling, _ := c.Tooling()
	main := pipeline.Pipelines(c)[0]
	main.Stages = main.Stages[len(main.Stages)-1:]
	context := maps.Clone(featureFlags)
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context})
	scope := &stacks.Scope{App: app, Pipeline: c.Pipeline, Environment: tooling}
	stack := scope.NewStack("pipeline", "one pipeline")
	require.NoError(t, stacks.AddPipelines(stack, stacks.PipelinesProps{
		Pipeline: c.Pipeline, Environments: c.Environments, Pipelines: []pipeline.Pipeline{main},
	}))
	return template(*assertions.Template_FromStack(stack, nil).ToJSON())
}

// resourceTypes returns a template that has the resources' logical ids and types only, a resource a line.
func resourceTypes(t *testing.T, in template) string {
	t.Helper()
	var lines []string
	resources := in.resources()
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		lines = append(lines, fmt.Sprintf("  %q: {\"Type\": %q}", id, resources[id]["Type"]))
	}
	return "{\"Resources\": {\n" + strings.Join(lines, ",\n") + "\n}}\n"
}

func indentedJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", " ")
	require.NoError(t, err)
	return string(text) + "\n"
}

// firstDifference returns the first three lines from which on two texts differ.
func firstDifference(want, got string) string {
	a := strings.Split(want, "\n")
	b := strings.Split(got, "\n")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	excerpt := func(lines []string) string {
		return strings.Join(lines[min(i, len(lines)):min(i+3, len(lines))], "\n")
	}
	return fmt.Sprintf("from line %d on it was\n%s\nand is\n%s", i+1, excerpt(a), excerpt(b))
}

func TestSynth_IsReproducible(t *testing.T) {
	first, second := os.DirFS(synthesizedAssemblies["acc"].dir), os.DirFS(synthesizedAssemblies["acc again"].dir)
	files := 0
	require.NoError(t, fs.WalkDir(first, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		want, err := fs.ReadFile(first, name)
		require.NoError(t, err)
		got, err := fs.ReadFile(second, name)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), name)
		return nil
	}))
	assert.Positive(t, files)
}

func TestD4_EnvironmentIsOneFile(t *testing.T) {
	perf := synthesizedAssemblies["perf"]
	assert.Empty(t, perf.findings)
	network := onlyResource(t, stackTemplate(t, "perf", "network"), "AWS::EC2::VPC")
	assert.Equal(t, "10.77.0.0/18", valueAt(network, "Properties.CidrBlock"))
	assert.Contains(t, jsonText(stackTemplate(t, "perf", "network")), "eu-central-1c")
	manifest, err := os.ReadFile(filepath.Join(perf.dir, "manifest.json"))
	require.NoError(t, err)
	assert.Contains(t, string(manifest), "aws://555566667777/eu-central-1")
}

func TestD2_NetworkComesFromEnvironmentFile(t *testing.T) {
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	for _, env := range c.Environments {
		s := stackTemplate(t, env.Name, "network")
		assert.Equal(t, env.Network.CIDR, valueAt(onlyResource(t, s, "AWS::EC2::VPC"), "Properties.CidrBlock"))
		var zones []string
		for _, subnet := range s.resourcesOfType("AWS::EC2::Subnet") {
			zones = append(zones, valueAt(subnet, "Properties.AvailabilityZone").(string))
		}
		assert.ElementsMatch(t, env.Network.AvailabilityZones, zones)
		for other, a := range synthesizedAssemblies {
			if other != env.Name && other != env.Name+" again" && other != config.ToolingEnvironment {
				for name, template := range a.templates {
					assert.NotContains(t, jsonText(template), env.ID, "%s %s names the account of %s", other, name, env.Name)
				}
			}
		}
	}
}

func TestD3_SecretsAreReferences(t *testing.T) {
	for _, environment := range []string{"dev", "acc", "prod"} {
		cluster := onlyResource(t, stackTemplate(t, environment, "database"), "AWS::RDS::DBCluster")
		assert.NotContains(t, cluster["Properties"], "MasterUserPassword")
		assert.Equal(t, map[string]any{"Fn::GetAtt": []any{"Cluster", "MasterUserSecret.SecretArn"}},
			valueAt(stackTemplate(t, environment, "database"), "Outputs.MasterSecretArn.Value"))
	}
}
