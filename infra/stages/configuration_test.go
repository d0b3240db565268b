package stages

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

// The templates of every environment, for whoever reviews a change: -update writes them anew.
func TestTemplates_MatchGoldenFiles(t *testing.T) {
	golden := map[string]string{}
	for _, environment := range []string{"dev", "acc", "prod", config.ToolingEnvironment} {
		files, err := filepath.Glob(filepath.Join(synthesizedAssemblies[environment].dir, "*.template.json"))
		require.NoError(t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			golden[filepath.Base(file)] = string(data)
		}
	}
	const dir = "testdata/golden"
	if *update {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for name, content := range golden {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
		}
	}
	kept, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, kept, len(golden), "a stack is new or gone: review it, then run `go test ./infra/stages -update`")
	for name, content := range golden {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if assert.NoError(t, err) && string(want) != content {
			assert.Fail(t, name+" is not what it was: review the change, then run `go test ./infra/stages -update`", firstDifference(string(want), content))
		}
	}
}

// firstDifference is where two texts begin to differ; the whole of them fills screens.
func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	part := func(lines []string) string { return strings.Join(lines[min(i, len(lines)):min(i+3, len(lines))], "\n") }
	return fmt.Sprintf("from line %d on it was\n%s\nand is\n%s", i+1, part(a), part(b))
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
		assert.Equal(t, map[string]any{"Fn::GetAtt": []any{"Cluster", "MasterUserSecret.SecretArn"}}, valueAt(stackTemplate(t, environment, "database"), "Outputs.MasterSecretArn.Value"))
	}
}
