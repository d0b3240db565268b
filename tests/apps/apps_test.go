// Package apps tries Lockstep on small CDK apps that are not its own, in the languages that people write them in.
package apps

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
	"lockstep/tools"
)

// program is the program under test, built once.
var program *harness.Program

func TestMain(m *testing.M) {
	harness.MainWithProgram(m, "apps", &program)
}

// A sample is an app in testdata, a folder of the name of its language.
type sample struct {
	language string
	// program is what the machine needs; the sample is left out where it is not there. Empty for what every machine has.
	program string
	// lock is the lock file of its packages, and install the commands that install them beside it. The packages of Go
	// are those of this repository, in Go's own cache.
	lock    string
	install [][]string
	// packages is the folder of the packages in the app; empty if the app finds them by settings, the text of a file of
	// that name in which INSTALLED stands for the folder that they were installed in.
	packages string
	settings map[string]string
	// checked are results that `check` shows of the sample.
	checked []string
	// off are gates that are off, with the reason.
	off map[string]string
	// source is a file of which change replaces a part.
	source string
	change [2]string
}

var samples = []sample{
	{
		language: "typescript", lock: "package-lock.json", packages: "node_modules",
		install: [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}},
		checked: []string{`node-packages +ran`, `node-types +nothing to do`, `node-tests +ran`, `templates:dev +ran`},
		source:  "lib/orders.ts", change: [2]string{`"Accepted"`, `"Accepted", { displayName: "orders" }`},
	},
	{
		language: "python", lock: "requirements.txt", packages: ".venv",
		install: [][]string{
			{"python3", "-m", "venv", ".venv"},
			{".venv/bin/pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"},
		},
		checked: []string{
			`python-format +ran`, `python-lint +ran`, `bandit +ran`, `python-tests +nothing to do +the repository has no tests`,
		},
		off:    map[string]string{"python-types": "mypy reads all of the CDK library, which takes minutes"},
		source: "src/orders/stack.py", change: [2]string{`"Accepted"`, `"Accepted", display_name="orders"`},
	},
	{
		language: "java", program: "mvn", lock: "pom.xml",
		// The app runs once, so that Maven fetches all that it needs.
		install:  [][]string{{"mvn", "--quiet", "--batch-mode", "-Dmaven.repo.local=repository", "compile", "exec:java"}},
		settings: map[string]string{".mvn/maven.config": "--offline\n-Dmaven.repo.local=INSTALLED/repository\n"},
		checked:  []string{`secrets +ran`, `history +ran`, `templates:dev +ran`},
		off: map[string]string{ // TestAdopted_JavaRepository runs them
			"java-packages": "it fetches all that Maven needs once more", "java-tests": "it needs java-packages",
		},
		source: "src/main/java/orders/OrdersApp.java",
		change: [2]string{`"Accepted")`, `"Accepted").displayName("orders")`},
	},
	{
		language: "go", lock: "go.sum",
		checked: []string{
			`format +ran`, `lint +ran`, `gosec +ran`, `unit +nothing to do +the repository has no tests`, `secrets +ran`,
		},
		source: "orders.go",
		change: [2]string{`"Accepted"), nil`, `"Accepted"), &awssns.TopicProps{DisplayName: jsii.String("orders")}`},
	},
}

// forEachSample runs a test for every sample whose language the machine has.
func forEachSample(t *testing.T, test func(t *testing.T, s sample)) {
	for _, s := range samples {
		t.Run(s.language, func(t *testing.T) {
			if _, err := exec.LookPath(s.program); s.program != "" && err != nil {
				t.Skip("there is no " + s.program)
			}
			t.Parallel()
			test(t, s)
		})
	}
}

// newRepository copies the sample into a new repository, with its packages.
func (s sample) newRepository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "orders")
	from := filepath.Join("testdata", s.language)
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	if s.packages != "" {
		require.NoError(t, os.Symlink(filepath.Join(s.installed(t), s.packages), filepath.Join(dir, s.packages)))
	}
	for file, text := range s.settings {
		harness.MustWriteFile(t, filepath.Join(dir, file), strings.ReplaceAll(text, "INSTALLED", s.installed(t)))
	}
	git := exec.Command("git", "init", "--quiet")
	git.Dir = dir
	require.NoError(t, git.Run())
	return dir
}

