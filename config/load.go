package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// The names that no environment can have because they have a meaning on the command line.
const (
	// AllEnvironments stands for every environment at once.
	AllEnvironments = "all"
	// ToolingEnvironment stands for the account that owns the pipeline.
	ToolingEnvironment = "tooling"
)

// reservedNames has what each of those names means.
var reservedNames = map[string]string{
	AllEnvironments:    "names every environment at once",
	ToolingEnvironment: "names the account that owns the pipeline",
	// Stages of a pipeline, which has one for each environment too.
	"source": stageName, "checks": stageName, "synth": stageName,
}

// stageName says what the name of a stage means.
const stageName = "names a stage of every pipeline"

// environmentNamePattern matches the names of environments, which become part of the names of stacks, jobs and
// sessions.
var environmentNamePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// maxEnvironmentName is the length of the longest name of an environment. A session is called lockstep-NAME-RUN, and
// AWS takes 64 characters (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const maxEnvironmentName = 32

// Load reads and validates the configuration in fsys, which is the folder config. If the configuration is invalid the
// error is of type ValidationErrors and holds everything that is wrong with it.
func Load(fsys fs.FS) (*Config, error) {
	l := &loader{fsys: fsys, environments: map[string]Environment{}, documents: map[string]*document{}}
	l.readFile(pipelineFile, "pipeline", &l.pipeline)
	if err := l.readEnvironments(); err != nil {
		return nil, err
	}
	applyRules(l)
	if len(l.problems) > 0 {
		l.problems.sort()
		return nil, l.problems
	}
	return l.buildConfig(), nil
}

// loader collects what the files hold and what is wrong with them.
type loader struct {
	fsys         fs.FS
	problems     ValidationErrors
	pipeline     Pipeline
	environments map[string]Environment // those whose file can be read, by name
	names        []string               // of all environments that have a file, in alphabetical order
	documents    map[string]*document   // those that can be read, by file
}

// The files of the configuration, relative to the folder config.
const (
	pipelineFile      = "pipeline.yaml"
	waiversFile       = "waivers.yaml"
	environmentsDir   = "environments"
	fileExtension     = ".yaml"
	similarExtensions = ".yml" // in any case, as .yaml is in any other case
)

func environmentFile(name string) string { return environmentsDir + "/" + name + fileExtension }

// shownFile returns a file as messages name it, relative to the repository.
func shownFile(file string) string { return path.Join("config", file) }

// readFile reads and validates a file. It stores the valid values in into and reports whether there are any.
func (l *loader) readFile(file, schema string, into any) bool {
	text, err := readBounded(l.fsys, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !l.findMisnamedFile(file) {
			l.addFileProblem(file, "is missing", "`lockstep config schema "+schema+"` describes it")
		}
		return false
	case err != nil:
		l.addFileProblem(file, "cannot be read: "+err.Error(), "")
		return false
	}
	d, problems := parseDocument(shownFile(file), text)
	if d != nil {
		problems = validateDocument(d, schema)
	}
	l.problems = append(l.problems, problems...)
	if d == nil {
		return false
	}
	data, err := json.Marshal(d.values)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		l.addFileProblem(file, err.Error(), "")
		return false
	}
	l.documents[file] = d
	return true
}

// misnamed reports whether a file would be a configuration file if its extension were .yaml.
func misnamed(file string) bool {
	extension := path.Ext(file)
	return extension != fileExtension &&
		(strings.EqualFold(extension, fileExtension) || strings.EqualFold(extension, similarExtensions))
}

// findMisnamedFile reports whether the file is there with another extension, which it adds as a problem.
func (l *loader) findMisnamedFile(file string) bool {
	entries, err := fs.ReadDir(l.fsys, path.Dir(file))
	if err != nil {
		return false
	}
	for _, entry := range entries {
		name := entry.Name()
		if misnamed(name) && strings.TrimSuffix(name, path.Ext(name)) == strings.TrimSuffix(path.Base(file), fileExtension) {
			l.addMisnamedFile(path.Join(path.Dir(file), name))
			return true
		}
	}
	return false
}

func (l *loader) addMisnamedFile(file string) {
	extension := path.Ext(file)
	l.addFileProblem(file, "ends with "+extension+" and would be ignored",
		"rename it to "+strings.TrimSuffix(path.Base(file), extension)+fileExtension)
}

// readEnvironments reads the files of the environments. It ignores names that begin with a dot, which editors and file
// managers give to files of their own, and names without a YAML extension.
func (l *loader) readEnvironments() error {
	entries, err := fs.ReadDir(l.fsys, environmentsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			l.readEnvironment(entry)
		}
	}
	if len(l.names) == 0 && len(l.problems) == 0 {
		l.addFileProblem(environmentsDir, "holds no environment",
			"add dev.yaml; `lockstep config schema environment` describes it")
	}
	return nil
}

