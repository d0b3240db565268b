package faults

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/simulated"
	codes "lockstep/internal/fault"
	"lockstep/tests/harness"
)

// An operator is whoever runs the program on a simulated AWS.
type operator struct {
	*testbed
	cloud *simulated.Cloud
	// refuses is the code with which a service answers every call; empty for one that works.
	refuses, service string
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	o := &operator{cloud: simulated.NewKind()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.refuses == "" || !strings.Contains(r.Header.Get("Authorization"), "/"+o.service+"/") {
			o.cloud.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<ErrorResponse><Error><Code>" + o.refuses + "</Code><Message>User: arn:aws:sts::" + dev +
			":assumed-role/deploy is not authorized to perform: cloudformation:DescribeStacks</Message></Error>" +
			"</ErrorResponse>"))
	}))
	t.Cleanup(server.Close)
	o.testbed = &testbed{t: t, dir: t.TempDir(), proxy: &proxy{address: server.URL}}
	o.writeProject()
	return o
}

// stack deploys an assembly with one stack, and returns what was printed.
func (o *operator) stack(template string, flags ...string) string {
	o.t.Helper()
	out, _ := o.run(append([]string{"deploy", "--env", "dev", "--assembly", o.assemblyOf(template)}, flags...)...)
	return out
}

// assemblyOf writes an assembly with one stack.
func (o *operator) assemblyOf(template string) string {
	o.t.Helper()
	dir := o.assembly("dev", dev, 1, "one")
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(o.t, err)
	const version = `"requiresBootstrapStackVersion":30,` +
		`"bootstrapStackVersionSsmParameter":"/cdk-bootstrap/hnb659fds/version",`
	harness.MustWriteFile(o.t, filepath.Join(dir, "manifest.json"),
		strings.Replace(string(manifest), `"templateFile"`, version+`"templateFile"`, 1))
	if template != "" {
		harness.MustWriteFile(o.t, filepath.Join(dir, "stack0.json"), template)
	}
	return dir
}

// plan saves a plan of an assembly with one stack and returns its file.
func (o *operator) plan(template string) string {
	o.t.Helper()
	file := filepath.Join(o.dir, "plan.json")
	out, status := o.run("plan", "--env", "dev", "--assembly", o.assemblyOf(template), "--out", file)
	require.Zero(o.t, status, out)
	return file
}

// here runs a command that works on no account.
func (o *operator) here(args ...string) string {
	o.t.Helper()
	out, _ := harness.Run(o.t, program.Command(o.dir, args...))
	return out
}

// configure adds a line to the configuration of dev.
func (o *operator) configure(line string) {
	o.t.Helper()
	file := filepath.Join(o.dir, "config", "environments", "dev.yaml")
	text, err := os.ReadFile(file)
	require.NoError(o.t, err)
	harness.MustWriteFile(o.t, file, string(text)+line+"\n")
}

// writeApp writes a CDK app for Node, whose packages are installed.
func (o *operator) writeApp(text string) {
	o.t.Helper()
	for name, content := range map[string]string{
		"cdk.json":               `{"app":"node app.js"}`,
		"package.json":           `{"name":"shop","scripts":{"test":"node --test"}}`,
		"package-lock.json":      `{"name":"shop","lockfileVersion":3,"packages":{"":{"name":"shop"}}}`,
		"app.js":                 text,
		"node_modules/README.md": "",
	} {
		harness.MustWriteFile(o.t, filepath.Join(o.dir, filepath.FromSlash(name)), content+"\n")
	}
}

const (
	topicTemplate  = `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`
	bucketTemplate = `{"Resources":{"Data":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Delete"}}}`
	endedWaiver    = "waivers:\n  - rule: github-pat\n    gate: secrets\n    path: app/settings.ini\n" +
		"    reason: it is no secret any more\n    owner: platform@example.com\n    until: \"2020-01-31\"\n"
)

// expiryPattern matches the day until which a registered plan may be applied.
var expiryPattern = regexp.MustCompile(`("expires":\s*")[0-9-]+`)