// samplesFolder returns the folder, in the user's cache or that of the step, where the packages of the samples are
// installed.
func samplesFolder() string {
	dir, err := tools.OwnDir(os.Environ())
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "samples")
}

// installed returns the folder of the user's cache where the sample's packages are installed, by the hash of their lock
// file. They are installed once.
func (s sample) installed(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", s.language, s.lock))
	require.NoError(t, err)
	dir := filepath.Join(samplesFolder(), fmt.Sprintf("%s-%.6x", s.language, sha256.Sum256(text)))
	require.NoError(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	lock := flock.New(dir + ".lock")
	require.NoError(t, lock.Lock())
	defer func() { require.NoError(t, lock.Unlock()) }()
	done := filepath.Join(dir, "installed")
	if _, err := os.Stat(done); err == nil {
		return dir
	}
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", s.language))))
	for _, argv := range s.install {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), `CDK_CONTEXT_JSON={"retentionDays": 7}`)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	require.NoError(t, os.WriteFile(done, nil, 0o644))
	return dir
}

// command returns the program in a repository with arguments. Its steps may read the packages of the samples.
func command(dir string, args ...string) *exec.Cmd {
	cmd := program.Command(dir, args...)
	cmd.Env = append(cmd.Env, "LOCKSTEP_READABLE="+samplesFolder())
	return cmd
}

// run runs the program in a repository and returns what it printed, which holds each of the texts.
func run(t *testing.T, dir string, args []string, want ...string) string {
	t.Helper()
	out, err := command(dir, args...).CombinedOutput()
	require.NoError(t, err, "lockstep %s\n%s", strings.Join(args, " "), out)
	for _, text := range want {
		assert.Contains(t, string(out), text, "lockstep %s", strings.Join(args, " "))
	}
	return string(out)
}

// vulnerabilityGates ask databases in the network, which a test does not depend on.
var vulnerabilityGates = []string{"osv", "govulncheck"}

// check runs the gates of the sample that need no network, and those that install its packages.
func (s sample) check(t *testing.T, dir string) {
	t.Helper()
	off := "\ngates:\n  off:\n"
	for _, name := range vulnerabilityGates {
		off += "    " + name + ": asks a database in the network\n"
	}
	for name, reason := range s.off {
		off += "    " + name + ": " + reason + "\n"
	}
	file := filepath.Join(dir, "config", "pipeline.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	harness.MustWriteFile(t, file, string(text)+off)
	out := run(t, dir, []string{"check"}, "check passed")
	for _, result := range s.checked {
		assert.Regexp(t, result, out)
	}
}

// keepAccounts keeps the emulated accounts of a repository running until the test ends, so that no command has to start
// them.
func keepAccounts(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, []string{"rehearsal", "start"})
	t.Cleanup(func() { run(t, dir, []string{"rehearsal", "stop"}) })
}

func TestApp_AdoptedAndDelivered(t *testing.T) {
	forEachSample(t, func(t *testing.T, s sample) {
		dir := s.newRepository(t)
		commands := markedBlocks(t, "docs/adopt.md")
		require.Len(t, commands, 2)
		initialise, deploy := commands[0], commands[1]
		if s.language == samples[0].language { // it knows no languages
			run(t, dir, append(initialise, "--dry-run"), "nothing was written")
			assert.NoDirExists(t, filepath.Join(dir, "config"))
		}
		run(t, dir, initialise, "found a CDK app in "+s.language, "stack Orders: wherever the environment is",
			"lockstep deploy --env dev")
		configuration := readTree(t, filepath.Join(dir, "config"))
		run(t, dir, initialise, "nothing was changed")
		assert.Equal(t, configuration, readTree(t, filepath.Join(dir, "config")))
		s.check(t, dir)

		keepAccounts(t, dir)
		run(t, dir, deploy, "rehearsed 2 of 2 resources (100 %)", "created, release 1")
		again := run(t, dir, deploy, "unchanged")
		assert.Regexp(t, `synth +cached`, again)

		name := filepath.Join(dir, filepath.FromSlash(s.source))
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		changed, err := harness.ReplaceOnce(string(text), s.change[0], s.change[1])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, []byte(changed), 0o644))
		run(t, dir, deploy, "1 to modify", "release 2")
		run(t, dir, []string{"rollback", "--env", "dev"}, "release 3")
		run(t, dir, []string{"verify", "--env", "dev"}, "Orders  unchanged")
		run(t, dir, []string{"explain", "Orders"}, "dev: account 111122223333, eu-west-1")
	})
}

