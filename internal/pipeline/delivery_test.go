package pipeline

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

var update = flag.Bool("update", false, "write what the tests compare with")

var threeEnvironments = &config.Config{Environments: []config.Environment{
	{Name: "dev"}, {Name: "acc", After: "dev"}, {Name: "prod", After: "acc", Approval: true},
}}

func line(t *testing.T, c *config.Config, starts Trigger) Line {
	t.Helper()
	lines := Delivery(c)
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Starts == starts })
	require.GreaterOrEqual(t, i, 0)
	return lines[i]
}

func stageNames(l Line) []string {
	var out []string
	for _, s := range l.Stages {
		out = append(out, s.Name)
	}
	return out
}

func jobs(l Line) []Job {
	var out []Job
	for _, s := range l.Stages {
		out = append(out, s.Jobs...)
	}
	return out
}

func TestAPushReachesEveryEnvironmentBeforeTheFirstApprovalAndATagTheRest(t *testing.T) {
	assert.Equal(t, []string{"checks", "synth", "dev", "acc"}, stageNames(line(t, threeEnvironments, Push)))
	assert.Equal(t, []string{"checks", "synth", "plan-prod", "prod"}, stageNames(line(t, threeEnvironments, Tag)))

	open := &config.Config{Environments: []config.Environment{{Name: "one"}, {Name: "two", After: "one"}}}
	assert.Equal(t, []string{"checks", "synth", "one", "two"}, stageNames(line(t, open, Push)))
	assert.Equal(t, []string{"checks", "synth"}, stageNames(line(t, open, Tag)))
}

func TestEveryStageOfGatesIsAJobBeforeAnythingIsDeployed(t *testing.T) {
	for _, l := range Delivery(threeEnvironments) {
		if l.Starts == Schedule {
			continue // it brings nothing on
		}
		var names []string
		for _, job := range l.Stages[0].Jobs {
			names = append(names, job.Name)
			assert.Equal(t, None, job.May, job.Name)
			assert.NotEmpty(t, job.Reports, job.Name)
		}
		var want []string
		for _, gate := range Gates {
			want = append(want, string(gate))
		}
		assert.Equal(t, want, names, l.Name)
	}
}

func TestAPullRequestMayNothingAndIsHandedNothing(t *testing.T) {
	for _, job := range jobs(line(t, threeEnvironments, PullRequest)) {
		assert.Equal(t, None, job.May, job.Name)
		assert.Empty(t, job.May.Roles(), job.Name)
		assert.Empty(t, job.Environment, job.Name)
		spec, err := job.Buildspec(config.Engine{})
		require.NoError(t, err)
		assert.NotContains(t, spec, "credentials", job.Name)
	}
}

func TestCredentialsGoToJobsThatReachTheirOwnEnvironmentAlone(t *testing.T) {
	for _, l := range Delivery(threeEnvironments) {
		for _, job := range jobs(l) {
			handed := slices.ContainsFunc(job.Calls, func(c Call) bool { return c.Credentials })
			assert.Equal(t, job.May != None, handed, job.Name)
			if job.May != None {
				assert.Contains(t, job.Name, job.Environment)
				assert.Equal(t, job.May.Promotes(), slices.Contains(job.May.Roles(), "deploy-role"), job.Name)
			}
		}
	}
}

func TestWhatIsDeployedIsLookedAtOnAScheduleUnlessSomebodyWantsNone(t *testing.T) {
	drift := line(t, threeEnvironments, Schedule)
	var looked []string
	for _, job := range jobs(drift) {
		looked = append(looked, job.Environment)
		assert.Equal(t, MayLook, job.May)
		assert.NotContains(t, job.May.Roles(), "deploy-role", "who looks may change nothing")
	}
	assert.Equal(t, []string{"dev", "acc", "prod"}, looked)
	none := &config.Config{Pipeline: config.Pipeline{DriftSchedule: config.Never}, Environments: threeEnvironments.Environments}
	assert.False(t, slices.ContainsFunc(Delivery(none), func(l Line) bool { return l.Starts == Schedule }))
}