// operatingFailures are the failures that the page on operations shows, by what fails, each with how it is provoked.
var operatingFailures = []struct {
	area    string
	code    codes.Code
	provoke func(*operator) string
}{
	{"source", codes.ConfigKey, func(o *operator) string {
		o.configure("logDay: 30")
		return o.here("config", "validate")
	}},
	{"build", codes.AppUnknown, func(o *operator) string { return o.here("synth", "--env", "dev") }},
	{"build", codes.AssemblyMissing, func(o *operator) string {
		out, _ := o.run("deploy", "--env", "dev", "--assembly", "cdk.out")
		return out
	}},
	{"build", codes.AppDependencies, func(o *operator) string {
		o.writeApp("")
		require.NoError(o.t, os.RemoveAll(filepath.Join(o.dir, "node_modules")))
		return o.here("synth", "--env", "dev")
	}},
	{"build", codes.SynthFailed, func(o *operator) string {
		o.writeApp("const app = ;\n")
		return o.here("synth", "--env", "dev")
	}},
	{"test", codes.TestsFailed, func(o *operator) string {
		o.writeApp("")
		harness.MustWriteFile(o.t, filepath.Join(o.dir, "cart.test.js"),
			`require("node:test").test("the cart adds up", () => { throw new Error("want 3, got 2") })`+"\n")
		return o.here("test")
	}},
	{"security scan", codes.WaiverExpired, func(o *operator) string {
		harness.MustWriteFile(o.t, filepath.Join(o.dir, "config", "waivers.yaml"), endedWaiver)
		return o.here("check", "config/waivers.yaml")
	}},
	{"bootstrap", codes.NotBootstrapped, func(o *operator) string {
		o.cloud.BootstrapVersion = ""
		return o.stack("")
	}},
	{"bootstrap", codes.BootstrapOld, func(o *operator) string {
		o.cloud.BootstrapVersion = "20"
		return o.stack("")
	}},
	{"credentials", codes.NoCredentials, func(o *operator) string {
		cmd := program.Command(o.dir, "status", "--env", "dev", "--live")
		cmd.Env = append(cmd.Env, "LOCKSTEP_ENDPOINT="+o.proxy.address, "AWS_EC2_METADATA_DISABLED=true")
		out, _ := harness.Run(o.t, cmd)
		return out
	}},
	{"credentials", codes.CredentialsExpired, func(o *operator) string {
		o.refuses, o.service = "ExpiredToken", "sts"
		return o.stack("")
	}},
	{"credentials", codes.WrongAccount, func(o *operator) string {
		cmd := o.command("status", "--env", "dev")
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+acc)
		out, _ := harness.Run(o.t, cmd)
		return out
	}},
	{"access", codes.RoleNotAssumed, func(o *operator) string {
		o.cloud.MissingRoles = []string{"arn:aws:iam::" + dev + ":role/cdk-hnb659fds-deploy-role-" + dev + "-" + region}
		return o.stack("")
	}},
	{"access", codes.AccessDenied, func(o *operator) string {
		o.refuses, o.service = "AccessDenied", "cloudformation"
		return o.stack("")
	}},
	{"deploy", codes.ParameterMissing, func(o *operator) string {
		return o.stack(strings.Replace(topicTemplate, "{", `{"Parameters":{"Owner":{"Type":"String"}},`, 1))
	}},
	{"deploy", codes.ChangesNotNamed, func(o *operator) string {
		o.stack(strings.Replace(bucketTemplate, "}}", `},"T":{"Type":"AWS::SNS::Topic"}}`, 1))
		return o.stack(topicTemplate)
	}},
	{"deploy", codes.PlanRequired, func(o *operator) string {
		o.configure("approval: true")
		return o.stack("")
	}},
	{"deploy", codes.PlanExpired, func(o *operator) string {
		file := o.plan("")
		for key, text := range o.cloud.Objects(dev, region) {
			if strings.Contains(key, "/plans/") {
				o.cloud.SetObject(dev, region, key, expiryPattern.ReplaceAllString(text, "${1}2020-01-31"), 0)
			}
		}
		out, _ := o.run("deploy", "--env", "dev", "--assembly", o.assemblyOf(""), "--plan", file)
		return out
	}},
	{"deploy", codes.PlanNotApproved, func(o *operator) string {
		o.configure("approval: true")
		out, _ := o.run("deploy", "--env", "dev", "--assembly", o.assemblyOf(""), "--plan", o.plan(""))
		return out
	}},
	{"deploy", codes.PlanStale, func(o *operator) string {
		o.stack("")
		file := o.plan(topicTemplate)
		o.stack(bucketTemplate)
		out, _ := o.run("deploy", "--env", "dev", "--assembly", o.assemblyOf(topicTemplate), "--plan", file)
		return out
	}},
	{"deploy", codes.StackFailed, func(o *operator) string {
		return o.stack(`{"Resources":{"Never":{"Type":"` + simulated.FailingType + `"}}}`)
	}},
	{"deploy", codes.StackState, func(o *operator) string {
		o.cloud.PutStack(dev, region, "stack0", topicTemplate, "DELETE_FAILED")
		return o.stack("")
	}},
	{"lock", codes.LockHeld, func(o *operator) string {
		holder, err := json.Marshal(map[string]any{"token": 7, "holder": ledger.Holder{
			ID: "k3jh2g5f7d8s", CallerARN: "arn:aws:iam::" + tooling + ":user/ann", Command: "lockstep deploy",
			Host: "build-7", PID: 4711, Since: time.Now(),
		}})
		require.NoError(o.t, err)
		o.cloud.SetObject(dev, region, "lockstep/shop/dev/lock.json", string(holder), time.Second)
		return o.stack("")
	}},
	{"lock", codes.LockOtherHolder, func(o *operator) string {
		out, _ := o.run("unlock", "--env", "dev", "--holder", "k3jh2g5f7d8s")
		return out
	}},
	{"releases", codes.NotPromoted, func(o *operator) string {
		out, _ := o.run("deploy", "--env", "acc", "--assembly", o.assembly("acc", acc, 1, "one"))
		return out
	}},
	{"releases", codes.RecordTampered, func(o *operator) string {
		o.stack("")
		const key = "lockstep/shop/dev/releases/00000001.json"
		text := o.cloud.Objects(dev, region)[key]
		o.cloud.SetObject(dev, region, key, strings.Replace(text, tooling, acc, 1), 0)
		return o.stack(topicTemplate)
	}},
	{"rehearsal", codes.PortTaken, func(o *operator) string {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(o.t, err)
		defer taken.Close()
		_, port, err := net.SplitHostPort(taken.Addr().String())
		require.NoError(o.t, err)
		return o.here("rehearsal", "start", "--port", port)
	}},
	{"drift", codes.Drifted, func(o *operator) string {
		o.stack(`{"Resources":{"Changed":{"Type":"` + simulated.DriftedType + `"}}}`)
		out, _ := o.run("drift", "--env", "dev")
		return out
	}},
	{"drift", codes.VerificationFailed, func(o *operator) string {
		o.stack("")
		o.cloud.RemoveStack(dev, region, "stack0")
		out, _ := o.run("verify", "--env", "dev", "--assembly", o.assemblyOf(""))
		return out
	}},
}

