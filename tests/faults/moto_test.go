package faults

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/bootstrap"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/tools"
	"lockstep/tests/harness"
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

func TestMoto(t *testing.T) {
	require.NoError(t, buildProgram())
	w := &testbed{t: t, dir: t.TempDir(), proxy: &proxy{address: startMoto(t)}}
	w.writeProject()
	w.bootstrapMoto()
	start := time.Now()
	out, status := harness.Run(t, w.command("selftest", "--env", "dev"))
	t.Log(out, status, time.Since(start))
	for _, v := range []string{"one", "two", "two"} {
	start = time.Now()
	out, status = harness.Run(t, w.command("deploy", "--env", "dev", "--assembly", w.assembly("dev", dev, stackCount, v)))
	t.Log(out, status, time.Since(start))
	}
	start = time.Now()
	out, status = harness.Run(t, w.command("rollback", "--env", "dev"))
	t.Log(out, status, time.Since(start))
	var _ = json.Marshal
	var _ = io.EOF
	var _ = http.StatusOK
	var _ selftest.Row
	var _ = process.Command
}

func (w *testbed) bootstrapMoto() {
	cfg := aws.Config{
		Region: region, BaseEndpoint: &w.proxy.address,
		Credentials: credentials.NewStaticCredentialsProvider("AKIA"+"TOOLING", "of an emulated account", ""),
	}
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { w.t.Log(line) })
	require.NoError(w.t, err)
	template, err := bootstrap.LoadTemplate(w.t.Context(), installer)
	require.NoError(w.t, err)
	in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + dev + ":role/administrator"), RoleSessionName: aws.String("bootstrap")}
	role, err := sts.NewFromConfig(cfg).AssumeRole(w.t.Context(), in)
	require.NoError(w.t, err)
	own := cfg.Copy()
	own.Credentials = credentials.NewStaticCredentialsProvider(*role.Credentials.AccessKeyId, *role.Credentials.SecretAccessKey, *role.Credentials.SessionToken)
	policies := []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	for _, a := range []bootstrap.Account{
		{Name: "tooling", ID: tooling},
		{Name: "dev", ID: dev, TrustedAccounts: []string{tooling}},
	} {
		a.Region, a.Qualifier, a.ExecutionPolicies = region, "hnb659fds", policies
		c := cfg
		if a.ID == dev {
			c = own
		}
		require.NoError(w.t, bootstrap.Apply(w.t.Context(), c, template, a))
	}
}