func TestWhatAPersonApprovesIsExactlyWhatIsApplied(t *testing.T) {
	release := line(t, threeEnvironments, Tag)
	plan, prod := release.Stages[2].Jobs[0], release.Stages[3]
	assert.Contains(t, prod.Approval, "#{"+plan.Name+"."+planDigest+"}")
	assert.Contains(t, prod.Approval, "#{"+plan.Name+"."+planSummary+"}")
	assert.Contains(t, plan.Shows, planDigest)
	assert.Contains(t, plan.Shows, planSummary)
	deploy := prod.Jobs[0]
	assert.Contains(t, deploy.Takes, plan.Leaves)
	assert.Equal(t, "approve", deploy.Calls[0].Function)
	assert.Contains(t, deploy.Calls[1].Arguments, "$CODEBUILD_SRC_DIR_"+plan.Leaves+"/"+PlanFile)
}

func TestAJobTakesOnlyWhatAnEarlierStageLeaves(t *testing.T) {
	for _, l := range Delivery(threeEnvironments) {
		left := map[string]bool{SourceArtefact: true}
		names := map[string]bool{}
		for _, stage := range l.Stages {
			for _, job := range stage.Jobs {
				assert.False(t, names[job.Name], "%s: two jobs are called %s", l.Name, job.Name)
				names[job.Name] = true
				assert.Equal(t, SourceArtefact, job.Takes[0], "the job works in the repository")
				for _, taken := range job.Takes {
					assert.True(t, left[taken], "%s: %s takes %s", l.Name, job.Name, taken)
				}
			}
			for _, job := range stage.Jobs {
				left[job.Leaves] = true
				assert.Equal(t, job.Leaves == "", job.From == "", job.Name)
				assert.NotContains(t, job.Leaves, "-", "its name is part of a variable's")
			}
		}
	}
}

// Golden files show a reviewer what a change does to what CodeBuild runs.
func TestBuildspecsAreWhatWasReviewed(t *testing.T) {
	for name, engine := range map[string]config.Engine{
		"local":  {},
		"remote": {Host: "tcp://dagger.example.internal:8080", ImagePrefix: "registry.example.com/mirror"},
	} {
		for _, l := range Delivery(threeEnvironments) {
			for _, job := range jobs(l) {
				t.Run(name+"/"+l.Name+"/"+job.Name, func(t *testing.T) {
					got, err := job.Buildspec(engine)
					require.NoError(t, err)
					golden := filepath.Join("testdata", "buildspecs", name, l.Name+"-"+job.Name+".yaml")
					if *update {
						require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
						require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
					}
					want, err := os.ReadFile(golden)
					require.NoError(t, err, "write it with -update")
					assert.Equal(t, string(want), got)
					var read buildspec
					require.NoError(t, yaml.UnmarshalWithOptions([]byte(got), &read, yaml.Strict()))
					assert.NotEmpty(t, read.Phases.Build.Commands)
				})
			}
		}
	}
}

func TestAJobIsPrivilegedOnlyWhereItsEngineIsItsOwn(t *testing.T) {
	assert.True(t, Privileged(config.Engine{}))
	assert.False(t, Privileged(config.Engine{Host: "tcp://dagger.example.internal:8080"}))
}

func TestTheCommandLineIsUsedOnlyWithItsSum(t *testing.T) {
	commands := strings.Join(installDagger(), "\n")
	for machine, cli := range DaggerCLI {
		assert.Contains(t, commands, machine+") url="+cli.URL+"; sum="+cli.Sum+" ;;")
		assert.Contains(t, cli.URL, DaggerVersion)
		assert.Len(t, cli.Sum, 64)
	}
	assert.Less(t, strings.Index(commands, "sha256sum --check"), strings.Index(commands, "tar "), "nothing is unpacked before it is checked")
}

func TestWordsReachTheFunctionAsTheyAre(t *testing.T) {
	for word, want := range map[string]string{
		"plain":           "plain",
		"two words":       "'two words'",
		"$VARIABLE/path":  `"$VARIABLE/path"`,
		"a'b":             `'a'\''b'`,
		"cmd://aws x y":   "'cmd://aws x y'",
		"semi;colon$(id)": "'semi;colon$(id)'",
	} {
		assert.Equal(t, want, shell([]string{word}))
	}
}
