package workflows

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// A gitLabJob is a job of GitLab CI. Source: the CI/CD YAML syntax reference in GitLab's documentation.
type gitLabJob struct {
	Stage         string             `yaml:"stage"`
	Image         string             `yaml:"image"`
	Tags          []string           `yaml:"tags,omitempty"`
	Dependencies  []string           `yaml:"dependencies"`
	Timeout       string             `yaml:"timeout"`
	Interruptible bool               `yaml:"interruptible"`
	Environment   *gitLabEnvironment `yaml:"environment,omitempty"`
	ResourceGroup string             `yaml:"resource_group,omitempty"`
	When          string             `yaml:"when,omitempty"`
	AllowFailure  *bool              `yaml:"allow_failure,omitempty"`
	Rules         []gitLabRule       `yaml:"rules,omitempty"`
	Tokens        map[string]any     `yaml:"id_tokens,omitempty"`
	Variables     map[string]string  `yaml:"variables,omitempty"`
	Script        []string           `yaml:"script"`
	Artifacts     *gitLabArtifacts   `yaml:"artifacts,omitempty"`
}

// A gitLabRule is a condition under which there is a job.
type gitLabRule struct {
	If string `yaml:"if"`
}

// A gitLabEnvironment is the environment of a job. A job that deploys nothing only accesses it.
type gitLabEnvironment struct {
	Name   string `yaml:"name"`
	Action string `yaml:"action,omitempty"`
}

type gitLabArtifacts struct {
	When    string            `yaml:"when"`
	Expire  string            `yaml:"expire_in"`
	Paths   []string          `yaml:"paths"`
	Access  string            `yaml:"access,omitempty"`
	Reports map[string]string `yaml:"reports,omitempty"`
}

const (
	// tokenVariable is the variable with a job's identity token, and tokenFile the file that the SDKs of AWS read.
	tokenVariable = "LOCKSTEP_IDENTITY"
	tokenFile     = `"$temporary/identity"`
	// variablesFile holds the variables that a job hands to later ones.
	variablesFile = "lockstep.env"
)

// gitLabDialect says what a job of GitLab needs.
var gitLabDialect = dialect{
	bin:           `"$temporary/bin"`,
	addToPath:     `export PATH="$temporary/bin:$PATH"`,
	variablesFile: variablesFile,
}

