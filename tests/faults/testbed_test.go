// Package faults shows that a deployment loses nothing and leaves nothing half done, whatever goes wrong on the way: the program itself, against the emulated
// accounts, with a proxy in between that makes trouble.
package faults

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
)

var update = flag.Bool("update", false, "write what the tests find into the documents that they compare it with")

const (
	tooling = "123456789012"
	dev     = "111122223333"
	acc     = "444455556666"
	region  = "eu-west-1"
	// secret must never be seen.
	secret = "canary-51f2"
)

// scratch is a folder for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lockstep-faults-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		scratch = dir
		code := m.Run()
		if err := checkFaultTable(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// sharedSetup is what all tests begin with: the program under test, and accounts that are bootstrapped.
type sharedSetup struct{ binary, accounts string }

// loadSharedSetup makes it when the first test asks for it.
var loadSharedSetup = sync.OnceValues(func() (sharedSetup, error) {
	s := sharedSetup{filepath.Join(scratch, "lockstep"), filepath.Join(scratch, "accounts")}
	build := exec.Command("go", "build", "-o", s.binary, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return s, bootstrapAccounts(s.accounts)
})

// bootstrapAccounts makes emulated accounts, prepares them, and stops them again: every test begins with a copy.
func bootstrapAccounts(dir string) error {
	e := newEmulator(dir)
	s, release, err := e.Acquire(context.Background())
	if err != nil {
		return err
	}
	policies := []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	var accounts []bootstrap.Account
	for _, a := range []bootstrap.Account{{Name: "tooling", ID: tooling}, {Name: "dev", ID: dev, TrustedAccounts: []string{tooling}}, {Name: "acc", ID: acc, TrustedAccounts: []string{tooling}}} {
		a.Region, a.Qualifier, a.ExecutionPolicies = region, "hnb659fds", policies
		accounts = append(accounts, a)
	}
	err = errors.Join(e.Bootstrap(context.Background(), s, accounts), release())
	// Every copy makes certificates of its own, so that none takes another's emulator for its own.
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, "tls")))
}

func newEmulator(dir string) *rehearsal.Emulator {
	return &rehearsal.Emulator{Dir: dir, Environ: os.Environ(), Region: region, Progress: func(string) {}, Port: freePort()}
}

// freePort is a port that nobody listens on.
func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// testbed is emulated accounts with a proxy before them, and a project that deploys to them as if they were AWS.
type testbed struct {
	t        *testing.T
	binary   string
	dir      string
	emulator *rehearsal.Emulator
	session  *rehearsal.Session
	proxy    *proxy
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	t.Parallel() // most of the time is spent waiting
	begin, err := loadSharedSetup()
	require.NoError(t, err)
	w := &testbed{t: t, dir: t.TempDir(), binary: begin.binary}
	accounts := filepath.Join(w.dir, "accounts")
	require.NoError(t, os.CopyFS(accounts, os.DirFS(begin.accounts)))
	w.emulator = newEmulator(accounts)
	session, release, err := w.emulator.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, release()) })
	w.session, w.proxy = session, newProxy(t, session)
	write(t, filepath.Join(w.dir, "config", "pipeline.yaml"), "project: shop\ntooling:\n  account: \""+tooling+"\"\n  region: "+region+"\n")
	for name, env := range map[string]string{"dev": dev, "acc": acc} {
		text := "account: \"" + env + "\"\nregion: " + region + "\nnotifications:\n  owners: [platform@example.com]\n"
		if name == "acc" {
			text += "after: dev\n"
		}
		write(t, filepath.Join(w.dir, "config", "environments", name+".yaml"), text)
	}
	_, err = config.Load(os.DirFS(filepath.Join(w.dir, "config")))
	require.NoError(t, err)
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// assembly writes a cloud assembly of stacks that each need the one before, each with a parameter of a value and a published file.
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
		write(w.t, filepath.Join(dir, name+".json"), fmt.Sprintf(`{"Resources":{"Value":{"Type":"AWS::SSM::Parameter","Properties":{"Type":"String","Name":"/%s","Value":%q}}}}`, name, value))
		write(w.t, filepath.Join(dir, name+".file"), name+value)
		write(w.t, filepath.Join(dir, name+".assets.json"), fmt.Sprintf(`{"version":"36.0.0","files":{"f":{"source":{"path":"%s.file","packaging":"file"},"destinations":{"d":{"bucketName":"cdk-hnb659fds-assets-%s-%s","objectKey":"%s-%s.file","assumeRoleArn":%q}}}}}`,
			name, account, region, name, value, role("file-publishing")))
		needs := []string{name + ".assets"}
		if i > 0 {
			needs = append(needs, fmt.Sprintf("stack%d", i-1))
		}
		artefacts[name+".assets"] = map[string]any{"type": "cdk:asset-manifest", "properties": map[string]any{"file": name + ".assets.json"}}
		artefacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + account + "/" + region, "dependencies": needs,
			"properties": map[string]any{"templateFile": name + ".json", "assumeRoleArn": role("deploy"), "cloudFormationExecutionRoleArn": role("cfn-exec")},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": artefacts})
	require.NoError(w.t, err)
	write(w.t, filepath.Join(dir, "manifest.json"), string(manifest))
	return dir
}

