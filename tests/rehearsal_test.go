package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/rehearsal"
	"lockstep/tests/harness"
)

// The accounts of the fixture platform, and one that it does not have.
const (
	toolingAccount = "123456789012"
	accAccount     = "444455556666"
	strangeAccount = "999900001111"
	region         = "eu-west-1"
)

func TestRehearsal(t *testing.T) {
	runScripts(t, "rehearsal")
}

// primedProject returns a copy of the repository in which everything is built and synthesised and the emulated accounts
// are bootstrapped. It is made once.
var primedProject = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(program.Dir, "primed")
	if err := harness.CopyProject(dir, "tests"); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"synth", "--env", "all"}, {"rehearsal", "start"}, {"rehearsal", "stop"}} {
		if out, err := program.Command(dir, args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("the copy of the repository cannot be prepared: %w\n%s", err, out)
		}
	}
	// Every copy makes certificates of its own, so that none takes another's emulator for its own.
	return dir, os.RemoveAll(filepath.Join(dir, ".lockstep", "rehearsal", "tls"))
})

// copyPrimed copies the primed project, in which only what a test changes has to be built and synthesised.
func copyPrimed(to string) error {
	from, err := primedProject()
	if err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

// primed DIR copies the primed project into a new folder.
func cmdPrimed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: primed DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Defer(func() { stopEmulator(dir) })
	ts.Check(copyPrimed(dir))
}

// projectEmulator returns the emulated accounts of a project.
func projectEmulator(dir string) *rehearsal.Emulator {
	return &rehearsal.Emulator{
		Dir: filepath.Join(dir, ".lockstep", "rehearsal"), Environ: os.Environ(), Region: region, Progress: func(string) {},
	}
}

// stopEmulator stops the emulated accounts of a project where they still run.
func stopEmulator(dir string) {
	_, _ = projectEmulator(dir).Stop(context.Background()) // mostly there are none
}

// unused NAME sets a variable to a port that nobody listens on.
func cmdUnused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unused NAME")
	}
	port, err := harness.FreePort()
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(port))
}

// small DIR SIZE mounts an empty file system of that size.
func cmdSmall(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: small DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]))
	ts.Defer(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// canMount reports whether this process may mount file systems.
var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "lockstep-mount-")
	if err != nil || syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m") != nil {
		return false
	}
	defer os.Remove(dir)
	return syscall.Unmount(dir, 0) == nil
})

// without PROGRAM... sets a PATH on which no program is found whose name begins with one of these.
func cmdWithout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: without PROGRAM...")
	}
	dir, err := os.MkdirTemp(ts.Getenv("WORK"), "path-")
	ts.Check(err)
	for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
		entries, _ := os.ReadDir(folder) // a PATH may name folders that do not exist
		for _, entry := range entries {
			hidden := slices.ContainsFunc(args, func(program string) bool { return strings.HasPrefix(entry.Name(), program) })
			if hidden {
				continue
			}
			err := os.Symlink(filepath.Join(folder, entry.Name()), filepath.Join(dir, entry.Name()))
			if !errors.Is(err, os.ErrExist) { // the first of a name is found
				ts.Check(err)
			}
		}
	}
	ts.Setenv("PATH", dir)
}

// project is a primed project for a test in Go.
type project struct {
	t   *testing.T
	dir string
}

// newProject copies the primed project for a test.
func newProject(t *testing.T) project {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	require.NoError(t, copyPrimed(dir))
	t.Cleanup(func() { stopEmulator(dir) })
	return project{t: t, dir: dir}
}

// command returns the program in the project's folder, not yet started.
func (p project) command(args ...string) *exec.Cmd {
	return program.Command(p.dir, args...)
}

// run runs the program to its end, and returns all that it printed and its exit status.
func (p project) run(args ...string) (string, int) {
	p.t.Helper()
	return harness.Run(p.t, p.command(args...))
}

// runLive runs a command against the emulated accounts as against AWS, with the credentials of an account's root.
func (p project) runLive(account string, args ...string) (string, int) {
	p.t.Helper()
	s := p.session()
	root, err := p.aws(account).Credentials.Retrieve(p.t.Context())
	require.NoError(p.t, err)
	cmd := p.command(args...)
	cmd.Env = append(cmd.Env, "LOCKSTEP_ENDPOINT="+s.Endpoint, "AWS_CA_BUNDLE="+s.CABundle, "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID="+account, "AWS_SECRET_ACCESS_KEY="+root.SecretAccessKey)
	return harness.Run(p.t, cmd)
}

