// Package workflows tests the pipeline files of GitHub Actions and GitLab CI: they are what the services accept, and
// their scripts do what the jobs of CodePipeline do.
package workflows

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/workflows"
	"lockstep/tests/harness"
	"lockstep/tools"
)

var update = flag.Bool("update", false, "write the committed files again")

// image is the image of the jobs of the examples.
const image = "example.com/jobs:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// committed are the examples whose files are committed, each in the folder of its name.
var committed = []string{"github-dagger", "gitlab-host"}

// examples are settings of workflows.
var examples = map[string]config.Workflows{
	"github-dagger": {Service: config.GitHub, Runner: config.DaggerRunner},
	"github-module": {
		Service: config.GitHub, Runner: config.DaggerRunner, Module: "github.com/example/lockstep@v1.0.0",
	},
	"github-host": {Service: config.GitHub, Runner: config.HostRunner, Program: &config.Program{
		URL: "https://example.com/lockstep.tar.gz", SHA256: strings.Repeat("0", 64),
	}},
	"github-image":  {Service: config.GitHub, Runner: config.HostRunner, Image: image, Machine: "self-hosted"},
	"gitlab-dagger": {Service: config.GitLab, Runner: config.DaggerRunner, Image: image},
	"gitlab-host":   {Service: config.GitLab, Runner: config.HostRunner, Image: image, Machine: "large"},
}

// loadExample returns the fixture platform with the settings of an example.
func loadExample(t *testing.T, w config.Workflows) *config.Config {
	t.Helper()
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	w.Repository, w.Branch, w.Tags = "example/shop", "main", "v*"
	c.Pipeline.Workflows = &w
	return c
}

// filesOf returns the files of an example.
func filesOf(t *testing.T, w config.Workflows) []workflows.File {
	t.Helper()
	files, err := workflows.Files(loadExample(t, w), w.Service)
	require.NoError(t, err)
	return files
}

func TestWorkflows_CommittedFilesAreCurrent(t *testing.T) {
	for _, name := range committed {
		t.Run(name, func(t *testing.T) {
			folder, example := filepath.Join("testdata", name), examples[name]
			files := filesOf(t, example)
			if *update {
				require.NoError(t, os.RemoveAll(folder))
				for _, file := range files {
					harness.MustWriteFile(t, filepath.Join(folder, filepath.FromSlash(file.Path)), file.Text)
				}
			}
			states, err := workflows.Compare(os.DirFS(folder), example.Service, files)
			require.NoError(t, err)
			for path, state := range states {
				assert.Equal(t, workflows.Current, state, "%s: run the tests with -update", path)
			}
		})
	}
}

func TestCompare_NamesWhatDiffers(t *testing.T) {
	files := filesOf(t, examples["github-dagger"])
	folder := t.TempDir()
	for _, file := range files[1:] {
		harness.MustWriteFile(t, filepath.Join(folder, file.Path), file.Text)
	}
	harness.MustWriteFile(t, filepath.Join(folder, files[1].Path), files[1].Text+"# edited\n")
	former := ".github/workflows/lockstep-former.yml"
	harness.MustWriteFile(t, filepath.Join(folder, former), files[0].Text)
	harness.MustWriteFile(t, filepath.Join(folder, ".github/workflows/lockstep-own.yml"), "name: a person's own\n")
	states, err := workflows.Compare(os.DirFS(folder), config.GitHub, files)
	require.NoError(t, err)
	assert.Equal(t, map[string]workflows.State{
		files[0].Path: workflows.Missing, files[1].Path: workflows.Differs, files[2].Path: workflows.Current,
		files[3].Path: workflows.Current, former: workflows.Obsolete,
	}, states)
}

