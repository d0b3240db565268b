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

// lines collects what an emulator says.
type lines struct {
	mu   sync.Mutex
	said []string
}

func (l *lines) say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, _ := json.Marshal(l.said)
	return string(text)
}

func newEmulator(t *testing.T) (*Emulator, *lines) {
	t.Helper()
	said := &lines{}
	e := &Emulator{Dir: filepath.Join(t.TempDir(), "rehearsal"), Environ: os.Environ(), Region: region, Port: unused(t), Say: said.say}
	t.Cleanup(func() {
		if now, err := e.running(); err == nil && now != nil {
			assert.NoError(t, e.terminate(*now))
		}
	})
	return e, said
}

// unused is a port that nobody listens on.
func unused(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func put(t *testing.T, s *Session, account, value string) {
	t.Helper()
	cfg, err := s.AWSConfig(account, region)
	require.NoError(t, err)
	_, err = ssm.NewFromConfig(cfg).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/kept"), Value: aws.String(value), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	require.NoError(t, err)
}

// get is the parameter's value, empty if there is none.
func get(t *testing.T, s *Session, account string) string {
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

func TestTheLastUserStopsTheEmulatorAndItsStateStays(t *testing.T) {
	e, said := newEmulator(t)
	first, release, err := e.Acquire(t.Context())
	require.NoError(t, err, said)
	put(t, first, acc, "one")
	second, releaseSecond, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, second)
	require.NoError(t, release())
	assert.Equal(t, "one", get(t, second, acc), "one user is left")
	require.NoError(t, releaseSecond())
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	assert.False(t, status.Running)

	third, releaseThird, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", get(t, third, acc))
	assert.Empty(t, get(t, third, tooling), "accounts do not see each other's parameters")
	require.NoError(t, releaseThird())

	require.NoError(t, e.Reset(t.Context()))
	fresh, releaseFresh, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Empty(t, get(t, fresh, acc))
	require.NoError(t, releaseFresh())
}

func TestAnEmulatorThatIsKeptOutlivesItsUsers(t *testing.T) {
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
	assert.True(t, status.Kept)
	stopped, err := e.Stop(t.Context())
	require.NoError(t, err)
	assert.True(t, stopped)
	stopped, err = e.Stop(t.Context())
	require.NoError(t, err)
	assert.False(t, stopped, "there is none to stop")
}

func TestAKilledEmulatorComesBackAsItWasBefore(t *testing.T) {
	e, said := newEmulator(t)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	put(t, s, acc, "before")
	require.NoError(t, release())

	s, release, err = e.Acquire(t.Context())
	require.NoError(t, err)
	put(t, s, acc, "lost")
	now, err := e.running()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(now.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { alive, err := e.alive(); return err == nil && !alive }, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, release())

	s, release, err = e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "before", get(t, s, acc))
	assert.Contains(t, said.String(), "were not stopped in good order")
	require.NoError(t, release())
}

func TestAnEmulatorThatDoesNotAnswerIsReplaced(t *testing.T) {
	e, said := newEmulator(t)
	_, _, err := e.Acquire(t.Context()) // its user is gone without a word
	require.NoError(t, err)
	now, err := e.running()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(now.PID, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(now.PID, syscall.SIGKILL) })
	go func() {
		time.Sleep(answerWithin + 500*time.Millisecond)
		_ = syscall.Kill(now.PID, syscall.SIGKILL) // a stopped process would hear SIGTERM only when it goes on
	}()
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.True(t, s.healthy(t.Context(), time.Second))
	assert.Contains(t, said.String(), "do not answer")
	require.NoError(t, release())
}

func TestATakenPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	e, _ := newEmulator(t)
	e.Port = listener.Addr().(*net.TCPAddr).Port

	_, _, err = e.Acquire(t.Context())
	require.ErrorContains(t, err, "port "+strconv.Itoa(e.Port)+" is taken by another program")
	alive, err := e.alive()
	require.NoError(t, err)
	assert.False(t, alive)
}

func TestBootstrapPreparesAccountsOnce(t *testing.T) {
	e, said := newEmulator(t)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, release()) }()
	policies := []string{"arn:aws:iam::aws:policy/AdministratorAccess"}
	accounts := []bootstrap.Account{
		{ID: tooling, Region: region, Qualifier: "hnb659fds", ExecutionPolicies: policies},
		{ID: acc, Region: region, Qualifier: "hnb659fds", ExecutionPolicies: policies, Trust: []string{tooling}},
	}
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts), said)
	for _, account := range accounts {
		assert.True(t, ready(t, s, account), account.ID)
	}
	before := said.String()
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts))
	assert.Equal(t, before, said.String(), "nothing is bootstrapped again")

	accounts[1].Trust = []string{tooling, "999900001111"}
	assert.False(t, ready(t, s, accounts[1]), "another trust needs another bootstrap")
	require.NoError(t, e.Bootstrap(t.Context(), s, accounts))
	assert.True(t, ready(t, s, accounts[1]))
}

func ready(t *testing.T, s *Session, account bootstrap.Account) bool {
	t.Helper()
	cfg, err := s.AWSConfig(account.ID, account.Region)
	require.NoError(t, err)
	done, err := bootstrap.Ready(t.Context(), cfg, account)
	require.NoError(t, err)
	return done
}

func TestCancellationLeavesNoEmulator(t *testing.T) {
	e, _ := newEmulator(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := e.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
	alive, err := e.alive()
	require.NoError(t, err)
	assert.False(t, alive)
}