// session returns a session of the emulated accounts, which it starts if they do not run.
func (p project) session() *rehearsal.Session {
	p.t.Helper()
	s, release, err := projectEmulator(p.dir).Acquire(p.t.Context())
	require.NoError(p.t, err)
	p.t.Cleanup(func() { assert.NoError(p.t, release()) })
	return s
}

// aws returns a configuration for the emulated account, as its root.
func (p project) aws(account string) aws.Config {
	p.t.Helper()
	cfg, err := p.session().AWSConfig(account, region)
	require.NoError(p.t, err)
	return cfg
}

// emulatorPID is the process id of the emulator, 0 if none runs.
func (p project) emulatorPID() int {
	p.t.Helper()
	status, err := projectEmulator(p.dir).Status(p.t.Context())
	require.NoError(p.t, err)
	return status.PID
}

func TestDeploy_CreatesDeclaredResources(t *testing.T) {
	p := newProject(t)
	out, status := p.run("deploy", "--env", "acc")
	require.Zero(t, status, out)
	acc := p.aws(accAccount)

	parameter, err := ssm.NewFromConfig(acc).GetParameter(t.Context(), &ssm.GetParameterInput{
		Name: aws.String("/lockstep/acc/logLevel"),
	})
	require.NoError(t, err)
	assert.Equal(t, "info", aws.ToString(parameter.Parameter.Value))

	objects := s3.NewFromConfig(acc, func(o *s3.Options) { o.UsePathStyle = true })
	buckets, err := objects.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	var found string
	for _, b := range buckets.Buckets {
		if strings.Contains(aws.ToString(b.Name), "storage-objects") {
			found = aws.ToString(b.Name)
		}
	}
	require.NotEmpty(t, found, out)
	assert.Contains(t, out, "BucketName = "+found, "the summary shows the outputs")
	versioning, err := objects.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &found})
	require.NoError(t, err)
	assert.Equal(t, "Enabled", string(versioning.Status))
	topics, err := sns.NewFromConfig(acc).ListTopics(t.Context(), &sns.ListTopicsInput{})
	require.NoError(t, err)
	assert.Len(t, topics.Topics, 2)
}

func TestDeployRole_OnlyToolingAccountAssumesIt(t *testing.T) {
	p := newProject(t)
	out, status := p.run("deploy", "--env", "acc")
	require.Zero(t, status, out)
	assume := func(account string) error {
		_, err := sts.NewFromConfig(p.aws(account)).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String(
				fmt.Sprintf("arn:aws:iam::%[1]s:role/cdk-hnb659fds-deploy-role-%[1]s-%s", accAccount, region)),
			RoleSessionName: aws.String("test"),
		})
		return err
	}
	require.NoError(t, assume(toolingAccount))
	var refused smithy.APIError
	require.ErrorAs(t, assume(strangeAccount), &refused)
	assert.Equal(t, "AccessDenied", refused.ErrorCode())
}

func TestDeploy_FailedEnvironmentStopsLaterOnes(t *testing.T) {
	p := newProject(t)
	_, err := ssm.NewFromConfig(p.aws("111122223333")).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/lockstep/dev/logLevel"), Value: aws.String("in the way"), Type: "String",
	})
	require.NoError(t, err)
	out, status := p.run("deploy", "--env", "all")
	assert.Equal(t, 1, status, out)
	assert.Regexp(t, `✗ deploy:dev +failed`, out)
	assert.Regexp(t, `SettinglogLevel\w+ \(AWS::SSM::Parameter\).*a resource of that name exists already`, out)
	assert.Regexp(t, `- deploy:acc +skipped +verify:dev was skipped`, out)
	assert.Regexp(t, `- deploy:prod +skipped +verify:acc was skipped`, out)
	topics, err := sns.NewFromConfig(p.aws(accAccount)).ListTopics(t.Context(), &sns.ListTopicsInput{})
	require.NoError(t, err)
	assert.Empty(t, topics.Topics)
}

