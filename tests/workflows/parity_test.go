package workflows

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/workflows"
)

// A call is a call of the module or of the program, as a job has made it.
type call struct {
	// settings are the flags of the module, before the function.
	settings map[string]string
	function string
	flags    map[string]string
	// export is where the files of the result go; empty for nowhere.
	export string
}

// wordPattern matches a word that a stub has noted.
var wordPattern = regexp.MustCompile(`\[([^\]]*)\]`)

// parseCall returns a call of which a stub has noted the words.
func parseCall(line string) call {
	var words []string
	for _, match := range wordPattern.FindAllStringSubmatch(line, -1) {
		words = append(words, match[1])
	}
	out := call{settings: map[string]string{}, flags: map[string]string{}}
	take := func(into map[string]string) {
		for len(words) > 0 && strings.HasPrefix(words[0], "--") {
			name := words[0]
			words = words[1:]
			if len(words) > 0 && !strings.HasPrefix(words[0], "--") && name != "--ci" && name != "--publish" {
				into[name], words = words[0], words[1:]
			} else {
				into[name] = ""
			}
		}
	}
	if strings.HasPrefix(line, "dagger ") {
		take(out.settings) // --mod
		words = words[1:]  // call
		take(out.settings)
	}
	out.function, words = words[0], words[1:]
	take(out.flags)
	if len(words) == 3 && words[0] == "export" && words[1] == "--path" {
		out.export, words = words[2], nil
	}
	if len(words) > 0 {
		panic("words that are not understood: " + line)
	}
	return out
}

// valueOf returns what stands for the value of a variable that an earlier job exports.
func valueOf(job, variable string) string { return job + "." + variable }

// outputPattern matches the reference of a job of GitHub, or of CodePipeline, to what an earlier job exports.
var outputPattern = regexp.MustCompile(`^(?:\$\{\{ needs\.([a-z0-9-]+)\.outputs\.(\w+) \}\}|#\{([a-z0-9-]+)\.(\w+)\})$`)

// jobVariables returns the variables of a job, with what stands for the values of earlier jobs.
func jobVariables(variables map[string]string) []string {
	var out []string
	for name, value := range variables {
		if match := outputPattern.FindStringSubmatch(value); match != nil {
			value = valueOf(match[1]+match[3], match[2]+match[4])
		} else {
			value = "value-of-" + name
		}
		out = append(out, name+"="+value)
	}
	return out
}

// exportedVariables returns the variables that GitLab hands to all later jobs.
func exportedVariables(definition pipeline.Pipeline) []string {
	var out []string
	for _, stage := range definition.Stages {
		for _, job := range stage.Jobs {
			for name := range job.ExportedVariables {
				out = append(out, name+"="+valueOf(job.Name, name))
			}
		}
	}
	return out
}

// callsOf runs scripts in the clone, and returns the calls of the programs that do the work.
func (m *machine) callsOf(scripts, environ []string) []call {
	m.t.Helper()
	m.prepare()
	for _, script := range scripts {
		m.run(script, append([]string{
			"RUNNER_TEMP=" + m.dir + "/runner", "GITHUB_PATH=" + m.dir + "/path", "GITHUB_OUTPUT=" + m.dir + "/output",
			"GITHUB_STEP_SUMMARY=" + m.dir + "/summary", "GITHUB_WORKSPACE=" + m.clone, "TMPDIR=" + m.temporary,
			"CI_PROJECT_DIR=" + m.clone, "CI_PIPELINE_ID=7", "CI_PROJECT_PATH=example/shop", "LOCKSTEP_IDENTITY=token",
			"CI_COMMIT_SHA=" + m.commit, "CODEBUILD_RESOLVED_SOURCE_VERSION=" + m.commit,
		}, append(environ, "LOCKSTEP_COMMIT="+m.commit)...))
	}
	var out []call
	for _, line := range m.calls() {
		out = append(out, parseCall(line))
	}
	return out
}

// callsInCodeBuild returns the calls of a job in CodeBuild.
func (m *machine) callsInCodeBuild(job pipeline.Job, engine config.Engine) []call {
	m.t.Helper()
	text, err := job.Buildspec(engine)
	require.NoError(m.t, err)
	var spec struct {
		Phases map[string]struct {
			Commands []string `yaml:"commands"`
		} `yaml:"phases"`
	}
	require.NoError(m.t, yaml.Unmarshal([]byte(text), &spec))
	environ := jobVariables(job.Variables)
	for _, artifact := range job.Inputs[1:] {
		environ = append(environ, strings.TrimPrefix(pipeline.InputFolderVariable(artifact), "$")+"="+artifact)
	}
	return m.callsOf([]string{strings.Join(spec.Phases["build"].Commands, "\n")}, environ)
}

