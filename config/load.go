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
)

// Names that no environment may have, because they mean something else.
const (
	// AllEnvironments names every environment at once.
	AllEnvironments = "all"
	// ToolingEnvironment names the account that owns the pipeline.
	ToolingEnvironment = "tooling"
)

// reservedNames says what each of those names means.
var reservedNames = map[string]string{AllEnvironments: "names every environment at once", ToolingEnvironment: "names the account that owns the pipeline"}

// environmentNamePattern is what an environment may be called: it becomes part of the names of stacks and buckets.
var environmentNamePattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,11}$`)

// Load reads the configuration below fsys, which is the config folder. The error is Problems, all there are, when it is not right.
func Load(fsys fs.FS) (*Config, error) {
	l := &loader{fsys: fsys, environments: map[string]Environment{}, documents: map[string]*document{}}
	l.read("pipeline.yaml", "pipeline", &l.pipeline)
	if err := l.readEnvironments(); err != nil {
		return nil, err
	}
	l.applyRules()
	if len(l.problems) > 0 {
		l.problems.sort()
		return nil, l.problems
	}
	return l.buildConfig(), nil
}

// loader gathers what the files say and what is wrong with them.
type loader struct {
	fsys         fs.FS
	problems     Problems
	pipeline     Pipeline
	environments map[string]Environment
	// names are of all environments that have a file, right or wrong, in alphabetical order.
	names     []string
	documents map[string]*document // by file, as far as they can be read
}

// read reads as much of a file as is right, notes what is not, and says whether there is anything.
func (l *loader) read(file, schema string, into any) bool {
	shown := "config/" + file
	text, err := fs.ReadFile(l.fsys, file)
	if err != nil {
		message := "cannot be read: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			message = "is missing"
		}
		l.problems = append(l.problems, Problem{File: shown, Message: message, Hint: "`lockstep config schema " + schema + "` describes it"})
		return false
	}
	d, problems := parseDocument(shown, text)
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
		l.problems = append(l.problems, Problem{File: shown, Message: err.Error()})
		return false
	}
	l.documents[shown] = d
	return true
}

func (l *loader) readEnvironments() error {
	entries, err := fs.ReadDir(l.fsys, "environments")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		file := "environments/" + entry.Name()
		name, isYAML := strings.CutSuffix(entry.Name(), ".yaml")
		switch {
		case strings.HasSuffix(entry.Name(), ".yml"):
			l.addFileProblem(file, "ends with .yml and would be passed over", "rename it to "+strings.TrimSuffix(entry.Name(), ".yml")+".yaml")
			continue
		case entry.IsDir() || !isYAML:
			continue
		case reservedNames[name] != "":
			l.addFileProblem(file, reservedNames[name], "choose another name")
			continue
		case !environmentNamePattern.MatchString(name):
			l.addFileProblem(file, fmt.Sprintf("%q cannot be an environment's name", name), "use up to 12 lower-case letters and digits, beginning with a letter")
			continue
		}
		l.names = append(l.names, name)
		env := Environment{Name: name}
		if l.read(file, "environment", &env) {
			env.Name = name
			l.environments[name] = env
		}
	}
	if len(l.names) == 0 && len(l.problems) == 0 {
		l.addFileProblem("environments", "holds no environment", "add dev.yaml; `lockstep config schema environment` describes it")
	}
	return nil
}

func (l *loader) addFileProblem(file, message, hint string) {
	l.problems = append(l.problems, Problem{File: path.Join("config", file), Message: message, Hint: hint})
}

// buildConfig is the whole, environments in promotion order.
func (l *loader) buildConfig() *Config {
	c := &Config{Pipeline: l.pipeline}
	placed := map[string]bool{"": true}
	for len(c.Environments) < len(l.names) {
		for _, name := range l.names {
			env := l.environments[name]
			if !placed[name] && placed[env.After] {
				c.Environments = append(c.Environments, env)
				placed[name] = true
				break
			}
		}
	}
	return c
}

// Names are the environments' names in promotion order.
func (c *Config) Names() []string {
	names := make([]string, len(c.Environments))
	for i, env := range c.Environments {
		names[i] = env.Name
	}
	return names
}

// Environment is the environment of that name.
func (c *Config) Environment(name string) (Environment, bool) {
	i := slices.IndexFunc(c.Environments, func(e Environment) bool { return e.Name == name })
	if i < 0 {
		return Environment{}, false
	}
	return c.Environments[i], true
}

// Select is the environment of that name, every one in promotion order for All, or the account that owns the pipeline for Tooling. The
// error is *UnknownEnvironmentError.
func (c *Config) Select(name string) ([]Environment, error) {
	switch name {
	case AllEnvironments:
		return slices.Clone(c.Environments), nil
	case ToolingEnvironment:
		if tooling, ok := c.Tooling(); ok {
			return []Environment{tooling}, nil
		}
	}
	env, ok := c.Environment(name)
	if !ok {
		return nil, &UnknownEnvironmentError{Name: name, Known: c.Names()}
	}
	return []Environment{env}, nil
}

// Targets are all that can be deployed to: the environments in promotion order, and the tooling account.
func (c *Config) Targets() []Environment {
	accounts := slices.Clone(c.Environments)
	if tooling, ok := c.Tooling(); ok {
		accounts = append(accounts, tooling)
	}
	return accounts
}

// Tooling is the account that owns the pipeline, as something to deploy to. There is nothing to deploy there without a source.
func (c *Config) Tooling() (Environment, bool) {
	p := c.Pipeline
	return Environment{Name: ToolingEnvironment, Account: p.Tooling, LogDays: p.LogDays, TerminationProtection: true, Notifications: Notifications{Owners: p.Owners}}, p.Source != nil
}
