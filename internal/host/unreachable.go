package host

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"lockstep/internal/jsonx"
	"lockstep/internal/pipeline"
)

// unreachableTTL is how long a gate that could not reach what it needs is not tried again.
const unreachableTTL = 15 * time.Minute

// unreachableGates remembers the gates that could not reach what they or the installation of their tools need, by their
// cache key. Such a gate takes long to fail, and would fail again. It never counts as passed.
type unreachableGates struct {
	path string
	seal sealer
	now  func() time.Time

	mu      sync.Mutex
	gates   map[string]unreachableGate
	changed bool
}

// unreachableGate is how a gate ended that could not reach what it needs.
type unreachableGate struct {
	TriedAt time.Time `json:"tried"`
	Reason  string    `json:"reason"`
}

// maxUnreachableBytes is more than the file of all gates.
const maxUnreachableBytes = 1 << 20

// openUnreachableGates loads what earlier runs remembered in a file of the cache's folder. One that is damaged,
// missing or not sealed by this user is empty: it only saves time.
func openUnreachableGates(dir string, seal sealer, now func() time.Time) *unreachableGates {
	u := &unreachableGates{path: filepath.Join(dir, "unreachable.json"), seal: seal, now: now}
	data, err := seal.read(u.path, maxUnreachableBytes)
	if err != nil || jsonx.Unmarshal(data, &u.gates) != nil || u.gates == nil {
		u.gates = map[string]unreachableGate{}
	}
	for key, gate := range u.gates {
		if !u.isRecent(gate) {
			delete(u.gates, key)
			u.changed = true
		}
	}
	return u
}

// isRecent reports whether the gate was tried so short a time ago that it is not tried again. It was not if the time
// is in the future, because the clock was wrong then.
func (u *unreachableGates) isRecent(gate unreachableGate) bool {
	age := u.now().Sub(gate.TriedAt)
	return age >= 0 && age < unreachableTTL
}

// reason returns why the gate of that key is not tried again; empty if it is to be tried.
func (u *unreachableGates) reason(key string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	gate, ok := u.gates[key]
	if !ok || !u.isRecent(gate) {
		return ""
	}
	age := u.now().Sub(gate.TriedAt)
	ago := fmt.Sprintf("%d s", int(age.Seconds()))
	if age >= time.Minute {
		ago = fmt.Sprintf("%d min", int(age.Minutes()))
	}
	return fmt.Sprintf("%s ago %s; --refresh tries again", ago, gate.Reason)
}

// record remembers how a gate ended that was tried: if it could not reach what it needs, it is not tried again for a
// while.
func (u *unreachableGates) record(key string, result pipeline.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, known := u.gates[key]
	switch {
	case result.Status == pipeline.NotRun && pipeline.NetworkError(result.Reason) != "":
		u.gates[key] = unreachableGate{TriedAt: u.now(), Reason: result.Reason}
		u.changed = true
	case known && result.Status != pipeline.Interrupted:
		delete(u.gates, key)
		u.changed = true
	}
}

// save writes the file for the next run.
func (u *unreachableGates) save() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.changed {
		return nil
	}
	return u.seal.writeJSON(u.path, u.gates)
}
