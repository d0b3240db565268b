// Package faults shows that a deployment loses nothing and does nothing twice when calls fail or the program is killed.
// It runs the program against the emulated accounts, with a proxy in between that makes calls fail.
package faults

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/bootstrap"
	"lockstep/internal/rehearsal"
	"lockstep/tests/harness"
)

var update = flag.Bool("update", false, "write what the tests find into the documents that they compare it with")

const (
	tooling = "123456789012"
	dev     = "111122223333"
	acc     = "444455556666"
	region  = "eu-west-1"
)

// scratch is a folder that all tests share.
var scratch string

func TestMain(m *testing.M) {
	harness.Main(m, runTests)
}

// runTests runs the tests, compares what they showed with the document, and writes down what they covered of the
// program.
func runTests(m *testing.M) (status int, err error) {
	if scratch, err = os.MkdirTemp("", "lockstep-faults-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	status = m.Run()
	return status, errors.Join(checkFaultTable(), harness.WriteCoverage(program, "faults"))
}

// program is the program under test; nil before buildProgram has built it.
var program *harness.Program

// buildProgram builds the program under test when the first test asks for it.
var buildProgram = sync.OnceValue(func() (err error) {
	program, err = harness.BuildProgram(scratch)
	return err
})

// loadSharedSetup builds the program under test and returns the folder of bootstrapped accounts. It does so when the
// first test asks for it.
var loadSharedSetup = sync.OnceValues(func() (accounts string, err error) {
	if err = buildProgram(); err != nil {
		return "", err
	}
	accounts = filepath.Join(scratch, "accounts")
	return accounts, bootstrapAccounts(accounts)
})

// bootstrapAccounts starts emulated accounts, bootstraps them, and stops them. Every test begins with a copy of their
// state.
func bootstrapAccounts(dir string) error {
	e, err := newEmulator(dir)
	if err != nil {
		return err
	}
	s, release, err := e.Acquire(context.Background())
	if err != nil {
		return err
	}
	policies := []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	var accounts []bootstrap.Account
	for _, a := range []bootstrap.Account{
		{Name: "tooling", ID: tooling},
		{Name: "dev", ID: dev, TrustedAccounts: []string{tooling}},
		{Name: "acc", ID: acc, TrustedAccounts: []string{tooling}},
	} {
		a.Region, a.Qualifier, a.ExecutionPolicies = region, "hnb659fds", policies
		accounts = append(accounts, a)
	}
	err = errors.Join(e.Bootstrap(context.Background(), s, accounts), release())
	// Every copy makes certificates of its own, so that none takes another's emulator for its own.
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, "tls")))
}

// newEmulator returns emulated accounts on a port of their own, not yet started.
func newEmulator(dir string) (*rehearsal.Emulator, error) {
	port, err := harness.FreePort()
	return &rehearsal.Emulator{Dir: dir, Environ: os.Environ(), Region: region, Progress: func(string) {}, Port: port}, err
}

// testbed is emulated accounts behind a proxy, and a project that deploys to them as if they were AWS.
type testbed struct {
	t        *testing.T
	dir      string
	emulator *rehearsal.Emulator
	session  *rehearsal.Session
	proxy    *proxy
}

// deployDespiteFault checks that a deployment passes although some of its calls are spoiled.
func (w *testbed) deployDespiteFault() {
	w.t.Helper()
	w.deploy(w.assembly("dev", dev, stackCount, "one"))
	_, spoiled := w.proxy.counts()
	assert.Positive(w.t, spoiled)
	w.proxy.setFault(nil)
	w.assertDeployed(stackCount, "one")
}

// newFaultTestbed returns a testbed for a fault that the document describes.
func newFaultTestbed(t *testing.T, fault, what, result string) *testbed {
	t.Helper()
	documentFault(t, fault, what, result)
	return newTestbed(t)
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	t.Parallel() // most of the time is spent waiting
	bootstrapped, err := loadSharedSetup()
	require.NoError(t, err)
	w := &testbed{t: t, dir: t.TempDir()}
	accounts := filepath.Join(w.dir, "accounts")
	require.NoError(t, os.CopyFS(accounts, os.DirFS(bootstrapped)))
	w.emulator, err = newEmulator(accounts)
	require.NoError(t, err)
	w.emulator.SecretFile = filepath.Join(w.dir, "secret") // AWS keeps its credentials when an endpoint restarts
	session, release, err := w.emulator.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, release()) })
	w.session, w.proxy = session, newProxy(t, session)
	w.writeProject()
	return w
}