// chainAssembly writes an assembly for acc and returns its folder. Each of its stacks depends on the one before, so
// that they are deployed one by one.
func (p project) chainAssembly(length int) string {
	p.t.Helper()
	dir := filepath.Join(p.dir, "chain")
	role := func(name string) string {
		return fmt.Sprintf("arn:${AWS::Partition}:iam::%s:role/cdk-hnb659fds-%s-%s-%s", accAccount, name, accAccount, region)
	}
	var artefacts []string
	for i := range length {
		name := fmt.Sprintf("chain%03d", i)
		needs := ""
		if i > 0 {
			needs = fmt.Sprintf("%q", fmt.Sprintf("chain%03d", i-1))
		}
		artefacts = append(artefacts, fmt.Sprintf(
			`%q:{"type":"aws:cloudformation:stack","environment":"aws://%s/%s","dependencies":[%s],"properties":{`+
				`"templateFile":"%s.json","assumeRoleArn":%q,"cloudFormationExecutionRoleArn":%q}}`,
			name, accAccount, region, needs, name, role("deploy-role"), role("cfn-exec-role")))
		harness.MustWriteFile(p.t, filepath.Join(dir, name+".json"), fmt.Sprintf(
			`{"Resources":{"Value":{"Type":"AWS::SSM::Parameter","Properties":{`+
				`"Type":"String","Name":"/chain/%d","Value":"x"}}}}`, i))
	}
	manifest := `{"version":"36.0.0","artifacts":{` + strings.Join(artefacts, ",") + `}}`
	harness.MustWriteFile(p.t, filepath.Join(dir, "manifest.json"), manifest)
	return dir
}

// startUntil starts the program and returns when a line of its progress contains the text. The returned function waits
// until the program has ended and returns all that it printed.
func (p project) startUntil(text string, args ...string) (*exec.Cmd, func() string) {
	p.t.Helper()
	cmd := p.command(args...)
	var results strings.Builder
	cmd.Stdout = &results
	out, err := cmd.StderrPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, cmd.Start())
	p.t.Cleanup(func() { _ = cmd.Process.Kill() })
	var seen strings.Builder
	lines := bufio.NewReader(out)
	for !strings.Contains(seen.String(), text) {
		line, err := lines.ReadString('\n')
		seen.WriteString(line)
		require.NoError(p.t, err, seen.String())
	}
	return cmd, func() string {
		rest, err := io.ReadAll(lines)
		require.NoError(p.t, err)
		_ = cmd.Wait() // the test checks the exit status
		return seen.String() + string(rest) + results.String()
	}
}

func TestEmulator_NextRunRecoversAfterKill(t *testing.T) {
	p := newProject(t)
	chain := p.chainAssembly(30)
	cmd, wait := p.startUntil("CREATE_COMPLETE chain003", "deploy", "--env", "acc", "--assembly", chain)
	require.NoError(t, syscall.Kill(p.emulatorPID(), syscall.SIGKILL))
	out := wait()
	assert.Equal(t, 1, cmd.ProcessState.ExitCode(), out)
	assert.Contains(t, out, "stopped answering")
	assert.Zero(t, p.emulatorPID())

	out, status := p.run("deploy", "--env", "acc", "--assembly", chain)
	require.Zero(t, status, out)
	assert.Contains(t, out, "were not stopped in good order")
	assert.Contains(t, out, "chain029  created: 1 to add")
}

func TestEmulator_NextRunContinuesAfterKilledRun(t *testing.T) {
	p := newProject(t)
	chain := p.chainAssembly(20)
	cmd, wait := p.startUntil("CREATE_COMPLETE chain003", "deploy", "--env", "acc", "--assembly", chain)
	emulator := p.emulatorPID()
	require.NotZero(t, emulator)
	require.NoError(t, cmd.Process.Kill())
	wait()
	out, status := p.run("deploy", "--env", "acc", "--assembly", chain)
	require.Zero(t, status, out)
	assert.Regexp(t, `chain000 +unchanged`, out, "what is deployed is not deployed again")
	assert.NoError(t, harness.WaitExit(emulator), "the emulator is stopped")
}