// Jobs whose steps run on the machine itself get a JDK if the app is in Java, in the version of the image of Java.
func TestWorkflows_JavaAppHasAJDK(t *testing.T) {
	example := examples["github-host"]
	for language, wants := range map[string]bool{"java": true, "typescript": false} {
		c := loadExample(t, example)
		c.Pipeline.App.Language = language
		files, err := workflows.Files(c, example.Service)
		require.NoError(t, err)
		for name, got := range readJobs(t, example, files[0].Text) {
			installs := map[string]any{}
			for _, step := range got.Steps {
				action, _, _ := strings.Cut(step.Uses, "@")
				installs[action] = step.With["java-version"]
			}
			if _, setsUp := installs["actions/setup-python"]; setsUp {
				version, has := installs["actions/setup-java"]
				assert.Equal(t, wants, has, "%s of an app in %s", name, language)
				assert.True(t, !wants || version == "21", "%s has Java %v", name, version)
			}
		}
	}
}

// A job is a job of a file, as far as the tests read it.
type job struct {
	Needs       []string          `yaml:"needs"`
	Stage       string            `yaml:"stage"`
	Container   string            `yaml:"container"`
	Image       string            `yaml:"image"`
	Machine     string            `yaml:"runs-on"`
	Tags        []string          `yaml:"tags"`
	Minutes     int               `yaml:"timeout-minutes"`
	Timeout     string            `yaml:"timeout"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Group       string            `yaml:"resource_group"`
	Environment any               `yaml:"environment"`
	Permissions map[string]string `yaml:"permissions"`
	Env         map[string]string `yaml:"env"`
	Variables   map[string]string `yaml:"variables"`
	Tokens      map[string]any    `yaml:"id_tokens"`
	When        string            `yaml:"when"`
	If          string            `yaml:"if"`
	Rules       []struct {
		If string `yaml:"if"`
	} `yaml:"rules"`
	Script []string `yaml:"script"`
	Steps  []struct {
		Uses    string            `yaml:"uses"`
		MayFail bool              `yaml:"continue-on-error"`
		Run     string            `yaml:"run"`
		With    map[string]any    `yaml:"with"`
		Env     map[string]string `yaml:"env"`
	} `yaml:"steps"`
}

// readJobs returns the jobs of a file by name.
func readJobs(t *testing.T, w config.Workflows, text string) map[string]job {
	t.Helper()
	jobs := map[string]job{}
	if w.Service == config.GitHub {
		var file struct {
			Jobs map[string]job `yaml:"jobs"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(text), &file))
		return file.Jobs
	}
	var file map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &file))
	for name, content := range file {
		if settings, _ := content.(map[string]any); settings["script"] == nil {
			continue
		}
		encoded, err := yaml.Marshal(content)
		require.NoError(t, err)
		var read job
		require.NoError(t, yaml.Unmarshal(encoded, &read))
		jobs[name] = read
	}
	return jobs
}

// scripts returns the scripts of a job, each of which runs in a shell of its own.
func (j job) scripts() []string {
	if len(j.Script) > 0 {
		return []string{strings.Join(j.Script, "\n")}
	}
	var out []string
	for _, step := range j.Steps {
		if step.Run != "" {
			out = append(out, step.Run)
		}
	}
	return out
}

// stub is a program that notes its arguments in the place of one that would reach the network or an account. What it
// would write is written by the test before.
const stub = `#!/usr/bin/env bash
{ printf '%s' "$(basename "$0")"; printf ' [%s]' "$@"; echo; } >> "$LOCKSTEP_TEST_LOG"
[ "$(basename "$0")" = sha256sum ] && cat > /dev/null # otherwise what writes to it may be ended by a signal
[ "$(basename "$0") $1" = "lockstep synth" ] && mkdir -p .lockstep/assembly
[ "$(basename "$0") $1" = "lockstep digest" ] && echo 1111111111111111111111111111111111111111111111111111111111111111
exit 0
`

// A machine is where the scripts of jobs run: a clone whose commit is on the branch main, and programs that only note
// their arguments.
type machine struct {
	t               *testing.T
	dir, clone, log string
	temporary       string
	commit          string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{
		t: t, dir: dir, clone: filepath.Join(dir, "clone"), log: filepath.Join(dir, "log"),
		temporary: filepath.Join(dir, "temporary"),
	}
	require.NoError(t, os.MkdirAll(m.temporary, 0o755))
	for _, name := range []string{"dagger", "lockstep", "curl", "sha256sum", "tar", "aws", "go"} {
		file := filepath.Join(dir, "stubs", name)
		harness.MustWriteFile(t, file, stub)
		require.NoError(t, os.Chmod(file, 0o755))
	}
	require.NoError(t, os.MkdirAll(m.clone, 0o755))
	m.commit = strings.TrimSpace(m.run("git init -q . && git commit -q --allow-empty -m x && "+
		"git update-ref refs/remotes/origin/main HEAD && git rev-parse HEAD", nil))
	return m
}

