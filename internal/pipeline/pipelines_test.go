package pipeline

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/roles"
)

var update = flag.Bool("update", false, "write what the tests compare with")

var threeEnvironments = &config.Config{
	Pipeline: config.Pipeline{Project: "shop", Source: &config.Source{Branch: "main"}},
	Environments: []config.Environment{
		{Name: "dev"}, {Name: "acc", After: "dev"}, {Name: "prod", After: "acc", Approval: config.AnyApproval},
	},
}

func pipelineFor(t *testing.T, c *config.Config, trigger Trigger) Pipeline {
	t.Helper()
	pipelines := Pipelines(c)
	i := slices.IndexFunc(pipelines, func(p Pipeline) bool { return p.Trigger == trigger })
	require.GreaterOrEqual(t, i, 0)
	return pipelines[i]
}

func stageNames(p Pipeline) []string {
	var out []string
	for _, s := range p.Stages {
		out = append(out, s.Name)
	}
	return out
}

func jobsOf(p Pipeline) []Job {
	var out []Job
	for _, s := range p.Stages {
		out = append(out, s.Jobs...)
	}
	return out
}

// A pipeline has a stage for each environment, and the names of its stages are unique.
func TestPipelines_NoEnvironmentHasTheNameOfAnotherStage(t *testing.T) {
	stages := stageNames(pipelineFor(t, threeEnvironments, Push))
	for _, name := range append([]string{"source"}, stages[:len(stages)-2]...) { // the last two are dev and acc
		platform := "project: shop\ntooling: {account: \"123456789012\", region: eu-west-1}\n"
		_, err := config.Load(fstest.MapFS{
			"pipeline.yaml":                  {Data: []byte(platform)},
			"environments/" + name + ".yaml": {Data: []byte("account: \"111122223333\"\nregion: eu-west-1\n")},
		})
		assert.ErrorContains(t, err, "environments/"+name+".yaml: LS-202: names a stage of every pipeline")
	}
}

func TestPipelines_PushStopsAtFirstApproval(t *testing.T) {
	assert.Equal(t, []string{"checks", "synth", "dev", "acc"}, stageNames(pipelineFor(t, threeEnvironments, Push)))
	assert.Equal(t, []string{"checks", "synth", "plan-prod", "prod"}, stageNames(pipelineFor(t, threeEnvironments, Tag)))

	open := &config.Config{Environments: []config.Environment{{Name: "one"}, {Name: "two", After: "one"}}}
	assert.Equal(t, []string{"checks", "synth", "one", "two"}, stageNames(pipelineFor(t, open, Push)))
	assert.Equal(t, []string{"checks", "synth"}, stageNames(pipelineFor(t, open, Tag)))
}

func TestPipelines_GatesRunFirst(t *testing.T) {
	for _, p := range Pipelines(threeEnvironments) {
		if p.Trigger == Schedule {
			continue // it deploys nothing
		}
		var names []string
		for _, job := range p.Stages[0].Jobs {
			names = append(names, job.Name)
			assert.Equal(t, NoPermission, job.Permission, job.Name)
			assert.NotEmpty(t, job.ReportsFolder, job.Name)
		}
		var want []string
		for _, gate := range GateStages {
			want = append(want, string(gate))
		}
		assert.Equal(t, want, names, p.Name)
	}
}

func TestPipelines_PullRequestHasNoPermissions(t *testing.T) {
	for _, job := range jobsOf(pipelineFor(t, threeEnvironments, PullRequest)) {
		assert.Equal(t, NoPermission, job.Permission, job.Name)
		assert.Empty(t, job.Permission.Roles(), job.Name)
		assert.Empty(t, job.Environment, job.Name)
		spec, err := job.Buildspec(config.Engine{})
		require.NoError(t, err)
		assert.NotContains(t, spec, "credentials", job.Name)
	}
}