// The app in testdata/platform has Stages, three accounts, two regions, a nested stack, a parameter, a look-up, macros,
// a custom resource, a bundled asset, a value that AWS publishes, and an empty stack.
func TestApp_WithAllThatAppsHaveIsDelivered(t *testing.T) {
	t.Parallel()
	dir := samples[0].newRepository(t)
	for _, name := range []string{"cdk.json", "bin", "lib"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "platform"))))
	run(t, dir, []string{"init", "--yes", "--tooling", "123456789012", "--env", "dev=111122223333/eu-west-1"},
		"stack Edge: account 111122223333, us-east-1", "stack Audit: account 333344445555, eu-west-1")
	file := filepath.Join(dir, "config", "environments", "dev.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "  - account: \"444455556666\"\n    region: eu-west-1\n"+
		"  - account: \"111122223333\"\n    region: us-east-1\n")
	deploy := []string{"deploy", "--env", "dev"}
	out, err := command(dir, deploy...).CombinedOutput()
	require.Error(t, err, "a parameter has no value")
	require.Contains(t, string(out), "LS-616: its parameters Owner have neither a value nor a default")
	harness.MustWriteFile(t, file, string(text)+"stacks:\n  parameters:\n    Shop-Web:\n      Owner: orders team\n")

	run(t, dir, deploy, "created, release 1", "rehearsed 21 of 24 resources (88 %)", "Macros     created: 4 to add",
		"it has no resources", "not rehearsed: the value /aws/service/ami-amazon-linux-latest/", "Custom in Shop-Web")
	again := run(t, dir, deploy, "unchanged")
	assert.NotContains(t, again, "release 2")
	for _, provider := range []string{
		"ami", "availability-zones", "cc-api-provider", "endpoint-service-availability-zones", "hosted-zone", "key-provider",
		"load-balancer", "load-balancer-listener", "security-group", "ssm", "vpc-provider",
	} {
		assert.Contains(t, again, "not rehearsed: the look-up "+provider+":account=111122223333")
	}
	assert.NoFileExists(t, filepath.Join(dir, "cdk.context.json"))
	settings := filepath.Join(dir, "cdk.json")
	text, err = os.ReadFile(settings)
	require.NoError(t, err)
	changed, err := harness.ReplaceOnce(string(text), "accepted orders", "orders that were accepted")
	require.NoError(t, err)
	harness.MustWriteFile(t, settings, changed)
	run(t, dir, deploy, "release 2")
	run(t, dir, []string{"rollback", "--env", "dev"}, "release 3")
	run(t, dir, []string{"verify", "--env", "dev"}, "Shop-Web   unchanged")
	run(t, dir, []string{"context", "--env", "dev"}, "no answer: vpc-provider:account=111122223333")
}

// markedBlock matches a block of a page whose comment names this test.
var markedBlock = regexp.MustCompile(
	"(?s)<!-- test: TestApp_AdoptedAndDelivered in tests/apps -->\n\n```sh\nlockstep (.*?)\n```",
)

// markedBlocks returns the arguments of the program in the blocks of a page that this test runs.
func markedBlocks(t *testing.T, page string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Repository(), page))
	require.NoError(t, err)
	var commands [][]string
	for _, match := range markedBlock.FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, strings.Fields(match[1]))
	}
	return commands
}

// readTree returns the files below a folder by their path.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files[name] = string(text)
		return err
	}))
	return files
}

// configuration is the least that a repository with an app needs.
var configuration = map[string]string{
	"config/pipeline.yaml":         "project: orders\ntooling: {account: \"123456789012\", region: eu-west-1}\n",
	"config/environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\n",
}

