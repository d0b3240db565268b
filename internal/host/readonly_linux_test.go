package host

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockstep/internal/fault/faulttest"
)

// nobody is the ID of a user who owns no file of a test.
const nobody = 65534

// withoutRights calls do on a thread that accesses files as a user who is not root. For root's tests, that is nobody,
// who can enter the test's folder.
func withoutRights(t *testing.T, root string, do func()) {
	t.Helper()
	require.NoError(t, os.Chmod(filepath.Dir(root), 0o755))
	if os.Getuid() != 0 {
		do()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Setfsuid(nobody))
	defer func() { require.NoError(t, unix.Setfsuid(0)) }()
	do()
}

func TestStateDir_CannotBeWritten(t *testing.T) {
	printed := faulttest.Printed(t)
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o555))
	t.Cleanup(func() { _ = os.Chmod(root, 0o755) })
	state := filepath.Join(root, ".lockstep")
	withoutRights(t, root, func() {
		_, err := newRunDir(filepath.Join(state, "runs"), time.Now())
		require.EqualError(t, printed.Error(err), "the run's logs: "+state+"/runs cannot be written: make it writable, "+
			"then run this again (mkdir "+state+": permission denied)")
		_, err = openStore(root, sealer{}, time.Now, false)
		require.EqualError(t, printed.Error(err), "the cache: "+state+"/cache cannot be written: make it writable, "+
			"then run this again (mkdir "+state+": permission denied)")
	})
}

func TestStateDir_FolderOfAnotherUser(t *testing.T) {
	root := repository(t, map[string]string{".lockstep/runs/old/x.log": "", ".lockstep/cache/entries/x.json": ""})
	for _, dir := range []string{"runs", "cache"} {
		dir := filepath.Join(root, ".lockstep", dir)
		require.NoError(t, os.Chmod(dir, 0o555))
		t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	}
	withoutRights(t, root, func() {
		_, err := newRunDir(filepath.Join(root, ".lockstep/runs"), time.Now())
		require.ErrorContains(t, err, "/.lockstep/runs cannot be written: make it writable, then run this again")
		_, err = openStore(root, sealer{}, time.Now, false)
		require.ErrorContains(t, err, "/.lockstep/cache cannot be written: make it writable, then run this again")
	})
}
