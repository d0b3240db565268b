package rehearsal

import (
	"context"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// loopbackAddress returns an address of loopback that nobody listens on.
func loopbackAddress(t *testing.T) string {
	t.Helper()
	listener, err := listenLoopback(0)
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestServe_ListensWhenPreparedAndKeepsState(t *testing.T) {
	e, progress := newFakeEmulator(t)
	e.Hosts, e.CertificateDir = []string{"emulator"}, filepath.Join(t.TempDir(), "tls")
	// A signal is how a service ends. Its state is saved all the same.
	e.Interrupted, e.timeouts.interruptedStop = func() bool { return true }, time.Nanosecond
	listen := loopbackAddress(t)
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- e.Serve(ctx, listen, func(*Session) error {
			_, err := net.Dial("tcp", listen)
			assert.Error(t, err, "nobody can connect before the accounts are ready")
			return nil
		})
	}()
	<-progress.listening
	authority := filepath.Join(e.CertificateDir, authorityFile)
	remote := &Session{Endpoint: "https://" + listen, Authority: authority, CABundle: authority}
	putValue(t, remote, "from another machine")
	assert.Equal(t, "from another machine", getValue(t, remote))

	second := *e
	assert.ErrorContains(t, second.Serve(t.Context(), listen, nil), "run on this machine already")

	interrupt()
	require.NoError(t, <-ended)
	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "from another machine", getValue(t, s))
	require.NoError(t, release())
}

func TestServe_EndsWithEmulator(t *testing.T) {
	e, _ := newFakeEmulator(t)
	err := e.Serve(t.Context(), loopbackAddress(t), func(*Session) error {
		running, err := e.runningProcess()
		require.NoError(t, err)
		return signalProcess(*running, syscall.SIGKILL)
	})
	assert.ErrorIs(t, err, errEmulatorEnded)
}
