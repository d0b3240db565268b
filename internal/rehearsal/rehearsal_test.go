package rehearsal

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/bootstrap"
)

const (
	tooling = "123456789012"
	acc     = "444455556666"
	region  = "eu-west-1"
)

// progressLog collects what an emulator says.
type progressLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *progressLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *progressLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, _ := json.Marshal(l.lines)
	return string(text)
}

func newEmulator(t *testing.T) (*Emulator, *progressLog) {
	t.Helper()
	said := &progressLog{}
	e := &Emulator{Dir: filepath.Join(t.TempDir(), "rehearsal"), Environ: os.Environ(), Region: region, Port: unusedPort(t), Progress: said.add}
	t.Cleanup(func() {
		if now, err := e.runningProcess(); err == nil && now != nil {
			assert.NoError(t, e.terminate(*now))
		}
	})
	return e, said
}

// unusedPort is a port that nobody listens on.
func unusedPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func putParameter(t *testing.T, s *Session, account, value string) {
	t.Helper()
	cfg, err := s.AWSConfig(account, region)
	require.NoError(t, err)
	_, err = ssm.NewFromConfig(cfg).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/kept"), Value: aws.String(value), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	require.NoError(t, err)
}

// getParameter is the parameter's value, empty if there is none.
func getParameter(t *testing.T, s *Session, account string) string {
	t.Helper()
	cfg, err := s.AWSConfig(account, region)
	require.NoError(t, err)
	out, err := ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/kept")})
	if err != nil {
		require.ErrorContains(t, err, "ParameterNotFound")
		return ""
	}
	return aws.ToString(out.Parameter.Value)
}

func TestEmulator_LastUserStopsItAndStateStays(t *testing.T) {
	e, said := newEmulator(t)
	first, release, err := e.Acquire(t.Context())
	require.NoError(t, err, said)
	putParameter(t, first, acc, "one")
	second, releaseSecond, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, second)
	require.NoError(t, release())
	assert.Equal(t, "one", getParameter(t, second, acc), "one user is left")
	require.NoError(t, releaseSecond())
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	assert.False(t, status.Running)

	third, releaseThird, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", getParameter(t, third, acc))
	assert.Empty(t, getParameter(t, third, tooling), "accounts do not see each other's parameters")
	require.NoError(t, releaseThird())

	require.NoError(t, e.Reset(t.Context()))
	fresh, releaseFresh, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Empty(t, getParameter(t, fresh, acc))
	require.NoError(t, releaseFresh())
}

func TestEmulator_StartedOutlivesItsUsers(t *testing.T) {
	e, _ := newEmulator(t)
	_, err := e.Start(t.Context())
	require.NoError(t, err)
	_, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	_, err = e.Stop(t.Context())
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorIs(t, e.Reset(t.Context()), ErrInUse)
	require.NoError(t, release())
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	assert.True(t, status.Running)
	assert.True(t, status.RunsUntilStopped)
	stopped, err := e.Stop(t.Context())
	require.NoError(t, err)
	assert.True(t, stopped)
	stopped, err = e.Stop(t.Context())
	require.NoError(t, err)
	assert.False(t, stopped, "there is none to stop")
}

func TestEmulator_KilledRestoresLastState(t *testing.T) {
	e, said := newEmulator(t)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	putParameter(t, s, acc, "before")
	require.NoError(t, release())

	s, release, err = e.Acquire(t.Context())
	require.NoError(t, err)
	putParameter(t, s, acc, "lost")
	now, err := e.runningProcess()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(now.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { alive, err := e.isAlive(); return err == nil && !alive }, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, release())

	s, release, err = e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "before", getParameter(t, s, acc))
	assert.Contains(t, said.String(), "were not stopped in good order")
	require.NoError(t, release())
}

func TestEmulator_HungIsReplaced(t *testing.T) {
	e, said := newEmulator(t)
	_, _, err := e.Acquire(t.Context()) // its user is gone without a word
	require.NoError(t, err)
	now, err := e.runningProcess()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(now.PID, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(now.PID, syscall.SIGKILL) })
	go func() {
		time.Sleep(answerTimeout + 500*time.Millisecond)
		_ = syscall.Kill(now.PID, syscall.SIGKILL) // a stopped process would hear SIGTERM only when it goes on
	}()
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.True(t, s.isHealthy(t.Context(), time.Second))
	assert.Contains(t, said.String(), "do not answer")
	require.NoError(t, release())
}

func TestEmulator_TakenPortIsRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	e, _ := newEmulator(t)
	e.Port = listener.Addr().(*net.TCPAddr).Port

	_, _, err = e.Acquire(t.Context())
	require.ErrorContains(t, err, "port "+strconv.Itoa(e.Port)+" is taken by another program")
	alive, err := e.isAlive()
	require.NoError(t, err)
	assert.False(t, alive)
}

func TestEmulator_BootstrapsAccountsOnce(t *testing.T) {
	e, said := newEmulator(t)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, release()) }()
	policies := []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	accounts := []bootstrap.Account{
		{ID: tooling, Region: region, Qualifier: "hnb659fds", ExecutionPolicies: policies},
		{ID: acc, Region: region, Qualifier: "hnb659fds", ExecutionPolicies: policies, TrustedAccounts: []string{tooling}},
	}
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts), said)
	for _, account := range accounts {
		assert.True(t, isUpToDate(t, s, account), account.ID)
	}
	before := said.String()
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts))
	assert.Equal(t, before, said.String(), "nothing is bootstrapped again")

	accounts[1].TrustedAccounts = []string{tooling, "999900001111"}
	assert.False(t, isUpToDate(t, s, accounts[1]), "another trust needs another bootstrap")
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts))
	assert.True(t, isUpToDate(t, s, accounts[1]))
}

func isUpToDate(t *testing.T, s *Session, account bootstrap.Account) bool {
	t.Helper()
	cfg, err := s.AWSConfig(account.ID, account.Region)
	require.NoError(t, err)
	done, err := bootstrap.IsUpToDate(t.Context(), cfg, account)
	require.NoError(t, err)
	return done
}

func TestEmulator_CanceledStartLeavesNoProcess(t *testing.T) {
	e, _ := newEmulator(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := e.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
	alive, err := e.isAlive()
	require.NoError(t, err)
	assert.False(t, alive)
}
