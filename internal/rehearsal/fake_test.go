package rehearsal

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeVariable makes this test binary a fake emulator: a process with a health check and one value as its state, which
// it saves when it is stopped in good order, as ministack does.
const fakeVariable = "LOCKSTEP_FAKE_EMULATOR"

func TestMain(m *testing.M) {
	if os.Getenv(fakeVariable) != "" {
		if err := serveFake(os.Getenv("CERTIFICATE"), os.Getenv("KEY")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveFake serves the fake emulator until SIGTERM. Its current folder is that of the rehearsal.
func serveFake(certificate, key string) error {
	listener, err := net.FileListener(os.NewFile(listenerFD, "listener"))
	if err != nil {
		return err
	}
	stateFile := filepath.Join(stateDir, "value")
	value, _ := os.ReadFile(stateFile) // there is none at first
	var mu sync.Mutex
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /value", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = w.Write(value)
	})
	mux.HandleFunc("PUT /value", func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		value, _ = io.ReadAll(r.Body)
	})
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	failed := make(chan error, 1)
	go func() { failed <- http.ServeTLS(listener, mux, certificate, key) }()
	select {
	case err := <-failed:
		return err
	case <-stopped:
	}
	mu.Lock()
	defer mu.Unlock()
	if err := os.WriteFile(stateFile, value, 0o600); err != nil {
		return err
	}
	fmt.Println(stateSavedLine)
	return nil
}

// fakeCommand is the newCommand of an emulator whose process is the fake one.
func fakeCommand(_ context.Context, _ int, c tlsFiles) (*exec.Cmd, error) {
	cmd := exec.Command(os.Args[0], "fake-emulator")
	cmd.Env = []string{fakeVariable + "=1", "CERTIFICATE=" + c.certificate, "KEY=" + c.key}
	return cmd, nil
}

// progressLog collects progress lines. It closes listening when the emulator listens for other machines.
type progressLog struct {
	mu        sync.Mutex
	lines     []string
	listening chan struct{}
}

func (l *progressLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	if strings.Contains(line, "listen on") {
		close(l.listening)
	}
}

func (l *progressLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// newFakeEmulator returns an emulator whose process is the fake one, and its progress.
func newFakeEmulator(t *testing.T) (*Emulator, *progressLog) {
	t.Helper()
	progress := &progressLog{listening: make(chan struct{})}
	limits := defaultTimeouts
	limits.watch = time.Millisecond
	e := &Emulator{
		Dir: filepath.Join(t.TempDir(), "rehearsal"), Region: "eu-west-1", AnyPort: true, Progress: progress.add,
		newCommand: fakeCommand, timeouts: &limits,
	}
	t.Cleanup(func() {
		if running, err := e.runningProcess(); err == nil && running != nil {
			assert.NoError(t, signalProcess(*running, syscall.SIGKILL))
		}
	})
	return e, progress
}

// client returns an HTTP client that trusts the emulator.
func client(t *testing.T, s *Session) *http.Client {
	t.Helper()
	authorities, err := loadCertPool(s.Authority)
	require.NoError(t, err)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	transport.TLSClientConfig.RootCAs = authorities
	return &http.Client{Transport: transport}
}

func putValue(t *testing.T, s *Session, value string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.Endpoint+"/value", strings.NewReader(value))
	require.NoError(t, err)
	response, err := client(t, s).Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

func getValue(t *testing.T, s *Session) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint+"/value", nil)
	require.NoError(t, err)
	response, err := client(t, s).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	value, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(value)
}