// readEnvironment reads the file of an environment. A folder or file that is none is ignored.
func (l *loader) readEnvironment(entry fs.DirEntry) {
	file := environmentsDir + "/" + entry.Name()
	name, isYAML := strings.CutSuffix(entry.Name(), fileExtension)
	switch {
	case misnamed(entry.Name()):
		l.addMisnamedFile(file)
		return
	case !isYAML:
		return
	case entry.IsDir():
		l.addFileProblem(file, "is a folder", "write the environment into a file of that name")
		return
	case reservedNames[name] != "":
		l.addFileProblem(file, reservedNames[name], "choose another name")
		return
	case !environmentNamePattern.MatchString(name) || len(name) > maxEnvironmentName:
		l.addFileProblem(file, fmt.Sprintf("%q cannot be an environment's name", name),
			"use up to 32 lower-case letters, digits and single hyphens, beginning with a letter")
		return
	}
	l.names = append(l.names, name)
	env := Environment{Name: name}
	if l.readFile(file, "environment", &env) {
		env.Name = name
		l.environments[name] = env
	}
}

// addFileProblem adds a problem of a file as a whole.
func (l *loader) addFileProblem(file, message, hint string) {
	l.problems = append(l.problems,
		Problem{File: shownFile(file), Code: fault.ConfigUnreadable, Message: message, Hint: hint})
}

// buildConfig returns the configuration with its environments in promotion order. An environment whose predecessors are
// not there, or form a cycle, is left out; the rules have refused it.
func (l *loader) buildConfig() *Config {
	c := &Config{Pipeline: l.pipeline}
	isPlaced := map[string]bool{"": true}
	next := func() (Environment, bool) {
		for _, name := range l.names {
			if env := l.environments[name]; !isPlaced[name] && isPlaced[env.After] {
				return env, true
			}
		}
		return Environment{}, false
	}
	for env, ok := next(); ok; env, ok = next() {
		c.Environments = append(c.Environments, env)
		isPlaced[env.Name] = true
	}
	return c
}

// Names returns the names of the environments in promotion order.
func (c *Config) Names() []string {
	names := make([]string, len(c.Environments))
	for i, env := range c.Environments {
		names[i] = env.Name
	}
	return names
}

// Environment returns the environment of that name and reports whether there is one.
func (c *Config) Environment(name string) (Environment, bool) {
	i := slices.IndexFunc(c.Environments, func(e Environment) bool { return e.Name == name })
	if i < 0 {
		return Environment{}, false
	}
	return c.Environments[i], true
}

// Select returns the environment of that name, all of them in promotion order for AllEnvironments, or the account that
// owns the pipeline for ToolingEnvironment. The error is of type *UnknownEnvironmentError.
func (c *Config) Select(name string) ([]Environment, error) {
	switch name {
	case AllEnvironments:
		return slices.Clone(c.Environments), nil
	case ToolingEnvironment:
		if tooling, ok := c.Tooling(); ok {
			return []Environment{tooling}, nil
		}
		return nil, &UnknownEnvironmentError{Name: name, Known: c.Names(), Reason: c.noTooling()}
	}
	env, ok := c.Environment(name)
	if !ok {
		return nil, &UnknownEnvironmentError{Name: name, Known: c.Names()}
	}
	return []Environment{env}, nil
}

// Targets returns everything that can be deployed to: the environments in promotion order, then the tooling account.
func (c *Config) Targets() []Environment {
	targets := slices.Clone(c.Environments)
	if tooling, ok := c.Tooling(); ok {
		targets = append(targets, tooling)
	}
	return targets
}

// Tooling returns the account that owns the pipeline as an environment, and reports whether there is anything to deploy
// to it. Without a source and workflows there are no pipelines, and an app that runs for each account alone does not
// make their stacks.
func (c *Config) Tooling() (Environment, bool) {
	p := c.Pipeline
	return Environment{
		Name:                  ToolingEnvironment,
		Account:               p.Tooling,
		LogDays:               p.LogDays,
		TerminationProtection: true,
		Notifications:         Notifications{Owners: p.Owners},
	}, (p.Source != nil || p.Workflows != nil) && p.App.RunsOnce()
}

// noTooling says why there is nothing to deploy to the account that owns the pipeline.
func (c *Config) noTooling() string {
	if c.Pipeline.Workflows != nil {
		return "the app of this repository does not make the roles of its jobs; deploy them from a clone of Lockstep " +
			"that has this configuration, as its docs/workflows.md says"
	}
	return "config/pipeline.yaml has neither source nor workflows, so no pipeline needs anything in the tooling account"
}