func TestPipelines_CredentialsStayInEnvironment(t *testing.T) {
	for _, p := range Pipelines(threeEnvironments) {
		for _, job := range jobsOf(p) {
			hasCredentials := slices.ContainsFunc(job.Calls, func(c Call) bool { return c.Credentials })
			assert.Equal(t, job.Permission != NoPermission, hasCredentials, job.Name)
			if job.Permission != NoPermission {
				assert.Contains(t, job.Name, job.Environment)
			}
		}
	}
}

func TestPipelines_DriftRunsOnSchedule(t *testing.T) {
	drift := pipelineFor(t, threeEnvironments, Schedule)
	var environments []string
	for _, job := range jobsOf(drift) {
		environments = append(environments, job.Environment)
		assert.Equal(t, ReadPermission, job.Permission)
		assert.Equal(t, []roles.Kind{roles.LedgerReader, roles.Lookup}, job.Permission.Roles(), "the job only reads")
		assert.True(t, job.PublishesMetrics)
		require.Len(t, job.Calls, 2)
		assert.Equal(t, "publish-metrics", job.Calls[0].Function, "drift that is found does not keep the metrics back")
	}
	assert.Equal(t, []string{"dev", "acc", "prod"}, environments)
	none := &config.Config{
		Pipeline:     config.Pipeline{DriftSchedule: config.DriftScheduleNever},
		Environments: threeEnvironments.Environments,
	}
	assert.False(t, slices.ContainsFunc(Pipelines(none), func(p Pipeline) bool { return p.Trigger == Schedule }))
}

func TestPipelines_ApprovedPlanIsApplied(t *testing.T) {
	release := pipelineFor(t, threeEnvironments, Tag)
	plan, prod := release.Stages[2].Jobs[0], release.Stages[3]
	assert.Contains(t, prod.Approval, "#{"+plan.Name+"."+planDigestVariable+"}")
	assert.Contains(t, prod.Approval, "#{"+plan.Name+"."+planSummaryVariable+"}")
	assert.Contains(t, plan.ExportedVariables, planDigestVariable)
	assert.Contains(t, plan.ExportedVariables, planSummaryVariable)
	deploy := prod.Jobs[0]
	assert.Contains(t, deploy.Inputs, plan.Output)
	assert.Equal(t, "approve", deploy.Calls[0].Function)
	assert.Equal(t, "#{"+plan.Name+"."+planDigestVariable+"}", deploy.Variables[expectedPlanVariable])
	for _, call := range deploy.Calls {
		assert.Contains(t, strings.Join(call.Arguments, " "), "--expect-plan $"+expectedPlanVariable, call.Function)
	}
	assert.Contains(t, deploy.Calls[1].Arguments, "$CODEBUILD_SRC_DIR_"+plan.Output+"/"+PlanFile)
}

func TestPipelines_InputsComeFromEarlierStages(t *testing.T) {
	for _, p := range Pipelines(threeEnvironments) {
		artifacts := map[string]bool{SourceArtifact: true}
		names := map[string]bool{}
		for _, stage := range p.Stages {
			for _, job := range stage.Jobs {
				assert.False(t, names[job.Name], "%s: two jobs are called %s", p.Name, job.Name)
				names[job.Name] = true
				assert.Equal(t, SourceArtifact, job.Inputs[0], "the job works in the repository")
				for _, input := range job.Inputs {
					assert.True(t, artifacts[input], "%s: %s reads %s", p.Name, job.Name, input)
				}
			}
			for _, job := range stage.Jobs {
				artifacts[job.Output] = true
				assert.Equal(t, job.Output == "", job.OutputFolder == "", job.Name)
				assert.NotContains(t, job.Output, "-", "its name is part of a variable's")
			}
		}
	}
}

// goldenJobs are the jobs whose buildspecs have a golden file: one of each kind.
var goldenJobs = map[string]config.Engine{
	"main-quality":             {},
	"main-synth":               {},
	"main-deploy-dev":          {},
	"release-plan-prod":        {},
	"release-deploy-prod":      {},
	"pull-request-preview-dev": {},
	"drift-dev":                {},
	"main-deploy-dev-on-an-engine": {
		Host: "tcp://dagger.example.internal:8080", ImagePrefix: "registry.example.com/mirror",
	},
}

