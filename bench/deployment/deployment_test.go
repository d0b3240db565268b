// Package deployment measures how long a deployment takes that has nothing to do.
package deployment

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/bench/measure"
	"lockstep/tools"
)

// BenchmarkDeployment deploys one cloud assembly of five stacks to one emulated account, where nothing differs from it,
// by Lockstep and by the command line of the CDK. Both find the stacks as they should be. Run it with
//
//	go test ./bench/deployment -run '^$' -bench Deployment -benchtime 5x
func BenchmarkDeployment(b *testing.B) {
	p := newProject(b)
	p.run(b, p.program, "deploy", "--env", "dev")
	assembly := filepath.Join(p.dir, ".lockstep/assembly/dev")
	environ := p.accountEnviron(b)

	program := measure.Average(b, "lockstep", func(b *testing.B) {
		require.Contains(b, p.run(b, p.program, "deploy", "--env", "dev", "--assembly", assembly), "nothing changed")
	})
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { b.Log(line) })
	require.NoError(b, err)
	installed, err := installer.Install(b.Context(), tools.CDK)
	require.NoError(b, err)
	cdk := measure.Average(b, "cdk", func(b *testing.B) {
		out := p.runIn(b, environ, "node", filepath.Join(installed, tools.CDKProgram), "deploy", "--all",
			"--app", assembly, "--require-approval", "never", "--no-notices")
		require.Equal(b, 5, strings.Count(out, "(no changes)"), out)
	})
	b.Logf("cdk deploy takes %.1f times as long", float64(cdk)/float64(program))
}

// A project is a repository with a CDK app, whose emulated accounts run until the benchmark ends.
type project struct{ dir, program string }

func newProject(b *testing.B) project {
	b.Helper()
	p := project{dir: b.TempDir(), program: filepath.Join(b.TempDir(), "lockstep")}
	for output, source := range map[string]string{p.program: "lockstep", filepath.Join(p.dir, "app"): "./app"} {
		build := exec.Command("go", "build", "-trimpath", "-o", output, source)
		out, err := build.CombinedOutput()
		require.NoError(b, err, string(out))
	}
	require.NoError(b, os.WriteFile(filepath.Join(p.dir, "cdk.json"), []byte(`{"app":"./app"}`), 0o600))
	p.run(b, "git", "init", "--quiet")
	p.run(b, p.program, "init", "--yes", "--project", "bench", "--tooling", "123456789012",
		"--env", "dev=111122223333/eu-west-1")
	p.run(b, p.program, "rehearsal", "start")
	b.Cleanup(func() { p.run(b, p.program, "rehearsal", "stop") })
	return p
}

// accountEnviron returns the environment of a program that calls the emulated account.
func (p project) accountEnviron(b *testing.B) []string {
	b.Helper()
	var status struct{ Endpoint, CABundle, Credentials string }
	require.NoError(b, json.Unmarshal([]byte(p.run(b, p.program, "rehearsal", "status", "--json")), &status))
	return append(os.Environ(), "AWS_ENDPOINT_URL="+status.Endpoint, "AWS_CA_BUNDLE="+status.CABundle,
		"AWS_SHARED_CREDENTIALS_FILE="+status.Credentials, "AWS_PROFILE=rehearsal-tooling", "AWS_REGION=eu-west-1",
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
}

// run runs a program in the project and returns what it prints.
func (p project) run(b *testing.B, name string, args ...string) string {
	b.Helper()
	return p.runIn(b, os.Environ(), name, args...)
}

func (p project) runIn(b *testing.B, environ []string, name string, args ...string) string {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	cmd.Env = append(environ, "CDK_DISABLE_VERSION_CHECK=1", "CDK_DISABLE_CLI_TELEMETRY=true",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	return string(out)
}
