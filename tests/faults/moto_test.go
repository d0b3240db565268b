package faults

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/bootstrap"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
	"lockstep/tools"
)

// motoProgram serves moto on the socket that it inherits. It ends with its standard input, however its starter ends.
const motoProgram = `
import os, sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)

threading.Thread(target=end_with_input, daemon=True).start()


def create_app(service):
    """Answer an action that moto lacks as AWS answers one that it does not have: 500 would be tried again."""
    app = create_backend_app(service)
    answer = "<ErrorResponse><Error><Code>InvalidAction</Code><Message>%s</Message></Error></ErrorResponse>"
    app.register_error_handler(NotImplementedError, lambda e: (answer % e, 400, {"Content-Type": "text/xml"}))
    return app

app = DomainDispatcherApplication(create_app)
make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler, fd=3).serve_forever()
`

// startMoto starts moto, an emulator of AWS that shares no code with the one that rehearsals use, and returns its
// address. Its accounts are empty.
func startMoto(t *testing.T) string {
	t.Helper()
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { t.Log(line) })
	require.NoError(t, err)
	dir, err := installer.Install(t.Context(), pipeline.ToolMoto)
	require.NoError(t, err)
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer listener.Close()
	socket, err := listener.File()
	require.NoError(t, err)
	defer socket.Close()
	cmd := exec.Command(filepath.Join(dir, "venv", "bin", "python"), "-c", motoProgram)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	cmd.ExtraFiles = []*os.File{socket}
	log, err := os.Create(filepath.Join(t.TempDir(), "moto.log"))
	require.NoError(t, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, input.Close())
		_ = cmd.Wait() // its log says how it ended
		if text, err := os.ReadFile(log.Name()); t.Failed() && assert.NoError(t, err) {
			t.Log(tools.LastLines(string(text), 40))
		}
	})
	return "http://" + listener.Addr().String() // a call waits in the socket until moto has started
}

// newMotoTestbed returns a testbed whose AWS is moto, with bootstrapped accounts. moto is given the accounts that the
// access keys belong to, and verifies no signature.
func newMotoTestbed(t *testing.T) *testbed {
	t.Helper()
	t.Parallel() // most of the time is spent waiting
	require.NoError(t, buildProgram())
	w := &testbed{t: t, dir: t.TempDir(), proxy: &proxy{address: startMoto(t)}}
	w.writeProject()
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { t.Log(line) })
	require.NoError(t, err)
	template, err := bootstrap.LoadTemplate(t.Context(), installer)
	require.NoError(t, err)
	require.NoError(t, bootstrap.Apply(t.Context(), w.motoConfig(dev), template, bootstrap.Account{
		Name: "dev", ID: dev, Region: region, TrustedAccounts: []string{tooling}, Qualifier: "hnb659fds",
		ExecutionPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
	}))
	return w
}

// motoConfig returns a configuration of the AWS SDK for an account of moto.
func (w *testbed) motoConfig(account string) aws.Config {
	w.t.Helper()
	cfg := aws.Config{
		Region: region, BaseEndpoint: &w.proxy.address,
		Credentials: credentials.NewStaticCredentialsProvider(tooling, "of an emulated account", ""),
	}
	out, err := sts.NewFromConfig(cfg).AssumeRole(w.t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/administrator"), RoleSessionName: aws.String("test"),
	})
	require.NoError(w.t, err)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return cfg
}

// timedRows are the rows that are seen or not as the machine is fast or slow.
var timedRows = []string{
	"late start", "stale descriptions", "late events", "deleted later", "drift detection already running",
	"cancelled resources",
}

