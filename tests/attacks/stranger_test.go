package attacks_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nobody is the user whom `setpriv --reuid=65534 --regid=65534 --clear-groups` makes of somebody.
const nobody = 65534

// asStranger calls a function as another user of the machine, and skips the test where that is not possible. Only the
// function's own thread is that user, so it must not start goroutines. It may call neither FailNow nor require.
func asStranger(t *testing.T, do func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can act as another user")
	}
	done := make(chan syscall.Errno)
	go func() {
		runtime.LockOSThread() // it is not unlocked, so that the thread ends with its user
		for _, call := range []func() syscall.Errno{
			func() syscall.Errno { return raw(syscall.SYS_SETGROUPS, 0, 0, 0) },
			func() syscall.Errno { return raw(syscall.SYS_SETRESGID, nobody, nobody, nobody) },
			func() syscall.Errno { return raw(syscall.SYS_SETRESUID, nobody, nobody, nobody) },
		} {
			if err := call(); err != 0 {
				done <- err
				return
			}
		}
		do()
		done <- 0
	}()
	if err := <-done; err != 0 {
		t.Skip("this machine does not let root become another user: " + err.Error())
	}
}

func raw(number, a, b, c uintptr) syscall.Errno {
	_, _, err := syscall.RawSyscall(number, a, b, c)
	return err
}

// send sends a request from the calling thread, and returns the answer's status and body.
func send(ctx context.Context, r *http.Request) (int, string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.URL.Host)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, "", err
	}
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // the authority cannot be read
	if err := r.Write(secured); err != nil {
		return 0, "", err
	}
	answer, err := http.ReadResponse(bufio.NewReader(secured), r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// letInAbove lets everybody into the folders above one: only its own modes count then.
func letInAbove(t *testing.T, dir string) {
	t.Helper()
	for above := filepath.Dir(dir); len(above) > len(os.TempDir()); above = filepath.Dir(above) {
		require.NoError(t, os.Chmod(above, 0o755))
	}
}

// assertHidden asserts that another user can neither list nor read nor write anything below a folder.
func assertHidden(t *testing.T, dir string) {
	t.Helper()
	isFolder := map[string]bool{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		isFolder[path] = err == nil && entry.IsDir()
		return err
	}))
	require.Greater(t, len(isFolder), 1, "there is something to hide in %s", dir)
	asStranger(t, func() {
		for path, folder := range isFolder {
			_, err := os.Open(path)
			assert.ErrorIs(t, err, fs.ErrPermission, "reading %s", path)
			if !folder {
				_, err = os.OpenFile(path, os.O_WRONLY, 0)
				assert.ErrorIs(t, err, fs.ErrPermission, "writing %s", path)
			}
		}
		assert.ErrorIs(t, os.WriteFile(filepath.Join(dir, "planted"), nil, 0o600), fs.ErrPermission)
		assert.ErrorIs(t, os.Rename(dir, dir+".moved"), fs.ErrPermission)
	})
}

// TestStranger_HasNoCallAndNoFile is what another user of the machine finds while somebody rehearses.
func TestStranger_HasNoCallAndNoFile(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	e := startEmulator(t)
	letInAbove(t, e.dir)
	assertHidden(t, e.dir)
	pid, err := os.ReadFile(filepath.Join(e.dir, "process", "emulator.json"))
	require.NoError(t, err)

	invoke := request{method: http.MethodPost, path: "/2015-03-31/functions/f/invocations", body: "{}"}
	create := url.Values{"Action": {"CreateUser"}, "Version": {"2010-05-08"}, "UserName": {"mine"}}.Encode()
	var calls []*http.Request
	for service, r := range map[string]request{
		"sts": whoAmI(), "iam": {method: http.MethodPost, path: "/", body: create, header: form}, "lambda": invoke,
		"s3":             {method: http.MethodPut, path: "/stolen"},
		"cloudformation": {method: http.MethodGet, path: "/?Action=ListStacks"},
	} {
		calls = append(calls, e.new(r), sign(t, e.new(r), stranger(victim), service, r.body, time.Now()))
	}
	for _, path := range []string{"/_ministack/reset", "/_ministack/config", "/_ministack/state", "/_localstack/health"} {
		calls = append(calls, e.new(request{method: http.MethodPost, path: path}))
	}
	asStranger(t, func() {
		for _, r := range calls {
			status, text, err := send(t.Context(), r)
			assert.NoError(t, err)
			assert.Equal(t, http.StatusForbidden, status, "%s %s: %s", r.Method, r.URL, text)
		}
		assert.NotContains(t, string(pid), "secret")
		_, err := os.ReadFile("/proc/" + pidOf(string(pid)) + "/environ")
		assert.ErrorIs(t, err, fs.ErrPermission, "the environment of the emulator's process")
	})
	status, _, text := e.do(sign(t, e.new(whoAmI()), e.root(victim), "sts", callerIdentity, time.Now()))
	assert.Equal(t, http.StatusOK, status, text)
}

// pidOf returns the number of the process in the emulator's record.
func pidOf(record string) string {
	_, after, _ := strings.Cut(record, `"pid":`)
	return strings.TrimSpace(strings.FieldsFunc(after, func(c rune) bool { return c == ',' || c == '}' })[0])
}
