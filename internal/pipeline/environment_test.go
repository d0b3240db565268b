package pipeline_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// qaYAML is everything that adds an environment.
const qaYAML = `account: "999900001111"
region: eu-west-1
after: dev
notifications:
  owners: [platform@example.com]
`

func TestEnvironment_IsOneFile(t *testing.T) {
	files := copyFiles(t, os.DirFS("../../config/testdata/platform"))
	before, err := config.Load(files)
	require.NoError(t, err)
	assert.NotContains(t, before.Names(), "qa")

	files["environments/qa.yaml"] = &fstest.MapFile{Data: []byte(qaYAML)}
	c, err := config.Load(files)
	require.NoError(t, err)
	assert.Contains(t, c.Names(), "qa")

	var steps []string
	for _, step := range pipeline.Steps(c) {
		if step.Environment == "qa" {
			steps = append(steps, step.Name)
		}
	}
	assert.Equal(t, []string{"plan:qa", "deploy:qa", "verify:qa", "templates:qa"}, steps)
	assert.Equal(t, []string{"main/deploy-qa", "drift/qa"}, jobsOfEnvironment(c, "qa"))
}

func TestPipelines_FollowApprovals(t *testing.T) {
	for name, test := range map[string]struct {
		after    string
		approval bool
		want     []string
	}{
		"after an environment without an approval": {"dev", false, []string{"main/deploy-qa", "drift/qa"}},
		"after all without an approval":            {"acc", false, []string{"main/deploy-qa", "drift/qa"}},
		"after an approval":                        {"prod", false, []string{"release/deploy-qa", "drift/qa"}},
		"with an approval of its own": {
			"dev", true, []string{"release/plan-qa", "release/deploy-qa", "drift/qa"},
		},
		"after none": {"", false, []string{"main/deploy-qa", "drift/qa"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := copyFiles(t, os.DirFS("../../config/testdata/platform"))
			text := strings.Replace(qaYAML, "after: dev\n", "", 1) + fmt.Sprintf("approval: %t\n", test.approval)
			if test.after != "" {
				text += "after: " + test.after + "\n"
			}
			files["environments/qa.yaml"] = &fstest.MapFile{Data: []byte(text)}
			c, err := config.Load(files)
			require.NoError(t, err)
			assert.Equal(t, test.want, jobsOfEnvironment(c, "qa"))
		})
	}
}

// jobsOfEnvironment returns the jobs that work on an environment, each as PIPELINE/JOB.
func jobsOfEnvironment(c *config.Config, environment string) []string {
	var names []string
	for _, p := range pipeline.Pipelines(c) {
		for _, stage := range p.Stages {
			for _, job := range stage.Jobs {
				if job.Environment == environment {
					names = append(names, p.Name+"/"+job.Name)
				}
			}
		}
	}
	return slices.Compact(names)
}

func copyFiles(t *testing.T, from fs.FS) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, name)
		files[name] = &fstest.MapFile{Data: data}
		return err
	}))
	return files
}
