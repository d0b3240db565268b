package attacks_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/rehearsal"
	"lockstep/tools"
)

const (
	victim   = "444455556666"
	attacker = "111122223333"
	region   = "eu-west-1"
	// callerIdentity is the body of a call that AWS answers whatever the caller's rights are.
	callerIdentity = "Action=GetCallerIdentity&Version=2011-06-15"
)

// An emulator is emulated accounts that are attacked.
type emulator struct {
	t       *testing.T
	dir     string
	session *rehearsal.Session
	client  *http.Client
}

func startEmulator(t *testing.T) *emulator {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rehearsal")
	e := &rehearsal.Emulator{
		Dir: dir, Environ: os.Environ(), Region: region, Progress: func(line string) { t.Log(line) }, AnyPort: true,
	}
	session, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, release()) })
	// Another user of the machine cannot read the certificate's authority, and does without.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return &emulator{t, dir, session, &http.Client{Transport: transport}}
}

// config returns the configuration of the root of an account, as its owner has it.
func (e *emulator) config(account string) aws.Config {
	e.t.Helper()
	cfg, err := e.session.AWSConfig(account, region)
	require.NoError(e.t, err)
	return cfg
}

// root returns the credentials of the root of an account.
func (e *emulator) root(account string) aws.Credentials {
	e.t.Helper()
	credentials, err := e.config(account).Credentials.Retrieve(e.t.Context())
	require.NoError(e.t, err)
	return credentials
}

// A request is a call to the emulator as an attacker writes it.
type request struct {
	method, path, body string
	header             map[string]string
	host               string
}

func (e *emulator) new(r request) *http.Request {
	e.t.Helper()
	out, err := http.NewRequestWithContext(e.t.Context(), r.method, e.session.Endpoint+r.path, strings.NewReader(r.body))
	require.NoError(e.t, err)
	out.Host = r.host
	for name, value := range r.header {
		out.Header.Set(name, value)
	}
	return out
}

// do sends a request and returns the answer's status, its header and its body.
func (e *emulator) do(r *http.Request) (int, http.Header, string) {
	e.t.Helper()
	answer, err := e.client.Do(r)
	require.NoError(e.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(e.t, err)
	return answer.StatusCode, answer.Header, string(text)
}

// sign signs a request with credentials for a service at a time.
func sign(
	t *testing.T, r *http.Request, credentials aws.Credentials, service, body string, at time.Time,
) *http.Request {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(sum[:]), service, region, at)
	require.NoError(t, err)
	return r
}

var form = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}

func whoAmI() request {
	return request{method: http.MethodPost, path: "/", body: callerIdentity, header: form}
}

// stranger returns credentials of an account's root as somebody has them who knows the account's id and nothing more.
func stranger(account string) aws.Credentials {
	return aws.Credentials{AccessKeyID: account, SecretAccessKey: strings.Repeat("guess", 8)}
}

