package workflows

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// A workflow is a file of GitHub Actions. Source: the workflow syntax in GitHub's documentation.
type workflow struct {
	Name        string            `yaml:"name"`
	On          map[string]any    `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency concurrency       `yaml:"concurrency"`
	Env         map[string]string `yaml:"env,omitempty"`
	Defaults    map[string]any    `yaml:"defaults"`
	Jobs        yaml.MapSlice     `yaml:"jobs"`
}

type concurrency struct {
	Group  string `yaml:"group"`
	Cancel bool   `yaml:"cancel-in-progress"`
}

type gitHubJob struct {
	Name        string            `yaml:"name"`
	Needs       []string          `yaml:"needs,omitempty"`
	If          string            `yaml:"if,omitempty"`
	MayFail     bool              `yaml:"continue-on-error,omitempty"`
	Machine     string            `yaml:"runs-on"`
	Container   string            `yaml:"container,omitempty"`
	Timeout     int               `yaml:"timeout-minutes"`
	Environment string            `yaml:"environment,omitempty"`
	Concurrency *concurrency      `yaml:"concurrency,omitempty"`
	Permissions map[string]string `yaml:"permissions"`
	Outputs     map[string]string `yaml:"outputs,omitempty"`
	Env         map[string]string `yaml:"env,omitempty"`
	Steps       []gitHubStep      `yaml:"steps"`
}

type gitHubStep struct {
	ID      string            `yaml:"id,omitempty"`
	Name    string            `yaml:"name,omitempty"`
	If      string            `yaml:"if,omitempty"`
	MayFail bool              `yaml:"continue-on-error,omitempty"`
	Uses    string            `yaml:"uses,omitempty"`
	With    map[string]any    `yaml:"with,omitempty"`
	Run     string            `yaml:"run,omitempty"`
	Env     map[string]string `yaml:"env,omitempty"`
}

const (
	// defaultMachine is GitHub's machine for jobs.
	defaultMachine = "ubuntu-24.04"
	// workStep is the id of the step whose outputs are those of its job.
	workStep = "lockstep"
)

// gitHubDialect says what a job of GitHub needs.
var gitHubDialect = dialect{
	bin:           `"$RUNNER_TEMP/bin"`,
	addToPath:     `echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"`,
	variablesFile: `"$GITHUB_OUTPUT"`,
}

// gitHubFiles returns a workflow for each pipeline.
func gitHubFiles(p platform) ([]File, error) {
	var files []File
	for _, definition := range pipeline.WorkflowPipelines(p.Config) {
		content, err := p.workflow(definition)
		if err != nil {
			return nil, err
		}
		file, err := marshal(fileName(pipeline.GitHubFilePattern, definition.Name), content)
		if err != nil {
			return nil, err
		}
		file.Text = commentVersions(file.Text)
		files = append(files, file)
	}
	return files, nil
}

// commentVersions adds the version of each action behind its commit.
func commentVersions(text string) string {
	for _, a := range Actions() {
		text = strings.ReplaceAll(text, a.uses()+"\n", a.uses()+" # "+a.Version+"\n")
	}
	return text
}

// workflow returns the workflow of a pipeline. Its runs wait for each other, but a new commit of a pull request takes
// the place of the one before.
func (p platform) workflow(definition pipeline.Pipeline) (workflow, error) {
	on, err := p.gitHubTrigger(definition.Trigger)
	if err != nil {
		return workflow{}, err
	}
	w := workflow{
		Name: "lockstep " + definition.Name, On: on, Permissions: map[string]string{},
		Concurrency: concurrency{Group: "lockstep-" + definition.Name},
		Env:         p.engineVariables(definition),
		Defaults:    map[string]any{"run": map[string]string{"shell": "bash"}}, // with -e and -o pipefail
	}
	if definition.Trigger == pipeline.PullRequest {
		w.Concurrency = concurrency{Group: w.Concurrency.Group + "-${{ github.ref }}", Cancel: true}
	}
	used, earlier := usedVariables(definition), []string{}
	for _, stage := range definition.Stages {
		var names []string
		for _, job := range stage.Jobs {
			w.Jobs = append(w.Jobs, yaml.MapItem{Key: job.Name, Value: p.gitHubJob(definition, job, earlier, used)})
			names = append(names, job.Name)
		}
		earlier = append(slices.Clone(earlier), names...)
	}
	return w, nil
}

// gitHubTrigger returns what starts a workflow.
func (p platform) gitHubTrigger(trigger pipeline.Trigger) (map[string]any, error) {
	switch trigger {
	case pipeline.Push:
		return map[string]any{"push": map[string]any{"branches": []string{p.Branch}}}, nil
	case pipeline.Tag:
		return map[string]any{"push": map[string]any{"tags": []string{p.Tags}}}, nil
	case pipeline.PullRequest:
		return map[string]any{"pull_request": map[string]any{"branches": []string{p.Branch}}}, nil
	}
	cron, err := cronOf(p.Pipeline.DriftSchedule)
	if err != nil {
		return nil, err
	}
	return map[string]any{"schedule": []map[string]string{{"cron": cron}}}, nil
}

