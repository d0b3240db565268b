package tests

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/bootstrap"
	"lockstep/internal/rehearsal"
)

// These tests are of the emulator itself, through the package that runs it. Its life is tested in internal/rehearsal,
// with a fake process.

// newEmulator returns an emulator with a folder of its own and a free port, and its progress so far.
func newEmulator(t *testing.T) (e *rehearsal.Emulator, progress func() string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	e = &rehearsal.Emulator{
		Dir: filepath.Join(t.TempDir(), "rehearsal"), Environ: os.Environ(), Region: region, AnyPort: true,
		Progress: func(line string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, line)
		},
	}
	return e, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
}

func putParameter(t *testing.T, s *rehearsal.Session, account, value string) {
	t.Helper()
	cfg, err := s.AWSConfig(account, region)
	require.NoError(t, err)
	_, err = ssm.NewFromConfig(cfg).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/state"), Value: aws.String(value), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	require.NoError(t, err)
}

// getParameter returns the parameter's value, empty if there is none.
func getParameter(t *testing.T, s *rehearsal.Session, account string) string {
	t.Helper()
	cfg, err := s.AWSConfig(account, region)
	require.NoError(t, err)
	out, err := ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/state")})
	if err != nil {
		require.ErrorContains(t, err, "ParameterNotFound")
		return ""
	}
	return aws.ToString(out.Parameter.Value)
}

func TestEmulator_StateStaysInItsAccount(t *testing.T) {
	e, progress := newEmulator(t)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err, progress())
	putParameter(t, s, accAccount, "one")
	require.NoError(t, release())

	s, release, err = e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", getParameter(t, s, accAccount))
	assert.Empty(t, getParameter(t, s, toolingAccount), "accounts do not see each other's parameters")
	require.NoError(t, release())
	assert.NotContains(t, progress(), "not stopped in good order")
	assert.NotContains(t, progress(), "could not write their state")
}

func TestEmulator_BootstrapsAccountsOnce(t *testing.T) {
	e, progress := newEmulator(t)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err, progress())
	defer func() { require.NoError(t, release()) }()
	policies := []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	accounts := []bootstrap.Account{
		{ID: toolingAccount, Region: region, Qualifier: "hnb659fds", ExecutionPolicies: policies},
		{
			ID: accAccount, Region: region, Qualifier: "hnb659fds", ExecutionPolicies: policies,
			TrustedAccounts: []string{toolingAccount},
		},
	}
	require.ErrorContains(t, s.CheckAccounts(t.Context(), accounts), "is not bootstrapped")
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts), progress())
	require.NoError(t, s.CheckAccounts(t.Context(), accounts))
	before := progress()
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts))
	assert.Equal(t, before, progress(), "nothing is bootstrapped again")

	accounts[1].TrustedAccounts = []string{toolingAccount, strangeAccount}
	require.ErrorContains(t, s.CheckAccounts(t.Context(), accounts), "is not bootstrapped",
		"another trust needs another bootstrap")
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts))
	require.NoError(t, s.CheckAccounts(t.Context(), accounts))
}

// userVariable makes this test binary a run that uses the emulator in a folder until it is killed.
const userVariable = "LOCKSTEP_TEST_EMULATOR_USER"

// useEmulator acquires the emulator in a folder, says so, and waits for its own end.
func useEmulator(dir string) error {
	e := &rehearsal.Emulator{Dir: dir, Environ: os.Environ(), Region: region, Progress: func(string) {}}
	if _, _, err := e.Acquire(context.Background()); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin) // which the test never closes
	return err
}

// startUser starts another process that uses the emulator, and returns when it does.
func startUser(t *testing.T, e *rehearsal.Emulator) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(executable)
	cmd.Env = append(os.Environ(), userVariable+"="+e.Dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = stdin.Close() })
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it is dead already unless the test has failed
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return cmd
}

// isRunning reports whether the emulator's process lives.
func isRunning(t *testing.T, e *rehearsal.Emulator) bool {
	t.Helper()
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	return status.PID != 0
}

// farAway is a deadline that is only met when something is broken.
const farAway = 2 * time.Minute

func TestEmulator_EndsWhenItsLastUserIsKilled(t *testing.T) {
	e, progress := newEmulator(t)
	first, second := startUser(t, e), startUser(t, e)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	putParameter(t, s, accAccount, "one")
	require.NoError(t, first.Process.Kill())
	require.NoError(t, release())
	require.True(t, isRunning(t, e), "one user is left")
	require.NoError(t, second.Process.Kill())
	require.Eventually(t, func() bool { return !isRunning(t, e) }, farAway, 50*time.Millisecond)

	s, release, err = e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", getParameter(t, s, accAccount), "it has saved its state")
	assert.NotContains(t, progress(), "not stopped in good order")
	require.NoError(t, release())
}

func TestEmulator_StartedOutlivesItsCommand(t *testing.T) {
	e, _ := newEmulator(t)
	t.Cleanup(func() { _, _ = e.Stop(context.Background()) })
	_, err := e.Start(t.Context())
	require.NoError(t, err)
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		log, err := os.ReadFile(status.Log)
		return err == nil && strings.Contains(string(log), "the accounts run until they are stopped")
	}, farAway, 50*time.Millisecond, "it sees that nobody uses it")
	assert.True(t, isRunning(t, e))
}