func TestApp_SaysWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"packages of Node": {
			map[string]string{"cdk.json": `{"app": "npx tsx app.ts"}`, "package.json": "{}", "package-lock.json": "{}"},
			"LS-342: the app's packages are not installed: there is no node_modules: run `npm ci`",
		},
		"packages of another lock file": {
			map[string]string{
				"cdk.json": `{"app": "node app.js"}`, "package.json": "{}",
				"package-lock.json":               `{"packages": {"node_modules/a": {"version": "2.0.0"}}}`,
				"node_modules/.package-lock.json": `{"packages": {"node_modules/a": {"version": "1.0.0"}}}`,
			},
			"the installed packages are not those of package-lock.json: a differs: run `npm ci`",
		},
		"packages of Python": {
			map[string]string{"cdk.json": `{"app": "echo \"No module named 'aws_cdk'\" >&2; exit 1"}`},
			"install the app's Python packages",
		},
		"a command": {map[string]string{"cdk.json": "{}"}, "LS-341: no command runs the CDK app: cdk.json has no `app`"},
		"an assembly": {
			map[string]string{"cdk.json": `{"app": "true"}`},
			"the CDK app ended well, but wrote no assembly of dev to the folder dev below CDK_OUTDIR",
		},
		"JSON": {map[string]string{"cdk.json": "{"}, "cdk.json cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, files := range []map[string]string{configuration, test.files} {
				for file, text := range files {
					harness.MustWriteFile(t, filepath.Join(dir, file), text)
				}
			}
			out, err := command(dir, "synth", "--env", "dev").CombinedOutput()
			require.Error(t, err)
			assert.Contains(t, string(out), test.want)
			assert.NoDirExists(t, filepath.Join(dir, ".lockstep", "assembly", "dev"), "nothing is half done")
		})
	}
}

// An app that prints its environment stands for any app: its assembly is empty.
const printingApp = `mkdir -p "$CDK_OUTDIR" && env | grep -E "^(AWS|CDK)_" | sort >> environment
echo '{}' > "$CDK_OUTDIR/manifest.json"`

func TestApp_IsToldAccountRegionAndContext(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"cdk.json":         `{"app": "sh ./app.sh", "build": "echo built >> builds", "context": {"a": 1, "b": 1, "c": 1}}`,
		"cdk.context.json": `{"b": 2, "answer": "vpc"}`,
		"app.sh":           printingApp,
		"config/pipeline.yaml": "project: orders\ntooling: {account: \"123456789012\", region: eu-west-1}\n" +
			"app: {context: {c: 3, d: 3}, inputs: [cdk.json, cdk.context.json, app.sh]}\n",
		"config/environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\ncontext: {d: 4}\n",
		"config/environments/prod.yaml": "account: \"222233334444\"\nregion: us-east-1\nafter: dev\napproval: true\n" +
			"terminationProtection: true\n",
	} {
		harness.MustWriteFile(t, filepath.Join(dir, file), text)
	}
	run(t, dir, []string{"synth", "--env", "all"})
	environment, err := os.ReadFile(filepath.Join(dir, "environment"))
	require.NoError(t, err)
	for _, want := range []string{
		"CDK_DEFAULT_ACCOUNT=111122223333", "CDK_DEFAULT_REGION=eu-west-1", "CDK_DEFAULT_ACCOUNT=222233334444",
		"CDK_DEFAULT_REGION=us-east-1", `"a":1`, `"b":2`, `"answer":"vpc"`, `"c":3`, `"d":4`, `"d":3`,
		`"lockstep:environment":"prod"`, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=eu-west-1",
	} {
		assert.Contains(t, string(environment), want)
	}
	assert.NotContains(t, string(environment), `"b":1`)
	builds, err := os.ReadFile(filepath.Join(dir, "builds"))
	require.NoError(t, err)
	assert.Equal(t, "built\n", string(builds), "once before all runs of the app")

	assert.Regexp(t, `synth +cached`, run(t, dir, []string{"synth", "--env", "all"}))
	harness.MustWriteFile(t, filepath.Join(dir, "cdk.context.json"), `{"b": 5}`)
	assert.Regexp(t, `synth +ran`, run(t, dir, []string{"synth", "--env", "all"}))
}