// comparable returns a call without what each service says in its own way: where the credentials come from, who the
// author is, and which run was approved. That there is one is compared.
func (c call) comparable() call {
	c.settings, c.flags = maps.Clone(c.settings), maps.Clone(c.flags)
	delete(c.settings, "--aws-credentials-endpoint")
	delete(c.flags, "--job-token")
	for _, name := range []string{"--aws-credentials", "--author", "--approved-in"} {
		if _, ok := c.flags[name]; ok {
			c.flags[name] = "of the service"
		}
	}
	return c
}

// onHost returns the commands that do on the machine itself what a call does in containers.
func (c call) onHost(reports string) []call {
	flags := maps.Clone(c.flags)
	if _, live := flags["--aws-credentials"]; live {
		flags["--live"] = ""
	}
	maps.DeleteFunc(flags, func(name, _ string) bool {
		return slices.Contains([]string{"--aws-credentials", "--author", "--commit"}, name)
	})
	out := call{settings: map[string]string{}, function: c.function, flags: flags}
	switch c.function {
	case "report", "digests":
		return nil
	case "quality", "test", "security":
		report := func(format, file string) call {
			return call{map[string]string{}, "report", map[string]string{"--format": format, "--out": reports + "/" + file}, ""}
		}
		return []call{out, report("junit", "gates.xml"), report("sarif", "findings.sarif")}
	case "synth":
		flags["--env"] = config.AllEnvironments
	case "plan-file":
		out.function, flags["--out"] = "plan", c.export+"/plan.json"
	case "publish-metrics":
		out.function, flags["--publish"] = "metrics", ""
	}
	return []call{out}
}

// digestCommands returns the commands that print what later jobs are handed, where no function has written it.
func digestCommands(got []call) (digests, others []call) {
	for _, c := range got {
		if c.function == "digest" {
			digests = append(digests, c)
		} else {
			others = append(others, c)
		}
	}
	return digests, others
}

// Every script of each job of GitHub and GitLab runs here. It makes the calls of its twin in CodeBuild, with the same
// arguments, in the same order.
func TestParity_ServicesCallTheSame(t *testing.T) {
	engine := config.Engine{Host: "tcp://engine.example.com:1234", ImagePrefix: "mirror.example.com"}
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := loadExample(t, example)
			c.Pipeline.Engine = engine
			files, err := workflows.Files(c, example.Service)
			require.NoError(t, err)
			here := newMachine(t)
			for _, definition := range pipeline.WorkflowPipelines(c) {
				at := slices.IndexFunc(files, func(f workflows.File) bool {
					return path.Base(f.Path) == "lockstep-"+definition.Name+".yml"
				})
				checkStages(t, example, files[at].Text, definition)
				checkEngine(t, example, files[at].Text, definition, engine)
				jobs := readJobs(t, example, files[at].Text)
				var earlier, names []string
				for _, stage := range definition.Stages {
					earlier = slices.Clone(names)
					for _, job := range stage.Jobs {
						names = append(names, job.Name)
						checkPlace(t, c, definition, stage, job, jobs[job.Name], earlier)
						if !job.CommentsPlans {
							here.checkParity(example, definition, job, jobs[job.Name], engine)
						}
					}
				}
			}
		})
	}
}

// checkParity compares the calls of a job with those of its twin in CodeBuild.
func (m *machine) checkParity(
	w config.Workflows, definition pipeline.Pipeline, want pipeline.Job, got job, engine config.Engine,
) {
	m.t.Helper()
	environ := append(jobVariables(got.Env), exportedVariables(definition)...)
	made := m.callsOf(got.scripts(), environ)
	m.checkHandedOn(w, definition, want, made)
	var expected []call
	for _, one := range m.callsInCodeBuild(want, definition.Engine(engine)) {
		if w.Runner == config.HostRunner {
			expected = append(expected, one.onHost(want.ReportsFolder)...)
		} else {
			expected = append(expected, one.comparable())
		}
	}
	if w.Runner == config.HostRunner {
		_, made = digestCommands(made)
	}
	var compared []call
	for _, one := range made {
		if w.Runner == config.HostRunner && one.function == "approve" {
			one.flags["--approved-in"] = expected[0].flags["--approved-in"]
		}
		if w.Runner != config.HostRunner {
			one = one.comparable()
		}
		compared = append(compared, one)
	}
	assert.Equal(m.t, expected, compared, "%s of %s", want.Name, definition.Name)
}

