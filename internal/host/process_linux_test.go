package host

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
)

// A process of a step has the pipe "alive" open for as long as it lives, and reads "block", which nobody writes to.
func TestStep_NoProcessOutlivesIt(t *testing.T) {
	require.NoError(t, process.AdoptOrphans())
	const waits = `sh -c 'echo started >&3; read line < block'`
	for _, test := range []struct {
		name, script string
		want         pipeline.Status
		reason       string
	}{
		{"in the background", waits + ` >/dev/null 2>&1 & read line < started`, pipeline.Ran, ""},
		{"in a session of its own", `setsid ` + waits + ` >/dev/null 2>&1 & read line < started`, pipeline.Ran, ""},
		{"deaf to a hangup", `nohup setsid ` + waits + ` >/dev/null 2>&1 & read line < started`, pipeline.Ran, ""},
		{"whose parent has ended", `(setsid ` + waits + ` >/dev/null 2>&1 &); read line < started`, pipeline.Ran, ""},
		{
			"with another environment", `(env -i "PATH=$PATH" setsid ` + waits + ` >/dev/null 2>&1 &); read line < started`,
			pipeline.Ran, "",
		},
		{
			"with the output open", `setsid ` + waits + ` & read line < started`, pipeline.Failed,
			"its command ended well, but a process that it had started did not end in time and was killed",
		},
		{
			"of a step that failed", `setsid ` + waits + ` >/dev/null 2>&1 & read line < started; exit 3`, pipeline.Failed,
			"exit status 3",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, nil)
			newPipe(t, root, "block")
			started := newPipe(t, root, "started")
			wait := watchWriters(t, newPipe(t, root, "alive"), func() {
				assert.NoError(t, os.WriteFile(started, []byte("\n"), 0))
			})
			runner := &Runner{Root: root, stopTimeout: time.Millisecond}
			result := runSteps(t, runner, shellStep("daemon", "exec 3> alive; "+test.script))["daemon"]
			process.KillDescendants(true) // as the program does at its end
			assert.Equal(t, test.want, result.Status)
			assert.Contains(t, result.Reason, test.reason)
			wait()
		})
	}
}

func TestInterrupt_KillsSessions(t *testing.T) {
	root := repository(t, nil)
	newPipe(t, root, "block")
	ctx, cancel := context.WithCancel(t.Context())
	wait := watchWriters(t, newPipe(t, root, "alive"), cancel)
	step := shellStep("daemon", `exec 3> alive; setsid sh -c 'echo ready >&3; read line < block'`)
	results := runStepsContext(t, ctx, &Runner{Root: root, stopTimeout: time.Millisecond}, step)
	assert.Equal(t, pipeline.Interrupted, results["daemon"].Status)
	wait()
}

func TestRunner_KillsStrayProcessesOfKilledRuns(t *testing.T) {
	root := repository(t, nil)
	runs := filepath.Join(root, pipeline.StateDir, "runs")
	for _, name := range []string{"killed", "running"} {
		require.NoError(t, os.MkdirAll(filepath.Join(runs, name), 0o755))
		lock, err := fsx.Lock(filepath.Join(runs, name, pipeline.RunAliveFile))
		require.NoError(t, err)
		if name == "running" {
			t.Cleanup(func() { _ = lock.Close() })
			continue
		}
		require.NoError(t, lock.Close())
	}
	start := func(marker string) *exec.Cmd {
		cmd := exec.Command("sleep", "1000")
		cmd.Env = append(os.Environ(), process.Variable+"="+marker)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	stray := start(runs + "/killed/build")
	others := []*exec.Cmd{
		start(runs + "/running/build"), start(runs + "/gone/build"),
		start(t.TempDir() + "/killed/build"), start(process.Kept),
	}
	runSteps(t, &Runner{Root: root}, shellStep("a", "true"))
	assert.EqualError(t, stray.Wait(), "signal: killed")
	for _, other := range others {
		assert.NoError(t, other.Process.Signal(syscall.Signal(0)), other.Env)
	}
}