// varying are the parts of a printed line that are others at each run, with what the page shows for them.
var varying = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)?m?s\b`), "…"},
	{regexp.MustCompile(`plan [0-9a-f]{12}`), "plan …"},
	{regexp.MustCompile(`port \d+`), "port …"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "…"},
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "…"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)?`), "…"},
}

// printedLine returns the first line with a code that a program has printed, without what varies. A line that ends with
// a colon is shown with the next one.
func (o *operator) printedLine(out string, code codes.Code) string {
	match := regexp.MustCompile(string(code) + `: (.*:\n.*|.*)`).FindString(out)
	match = strings.Join(strings.Fields(match), " ")
	line := strings.ReplaceAll(match, o.dir, "…")
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.shown)
	}
	return strings.TrimSpace(line)
}

// codeSpan returns a text as code of Markdown.
func codeSpan(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

// The page on operations shows what the program prints for each failure of operating, as it prints it now, and what to
// do first.
func TestDocument_OperationsShowsWhatIsPrinted(t *testing.T) {
	require.NoError(t, buildProgram())
	rows := make([]string, len(operatingFailures))
	t.Run("failures", func(t *testing.T) {
		for i, failure := range operatingFailures {
			t.Run(failure.area+" "+string(failure.code), func(t *testing.T) {
				t.Parallel()
				o := newOperator(t)
				out := failure.provoke(o)
				line := o.printedLine(out, failure.code)
				require.NotEmpty(t, line, "%s was not printed:\n%s", failure.code, out)
				entry, _ := codes.Lookup(failure.code)
				anchor := "troubleshooting.md#" + strings.ToLower(string(failure.code))
				rows[i] = "| " + failure.area + " | " + codeSpan(line) + " | " + entry.Remedies[0] +
					" ([more](" + anchor + ")) |\n"
			})
		}
	})
	page := filepath.Join(harness.Repository(), "docs", "operations.md")
	assert.NoError(t, harness.CheckSection(page, "<!-- failures: written by the tests -->\n", "<!-- end of failures -->",
		"\n| what fails | it prints | what to do first |\n| -- | -- | -- |\n"+strings.Join(rows, "")+"\n", *update))
}