// checkHandedOn requires that a job hands on the values of the files that the table names, or what the program prints
// of the same assembly or plan.
func (m *machine) checkHandedOn(w config.Workflows, definition pipeline.Pipeline, want pipeline.Job, made []call) {
	m.t.Helper()
	got := m.handedOn(w.Service)
	assert.Equal(m.t, want.Output != "" && definition.Trigger != pipeline.PullRequest, len(got) > 0, want.Name)
	digests, _ := digestCommands(made)
	var environments []string
	for _, one := range digests {
		if name := one.flags["--env"]; name != "" {
			environments = append(environments, "digests/"+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		file := want.ExportedVariables[name]
		switch {
		case w.Runner != config.HostRunner:
			assert.Equal(m.t, file, got[name], "%s of %s", name, want.Name) // each file has its name as its text
		case want.Permission == pipeline.NoPermission:
			assert.Contains(m.t, environments, file, "%s of %s", name, want.Name)
		}
	}
}

// checkEngine requires the engine that a pipeline's jobs have in CodeBuild: none of deployments for a pull request.
func checkEngine(
	t *testing.T, w config.Workflows, text string, definition pipeline.Pipeline, engine config.Engine,
) {
	t.Helper()
	var file struct {
		Env       map[string]string `yaml:"env"`
		Variables map[string]string `yaml:"variables"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &file))
	got := file.Env
	if w.Service == config.GitLab {
		got = maps.Clone(file.Variables)
		maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(name, "GIT_") })
	}
	want := map[string]string{}
	if w.Runner != config.HostRunner {
		want = pipeline.EngineVariables(definition.Engine(engine))
	}
	assert.Len(t, got, len(want))
	for name, value := range want {
		assert.Equal(t, value, got[name], "%s of %s", name, definition.Name)
	}
	if definition.Trigger == pipeline.PullRequest {
		assert.NotContains(t, text, engine.Host)
	}
}

// checkPlace requires that a job runs where, when and as whom the table says: in the configured image, after all jobs
// of earlier stages, alone on its environment, with its own role, and not for longer than its twin.
func checkPlace(
	t *testing.T, c *config.Config, definition pipeline.Pipeline, stage pipeline.PipelineStage, want pipeline.Job, got job,
	earlier []string,
) {
	t.Helper()
	w, group, role := c.Pipeline.Workflows, "", ""
	if want.Permission != pipeline.NoPermission {
		group = "lockstep-" + want.Environment
		role = "arn:aws:iam::" + c.Pipeline.Tooling.ID + ":role/" + want.WorkflowRole(c.Pipeline.Project)
	}
	guarded := want
	guarded.Variables = maps.Clone(want.Variables)
	delete(guarded.Variables, "LOCKSTEP_EXECUTION") // each service sets it itself
	commands := append(guarded.Guard("LOCKSTEP_COMMIT"), pipeline.RefuseCommittedState)
	if w.Runner != config.HostRunner && !want.CommentsPlans {
		install := pipeline.InstallDagger("FOLDER")
		commands = append(commands, install[:len(install)-1]...) // the last one names the folder of the service
	}
	for _, command := range commands {
		assert.Contains(t, strings.Join(got.scripts(), "\n"), command, want.Name)
	}
	if w.Service == config.GitLab {
		assert.Equal(t, stage.Name, got.Stage, want.Name)
		assert.Equal(t, w.Image, got.Image, want.Name)
		assert.Equal(t, fmt.Sprintf("%.0f minutes", pipeline.JobTimeout.Minutes()), got.Timeout, want.Name)
		assert.Equal(t, group, got.Group, want.Name)
		assert.Equal(t, role, got.Variables["AWS_ROLE_ARN"], want.Name)
		if environment, _ := got.Environment.(map[string]any); role != "" {
			assert.Equal(t, want.WorkflowEnvironment(), environment["name"], want.Name)
			token, _ := got.Tokens["LOCKSTEP_IDENTITY"].(map[string]any)
			assert.Equal(t, "https://gitlab.com", token["aud"], want.Name)
		}
		return
	}
	assert.Equal(t, earlier, got.Needs, want.Name)
	assert.Equal(t, w.Image, got.Container, want.Name)
	assert.Equal(t, int(pipeline.JobTimeout.Minutes()), got.Minutes, want.Name)
	commit := "${{ github.sha }}"
	if definition.Trigger == pipeline.PullRequest {
		commit = "${{ github.event.pull_request.head.sha }}"
	}
	assert.Equal(t, commit, got.Env["LOCKSTEP_COMMIT"], want.Name)
	var artifacts []string
	for _, step := range got.Steps {
		switch action, _, _ := strings.Cut(step.Uses, "@"); action {
		case "actions/download-artifact":
			assert.Equal(t, step.With["name"], step.With["path"], want.Name)
			artifacts = append(artifacts, fmt.Sprint(step.With["name"]))
		case "aws-actions/configure-aws-credentials":
			assert.Equal(t, role, step.With["role-to-assume"], want.Name)
			assert.EqualValues(t, pipeline.WorkflowSessionTime.Seconds(), step.With["role-duration-seconds"], want.Name)
		}
	}
	assert.Equal(t, append([]string(nil), want.Inputs[1:]...), artifacts, want.Name)
	if role == "" {
		assert.Nil(t, got.Concurrency, want.Name)
		assert.Nil(t, got.Environment, want.Name)
		return
	}
	assert.Equal(t, group, got.Concurrency["group"], want.Name)
	assert.Equal(t, want.WorkflowEnvironment(), got.Environment, want.Name)
}

// checkStages requires the stages of the table in their order, where a service has stages.
func checkStages(t *testing.T, w config.Workflows, text string, definition pipeline.Pipeline) {
	t.Helper()
	if w.Service != config.GitLab {
		return
	}
	var file struct {
		Stages []string `yaml:"stages"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &file))
	var want []string
	for _, stage := range definition.Stages {
		want = append(want, stage.Name)
	}
	assert.Equal(t, want, file.Stages)
}

// The steps of a job that runs on the machine itself have the languages of the images that they would have.
func TestParity_MachineHasTheVersionsOfTheImages(t *testing.T) {
	want := map[string]string{
		"go-version":     pipeline.ImageVersion(pipeline.ImageGo),
		"node-version":   pipeline.ImageVersion(pipeline.ImageNode),
		"python-version": pipeline.ImageVersion(pipeline.ImagePython),
	}
	for _, file := range filesOf(t, examples["github-host"]) {
		for name, read := range readJobs(t, examples["github-host"], file.Text) {
			got := map[string]string{}
			for _, step := range read.Steps {
				for setting := range want {
					if version, ok := step.With[setting].(string); ok {
						got[setting] = version
					}
				}
			}
			if name == "comment" {
				assert.Equal(t, map[string]string{"go-version": want["go-version"]}, got)
				continue
			}
			assert.Equal(t, want, got, "%s of %s", name, filepath.Base(file.Path))
		}
	}
}

// prepare makes the clone as it is when a job begins, with what the calls of Dagger would have written.
func (m *machine) prepare() {
	m.t.Helper()
	m.run("git clean -fdxq && mkdir -p digests plan && echo plan/digest > plan/digest && "+
		"echo plan/summary > plan/summary && echo '# plan' > plan/plan.md && "+
		"for e in dev acc prod; do echo digests/$e > digests/$e; mkdir preview-$e; "+
		"echo '# plan' > preview-$e/plan.md; done", nil)
	require.NoError(m.t, os.RemoveAll(m.log))
	require.NoError(m.t, os.RemoveAll(m.dir+"/output"))
}

// handedOn returns the variables that a job of a service has handed to later jobs.
func (m *machine) handedOn(service string) map[string]string {
	m.t.Helper()
	file := m.dir + "/output"
	if service == config.GitLab {
		file = m.clone + "/lockstep.env"
	}
	text, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(m.t, err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		out[name] = value
	}
	return out
}

// calls returns the calls that the stubs have noted of the programs that do the work.
func (m *machine) calls() []string {
	m.t.Helper()
	text, err := os.ReadFile(m.log)
	require.NoError(m.t, err)
	var calls []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "dagger ") || strings.HasPrefix(line, "lockstep ") {
			calls = append(calls, strings.TrimSpace(strings.ReplaceAll(line, m.commit, "COMMIT")))
		}
	}
	return calls
}