// writeProject writes the configuration of the project that deploys.
func (w *testbed) writeProject() {
	w.t.Helper()
	harness.MustWriteFile(w.t, filepath.Join(w.dir, "config", "pipeline.yaml"),
		"project: shop\ntooling:\n  account: \""+tooling+"\"\n  region: "+region+"\n")
	for name, env := range map[string]string{"dev": dev, "acc": acc} {
		text := "account: \"" + env + "\"\nregion: " + region + "\nnotifications:\n  owners: [platform@example.com]\n"
		if name == "acc" {
			text += "after: dev\n"
		}
		harness.MustWriteFile(w.t, filepath.Join(w.dir, "config", "environments", name+".yaml"), text)
	}
	_, err := config.Load(os.DirFS(filepath.Join(w.dir, "config")))
	require.NoError(w.t, err)
}

// assembly writes a cloud assembly and returns its folder. Each of its stacks depends on the one before, and has a
// parameter with the value and a file asset.
func (w *testbed) assembly(env, account string, stacks int, value string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, "assemblies", env)
	require.NoError(w.t, os.RemoveAll(dir))
	role := func(kind string) string {
		return fmt.Sprintf("arn:${AWS::Partition}:iam::%s:role/cdk-hnb659fds-%s-role-%s-%s", account, kind, account, region)
	}
	artefacts := map[string]any{}
	for i := range stacks {
		name := fmt.Sprintf("stack%d", i)
		harness.MustWriteFile(w.t, filepath.Join(dir, name+".json"), fmt.Sprintf(
			`{"Resources":{"Value":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Name":"/%s","Value":%q}}}}`,
			name, value))
		harness.MustWriteFile(w.t, filepath.Join(dir, name+".file"), name+value)
		harness.MustWriteFile(w.t, filepath.Join(dir, name+".assets.json"), fmt.Sprintf(
			`{"version":"36.0.0","files":{"f":{"source":{"path":"%s.file","packaging":"file"},"destinations":{"d":{`+
				`"bucketName":"cdk-hnb659fds-assets-%s-%s","objectKey":"%s.file","assumeRoleArn":%q}}}}}`,
			name, account, region, assetHash(name+value), role("file-publishing")))
		needs := []string{name + ".assets"}
		if i > 0 {
			needs = append(needs, fmt.Sprintf("stack%d", i-1))
		}
		artefacts[name+".assets"] = map[string]any{
			"type": "cdk:asset-manifest", "properties": map[string]any{"file": name + ".assets.json"},
		}
		artefacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + account + "/" + region, "dependencies": needs,
			"properties": map[string]any{
				"templateFile": name + ".json", "assumeRoleArn": role("deploy"), "cloudFormationExecutionRoleArn": role("cfn-exec"),
			},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": artefacts})
	require.NoError(w.t, err)
	harness.MustWriteFile(w.t, filepath.Join(dir, "manifest.json"), string(manifest))
	return dir
}

