package ledger

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"lockstep/internal/fsx"
)

// A LivenessFile says whether the process of a run lives: the process holds a lock on the file. The operating system
// releases the lock when the process ends, however it ends, so the answer is never a guess from a process id. It is of
// use on the run's own machine alone; other machines go by the lock's heartbeats.
type LivenessFile struct {
	lock *flock.Flock
	path string
}

// livenessSuffix ends the names of liveness files. It is part of the lock's format.
const livenessSuffix = ".pulse"

// CreateLivenessFile creates and locks the liveness file of a run in a folder of this machine.
func CreateLivenessFile(folder, runID string) (*LivenessFile, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(folder, runID+livenessSuffix))
	if err != nil {
		return nil, err
	}
	lock := flock.New(path)
	if locked, err := lock.TryLock(); err != nil || !locked {
		return nil, fmt.Errorf("%s cannot be locked: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(runID), 0o600); err != nil {
		return nil, err
	}
	return &LivenessFile{lock, path}, nil
}

// Path returns the file's path, or "" if f is nil.
func (f *LivenessFile) Path() string {
	if f == nil {
		return ""
	}
	return f.path
}

// Close removes and unlocks the file. It does nothing if f is nil.
func (f *LivenessFile) Close() {
	if f == nil {
		return
	}
	_ = os.Remove(f.path) // nobody reads a file that stays
	_ = f.lock.Close()
}

// isDead reports whether a holder is known to have ended: it ran on this machine, its liveness file exists, and nobody
// has locked that. A missing file proves nothing, nor does the file of another run.
func isDead(h Holder) bool {
	if !hasLivenessFile(h) {
		return false
	}
	lock := flock.New(h.LivenessFile)
	defer lock.Close()
	locked, err := lock.TryRLock()
	return err == nil && locked
}

// maxLivenessBytes is more than the id of a run. The account names the file, so it may be any.
const maxLivenessBytes = 1 << 10

// hasLivenessFile reports whether the file that a holder names is on this machine and is that run's. The name comes
// from the account, so it counts only if the file's content agrees.
func hasLivenessFile(h Holder) bool {
	if h.ID == "" || h.Host != Host() || filepath.Base(h.LivenessFile) != h.ID+livenessSuffix {
		return false
	}
	text, err := fsx.ReadFile(h.LivenessFile, maxLivenessBytes)
	return err == nil && string(text) == h.ID
}

// removeLivenessFile removes the file of a holder whose lock was taken over.
func removeLivenessFile(h Holder) {
	if hasLivenessFile(h) {
		_ = os.Remove(h.LivenessFile) // nobody reads a file that stays
	}
}

// Host returns this machine's name.
func Host() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