// run runs a script as the services do, and returns what it prints.
func (m *machine) run(script string, environ []string) string {
	m.t.Helper()
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = m.clone
	cmd.Env = append([]string{
		"PATH=" + m.dir + "/stubs:" + os.Getenv("PATH"), "HOME=" + m.dir, "LOCKSTEP_TEST_LOG=" + m.log,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
	}, environ...)
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "%s\n%s", script, out)
	return string(out)
}

// runJob runs the scripts of a job in the clone, and returns the calls of the programs that do the work.
func (m *machine) runJob(j job) []string {
	m.t.Helper()
	environ := []string{
		"RUNNER_TEMP=" + m.dir + "/runner", "GITHUB_PATH=" + m.dir + "/path", "GITHUB_OUTPUT=" + m.dir + "/output",
		"GITHUB_STEP_SUMMARY=" + m.dir + "/summary", "CI_PROJECT_DIR=" + m.clone, "CI_PIPELINE_ID=7",
		"CI_PROJECT_PATH=example/shop", "LOCKSTEP_IDENTITY=token", "CI_COMMIT_SHA=" + m.commit,
		"GITHUB_WORKSPACE=" + m.clone, "TMPDIR=" + m.temporary,
		"CI_MERGE_REQUEST_DIFF_BASE_SHA=" + m.commit, "CI_MERGE_REQUEST_IID=12",
		"LOCKSTEP_ASSEMBLY_DEV=dev", "LOCKSTEP_ASSEMBLY_ACC=acc", "LOCKSTEP_ASSEMBLY_PROD=prod", "LOCKSTEP_PLAN_DIGEST=plan",
	}
	for name := range j.Env { // the service replaces its expressions
		environ = append(environ, name+"=value-of-"+name)
	}
	environ = append(environ, "LOCKSTEP_COMMIT="+m.commit)
	m.prepare()
	for _, script := range j.scripts() {
		m.run(script, environ)
	}
	return m.calls()
}

func TestWorkflows_JobsHaveTheRightsOfTheirTwins(t *testing.T) {
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, jobs := newMachine(t), map[string]job{}
			for _, file := range filesOf(t, example) {
				definition := strings.TrimSuffix(filepath.Base(file.Path), ".yml")
				for jobName, read := range readJobs(t, example, file.Text) {
					jobs[strings.TrimPrefix(definition, "lockstep-")+"/"+jobName] = read
				}
			}
			for _, definition := range pipeline.WorkflowPipelines(loadExample(t, example)) {
				for _, stage := range definition.Stages {
					for _, want := range stage.Jobs {
						got, ok := jobs[definition.Name+"/"+want.Name]
						require.True(t, ok, "%s has no job %s", definition.Name, want.Name)
						delete(jobs, definition.Name+"/"+want.Name)
						checkRights(t, example, got, want, stage)
						if want.CommentsPlans {
							checkComment(t, example, got, here.runJob(got))
						}
					}
				}
			}
			assert.Empty(t, jobs, "jobs that the table does not have")
		})
	}
}