// gitLabFiles returns a file for each pipeline, and one that includes them.
func gitLabFiles(p platform) ([]File, error) {
	var includes []any
	var rules []any
	var files []File
	for _, definition := range pipeline.WorkflowPipelines(p.Config) {
		name := fileName(pipeline.GitLabFilePattern, definition.Name)
		rule := map[string]any{"if": p.gitLabCondition(definition.Trigger)}
		includes = append(includes, yaml.MapSlice{{Key: "local", Value: name}, {Key: "rules", Value: []any{rule}}})
		rules = append(rules, rule)
		file, err := marshal(name, p.gitLabPipeline(definition))
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	root, err := marshal(pipeline.GitLabFile, yaml.MapSlice{
		{Key: "workflow", Value: map[string]any{"rules": rules}}, {Key: "include", Value: includes},
	})
	return append([]File{root}, files...), err
}

// gitLabCondition returns the condition under which a pipeline runs. The times of a schedule are set in the project.
func (p platform) gitLabCondition(trigger pipeline.Trigger) string {
	switch trigger {
	case pipeline.Push:
		return fmt.Sprintf(`$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "%s"`, p.Branch)
	case pipeline.Tag:
		pattern := strings.ReplaceAll(regexp.QuoteMeta(p.Tags), `\*`, ".*")
		return fmt.Sprintf(`$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_TAG =~ /^%s$/`,
			strings.ReplaceAll(pattern, "/", `\/`))
	case pipeline.PullRequest:
		return `$CI_PIPELINE_SOURCE == "merge_request_event"`
	}
	return `$CI_PIPELINE_SOURCE == "schedule"`
}

// gitLabPipeline returns the content of a pipeline's file. Its stages run one after the other.
func (p platform) gitLabPipeline(definition pipeline.Pipeline) yaml.MapSlice {
	var stages []string
	var jobs yaml.MapSlice
	used, producers := usedVariables(definition), map[string]pipeline.Job{}
	for _, stage := range definition.Stages {
		stages = append(stages, stage.Name)
		for _, job := range stage.Jobs {
			jobs = append(jobs, yaml.MapItem{Key: job.Name, Value: p.gitLabJob(definition, stage, job, used, producers)})
			if job.Output != "" {
				producers[job.Output] = job
			}
		}
	}
	content := yaml.MapSlice{{Key: "stages", Value: stages}}
	variables := map[string]string{
		"GIT_DEPTH":    "0",     // gates read the history
		"GIT_STRATEGY": "clone", // a runner keeps the clone of an earlier job, whose code may have changed it
	}
	maps.Copy(variables, p.engineVariables(definition))
	return append(append(content, yaml.MapItem{Key: "variables", Value: variables}), jobs...)
}

// gitLabJob returns a job. The producers are the jobs of earlier stages, by the artifacts that they write.
func (p platform) gitLabJob(
	definition pipeline.Pipeline, stage pipeline.PipelineStage, job pipeline.Job, used map[string]bool,
	producers map[string]pipeline.Job,
) gitLabJob {
	job = withUsedVariables(job, used)
	out := gitLabJob{
		Stage: stage.Name, Image: p.Image, Dependencies: dependenciesOf(job, producers),
		Timeout:       fmt.Sprintf("%.0f minutes", pipeline.JobTimeout.Minutes()),
		Interruptible: definition.Trigger == pipeline.PullRequest,
		Artifacts:     gitLabResults(job),
	}
	if p.Machine != "" {
		out.Tags = []string{p.Machine}
	}
	if stage.Approval != "" {
		required := false
		out.When, out.AllowFailure = "manual", &required // the pipeline waits
	}
	if job.Permission != pipeline.NoPermission {
		p.addIdentity(&out, job)
	}
	if job.CommentsPlans {
		tolerated := true
		out.AllowFailure = &tolerated
		out.Rules = []gitLabRule{{ // not for the merge request of a fork, and not without a token
			If: "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID && $" +
				pipeline.CommentTokenVariable(config.GitLab),
		}}
	}
	out.Script = p.gitLabScript(job, producers)
	return out
}

// addIdentity gives a job the environment and the identity with which it assumes its role. Only one job at a time works
// on an environment.
func (p platform) addIdentity(out *gitLabJob, job pipeline.Job) {
	out.Environment = &gitLabEnvironment{Name: job.WorkflowEnvironment()}
	if job.Permission != pipeline.DeployPermission {
		out.Environment.Action = "access"
	}
	out.ResourceGroup = "lockstep-" + job.Environment
	out.Tokens = map[string]any{tokenVariable: map[string]string{"aud": "https://" + p.ServiceHost()}}
	out.Variables = map[string]string{
		"AWS_ROLE_ARN": p.roleARN(job), "AWS_REGION": p.Pipeline.Tooling.Region,
		"AWS_ROLE_SESSION_NAME": "lockstep-$CI_PIPELINE_ID",
	}
}

// gitLabScript returns what a job runs.
func (p platform) gitLabScript(job pipeline.Job, producers map[string]pipeline.Job) []string {
	script := []string{
		"set -euo pipefail",
		`temporary="$(mktemp -d)"`, // for the job alone: folders beside the clone are kept for later jobs
		`trap 'rm -rf "$temporary"' EXIT`,
		"export " + commitVariable + `="${CI_MERGE_REQUEST_SOURCE_BRANCH_SHA:-$CI_COMMIT_SHA}"`,
	}
	if job.CommentsPlans {
		script = append(script, // the artifacts are those of jobs that ran code of the merge request
			`git -c core.hooksPath=/dev/null checkout --quiet --force --detach "$CI_MERGE_REQUEST_DIFF_BASE_SHA"`,
			"git clean -ffdxq "+pipeline.QuoteCommand(excludeInputs(job)),
			"export "+requestVariable+`="$CI_MERGE_REQUEST_IID"`)
	}
	variables := variablesOf(job, func(_, variable string) string { return `"$` + variable + `"` })
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		script = append(script, "export "+name+"="+variables[name])
	}
	if job.NamesAuthor {
		script = append(script, "export "+authorVariable+`="$(git log -1 --format=%ae "$`+commitVariable+`")"`)
	}
	if job.ReadsApproval {
		script = append(script, "export "+executionVariable+`="gitlab:$CI_PROJECT_PATH/$CI_PIPELINE_ID"`)
	}
	content := p.script(job, gitLabDialect)
	script = append(script, content.setup...)
	for _, artifact := range job.Inputs[1:] {
		if folder := producers[artifact].OutputFolder; folder != artifact {
			script = append(script, pipeline.QuoteCommand([]string{"mv", folder, artifact}))
		}
	}
	if job.Permission != pipeline.NoPermission {
		script = append(script, `printf %s "$`+tokenVariable+`" > `+tokenFile,
			"export AWS_WEB_IDENTITY_TOKEN_FILE="+tokenFile)
	}
	return append(script, content.work...)
}

// excludeInputs returns the arguments of Git that leave the artifacts that a job reads.
func excludeInputs(job pipeline.Job) []string {
	var arguments []string
	for _, artifact := range job.Inputs[1:] {
		arguments = append(arguments, "--exclude=/"+artifact)
	}
	return arguments
}

// dependenciesOf returns the jobs whose artifacts and variables a job takes. It is empty, not absent, for none:
// otherwise a job takes all.
func dependenciesOf(job pipeline.Job, producers map[string]pipeline.Job) []string {
	jobs := []string{}
	for _, artifact := range job.Inputs[1:] {
		jobs = append(jobs, producers[artifact].Name)
	}
	return jobs
}

// gitLabResults returns what a job keeps: reports whether it passes or not, its artifact, and its variables.
func gitLabResults(job pipeline.Job) *gitLabArtifacts {
	switch {
	case job.ReportsFolder != "":
		return &gitLabArtifacts{
			When: "always", Expire: "30 days", Paths: []string{job.ReportsFolder},
			Reports: map[string]string{"junit": job.ReportsFolder + "/*.xml"},
		}
	case job.Output == "":
		return nil
	}
	out := &gitLabArtifacts{When: "on_success", Expire: "30 days", Paths: []string{job.OutputFolder}, Access: "developer"}
	if len(job.ExportedVariables) > 0 {
		out.Reports = map[string]string{"dotenv": variablesFile}
	}
	return out
}
