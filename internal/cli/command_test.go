package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// fixedTime is a clock that stands still.
func fixedTime() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// runCommand runs the command line in this process and returns what it writes to stdout.
func runCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	home := t.TempDir()
	err := Execute(t.Context(), args, Process{
		Stdout: &out, Stderr: io.Discard, Environ: []string{"HOME=" + home, "PATH="}, Now: fixedTime, RefusedStatus: 3,
	})
	return out.String(), err
}

// newProject returns the folder of a project with the environment dev.
func newProject(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for file, text := range map[string]string{
		"config/pipeline.yaml": "project: proof\ntooling: {account: \"123456789012\", region: eu-west-1}\n",
		"config/environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\n" +
			"notifications: {owners: [platform@example.com]}\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(file))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestExecute_EveryJSONResultHasTheEnvelope(t *testing.T) {
	root := newProject(t)
	for _, test := range []struct {
		args   string
		result string
		// names are the command's own data.
		names []string
	}{
		{"config validate", "passed", []string{"detail"}},
		{"config show", "passed", []string{"pipeline", "environments"}},
		{"config schema", "passed", []string{"schema"}},
		{"graph", "passed", []string{"digest", "steps"}},
		{"graph --format json", "passed", []string{"digest", "steps"}},
		{"images list", "passed", []string{"images"}},
		{"tools list", "passed", []string{"tools"}},
		{"doctor", "failed", []string{"checks", "error"}},
		{"status", "passed", []string{"environments"}},
		{"rehearsal status", "passed", []string{"running", "kept", "state", "log"}},
		{"deploy --env nowhere", "failed", []string{"error", "steps", "stacks", "digest"}},
		{"graph --unknown", "failed", []string{"error", "steps", "stacks", "digest"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			out, err := runCommand(t, append([]string{"--json", "-C", root}, strings.Fields(test.args)...)...)
			assert.Equal(t, test.result == "passed", err == nil, "%v", err)
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			var line map[string]any
			require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &line), out)
			command, _, _ := strings.Cut(test.args, " --")
			assert.Equal(t, command, line["command"])
			assert.Equal(t, "summary", line["event"])
			assert.Equal(t, test.result, line["result"])
			for _, name := range append(test.names, "time", "mode", "ms") {
				assert.Contains(t, line, name)
			}
			assert.Equal(t, 1, strings.Count(out, `"event":"summary"`))
		})
	}
}

func TestExecute_HelpIsNoResult(t *testing.T) {
	for _, args := range []string{"--json", "deploy --help --json", "config --json"} {
		out, err := runCommand(t, strings.Fields(args)...)
		require.NoError(t, err)
		assert.NotContains(t, out, `"event"`, args)
		assert.Contains(t, out, "Usage:", args)
	}
}

func TestConfigSchema_WritesToTheGivenStdout(t *testing.T) {
	out, err := runCommand(t, "config", "schema", "pipeline")
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &schema))
	assert.Contains(t, schema, "$schema")
}

func TestCommandGroup_UnknownCommandListsTheKnownOnes(t *testing.T) {
	for args, want := range map[string]string{
		"config x":    `config has no command "x"; write validate, show or schema`,
		"hooks x":     `hooks has no command "x"; write install or uninstall`,
		"images x":    `images has no command "x"; write list or resolve`,
		"tools x":     `tools has no command "x"; write list or install`,
		"rehearsal x": `rehearsal has no command "x"; write start, serve, certificate, recovery, status, reset or stop`,
	} {
		_, err := runCommand(t, strings.Fields(args)...)
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		assert.Equal(t, want, err.Error())
	}
}

func TestVerdictOf_RefusedStepOfThisProgram(t *testing.T) {
	newError := func(command string, status int) error {
		g, err := pipeline.NewGraph([]pipeline.Step{
			{Name: "s", Stage: pipeline.Deploy, Image: pipeline.ImageGo, Command: []string{command}},
		})
		require.NoError(t, err)
		return newStepsError([]pipeline.Result{{Step: "s", Status: pipeline.Failed, ExitCode: status}}, g)
	}
	a := &app{Process: Process{RefusedStatus: 3}}
	for name, test := range map[string]struct {
		err  error
		want report.Verdict
	}{
		"no error":                          {nil, report.Passed},
		"an error":                          {errors.New("fault"), report.Failed},
		"a refusal":                         {refusal.Newf(fault.LockHeld, nil, "no"), report.Refused},
		"a step of this program is refused": {newError(pipeline.Self, 3), report.Refused},
		"a step of this program fails":      {newError(pipeline.Self, 1), report.Failed},
		"another program ends with 3":       {newError("go", 3), report.Failed},
		"an interrupted run":                {context.Canceled, report.Interrupted},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, a.verdictOf(test.err)) })
	}
}
