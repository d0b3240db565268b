package ledger

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"lockstep/internal/fsx"
)

// A HeartbeatFile is a file on this machine that is locked for as long as the process that made it lives. The operating system gives the lock back when
// the process ends, however it ends, so whether a holder lives is never a guess from a process id.
type HeartbeatFile struct {
	lock *flock.Flock
	path string
}

// NewHeartbeatFile makes the pulse of a run in a folder of this machine.
func NewHeartbeatFile(folder, id string) (*HeartbeatFile, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(folder, id+".pulse"))
	if err != nil {
		return nil, err
	}
	lock := flock.New(path)
	if got, err := lock.TryLock(); err != nil || !got {
		return nil, fmt.Errorf("%s cannot be locked: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(id), 0o644); err != nil {
		return nil, err
	}
	return &HeartbeatFile{lock, path}, nil
}

// Path is the file; empty for no pulse.
func (p *HeartbeatFile) Path() string {
	if p == nil {
		return ""
	}
	return p.path
}

// Close ends the pulse and removes its file.
func (p *HeartbeatFile) Close() {
	if p == nil {
		return
	}
	_ = os.Remove(p.path) // a file that stays is one that nobody asks for
	_ = p.lock.Close()
}

// isDead says whether a holder is known to have ended: it ran on this machine, its file is there, and nobody has it locked. A file that is gone
// proves nothing, nor does one of another run.
func isDead(h Holder) bool {
	if !isLocalHolder(h) {
		return false
	}
	lock := flock.New(h.HeartbeatFile)
	defer lock.Close()
	got, err := lock.TryRLock()
	return err == nil && got
}

// maxPulseBytes is more than the id of a run. The file is named by the account, so it may be any.
const maxPulseBytes = 1 << 10

// isLocalHolder says whether the file that a holder names is on this machine and that very run's. The name comes from the account, so it counts only if the
// file says the same.
func isLocalHolder(h Holder) bool {
	if h.ID == "" || h.Host != Host() || filepath.Base(h.HeartbeatFile) != h.ID+".pulse" {
		return false
	}
	text, err := fsx.ReadFile(h.HeartbeatFile, maxPulseBytes)
	return err == nil && string(text) == h.ID
}

// removeHeartbeatFile removes the file of a holder whose lock was taken over.
func removeHeartbeatFile(h Holder) {
	if isLocalHolder(h) {
		_ = os.Remove(h.HeartbeatFile) // a file that stays is one that nobody asks for
	}
}

// Host is this machine's name.
func Host() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