// gitHubJob returns a job. It needs all jobs of earlier stages, whose outputs it may refer to.
func (p platform) gitHubJob(
	definition pipeline.Pipeline, job pipeline.Job, earlier []string, used map[string]bool,
) gitHubJob {
	job = withUsedVariables(job, used)
	out := gitHubJob{
		Name: job.Name, Needs: earlier, Machine: cmp.Or(p.Machine, defaultMachine), Container: p.Image,
		Timeout: int(pipeline.JobTimeout.Minutes()), Environment: job.WorkflowEnvironment(),
		Permissions: map[string]string{"contents": "read"},
		Env:         map[string]string{commitVariable: gitHubCommit(definition.Trigger)},
	}
	maps.Copy(out.Env, variablesOf(job, func(from, variable string) string {
		return "${{ needs." + from + ".outputs." + variable + " }}"
	}))
	for name := range job.ExportedVariables {
		if out.Outputs == nil {
			out.Outputs = map[string]string{}
		}
		out.Outputs[name] = "${{ steps." + workStep + ".outputs." + name + " }}"
	}
	if job.NamesAuthor {
		out.Env[authorVariable] = "${{ github.event.head_commit.author.username }}"
	}
	if job.ReadsApproval {
		out.Env[executionVariable] = "github:${{ github.repository }}/${{ github.run_id }}"
		out.Permissions["actions"] = "read"
	}
	if job.ReportsFolder != "" {
		out.Permissions["security-events"] = "write"
		out.Permissions["actions"] = "read" // the upload of findings reads the run, in a private repository
	}
	if job.CommentsPlans { // the token of a fork or of Dependabot may not write
		out.If = "${{ !github.event.pull_request.head.repo.fork && github.actor != 'dependabot[bot]' }}"
		out.MayFail = true // the plans are in the summaries of their jobs too
		out.Env[requestVariable] = "${{ github.event.pull_request.number }}"
		out.Permissions["pull-requests"] = "write"
	}
	if job.Permission != pipeline.NoPermission {
		out.Permissions["id-token"] = "write"
		out.Concurrency = &concurrency{Group: "lockstep-" + job.Environment}
	}
	out.Steps = p.gitHubSteps(job)
	return out
}

// gitHubCommit returns the commit that a job works on. That of a pull request is not the merge that GitHub checks out.
func gitHubCommit(trigger pipeline.Trigger) string {
	if trigger == pipeline.PullRequest {
		return "${{ github.event.pull_request.head.sha }}"
	}
	return "${{ github.sha }}"
}

// gitHubSteps returns the steps of a job: the sources, the programs, earlier results, credentials, the work, and its
// results.
func (p platform) gitHubSteps(job pipeline.Job) []gitHubStep {
	steps := []gitHubStep{{
		Uses: checkout.uses(), // gates read the history
		With: map[string]any{"fetch-depth": 0, "persist-credentials": false},
	}}
	if job.CommentsPlans {
		steps[0].With["ref"] = "${{ github.event.pull_request.base.sha }}"
	}
	switch {
	case p.Image != "":
	case job.CommentsPlans:
		steps = append(steps, goStep()) // the program is all that runs
	case p.Runner == config.HostRunner:
		steps = append(steps, languageSteps(p.Pipeline.App.Language)...)
	}
	content := p.script(job, gitHubDialect)
	if p.Image != "" { // otherwise Git refuses a repository that another user than the container's has cloned
		content.setup = append([]string{`git config --global --add safe.directory "$GITHUB_WORKSPACE"`}, content.setup...)
	}
	steps = append(steps, gitHubStep{Name: "set up", Run: lines(content.setup)})
	for _, artifact := range job.Inputs[1:] {
		steps = append(steps, gitHubStep{
			Uses: downloadArtifact.uses(), With: map[string]any{"name": artifact, "path": artifact},
		})
	}
	if job.Permission != pipeline.NoPermission {
		steps = append(steps, gitHubStep{Uses: awsCredentials.uses(), With: map[string]any{
			"role-to-assume": p.roleARN(job), "aws-region": p.Pipeline.Tooling.Region,
			"role-session-name":     "lockstep-${{ github.run_id }}",
			"role-duration-seconds": int(pipeline.WorkflowSessionTime.Seconds()),
		}})
	}
	work := gitHubStep{ID: workStep, Name: job.Description, Run: lines(content.work)}
	if job.ReadsApproval || job.CommentsPlans {
		work.Env = map[string]string{"GITHUB_TOKEN": "${{ github.token }}"}
	}
	return append(append(steps, work), gitHubResults(job)...)
}