// checkComment requires of the job that comments that it runs nothing of the pull request with its token, and is none
// for a fork.
func checkComment(t *testing.T, w config.Workflows, got job, calls []string) {
	t.Helper()
	request := "value-of-LOCKSTEP_REQUEST"
	if w.Service == config.GitLab {
		request = "12"
	}
	plans := "[preview-dev/plan.json] [preview-acc/plan.json] [preview-prod/plan.json]"
	assert.Equal(t, []string{"lockstep [comment] [--request] [" + request + "] " + plans}, calls)
	if w.Service == config.GitLab {
		require.Len(t, got.Rules, 1)
		assert.Contains(t, got.Rules[0].If, "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID")
		assert.Contains(t, got.Rules[0].If, "&& $LOCKSTEP_COMMENT_TOKEN")
		assert.Contains(t, got.Script[4], `checkout --quiet --force --detach "$CI_MERGE_REQUEST_DIFF_BASE_SHA"`)
		assert.Contains(t, got.Script[5], "git clean -ffdxq --exclude=/preview-dev ")
		assert.Empty(t, got.Tokens)
		return
	}
	assert.Equal(t, map[string]string{"contents": "read", "pull-requests": "write"}, got.Permissions)
	assert.Contains(t, got.If, "!github.event.pull_request.head.repo.fork")
	assert.Equal(t, "${{ github.event.pull_request.base.sha }}", got.Steps[0].With["ref"])
	for i, step := range got.Steps {
		assert.Equal(t, i == len(got.Steps)-1, step.Env["GITHUB_TOKEN"] != "", "only the command itself has the token")
	}
}

// checkRights requires that a job has an identity only if it works on accounts, and waits where a person approves.
func checkRights(t *testing.T, w config.Workflows, got job, want pipeline.Job, stage pipeline.PipelineStage) {
	t.Helper()
	hasIdentity := want.Permission != pipeline.NoPermission
	if w.Service == config.GitLab {
		assert.Equal(t, hasIdentity, got.Tokens != nil, want.Name)
		assert.Equal(t, hasIdentity, got.Variables["AWS_ROLE_ARN"] != "", want.Name)
		assert.Equal(t, stage.Approval != "", got.When == "manual", want.Name)
		return
	}
	assert.Equal(t, hasIdentity, got.Permissions["id-token"] == "write", want.Name)
	assert.Equal(t, hasIdentity, got.Environment != nil, want.Name)
	assert.Equal(t, "read", got.Permissions["contents"], want.Name)
	for _, step := range got.Steps {
		if step.Uses != "" {
			assert.Regexp(t, `^[a-z-]+/[a-z/-]+@[0-9a-f]{40}$`, step.Uses)
		}
	}
}

// A runner of GitLab keeps what is beside a job's clone, and a later job on it may be that of a merge request.
func TestWorkflows_GitLabJobLeavesNoTokenAndNoProgramBehind(t *testing.T) {
	example := examples["gitlab-host"]
	here := newMachine(t)
	harness.MustWriteFile(t, here.clone+".bin/lockstep", "#!/bin/sh\ntouch "+here.dir+"/planted\n")
	require.NoError(t, os.Chmod(here.clone+".bin/lockstep", 0o755))
	before, err := os.ReadDir(here.dir)
	require.NoError(t, err)
	var deployed int
	for _, file := range filesOf(t, example) {
		for name, read := range readJobs(t, example, file.Text) {
			if read.Tokens == nil {
				continue
			}
			deployed++
			here.runJob(read)
			left, err := os.ReadDir(here.temporary)
			require.NoError(t, err)
			assert.Empty(t, left, name)
		}
		if strings.Contains(file.Text, "variables:") {
			assert.Contains(t, file.Text, "GIT_STRATEGY: clone", file.Path)
		}
	}
	assert.NotZero(t, deployed)
	after, err := os.ReadDir(here.dir)
	require.NoError(t, err)
	assert.Len(t, after, len(before)+1, "the log alone is new")
}

// GitHub refuses the findings of a repository without code scanning, and its token reads no run of a private one. A
// deployment does not depend on either.
func TestWorkflows_RefusedFindingsFailNoJob(t *testing.T) {
	var uploads int
	for _, file := range filesOf(t, examples["github-host"]) {
		for name, read := range readJobs(t, examples["github-host"], file.Text) {
			for _, step := range read.Steps {
				if strings.HasPrefix(step.Uses, "github/codeql-action/upload-sarif@") {
					uploads++
					assert.True(t, step.MayFail, name)
					assert.Equal(t, map[string]string{
						"actions": "read", "contents": "read", "security-events": "write",
					}, read.Permissions, name)
				} else {
					assert.False(t, step.MayFail, name)
				}
			}
		}
	}
	assert.NotZero(t, uploads)
}