// command is the program, live, whose AWS is the proxy.
func (w *testbed) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.binary, append(args, "--live")...)
	cmd.Dir = w.dir
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "AWS_") && !strings.HasPrefix(pair, "LOCKSTEP_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+w.proxy.address, "AWS_ACCESS_KEY_ID="+tooling, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_REGION="+region,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// run runs the program to its end, and returns all that it printed and its status.
func (w *testbed) run(args ...string) (string, int) {
	w.t.Helper()
	cmd := w.command(args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(w.t, err)
	}
	assert.NotContains(w.t, string(out), secret, "a secret was printed")
	return string(out), cmd.ProcessState.ExitCode()
}

// deploy deploys an assembly to dev, and wants it to pass.
func (w *testbed) deploy(dir string) string {
	w.t.Helper()
	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	require.Zero(w.t, status, out)
	return out
}

// aws is the emulator itself, as an account's root.
func (w *testbed) aws(account string) aws.Config {
	w.t.Helper()
	cfg, err := w.session.AWSConfig(account, region)
	require.NoError(w.t, err)
	return cfg
}

func (w *testbed) s3Client(account string) *s3.Client {
	return s3.NewFromConfig(w.aws(account), func(o *s3.Options) { o.UsePathStyle = true })
}

// assertDeployed says that dev has every stack with a value, nothing more, and that nobody holds anything.
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
			sets, err := client.ListChangeSets(w.t.Context(), &cloudformation.ListChangeSetsInput{StackName: s.StackName})
			require.NoError(w.t, err)
			for _, set := range sets.Summaries {
				assert.NotEqual(w.t, "AVAILABLE", string(set.ExecutionStatus), "the change set %s of %s stayed behind", aws.ToString(set.ChangeSetName), name)
			}
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
	out2, status := w.run("status", "--env", "dev", "--releases", "50")
	assert.Zero(w.t, status, out2)
	assert.NotContains(w.t, out2, "locked by")
	assert.NotContains(w.t, out2, "was cut off")
}

// countOperations counts how often CloudFormation began to work on a stack.
func (w *testbed) countOperations(stack string) int {
	w.t.Helper()
	n := 0
	pages := cloudformation.NewDescribeStackEventsPaginator(cloudformation.NewFromConfig(w.aws(dev)), &cloudformation.DescribeStackEventsInput{StackName: &stack})
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

// faultRows gathers what the tests show, for the document.
var faultRows struct {
	sync.Mutex
	rows map[string][2]string
}

// documentFault notes a row of the table of faults once its test has passed.
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