func TestInterrupt_StopsDeploymentAndEmulator(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			p := newProject(t)
			chain := p.chainAssembly(40)
			cmd, wait := p.startUntil("CREATE_COMPLETE chain003", "deploy", "--env", "acc", "--assembly", chain)
			emulator := p.emulatorPID()
			require.NoError(t, cmd.Process.Signal(signal))
			out := wait()
			assert.Equal(t, 130, cmd.ProcessState.ExitCode(), out)
			assert.NotContains(t, out, "CREATE_COMPLETE chain039", "it does not deploy to the end")
			assert.Zero(t, p.emulatorPID(), out)
			assert.NoError(t, harness.WaitExit(emulator), "the emulator is stopped")

			out, status := p.run("deploy", "--env", "acc", "--assembly", chain)
			assert.Zero(t, status, "the next run continues: %s", out)
		})
	}
}

// newIdentityEndpoint starts an endpoint that answers that its caller's credentials belong to the account. It returns
// the address, and a function that returns the calls so far.
func newIdentityEndpoint(t *testing.T, account string) (endpoint string, calls func() []string) {
	t.Helper()
	var mu sync.Mutex
	var actions []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		mu.Lock()
		actions = append(actions, r.Host+r.URL.Path+" "+r.Form.Get("Action"))
		mu.Unlock()
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
			`<GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::%[1]s:root</Arn><UserId>x</UserId><Account>%[1]s</Account>`+
			`</GetCallerIdentityResult></GetCallerIdentityResponse>`, account)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return actions
	}
}

func TestCredentials_OtherAccountRefusedAfterOneCall(t *testing.T) {
	p := newProject(t)
	for _, args := range [][]string{
		{"deploy", "--env", "acc", "--live"},
		{"plan", "--env", "acc", "--live"},
		{"verify", "--env", "all", "--live"},
		{"deploy", "--env", "acc", "--live", "--assembly", ".lockstep/assembly/acc"},
		{"bootstrap", "--env", "acc", "--live"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			endpoint, calls := newIdentityEndpoint(t, strangeAccount)
			cmd := p.command(args...)
			cmd.Env = append(cmd.Env, "LOCKSTEP_ENDPOINT="+endpoint, "AWS_REGION="+region,
				"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=canary-7f3a")
			out, status := harness.Run(t, cmd)
			assert.Equal(t, 3, status, out)
			assert.Contains(t, out, "these credentials belong to account "+strangeAccount)
			assert.NotContains(t, out, "canary-7f3a")
			require.Len(t, calls(), 1)
			assert.Contains(t, calls()[0], "GetCallerIdentity")
		})
	}
}

// emulatedOnlyYAML configures acc without resources that the emulator does not know, because a live run replaces none
// by stand-ins.
const emulatedOnlyYAML = `account: "444455556666"
region: eu-west-1
plugins: {storage: {}}
governance: {organisation: [accessAnalyzer, config, costAnomaly, guardDuty, trail]}
notifications: {owners: [platform@example.com]}
`

func TestLive_DeploysWithCallersCredentials(t *testing.T) {
	p := newProject(t)
	harness.MustWriteFile(t, filepath.Join(p.dir, "config", "environments", "acc.yaml"), emulatedOnlyYAML)
	out, status := p.run("synth", "--env", "acc")
	require.Zero(t, status, out)
	out, status = p.run("rehearsal", "start")
	require.Zero(t, status, out)
	s := p.session()
	assemblies := filepath.Join(p.dir, ".lockstep", "assembly")
	out, status = p.runLive(toolingAccount, "deploy", "--env", "acc", "--live", "--assembly", assemblies)
	require.Zero(t, status, out)
	assert.Contains(t, out, "live: acc on "+s.Endpoint+", which is not AWS")
	assert.Contains(t, out, "live on "+s.Endpoint+", which is not AWS")
	assert.NotContains(t, out, "on AWS")
	out, status = p.runLive(toolingAccount, "verify", "--env", "acc", "--live", "--assembly", assemblies)
	require.Zero(t, status, out)
	out, status = p.runLive(accAccount, "deploy", "--env", "acc", "--live", "--assembly", assemblies)
	assert.Equal(t, 3, status, "credentials of the target account are refused: %s", out)
	out, status = p.runLive(accAccount, "bootstrap", "--env", "acc", "--live")
	require.Zero(t, status, out)
	assert.Contains(t, out, "bootstrapped acc")
}