// Git refuses a repository of another user, and the user of a container is another than the one who has cloned.
func TestWorkflows_GitOfAContainerTakesTheClone(t *testing.T) {
	example, here := examples["github-image"], newMachine(t)
	clone := "/work/clone"
	for _, file := range filesOf(t, example) {
		for name, read := range readJobs(t, example, file.Text) {
			require.NoError(t, os.RemoveAll(here.dir+"/.gitconfig"))
			first, _, _ := strings.Cut(read.scripts()[0], "\n")
			here.run(first, []string{"GITHUB_WORKSPACE=" + clone})
			settings, err := os.ReadFile(here.dir + "/.gitconfig")
			require.NoError(t, err, name)
			assert.Contains(t, string(settings), "directory = "+clone, name)
		}
	}
}

func TestWorkflows_GateFailureFailsTheJobAndKeepsTheReport(t *testing.T) {
	for _, file := range filesOf(t, examples["github-host"]) {
		if !strings.HasSuffix(file.Path, "pull-request.yml") {
			continue
		}
		quality := readJobs(t, examples["github-host"], file.Text)["quality"]
		script := quality.scripts()[1]
		dir := t.TempDir()
		failing := strings.Replace(stub, "exit 0", `[ "$1" != quality ] || exit 1`+"\nexit 0", 1)
		harness.MustWriteFile(t, filepath.Join(dir, "bin", "lockstep"), failing)
		require.NoError(t, os.Chmod(filepath.Join(dir, "bin", "lockstep"), 0o755))
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", script)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + dir + "/bin:" + os.Getenv("PATH"), "LOCKSTEP_TEST_LOG=" + dir + "/log"}
		require.Error(t, cmd.Run())
		log, err := os.ReadFile(dir + "/log")
		require.NoError(t, err)
		assert.Contains(t, string(log), "lockstep [report] [--format] [sarif]")
	}
}

func TestWorkflows_JobFailsWithoutTheDigestThatItHandsOn(t *testing.T) {
	for _, service := range []string{"github-host", "gitlab-host"} {
		for _, file := range filesOf(t, examples[service]) {
			if !strings.HasSuffix(file.Path, "lockstep-main.yml") {
				continue
			}
			scripts := readJobs(t, examples[service], file.Text)["synth"].scripts()
			_, work, _ := strings.Cut(scripts[len(scripts)-1], "lockstep synth")
			here := newMachine(t)
			failing := strings.Replace(stub, "exit 0", `[ "$1" != digest ] || exit 1`+"\nexit 0", 1)
			harness.MustWriteFile(t, filepath.Join(here.dir, "stubs", "lockstep"), failing)
			cmd := exec.Command("bash", "-eo", "pipefail", "-c", "lockstep synth"+work)
			cmd.Dir = here.clone
			cmd.Env = []string{
				"PATH=" + here.dir + "/stubs:" + os.Getenv("PATH"), "LOCKSTEP_TEST_LOG=" + here.log,
				"GITHUB_OUTPUT=" + here.dir + "/output",
			}
			require.Error(t, cmd.Run(), service)
			log, err := os.ReadFile(here.log)
			require.NoError(t, err)
			assert.Contains(t, string(log), "lockstep [digest]", service)
		}
	}
}

func TestWorkflows_ActionlintAcceptsThem(t *testing.T) {
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { t.Log(line) })
	require.NoError(t, err)
	folder, err := installer.Install(t.Context(), pipeline.ToolActionlint)
	require.NoError(t, err)
	for name, example := range examples {
		if example.Service != config.GitHub {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var names []string
			for _, file := range filesOf(t, example) {
				names = append(names, filepath.Join(dir, filepath.Base(file.Path)))
				harness.MustWriteFile(t, names[len(names)-1], file.Text)
			}
			out, err := exec.Command(filepath.Join(folder, "bin", "actionlint"), names...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}