// assetHash returns the hash in the key of a file with that content.
func assetHash(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// stopEmulator ends the emulator, which writes down its state, and waits until it has ended.
func (w *testbed) stopEmulator() {
	status, err := w.emulator.Status(w.t.Context())
	if assert.NoError(w.t, err) && assert.NoError(w.t, syscall.Kill(status.PID, syscall.SIGTERM)) {
		assert.NoError(w.t, harness.WaitExit(status.PID))
	}
}

// restartEmulator starts the emulator again, with its state and at the same address.
func (w *testbed) restartEmulator() {
	assert.NoError(w.t, os.Remove(filepath.Join(w.emulator.Dir, "dirty"))) // it was not killed, so its state is whole
	session, release, err := w.emulator.Acquire(w.t.Context())
	if assert.NoError(w.t, err) {
		w.t.Cleanup(func() { assert.NoError(w.t, release()) })
		assert.Equal(w.t, w.session.Endpoint, session.Endpoint)
	}
}

// command returns the program with --live, whose AWS is the proxy, not yet started.
func (w *testbed) command(args ...string) *exec.Cmd {
	cmd := program.Command(w.dir, append(args, "--live")...)
	cmd.Env = append(cmd.Env, "LOCKSTEP_ENDPOINT="+w.proxy.address, "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID="+tooling, "AWS_SECRET_ACCESS_KEY="+w.secret())
	return cmd
}

// secret returns the secret access key of the tooling account's root, which must never be printed.
func (w *testbed) secret() string {
	if w.session == nil { // AWS is simulated, and verifies no signature
		return "of a simulated account"
	}
	return rootCredentials(w.t, w.session).SecretAccessKey
}

// rootCredentials returns the credentials of the tooling account's root.
func rootCredentials(t *testing.T, s *rehearsal.Session) aws.Credentials {
	t.Helper()
	cfg, err := s.AWSConfig(tooling, region)
	require.NoError(t, err)
	credentials, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	return credentials
}

// run runs the program to its end, and returns all that it printed and its exit status.
func (w *testbed) run(args ...string) (string, int) {
	w.t.Helper()
	out, status := harness.Run(w.t, w.command(args...))
	assert.NotContains(w.t, out, w.secret(), "a secret was printed")
	return out, status
}

// deploy deploys an assembly to dev, which must pass, and returns what was printed.
func (w *testbed) deploy(dir string) string {
	w.t.Helper()
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	require.Zero(w.t, status, out)
	return out
}

// aws returns a configuration that calls the emulator itself, not the proxy, as an account's root.
func (w *testbed) aws(account string) aws.Config {
	w.t.Helper()
	cfg, err := w.session.AWSConfig(account, region)
	require.NoError(w.t, err)
	return cfg
}

func (w *testbed) s3Client(account string) *s3.Client {
	return s3.NewFromConfig(w.aws(account), func(o *s3.Options) { o.UsePathStyle = true })
}

// assertDeployed checks that dev has exactly that many stacks, each with the value, that no change set is left, and
// that nobody holds the lock.
func (w *testbed) assertDeployed(stacks int, value string) {
	w.t.Helper()
	client := cloudformation.NewFromConfig(w.aws(dev))
	out, err := client.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{})
	require.NoError(w.t, err)
	found := 0
	for _, s := range out.Stacks {
		if name := aws.ToString(s.StackName); strings.HasPrefix(name, "stack") {
			found++
			assert.Contains(w.t, []string{"CREATE_COMPLETE", "UPDATE_COMPLETE"}, string(s.StackStatus), name)
			w.assertNoChangeSets(client, name)
		}
	}
	assert.Equal(w.t, stacks, found, "stacks")
	parameters := ssm.NewFromConfig(w.aws(dev))
	for i := range stacks {
		p, err := parameters.GetParameter(w.t.Context(), &ssm.GetParameterInput{Name: aws.String(fmt.Sprintf("/stack%d", i))})
		if assert.NoError(w.t, err) {
			assert.Equal(w.t, value, aws.ToString(p.Parameter.Value))
		}
	}
	printed, status := w.run("status", "--env", "dev", "--releases", "50")
	assert.Zero(w.t, status, printed)
	assert.NotContains(w.t, printed, "locked by")
	assert.NotContains(w.t, printed, "was cut off")
}

// assertNoChangeSets checks that a stack has no change set that could be executed.
func (w *testbed) assertNoChangeSets(client *cloudformation.Client, stack string) {
	w.t.Helper()
	sets, err := client.ListChangeSets(w.t.Context(), &cloudformation.ListChangeSetsInput{StackName: &stack})
	require.NoError(w.t, err)
	for _, set := range sets.Summaries {
		assert.NotEqual(w.t, "AVAILABLE", string(set.ExecutionStatus), "the change set %s of %s is left",
			aws.ToString(set.ChangeSetName), stack)
	}
}

// countOperations returns how often CloudFormation has created or updated a stack in dev.
func (w *testbed) countOperations(stack string) int {
	w.t.Helper()
	n := 0
	client := cloudformation.NewFromConfig(w.aws(dev))
	input := &cloudformation.DescribeStackEventsInput{StackName: &stack}
	pages := cloudformation.NewDescribeStackEventsPaginator(client, input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.t.Context())
		require.NoError(w.t, err)
		for _, e := range page.StackEvents {
			status := string(e.ResourceStatus)
			if aws.ToString(e.LogicalResourceId) == stack && (status == "CREATE_IN_PROGRESS" || status == "UPDATE_IN_PROGRESS") {
				n++
			}
		}
	}
	return n
}

// faultRows are the rows of the document's table that tests have shown so far, by the name of the fault.
var faultRows struct {
	sync.Mutex
	rows map[string][2]string
}

// documentFault adds a row to the table of faults when the test has passed: how the fault is made, and what its outcome
// is.
func documentFault(t *testing.T, fault, how, outcome string) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() || t.Skipped() {
			return
		}
		faultRows.Lock()
		defer faultRows.Unlock()
		if faultRows.rows == nil {
			faultRows.rows = map[string][2]string{}
		}
		faultRows.rows[fault] = [2]string{how, outcome}
	})
}