// gitHubResults returns the steps that keep a job's results: reports whether it passes or not, and its artifact.
func gitHubResults(job pipeline.Job) []gitHubStep {
	var steps []gitHubStep
	if job.ReportsFolder != "" {
		steps = append(steps,
			gitHubStep{
				If: "${{ !cancelled() }}", Uses: uploadArtifact.uses(),
				With: map[string]any{"name": "report-" + job.Name, "path": job.ReportsFolder, "if-no-files-found": "ignore"},
			},
			gitHubStep{ // the token of a fork's pull request may not write
				If: "${{ !cancelled() && !github.event.pull_request.head.repo.fork && hashFiles('" + job.ReportsFolder +
					"/findings.sarif') != '' }}",
				MayFail: true, // code scanning is not on in every repository, and the findings are among the reports too
				Uses:    uploadSARIF.uses(),
				With:    map[string]any{"sarif_file": job.ReportsFolder + "/findings.sarif", "category": job.Name},
			})
	}
	if job.Output == "" {
		return steps
	}
	if job.SavesPlan() {
		steps = append(steps, gitHubStep{
			Name: "show the plan", Run: `cat ` + job.OutputFolder + `/plan.md >> "$GITHUB_STEP_SUMMARY"`,
		})
	}
	return append(steps, gitHubStep{Uses: uploadArtifact.uses(), With: map[string]any{
		"name": job.Output, "path": job.OutputFolder, "if-no-files-found": "error", "include-hidden-files": true,
	}})
}

// languageSteps install the languages that steps on the machine itself need, in the versions of the pinned images. The
// machine has Maven.
func languageSteps(app string) []gitHubStep {
	steps := []gitHubStep{
		goStep(),
		{Uses: setupNode.uses(), With: map[string]any{"node-version": pipeline.ImageVersion(pipeline.ImageNode)}},
		{Uses: setupPython.uses(), With: map[string]any{"python-version": pipeline.ImageVersion(pipeline.ImagePython)}},
	}
	if app == "java" {
		steps = append(steps, gitHubStep{Uses: setupJava.uses(), With: map[string]any{
			"distribution": "temurin", "java-version": pipeline.JavaVersion(),
		}})
	}
	return steps
}

func goStep() gitHubStep {
	version := pipeline.ImageVersion(pipeline.ImageGo)
	return gitHubStep{Uses: setupGo.uses(), With: map[string]any{"go-version": version, "cache": false}}
}

// lines returns the text of a script. It stops at the first command that fails.
func lines(commands []string) string { return strings.Join(commands, "\n") + "\n" }

// usedVariables returns the variables of a pipeline that later jobs are given.
func usedVariables(definition pipeline.Pipeline) map[string]bool {
	used := map[string]bool{}
	for _, stage := range definition.Stages {
		for _, job := range stage.Jobs {
			for _, expression := range job.Variables {
				if _, variable, ok := earlierJob(expression); ok {
					used[variable] = true
				}
			}
		}
	}
	return used
}

// withUsedVariables returns a job that exports only variables that are used. CodePipeline shows others to the approver.
func withUsedVariables(job pipeline.Job, used map[string]bool) pipeline.Job {
	job.ExportedVariables = maps.Clone(job.ExportedVariables)
	maps.DeleteFunc(job.ExportedVariables, func(name, _ string) bool { return !used[name] })
	// That of CodePipeline is no variable of a job.
	job.Variables = maps.Clone(job.Variables)
	delete(job.Variables, executionVariable)
	return job
}

// cronOf returns an expression of EventBridge in the form of cron, in UTC.
func cronOf(expression string) (string, error) {
	kind, rest, _ := strings.Cut(strings.TrimSuffix(expression, ")"), "(")
	fields := strings.Fields(rest)
	switch {
	case kind == "rate" && len(fields) == 2:
		return cronOfRate(fields[0], strings.TrimSuffix(fields[1], "s"))
	case kind == "cron" && len(fields) == 6 && fields[5] == "*" && !strings.ContainsAny(rest, "LW#") &&
		!strings.ContainsAny(fields[4], "1234567"): // EventBridge counts from Sunday as 1
		return strings.ReplaceAll(strings.Join(fields[:5], " "), "?", "*"), nil
	}
	return "", scheduleError(expression)
}

// cronOfRate returns a rate in the form of cron, at a minute that is not the busiest.
func cronOfRate(number, unit string) (string, error) {
	switch {
	case number == "1" && unit == "day":
		return "17 4 * * *", nil
	case number == "7" && unit == "day":
		return "17 4 * * 1", nil
	case unit == "hour" && slices.Contains([]string{"1", "2", "3", "4", "6", "8", "12"}, number):
		return "17 */" + number + " * * *", nil
	}
	return "", scheduleError(fmt.Sprintf("rate(%s %ss)", number, unit))
}

// scheduleError is the error of an expression that no form of cron says.
func scheduleError(expression string) error {
	return fault.Errorf(fault.ConfigConflict, "driftSchedule %s cannot be written as cron: write rate(1 day), "+
		"rate(N hours) with an N by which 24 can be divided, or cron(MINUTE HOUR DAY MONTH WEEKDAY *)", expression)
}