// Golden files show a reviewer what a change does to the commands of CodeBuild.
func TestBuildspec_MatchesGoldenFiles(t *testing.T) {
	specs := map[string]Job{}
	for _, p := range Pipelines(threeEnvironments) {
		for _, job := range jobsOf(p) {
			specs[p.Name+"-"+job.Name] = job
		}
	}
	for name, engine := range goldenJobs {
		t.Run(name, func(t *testing.T) {
			job, ok := specs[strings.TrimSuffix(name, "-on-an-engine")]
			require.True(t, ok)
			got, err := job.Buildspec(engine)
			require.NoError(t, err)
			golden := filepath.Join("testdata", "buildspecs", name+".yaml")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "write it with -update")
			assert.Equal(t, string(want), got)
		})
	}
}

func TestBuildspec_IsValidForEveryJob(t *testing.T) {
	for _, p := range Pipelines(threeEnvironments) {
		for _, job := range jobsOf(p) {
			text, err := job.Buildspec(config.Engine{})
			require.NoError(t, err)
			var read buildspec
			require.NoError(t, yaml.UnmarshalWithOptions([]byte(text), &read, yaml.Strict()))
			assert.Equal(t, job.commands(config.Engine{}), read.Phases.Build.Commands, job.Name)
			assert.Equal(t, job.installCommands(), read.Phases.Install.Commands, job.Name)
			calls := slices.DeleteFunc(read.Phases.Build.Commands, func(c string) bool {
				return strings.HasPrefix(c, "export ")
			})
			assert.Len(t, job.Calls, len(calls), job.Name)
			assert.Equal(t, job.Output != "", read.Artifacts != nil, job.Name)
			assert.Equal(t, job.ReportsFolder != "", read.Reports != nil, job.Name)
		}
	}
}

// What a job is given, it refuses anything else than.
func TestPipelines_LaterJobsExpectDigests(t *testing.T) {
	for _, trigger := range []Trigger{Push, Tag} {
		p := pipelineFor(t, threeEnvironments, trigger)
		exported := map[string]bool{"#{codepipeline.PipelineExecutionId}": true}
		for _, job := range jobsOf(p) {
			for name, value := range job.Variables {
				reference := value[strings.Index(value, "#{"):]
				assert.True(t, exported[reference], "%s: %s is %s, which no earlier job exports", job.Name, name, value)
			}
			if slices.Contains(job.Inputs, AssemblyArtifact) {
				assert.Equal(t, "#{synth."+assemblyDigestVariable(job.Environment)+"}", job.Variables[expectedAssemblyVariable])
				deploys := job.Calls[len(job.Calls)-1]
				assert.Contains(t, strings.Join(deploys.Arguments, " "), "--expect-assembly $"+expectedAssemblyVariable, job.Name)
			}
			for name := range job.ExportedVariables {
				exported["#{"+job.Name+"."+name+"}"] = true
			}
		}
	}
	for _, job := range jobsOf(pipelineFor(t, threeEnvironments, PullRequest)) {
		assert.Empty(t, job.Output, "%s shares its store with other pull requests", job.Name)
	}
}

// CodePipeline keeps an artifact under the first ten characters of its name, and the policy of the store goes by that.
func TestPipelines_ArtifactFoldersDiffer(t *testing.T) {
	var environments []config.Environment
	for _, name := range []string{"production-eu", "production-us", "production-ap"} {
		environments = append(environments, config.Environment{Name: name, Approval: config.AnyApproval})
	}
	folders := map[string]bool{}
	for _, job := range jobsOf(pipelineFor(t, &config.Config{Environments: environments}, Tag)) {
		if job.Output == "" {
			continue
		}
		folder := job.Output[:min(len(job.Output), 10)]
		assert.False(t, folders[folder], "two jobs write to %s", folder)
		folders[folder] = true
	}
	assert.Len(t, folders, len(environments)+1)
}

