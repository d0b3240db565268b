// Package workflows writes the pipelines of a platform as files of GitHub Actions, GitLab CI and CodeBuild. All of them
// are made from the table of pipelines in internal/pipeline, so that they have the same jobs, in the same order.
package workflows

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"golang.org/x/mod/modfile"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
)

// A File is a file of the repository.
type File struct {
	// Path is relative to the repository's root, with slashes.
	Path string
	Text string
}

// The services, by the names that the command workflows takes.
const (
	GitHub    = config.GitHub
	GitLab    = config.GitLab
	CodeBuild = "codebuild"
)

// Services lists the services.
func Services() []string { return []string{GitHub, GitLab, CodeBuild} }

// Files returns the files with the pipelines of a service. The error has fault.ConfigMissing if the configuration says
// nothing of the service.
func Files(c *config.Config, service string) ([]File, error) {
	if service == CodeBuild {
		return codeBuildFiles(c)
	}
	w := c.Pipeline.Workflows
	if w == nil || w.Service != service {
		return nil, fault.Errorf(fault.ConfigMissing,
			"config/pipeline.yaml has no `workflows` with `service: %s`: add it, with `repository`", service)
	}
	write := gitHubFiles
	if service == GitLab {
		write = gitLabFiles
	}
	return write(platform{Config: c, Workflows: *w})
}

