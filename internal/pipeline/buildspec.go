package pipeline

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/goccy/go-yaml"

	"lockstep/config"
)

// A CredentialSource is where a job's calls get its credentials from.
type CredentialSource struct {
	// Endpoint is the address where AWS gives them out and renews them; empty for none.
	Endpoint string
	// Secret is the address of the credentials for Dagger, or that of their path at the endpoint.
	Secret string
}

// CodeBuildCredentials is the source in a job of CodeBuild. The job passes where the credentials of its role are given
// out, and not the credentials: they are valid for an hour at most, which is less than the job may take. Dagger
// forwards the endpoint's port into the containers of the steps. Source of the address: the AWS SDKs and Tools
// reference guide, container credential provider.
func CodeBuildCredentials() CredentialSource {
	return CredentialSource{
		Endpoint: "tcp://169.254.170.2:80", Secret: "env://AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	}
}

// ExportedCredentials is the source in a job whose credentials last longer than it may take.
func ExportedCredentials() CredentialSource {
	return CredentialSource{Secret: "cmd://aws configure export-credentials"}
}

// JobTimeout is how long a job of a pipeline may take: longer than the deployment of all stacks with the creation of an
// Aurora cluster.
const JobTimeout = 2 * time.Hour

// NeedsPrivilegedMode reports whether a job runs containers itself, because no engine runs elsewhere.
func NeedsPrivilegedMode(engine config.Engine) bool { return engine.Host == "" }

// buildspec is the build specification of CodeBuild. Source: the CodeBuild user guide, build specification reference.
type buildspec struct {
	Version   string                 `yaml:"version"`
	Env       buildspecEnv           `yaml:"env"`
	Phases    buildspecPhases        `yaml:"phases"`
	Reports   map[string]reportGroup `yaml:"reports,omitempty"`
	Artifacts *artifacts             `yaml:"artifacts,omitempty"`
}

type buildspecEnv struct {
	Shell     string            `yaml:"shell"`
	Variables map[string]string `yaml:"variables"`
	Exported  []string          `yaml:"exported-variables,omitempty"`
}

type buildspecPhases struct {
	Install phase `yaml:"install"`
	Build   phase `yaml:"build"`
}

type phase struct {
	OnFailure string   `yaml:"on-failure"`
	Commands  []string `yaml:"commands"`
}

type reportGroup struct {
	Files  []string `yaml:"files"`
	Base   string   `yaml:"base-directory"`
	Format string   `yaml:"file-format"`
}

type artifacts struct {
	Files []string `yaml:"files"`
	Base  string   `yaml:"base-directory"`
}

// Buildspec returns the job's build specification as YAML: the Dagger command line in its pinned version, and the
// job's calls.
func (j Job) Buildspec(engine config.Engine) (string, error) {
	spec := buildspec{
		Version: "0.2",
		Env: buildspecEnv{
			Shell: "bash", Variables: EngineVariables(engine),
			Exported: slices.Sorted(maps.Keys(j.ExportedVariables)),
		},
		Phases: buildspecPhases{
			Install: phase{OnFailure: "ABORT", Commands: j.installCommands()},
			Build:   phase{OnFailure: "ABORT", Commands: j.commands(engine)},
		},
	}
	if j.ReportsFolder != "" {
		spec.Reports = map[string]reportGroup{"tests": {
			Files: []string{"**/*.xml"}, Base: j.ReportsFolder,
			Format: "JUNITXML",
		}}
	}
	if j.Output != "" {
		spec.Artifacts = &artifacts{Files: []string{"**/*"}, Base: j.OutputFolder}
	}
	text, err := yaml.MarshalWithOptions(spec, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return "", fmt.Errorf("job %s cannot be written as a buildspec: %w", j.Name, err)
	}
	return string(text), nil
}

// installCommands returns what a job of CodeBuild does before its work.
func (j Job) installCommands() []string {
	return slices.Concat(j.guardInCodeBuild(), []string{RefuseCommittedState}, InstallDagger("/usr/local/bin"))
}

// guardInCodeBuild returns the commands of Guard with the commit that CodeBuild names.
func (j Job) guardInCodeBuild() []string { return j.Guard(strings.TrimPrefix(CommitVariable, "$")) }

// Guard returns the commands that end a job before anything of the repository runs: if its commit, which a variable
// names, is not on the branch that it has to be on, or if a variable that it has to be given is empty, which no
// function could distinguish from one that is not given.
func (j Job) Guard(commit string) []string {
	var out []string
	if j.Branch != "" {
		out = append(out, fmt.Sprintf(`git merge-base --is-ancestor "$%s" %s || `+
			`{ echo %s >&2; exit 3; }`, commit, shellescape.Quote("refs/remotes/origin/"+j.Branch),
			shellescape.Quote("the commit of this tag is not on the branch "+j.Branch+", so nothing is run: merge it, and tag "+
				"the commit that is on the branch")))
	}
	for _, name := range slices.Sorted(maps.Keys(j.Variables)) {
		out = append(out, fmt.Sprintf(`: "${%s:?has no value}"`, name))
	}
	return out
}

// EngineVariables returns the variables that select the engine. An engine that Dagger starts by itself is named by a
// tag, which may move, so that it is named here by its digest. Source: Dagger's manual, custom runners.
func EngineVariables(engine config.Engine) map[string]string {
	host := engine.Host
	if host == "" {
		host = "docker-image://" + DaggerEngine
	}
	return map[string]string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST": host, "DAGGER_NO_NAG": "1", "DO_NOT_TRACK": "1"}
}

// RefuseCommittedState ends a job whose repository brings along what Dagger or Lockstep would take for its user's. The
// buildspec is not part of the commit, so the commit cannot leave it out.
const RefuseCommittedState = `for name in .env ` + ModuleDir + `/.env ` + StateDir + `; do ` +
	`if [ -e "$name" ] || [ -L "$name" ]; then ` +
	`echo "the repository holds $name, which sets arguments or results of this job: remove it from the commit" >&2; ` +
	`exit 1; fi; done`

// InstallDagger returns the commands that download the command line of Dagger and install it in a folder, which is a
// word of the shell, if its checksum is right.
func InstallDagger(bin string) []string {
	var cases []string
	for _, machine := range slices.Sorted(maps.Keys(DaggerCLI)) {
		cli := DaggerCLI[machine]
		cases = append(cases, fmt.Sprintf("%s) url=%s; sum=%s ;;", machine, cli.URL, cli.SHA256))
	}
	return []string{
		`case "$(uname -m)" in ` + strings.Join(cases, " ") +
			` *) echo "there is no Dagger command line for this machine" >&2; exit 1 ;; esac`,
		`curl --fail --silent --show-error --location --retry 5 --output /tmp/dagger.tar.gz "$url"`,
		`echo "$sum  /tmp/dagger.tar.gz" | sha256sum --check --strict`,
		`tar --extract --gzip --file /tmp/dagger.tar.gz --directory ` + bin + ` dagger`,
	}
}

// commands returns the job's calls, and the commands that export its variables.
func (j Job) commands(engine config.Engine) []string {
	var out []string
	if j.NamesAuthor {
		out = append(out, `export `+authorVariable+`="$(git log -1 --format=%ae "`+CommitVariable+`")"`)
	}
	for _, call := range j.Calls {
		out = append(out, QuoteCommand(call.Argv(engine, CodeBuildCredentials())))
	}
	for _, name := range slices.Sorted(maps.Keys(j.ExportedVariables)) {
		out = append(out, fmt.Sprintf(`export %s="$(%s)"`, name, QuoteCommand([]string{"cat", j.ExportedVariables[name]})))
	}
	return out
}

// Argv returns the command line of a call.
func (c Call) Argv(engine config.Engine, source CredentialSource) []string {
	argv := []string{"dagger", "call"}
	if c.Module != "" { // it is another repository's, so it is given this one as its source
		argv = []string{"dagger", "--mod", c.Module, "call", "--source", "."}
	}
	argv = append(argv, "--ci") // nobody reads a warning: what cannot be run fails
	if engine.ImagePrefix != "" {
		argv = append(argv, "--image-prefix", engine.ImagePrefix)
	}
	if c.Credentials && source.Endpoint != "" {
		argv = append(argv, "--aws-credentials-endpoint", source.Endpoint)
	}
	argv = append(append(argv, c.Function), c.Arguments...)
	if c.Credentials {
		argv = append(argv, "--aws-credentials", source.Secret)
	}
	if c.Export != "" {
		argv = append(argv, "export", "--path", c.Export)
	}
	return argv
}

// QuoteCommand returns a command line that a shell splits into exactly the given words. A word that begins with $ and a
// name is a variable of the job, whose value stays one word, and text that follows the name.
func QuoteCommand(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		variable := variablePattern.FindString(word)
		text := strings.TrimPrefix(word, variable)
		switch quoted := shellescape.Quote(text); {
		case variable == "":
			words[i] = quoted
		case text == "" || quoted == text: // nothing that the shell would read inside double quotes
			words[i] = `"` + word + `"`
		default:
			words[i] = `"` + variable + `"` + quoted
		}
	}
	return strings.Join(words, " ")
}

// variablePattern matches the reference to a variable at the beginning of a word.
var variablePattern = regexp.MustCompile(`^[$][A-Za-z_][A-Za-z0-9_]*`)