// The guards are run as CodeBuild runs them, in a clone.
func TestBuildspec_GuardsEndJob(t *testing.T) {
	dir := t.TempDir()
	shell := func(script string, environ ...string) error {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir = dir
		cmd.Env = append([]string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		}, environ...)
		return cmd.Run()
	}
	require.NoError(t, shell(`git init --quiet && git commit --quiet --allow-empty -m one && git tag reviewed &&
		git update-ref refs/remotes/origin/main HEAD && git commit --quiet --allow-empty -m two && git tag unreviewed`))
	prod := pipelineFor(t, threeEnvironments, Tag).Stages[3].Jobs[0]
	guards := "set -e\n" + strings.Join(prod.guardInCodeBuild(), "\n")
	all := []string{executionVariable + "=e", expectedAssemblyVariable + "=a", expectedPlanVariable + "=p"}
	for _, test := range []struct {
		name, commit string
		variables    []string
		passes       bool
	}{
		{"a tag on the branch", "reviewed", all, true},
		{"a tag on a commit that nobody has reviewed", "unreviewed", all, false},
		{"a commit that the clone does not have", strings.Repeat("a", 40), all, false},
		{"a commit that is not given", "", all, false},
		{"a digest that is empty", "reviewed", append([]string{}, all[0], all[1], expectedPlanVariable+"="), false},
		{"a digest that is not given", "reviewed", all[:2], false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := shell(guards, append(test.variables, "CODEBUILD_RESOLVED_SOURCE_VERSION="+test.commit)...)
			assert.Equal(t, test.passes, err == nil, "%v", err)
		})
	}
	for _, job := range jobsOf(pipelineFor(t, threeEnvironments, Tag)) {
		assert.Contains(t, job.guardInCodeBuild()[0], "refs/remotes/origin/main", job.Name)
	}
}

func TestBuildspec_PrivilegedOnlyForLocalEngine(t *testing.T) {
	assert.True(t, NeedsPrivilegedMode(config.Engine{}))
	assert.False(t, NeedsPrivilegedMode(config.Engine{Host: "tcp://dagger.example.internal:8080"}))
}

func TestBuildspec_VerifiesDaggerChecksum(t *testing.T) {
	commands := strings.Join(append([]string{RefuseCommittedState}, InstallDagger("/usr/local/bin")...), "\n")
	for machine, cli := range DaggerCLI {
		assert.Contains(t, commands, machine+") url="+cli.URL+"; sum="+cli.SHA256+" ;;")
		assert.Contains(t, cli.URL, DaggerVersion)
		assert.Len(t, cli.SHA256, 64)
	}
	assert.Less(t, strings.Index(commands, "sha256sum --check"), strings.Index(commands, "tar "),
		"nothing is unpacked before it is checked")
}

func TestBuildspec_QuotesArguments(t *testing.T) {
	for word, want := range map[string]string{
		"plain":           "plain",
		"two words":       "'two words'",
		"":                "''",
		"$VARIABLE":       `"$VARIABLE"`,
		"$VARIABLE/path":  `"$VARIABLE/path"`,
		`$A";rm -rf /`:    `"$A"'";rm -rf /'`,
		"$(id)":           "'$(id)'",
		"$":               "'$'",
		"a$B":             "'a$B'",
		"line\nbreak":     "'line\nbreak'",
		"a'b":             `'a'"'"'b'`,
		"cmd://aws x y":   "'cmd://aws x y'",
		"semi;colon$(id)": "'semi;colon$(id)'",
	} {
		assert.Equal(t, want, QuoteCommand([]string{word}))
	}
}

func TestBuildspec_CallsModuleOfAnotherRepository(t *testing.T) {
	const module = "github.com/example/lockstep@v1.0.0"
	c := *threeEnvironments
	c.Pipeline.Source = &config.Source{Repository: "example/shop", Module: module}
	for _, p := range Pipelines(&c) {
		for _, job := range jobsOf(p) {
			text, err := job.Buildspec(config.Engine{})
			require.NoError(t, err)
			assert.Equal(t, len(job.Calls), strings.Count(text, "dagger --mod "+module+" call --source . --ci "), job.Name)
			assert.NotContains(t, text, "dagger call", job.Name)
		}
	}
}