// TestEmulator_AnswersItsOwner is the clean twin of what follows: the same calls with the account's own secret.
func TestEmulator_AnswersItsOwner(t *testing.T) {
	e := startEmulator(t)
	status, header, text := e.do(sign(t, e.new(whoAmI()), e.root(victim), "sts", callerIdentity, time.Now()))
	assert.Equal(t, http.StatusOK, status, text)
	assert.Contains(t, text, "arn:aws:iam::"+victim+":root")
	assert.Empty(t, header.Get("Access-Control-Allow-Origin"))

	client := s3.NewFromConfig(e.config(victim), func(o *s3.Options) { o.UsePathStyle = true })
	e.putObject(client)
	presigned, err := s3.NewPresignClient(client).PresignGetObject(t.Context(),
		&s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a key/ü+1")})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), presigned.Method, presigned.URL, nil)
	require.NoError(t, err)
	status, _, text = e.do(r)
	assert.Equal(t, http.StatusOK, status, text)
	assert.Equal(t, "of the owner", text)

	status, _, text = e.do(e.new(request{method: http.MethodGet, path: "/_ministack/health"}))
	assert.Equal(t, http.StatusOK, status, text)
	assert.NotContains(t, text, "version")
}

func (e *emulator) putObject(client *s3.Client) {
	e.t.Helper()
	_, err := client.CreateBucket(e.t.Context(), &s3.CreateBucketInput{
		Bucket:                    aws.String("bucket"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	require.NoError(e.t, err)
	// A reader without length makes the client send the body in chunks.
	_, err = client.PutObject(e.t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String("a key/ü+1"), Body: strings.NewReader("of the owner"),
	})
	require.NoError(e.t, err)
}

func TestEmulator_RefusesStrangers(t *testing.T) {
	e := startEmulator(t)
	e.putObject(s3.NewFromConfig(e.config(victim), func(o *s3.Options) { o.UsePathStyle = true }))
	signed := func(r request, credentials aws.Credentials, service string, age time.Duration) *http.Request {
		return sign(t, e.new(r), credentials, service, r.body, time.Now().Add(-age))
	}
	list := request{method: http.MethodGet, path: "/bucket"}
	get := func(path string) *http.Request { return e.new(request{method: http.MethodGet, path: path}) }
	send := func(method, path, body string) request { return request{method: method, path: path, body: body} }
	object := "/bucket/a%20key/%C3%BC%2B1"
	oldSignature := request{
		method: http.MethodGet, path: "/bucket", header: map[string]string{"Authorization": "AWS " + victim + ":c2ln"},
	}
	webIdentity := whoAmI()
	webIdentity.body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::" + victim +
		":role/r&RoleSessionName=s&WebIdentityToken=t"
	reset := send(http.MethodPost, "/_ministack/reset", "")
	hiddenReset := send(http.MethodPost, "//_ministack/reset", "")
	invoke := send(http.MethodPost, "/2015-03-31/functions/f/invocations", "{}")
	setting := `{"lambda_svc.LAMBDA_EXECUTOR": "local"}`
	answer := "/_ministack/cfn-response/00000000-0000-0000-0000-000000000000"
	for name, r := range map[string]*http.Request{
		"without a signature":                   e.new(whoAmI()),
		"an object without a signature":         get(object),
		"a bucket without a signature":          e.new(list),
		"a guessed secret":                      signed(whoAmI(), stranger(victim), "sts", 0),
		"a guessed secret of S3":                signed(list, stranger(victim), "s3", 0),
		"the secret of another account's root":  signed(whoAmI(), as(victim, e.root(attacker)), "sts", 0),
		"the key that is called test":           signed(whoAmI(), as("test", e.root(victim)), "sts", 0),
		"the key that the emulator documents":   signed(whoAmI(), as("test", stranger("test")), "sts", 0),
		"a call of 16 minutes ago":              signed(whoAmI(), e.root(victim), "sts", 16*time.Minute),
		"a call of tomorrow":                    signed(whoAmI(), e.root(victim), "sts", -24*time.Hour),
		"a body that was exchanged":             e.exchanged(),
		"a body that is not signed":             e.unsignedBody(),
		"a presigned call with a guess":         e.presigned(stranger(victim), time.Now()),
		"a presigned call that has expired":     e.presigned(e.root(victim), time.Now().Add(-2*time.Hour)),
		"a second signature in the address":     e.twoSignatures(),
		"a signature of the old kind":           e.new(oldSignature),
		"another host":                          signed(hosted("attacker.example"), e.root(victim), "sts", 0),
		"a host that begins like this machine":  signed(hosted("localhost.attacker.example"), e.root(victim), "sts", 0),
		"a preflight of a page":                 e.new(preflight("/")),
		"a preflight for a bucket":              e.new(preflight("/bucket")),
		"a reset":                               e.new(reset),
		"a signed reset":                        signed(reset, e.root(victim), "s3", 0),
		"a reset below a name of S3":            signed(hiddenReset, e.root(victim), "s3", 0),
		"a new configuration":                   e.new(send(http.MethodPost, "/_ministack/config", setting)),
		"a function's code":                     get("/_ministack/lambda-code/" + victim + "/eu-west-1/f"),
		"the messages of queues":                get("/_ministack/sqs/messages"),
		"a custom resource's answer":            e.new(send(http.MethodPut, answer, "{}")),
		"an unknown path of the emulator":       get("/_localstack/info"),
		"an unsigned call that AWS would allow": e.new(webIdentity),
		"the registry of images":                get("/v2/"),
		"creating a function":                   signed(e.function(), stranger(victim), "lambda", 0),
		"invoking a function":                   signed(invoke, stranger(victim), "lambda", 0),
	} {
		t.Run(name, func(t *testing.T) {
			status, header, text := e.do(r)
			assert.Equal(t, http.StatusForbidden, status, text)
			assert.Empty(t, header.Get("Access-Control-Allow-Origin"))
		})
	}
	// Nothing of it changed anything.
	status, _, text := e.do(signed(list, e.root(victim), "s3", 0))
	assert.Equal(t, http.StatusOK, status, text)
}

// as returns credentials with another access key.
func as(key string, credentials aws.Credentials) aws.Credentials {
	credentials.AccessKeyID = key
	return credentials
}

func hosted(host string) request {
	r := whoAmI()
	r.host = host
	return r
}

func preflight(path string) request {
	return request{method: http.MethodOptions, path: path, header: map[string]string{
		"Origin": "https://attacker.example", "Access-Control-Request-Method": "POST",
	}}
}

// exchanged is a call whose body is another one than was signed.
func (e *emulator) exchanged() *http.Request {
	r := sign(e.t, e.new(whoAmI()), e.root(victim), "sts", callerIdentity, time.Now())
	body := callerIdentity + "&More=1"
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return r
}

// unsignedBody is a call that says that its body is not signed, which is for objects alone.
func (e *emulator) unsignedBody() *http.Request {
	r := e.new(whoAmI())
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	err := v4.NewSigner().SignHTTP(e.t.Context(), e.root(victim), r, "UNSIGNED-PAYLOAD", "sts", region, time.Now())
	require.NoError(e.t, err)
	return r
}

// presigned is a presigned call that is valid for an hour.
func (e *emulator) presigned(credentials aws.Credentials, at time.Time) *http.Request {
	r := e.new(request{method: http.MethodGet, path: "/bucket/a%20key/%C3%BC%2B1?X-Amz-Expires=3600"})
	address, _, err := v4.NewSigner().PresignHTTP(e.t.Context(), credentials, r, "UNSIGNED-PAYLOAD", "s3", region, at,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	require.NoError(e.t, err)
	parsed, err := url.Parse(address)
	require.NoError(e.t, err)
	r.URL = parsed
	return r
}

// twoSignatures is a call with the attacker's own signature in a header and the victim's key in the address.
func (e *emulator) twoSignatures() *http.Request {
	r := e.new(request{method: http.MethodGet, path: "/bucket?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" +
		url.QueryEscape(victim+"/20260101/eu-west-1/s3/aws4_request")})
	return sign(e.t, r, e.root(attacker), "s3", "", time.Now())
}

// proof is a file that the function writes if it is run.
func (e *emulator) proof() string { return filepath.Join(e.dir, "tmp", "proof") }

// function is the call that creates a function, which writes a file when it is run.
func (e *emulator) function() request {
	e.t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	file, err := w.Create("index.py")
	require.NoError(e.t, err)
	_, err = fmt.Fprintf(file, "import os\ndef handler(event, context):\n    open(%q, 'w').write(str(os.getuid()))\n"+
		"    return {'uid': os.getuid()}\n", e.proof())
	require.NoError(e.t, err)
	require.NoError(e.t, w.Close())
	body, err := json.Marshal(map[string]any{
		"FunctionName": "f", "Runtime": "python3.11", "Handler": "index.handler",
		"Role": "arn:aws:iam::" + victim + ":role/f", "Code": map[string]any{"ZipFile": archive.Bytes()},
	})
	require.NoError(e.t, err)
	return request{method: http.MethodPost, path: "/2015-03-31/functions", body: string(body)}
}

const lambdaTrust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
  "Principal": {"Service": "lambda.amazonaws.com"}}]}`

func (e *emulator) createRole(name string) {
	e.t.Helper()
	body := url.Values{
		"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {name}, "AssumeRolePolicyDocument": {lambdaTrust},
	}.Encode()
	r := e.new(request{method: http.MethodPost, path: "/", body: body, header: form})
	status, _, text := e.do(sign(e.t, r, e.root(victim), "iam", body, time.Now()))
	require.Equal(e.t, http.StatusOK, status, text)
}

func TestEmulator_RunsNoCodeThatNoStackNeeds(t *testing.T) {
	e := startEmulator(t)
	e.createRole("f")
	create := e.function()
	status, _, text := e.do(sign(t, e.new(create), e.root(victim), "lambda", create.body, time.Now()))
	require.Equal(t, http.StatusCreated, status, text)
	invoke := request{method: http.MethodPost, path: "/2015-03-31/functions/f/invocations", body: "{}"}
	status, _, text = e.do(sign(t, e.new(invoke), e.root(victim), "lambda", invoke.body, time.Now()))
	assert.Equal(t, http.StatusForbidden, status, text)
	assert.NoFileExists(t, e.proof())
}

func TestEmulator_RootIsNoService(t *testing.T) {
	e := startEmulator(t)
	e.createRole("service")
	for _, account := range []string{victim, attacker} {
		t.Run(account, func(t *testing.T) {
			_, err := sts.NewFromConfig(e.config(account)).AssumeRole(context.Background(), &sts.AssumeRoleInput{
				RoleArn: aws.String("arn:aws:iam::" + victim + ":role/service"), RoleSessionName: aws.String("s"),
			})
			require.ErrorContains(t, err, "AccessDenied")
		})
	}
}

// intruder is the code of a custom resource, which looks at the machine and answers with what it has seen.
const intruder = `import json, os, signal, ssl, urllib.request
def attempt(do):
    try:
        return str(do())
    except Exception as e:
        return "refused: " + type(e).__name__
def handler(event, context):
    p = event["ResourceProperties"]
    data = {
        "secret": attempt(lambda: open(p["secret"]).read()),
        "home": attempt(lambda: open(p["home"]).read()),
        "project": attempt(lambda: os.listdir(p["project"])),
        "write": attempt(lambda: open(p["project"] + "/written", "w")),
        "kill": attempt(lambda: os.kill(int(p["pid"]), 0)),
        "environment": " ".join(sorted(os.environ)),
    }
    body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "seen", "Data": data}).encode()
    r = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")
    urllib.request.urlopen(r, context=ssl._create_unverified_context())
