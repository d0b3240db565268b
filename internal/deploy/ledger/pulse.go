package ledger

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// A Pulse is a file on this machine that is locked for as long as the process that made it lives. The operating system gives the lock back when
// the process ends, however it ends, so whether a holder lives is never a guess from a process id.
type Pulse struct {
	lock *flock.Flock
	path string
}

// NewPulse makes the pulse of a run in a folder of this machine.
func NewPulse(folder, id string) (*Pulse, error) {
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
	return &Pulse{lock, path}, nil
}

// Path is the file; empty for no pulse.
func (p *Pulse) Path() string {
	if p == nil {
		return ""
	}
	return p.path
}

// End ends the pulse and removes its file.
func (p *Pulse) End() {
	if p == nil {
		return
	}
	_ = os.Remove(p.path) // a file that stays is one that nobody asks for
	_ = p.lock.Close()
}

// dead says whether a holder is known to have ended: it ran on this machine, its file is there, and nobody has it locked. A file that is gone
// proves nothing, nor does one of another run.
func dead(h Holder) bool {
	if !ours(h) {
		return false
	}
	lock := flock.New(h.Pulse)
	defer lock.Close()
	got, err := lock.TryRLock()
	return err == nil && got
}

// ours says whether the file that a holder names is on this machine and that very run's. The name comes from the account, so it counts only if the
// file says the same.
func ours(h Holder) bool {
	if h.ID == "" || h.Host != Host() || filepath.Base(h.Pulse) != h.ID+".pulse" {
		return false
	}
	text, err := os.ReadFile(h.Pulse)
	return err == nil && string(text) == h.ID
}

// forget removes the file of a holder whose lock was taken over.
func forget(h Holder) {
	if ours(h) {
		_ = os.Remove(h.Pulse) // a file that stays is one that nobody asks for
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