// CheckProgram requires that the jobs of a service find what they call: the repository has it, or the configuration
// names a released one. The error has fault.ConfigMissing.
func CheckProgram(repository fs.FS, c *config.Config, service string) error {
	text, err := fsx.ReadFileFS(repository, "go.mod", maxFileSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if modfile.ModulePath(text) == ownModule {
		return nil
	}
	missing := func(key, example string) error {
		return fault.Errorf(fault.ConfigMissing, "config/pipeline.yaml has no `%s`, and this repository has not the source "+
			"of Lockstep, which its jobs would call: add %s", key, example)
	}
	const module = "`module: github.com/OWNER/lockstep@vVERSION`"
	w, source := c.Pipeline.Workflows, c.Pipeline.Source
	switch {
	case service == CodeBuild && (source == nil || source.Module == ""):
		return missing("source.module", module)
	case service == CodeBuild:
		return nil
	case w.Runner == config.HostRunner && w.Program == nil:
		return missing("workflows.program", "`program: {url: ADDRESS, sha256: SHA-256}` of a released archive")
	case w.Runner != config.HostRunner && w.Module == "":
		return missing("workflows.module", module)
	}
	return nil
}

// ownModule is the path of this project's Go module.
const ownModule = "lockstep"

// header begins each generated file.
const header = pipeline.WorkflowHeader + "\n"

// A platform is a configuration with its workflows.
type platform struct {
	*config.Config
	config.Workflows
}

// A dialect is how a service says what a job needs.
type dialect struct {
	// bin is the folder for programs, and addToPath the command that puts it on the PATH of what follows.
	bin, addToPath string
	// variablesFile is the file of the variables that are handed to later jobs, as a word of the shell.
	variablesFile string
}

// A script is what a job runs, in bash.
type script struct {
	setup, work []string
}

// script returns what a job runs, in the words of a service.
func (p platform) script(job pipeline.Job, d dialect) script {
	s := script{setup: slices.Concat(job.Guard(commitVariable), p.setup(job, d))}
	if job.CommentsPlans {
		s.work = append(s.work, commentCommand(job))
	}
	for _, call := range job.Calls {
		if p.Runner == config.HostRunner {
			s.work = append(s.work, hostCommands(job, localCall(call))...)
		} else {
			s.work = append(s.work, pipeline.QuoteCommand(p.daggerArgv(localCall(call))))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(job.ExportedVariables)) {
		// An assignment fails with its command. The argument of another command does not.
		s.work = append(s.work, name+"=$("+p.exportCommand(job, name)+")",
			`echo "`+name+"=$"+name+`" >> `+d.variablesFile)
	}
	return s
}

// exportCommand returns the command that prints the value of a variable that a job exports.
func (p platform) exportCommand(job pipeline.Job, name string) string {
	file := job.ExportedVariables[name]
	if p.Runner != config.HostRunner {
		return pipeline.QuoteCommand([]string{"cat", file})
	}
	return pipeline.QuoteCommand(hostExport(job, file))
}

// daggerArgv returns the command line of a call of the module.
func (p platform) daggerArgv(call pipeline.Call) []string {
	if slices.Contains(call.Arguments, "--approved-in") {
		call.Arguments = append(call.Arguments, "--job-token", "env://"+pipeline.JobTokenVariable(p.Service))
	}
	return call.Argv(p.Pipeline.Engine, pipeline.ExportedCredentials())
}

// The variables of a job that each service sets.
const (
	commitVariable    = "LOCKSTEP_COMMIT"
	authorVariable    = "LOCKSTEP_AUTHOR"
	executionVariable = "LOCKSTEP_EXECUTION"
	requestVariable   = "LOCKSTEP_REQUEST"
)

// localCall returns a call whose arguments are those of a job that is not CodeBuild's: artifacts are in folders of
// their names.
func localCall(call pipeline.Call) pipeline.Call {
	call.Arguments = slices.Clone(call.Arguments)
	for i, argument := range call.Arguments {
		if argument == pipeline.CommitVariable {
			call.Arguments[i] = "$" + commitVariable
		}
		if name, ok := strings.CutPrefix(argument, pipeline.InputFolderVariable("")); ok {
			call.Arguments[i] = path.Clean(name)
		}
	}
	return call
}

// setup returns the commands that install the program that a job calls.
func (p platform) setup(job pipeline.Job, d dialect) []string {
	commands := []string{pipeline.RefuseCommittedState, "mkdir -p " + d.bin}
	switch {
	case p.Runner != config.HostRunner && !job.CommentsPlans:
		commands = append(commands, pipeline.InstallDagger(d.bin)...)
	case p.Program != nil:
		commands = append(commands,
			`curl --fail --silent --show-error --location --retry 5 --output /tmp/lockstep.tar.gz `+
				pipeline.QuoteCommand([]string{p.Program.URL}),
			`echo "`+p.Program.SHA256+`  /tmp/lockstep.tar.gz" | sha256sum --check --strict`,
			`tar --extract --gzip --file /tmp/lockstep.tar.gz --directory `+d.bin+` lockstep`)
	default:
		commands = append(commands, "go build -trimpath -o "+d.bin+"/lockstep .")
	}
	return append(commands, d.addToPath)
}

// engineVariables returns the variables that select the engine of a pipeline; none for the runner host.
func (p platform) engineVariables(definition pipeline.Pipeline) map[string]string {
	if p.Runner == config.HostRunner {
		return nil
	}
	return pipeline.EngineVariables(definition.Engine(p.Pipeline.Engine))
}

// roleARN returns the ARN of that role.
func (p platform) roleARN(job pipeline.Job) string {
	return "arn:aws:iam::" + p.Pipeline.Tooling.ID + ":role/" + job.WorkflowRole(p.Pipeline.Project)
}

// earlierJob returns the job that an expression #{JOB.VARIABLE} names, and the variable.
func earlierJob(expression string) (job, variable string, ok bool) {
	text, isReference := strings.CutPrefix(expression, "#{")
	job, variable, found := strings.Cut(strings.TrimSuffix(text, "}"), ".")
	return job, variable, isReference && found
}

// variablesOf returns the variables that a job takes from earlier jobs, by name.
func variablesOf(job pipeline.Job, reference func(job, variable string) string) map[string]string {
	variables := map[string]string{}
	for name, expression := range job.Variables {
		if from, variable, ok := earlierJob(expression); ok {
			variables[name] = reference(from, variable)
		}
	}
	return variables
}

// marshal returns a file's text.
func marshal(name string, content any) (File, error) {
	text, err := yaml.MarshalWithOptions(content, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return File{}, fmt.Errorf("%s cannot be written: %w", name, err)
	}
	return File{Path: name, Text: header + string(text)}, nil
}

// codeBuildFiles returns the build specification of each job.
func codeBuildFiles(c *config.Config) ([]File, error) {
	var files []File
	for _, p := range pipeline.Pipelines(c) {
		for _, stage := range p.Stages {
			for _, job := range stage.Jobs {
				text, err := job.Buildspec(p.Engine(c.Pipeline.Engine))
				if err != nil {
					return nil, err
				}
				name := fileName(pipeline.CodeBuildFilePattern, p.Name+"-"+job.Name)
				files = append(files, File{Path: name, Text: header + text})
			}
		}
	}
	return files, nil
}

// filePattern returns the pattern of the names of a service's files.
func filePattern(service string) string {
	switch service {
	case GitHub:
		return pipeline.GitHubFilePattern
	case GitLab:
		return pipeline.GitLabFilePattern
	}
	return pipeline.CodeBuildFilePattern
}

// fileName returns the name of the file of a pipeline or job.
func fileName(pattern, name string) string { return strings.Replace(pattern, "*", name, 1) }

// A State is how a file of the repository differs from what would be written.
type State string

// The states of files.
const (
	Current State = "current"
	Differs State = "differs"
	Missing State = "missing"
	// Obsolete is a file that was written for a pipeline that there is no more.
	Obsolete State = "obsolete"
	// Foreign is a file in the place of a generated one that this program has not written.
	Foreign State = "foreign"
)

// CommittedServices returns the services of which generated files are in a repository.
func CommittedServices(repository fs.FS) ([]string, error) {
	var services []string
	for _, service := range Services() {
		names, err := generatedFiles(repository, service)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			services = append(services, service)
		}
	}
	return services, nil
}

// generatedFiles returns the names of the generated files of a service in a repository.
func generatedFiles(repository fs.FS, service string) ([]string, error) {
	names, err := fs.Glob(repository, filePattern(service))
	if err != nil {
		return nil, err
	}
	if service == GitLab {
		names = append(names, pipeline.GitLabFile)
	}
	var generated []string
	for _, name := range names {
		text, err := fsx.ReadFileFS(repository, name, maxFileSize)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if strings.HasPrefix(string(text), header) {
			generated = append(generated, name)
		}
	}
	return generated, nil
}

// maxFileSize is far above the size of a generated file.
const maxFileSize = 16 << 20

// Compare returns the state of each file in a repository, and of those that were written before and are no more.
func Compare(repository fs.FS, service string, files []File) (map[string]State, error) {
	states := map[string]State{}
	for _, file := range files {
		text, err := fsx.ReadFileFS(repository, file.Path, maxFileSize)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			states[file.Path] = Missing
		case err != nil:
			return nil, err
		case string(text) == file.Text:
			states[file.Path] = Current
		case !strings.HasPrefix(string(text), header):
			states[file.Path] = Foreign
		default:
			states[file.Path] = Differs
		}
	}
	names, err := generatedFiles(repository, service)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, wanted := states[name]; !wanted {
			states[name] = Obsolete
		}
	}
	return states, nil
}