`

// TestEmulator_CodeOfCustomResourceIsConfined: what a stack needs is run, and sees nothing of the person who rehearses.
func TestEmulator_CodeOfCustomResourceIsConfined(t *testing.T) {
	if !hasLandlock() {
		t.Skip("this kernel has no Landlock")
	}
	t.Setenv("CANARY_TOKEN", "of the person")
	e := startEmulator(t)
	home := filepath.Join(t.TempDir(), "credentials")
	require.NoError(t, os.WriteFile(home, []byte("of the person"), 0o600))
	template, err := json.Marshal(map[string]any{
		"Resources": map[string]any{
			"Role": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
				"AssumeRolePolicyDocument": json.RawMessage(lambdaTrust),
			}},
			"Function": map[string]any{"Type": "AWS::Lambda::Function", "Properties": map[string]any{
				"Runtime": "python3.11", "Handler": "index.handler", "Code": map[string]any{"ZipFile": intruder},
				"Role": map[string]any{"Fn::GetAtt": []string{"Role", "Arn"}},
			}},
			"Custom": map[string]any{"Type": "Custom::Intruder", "Properties": map[string]any{
				"ServiceToken": map[string]any{"Fn::GetAtt": []string{"Function", "Arn"}}, "ServiceTimeout": "20",
				"secret": filepath.Join(e.dir, "secret"), "home": home, "project": filepath.Dir(home),
				"pid": strconv.Itoa(os.Getpid()),
			}},
		},
		"Outputs": map[string]any{
			"Secret": output("secret"), "Home": output("home"), "Project": output("project"), "Write": output("write"),
			"Kill": output("kill"), "Environment": output("environment"),
		},
	})
	require.NoError(t, err)
	client := cloudformation.NewFromConfig(e.config(victim))
	_, err = client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("s"), TemplateBody: aws.String(string(template)),
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
	})
	require.NoError(t, err)
	stacks := &cloudformation.DescribeStacksInput{StackName: aws.String("s")}
	out, err := cloudformation.NewStackCreateCompleteWaiter(client).WaitForOutput(t.Context(), stacks, time.Minute,
		func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
		})
	require.NoError(t, err)
	seen := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		seen[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	require.Len(t, seen, 6)
	for _, what := range []string{"Secret", "Home", "Project", "Write", "Kill"} {
		assert.Equal(t, "refused: PermissionError", seen[what], what)
	}
	assert.NotContains(t, seen["Environment"], "CANARY_TOKEN")
	assert.NotContains(t, seen["Environment"], "LOCKSTEP_SECRET")
}

func output(attribute string) map[string]any {
	return map[string]any{"Value": map[string]any{"Fn::GetAtt": []string{"Custom", attribute}}}
}

// hasLandlock reports whether the kernel can hide files from a process.
func hasLandlock() bool {
	const createRuleset, versionFlag = 444, 1
	version, _, _ := syscall.Syscall(createRuleset, 0, 0, versionFlag)
	return int(version) > 0
}

// TestEmulator_OtherUsersReadNothing looks at the files as another user of the machine would, who is let in everywhere
// above them.
func TestEmulator_OtherUsersReadNothing(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can act as another user")
	}
	defer syscall.Umask(syscall.Umask(0))
	e := startEmulator(t)
	for dir := filepath.Dir(e.dir); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755)) // the test's own folder would keep others out
	}
	require.NoError(t, filepath.WalkDir(e.dir, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s: %v", path, info.Mode())
		return nil
	}))
	for _, command := range []string{"ls " + e.dir, "cat " + e.dir + "/secret", "flock -n " + e.dir + "/alive.lock true"} {
		cmd := exec.Command("/bin/sh", "-c", command)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		text, err := cmd.CombinedOutput()
		require.Error(t, err, "%s: %s", command, text)
		assert.Contains(t, string(text), "Permission denied")
	}
}

// TestCache_OtherUsersStayOut installs nothing: a folder that an earlier version has made is closed.
func TestCache_OtherUsersStayOut(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "lockstep", "tools")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	installer, err := tools.NewInstaller([]string{"XDG_CACHE_HOME=" + cache}, func(string) {})
	require.NoError(t, err)
	_, err = installer.Install(canceled, tools.Ministack)
	require.Error(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077, "%v", info.Mode())
}