// assertSelfTest runs the self-test in dev, and compares the rows that are not "not seen".
func (w *testbed) assertSelfTest(want map[string]selftest.Verdict) {
	w.t.Helper()
	out, status := w.run("selftest", "--env", "dev", "--json")
	require.Zero(w.t, status, out)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var summary struct{ Accounts []selftest.Report }
	require.NoError(w.t, json.Unmarshal([]byte(lines[len(lines)-1]), &summary), out)
	require.Len(w.t, summary.Accounts, 1)
	report := summary.Accounts[0]
	assert.True(w.t, report.Removed)
	assert.Len(w.t, report.Rows, len(simulated.Catalogue()))
	seen := map[string]selftest.Verdict{}
	for _, row := range report.Rows {
		if row.Verdict != selftest.NotSeen && !slices.Contains(timedRows, row.Name) {
			seen[row.Name] = row.Verdict
		}
	}
	assert.Equal(w.t, want, seen, out)
}

func TestMinistack_SelfTest(t *testing.T) {
	newTestbed(t).assertSelfTest(map[string]selftest.Verdict{
		"another template without a change": selftest.Confirmed,
		"early validation":                  selftest.Contradicted,
		"failed creation":                   selftest.Contradicted,
		"failed update":                     selftest.Contradicted,
		"kept when left out":                selftest.Confirmed,
		"no changes":                        selftest.Confirmed,
		"parameters":                        selftest.Confirmed,
		"question marks":                    selftest.Contradicted,
	})
}

// The self-test and the live path of the engine run on an emulator that shares no code with the one that everything
// else runs on. Both use one server.
func TestMoto(t *testing.T) {
	w := newMotoTestbed(t)
	t.Run("what it lacks or does in a simpler way confirms nothing", func(*testing.T) {
		w.assertSelfTest(map[string]selftest.Verdict{
			"early validation":   selftest.Contradicted,
			"kept when left out": selftest.Contradicted,
			"parameters":         selftest.Contradicted,
			"question marks":     selftest.Contradicted,
		})
	})
	t.Run("deploy, change, fail, go on and go back", func(*testing.T) { w.checkLivePath() })
}

// checkLivePath deploys stacks to moto, changes them, lets a change fail, deploys again and goes back. moto rolls
// nothing back: what it has refused to execute stays half done.
func (w *testbed) checkLivePath() {
	w.t.Helper()
	w.deploy(w.assembly("dev", dev, stackCount, "one"))
	w.deploy(w.assembly("dev", dev, stackCount, "two"))
	assert.Contains(w.t, w.deploy(w.assembly("dev", dev, stackCount, "two")), "nothing changed")
	w.assertMotoValues("two")

	w.createMotoBucket("taken")
	bad := w.assembly("dev", dev, stackCount, "bad")
	template := filepath.Join(bad, "stack0.json")
	harness.MustWriteFile(w.t, template, strings.Replace(readText(w.t, template), `{"Value":`,
		`{"Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"taken"}},"Value":`, 1))
	out, status := w.run("deploy", "--env", "dev", "--assembly", bad)
	require.Equal(w.t, 1, status, out)
	assert.Contains(w.t, out, "BucketAlreadyExists")
	assert.NotContains(w.t, out, "is recorded")

	out, status = w.run("deploy", "--env", "dev", "--assembly", w.assembly("dev", dev, stackCount, "three"), "--allow",
		"data-loss") // moto has the bucket in its template
	require.Zero(w.t, status, out)
	w.assertMotoValues("three")
	out, status = w.run("rollback", "--env", "dev")
	require.Zero(w.t, status, out)
	assert.Contains(w.t, out, "going back to release 2")
	w.assertMotoValues("two")
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// createMotoBucket creates a bucket in dev.
func (w *testbed) createMotoBucket(name string) {
	w.t.Helper()
	client := s3.NewFromConfig(w.motoConfig(dev), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(w.t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	require.NoError(w.t, err)
}

// assertMotoValues checks the value that each of dev's stacks has.
func (w *testbed) assertMotoValues(want string) {
	w.t.Helper()
	client := ssm.NewFromConfig(w.motoConfig(dev))
	for i := range stackCount {
		out, err := client.GetParameter(w.t.Context(), &ssm.GetParameterInput{Name: aws.String(fmt.Sprint("/stack", i))})
		require.NoError(w.t, err)
		assert.Equal(w.t, want, aws.ToString(out.Parameter.Value))
	}
}
