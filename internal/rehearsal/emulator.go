package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"lockstep/tools"
)

// DefaultPort is where the emulator listens unless told otherwise.
const DefaultPort = 4566

// An Emulator is the emulated accounts of one project: at most one process, and a folder that keeps their state between runs.
//
// Three locks in that folder say who may do what. Whoever starts or stops the emulator holds start.lock. Whoever uses it holds
// users.lock, shared. The emulator itself holds alive.lock from its first moment to its last, so whether it lives is never a guess from
// a process id.
type Emulator struct {
	// Dir is the folder of the state.
	Dir string
	// Environ is the caller's environment as os.Environ gives it.
	Environ []string
	// Region is where the emulator is when a request does not say.
	Region string
	// Port is where to listen; 0 takes DefaultPort, or any other when that is taken.
	Port int
	// CertificateDir is the folder of its certificate and the authority of that; a folder below Dir unless told. They are made anew unless they are
	// good.
	CertificateDir string
	// Hosts are names, besides those of loopback, that the certificate is good for.
	Hosts []string
	// Progress is told of what takes long.
	Progress func(string)
	// Interrupted says whether whoever waits for the emulator's end was interrupted and waits no longer than a moment; nil for never.
	Interrupted func() bool
}

// A Status is what there is of an emulator.
type Status struct {
	Running bool `json:"running"`
	// RunsUntilStopped says that it runs until it is told to stop.
	RunsUntilStopped bool `json:"kept"`
	// InUse says that a run uses it.
	InUse    bool      `json:"inUse"`
	Endpoint string    `json:"endpoint,omitempty"`
	CABundle string    `json:"caBundle,omitempty"`
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	// State is the folder of the accounts' state, and Log the file that the emulator writes.
	State string `json:"state"`
	Log   string `json:"log"`
}

// processRecord is what is written down of a running emulator. It counts only as long as alive.lock is held.
type processRecord struct {
	PID              int       `json:"pid"`
	Port             int       `json:"port"`
	RunsUntilStopped bool      `json:"kept"`
	Started          time.Time `json:"started"`
}

func (e *Emulator) path(name string) string { return filepath.Join(e.Dir, name) }

// Acquire returns a session with the emulator that runs, one that a killed run left behind included, or else with one that it
// starts. The caller calls release when done: the last user stops an emulator that nobody asked to keep.
func (e *Emulator) Acquire(ctx context.Context) (*Session, func() error, error) {
	session, users, err := e.join(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	return session, func() error { return e.leave(users) }, nil
}

// Start makes sure that the emulator runs, and keeps it running until Stop.
func (e *Emulator) Start(ctx context.Context) (*Session, error) {
	session, users, err := e.join(ctx, true)
	if err != nil {
		return nil, err
	}
	return session, users.Close()
}

// join becomes one of the emulator's users, after starting it if it does not run.
func (e *Emulator) join(ctx context.Context, keep bool) (*Session, *flock.Flock, error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	users := flock.New(e.path("users.lock"))
	if err := users.RLock(); err != nil {
		return nil, nil, tools.ExplainWriteError(e.Dir, err)
	}
	session, err := e.ensureRunning(ctx, keep)
	if err != nil {
		_ = users.Close() // the error that matters is the one that is returned
		return nil, nil, err
	}
	return session, users, nil
}

// ensureRunning returns a session with a healthy emulator. An emulator that lives but does not answer is replaced.
func (e *Emulator) ensureRunning(ctx context.Context, keep bool) (*Session, error) {
	now, err := e.runningProcess()
	if err != nil {
		return nil, err
	}
	if now != nil && e.Port != 0 && now.Port != e.Port {
		return nil, fmt.Errorf("the emulated accounts run on port %d already, not on %d: stop them with `lockstep rehearsal stop`, or leave the port out", now.Port, e.Port)
	}
	if now != nil {
		session := e.newSession(now.Port)
		if session.isHealthy(ctx, answerTimeout) {
			if keep && !now.RunsUntilStopped {
				now.RunsUntilStopped = true
				return session, e.writeRecord(*now)
			}
			return session, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e.Progress("the emulated accounts do not answer and are started again")
		if err := e.terminate(*now); err != nil {
			return nil, err
		}
	}
	return e.start(ctx, keep)
}

// leave gives up a use, and stops the emulator if that was the last one.
func (e *Emulator) leave(users *flock.Flock) error {
	if err := users.Close(); err != nil {
		return err
	}
	unlock, err := e.lock(context.Background()) // stopping must happen on an interrupt too
	if err != nil {
		return err
	}
	defer unlock()
	now, err := e.runningProcess()
	if err != nil || now == nil || now.RunsUntilStopped || e.isInUse() {
		return err
	}
	return e.stop(*now)
}

// isInUse says whether anybody uses the emulator.
func (e *Emulator) isInUse() bool {
	users := flock.New(e.path("users.lock"))
	defer users.Close()
	free, err := users.TryLock()
	return err == nil && !free
}

// ErrInUse says that a deployment runs on the emulated accounts.
var ErrInUse = errors.New("a deployment uses the emulated accounts at this moment: wait until it has ended, then run this again")

// Stop ends the emulator, whoever wanted to keep it, and keeps the accounts' state. It says whether there was one to end.
func (e *Emulator) Stop(ctx context.Context) (bool, error) {
	if _, err := os.Stat(e.Dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	now, err := e.runningProcess()
	switch {
	case err != nil || now == nil:
		return false, err
	case e.isInUse():
		return false, ErrInUse
	}
	return true, e.stop(*now)
}

// Reset ends the emulator and forgets the accounts' state.
func (e *Emulator) Reset(ctx context.Context) error {
	if _, err := e.Stop(ctx); err != nil {
		return err
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if e.isInUse() {
		return ErrInUse
	}
	return e.deleteState()
}

// Status says what there is.
func (e *Emulator) Status(ctx context.Context) (Status, error) {
	status := Status{State: e.path(stateDir), Log: e.path("emulator.log")}
	now, err := e.runningProcess()
	if err != nil || now == nil {
		return status, err
	}
	session := e.newSession(now.Port)
	status.Running, status.RunsUntilStopped = session.isHealthy(ctx, answerTimeout), now.RunsUntilStopped
	status.InUse = e.isInUse()
	status.Endpoint, status.CABundle, status.PID, status.Since = session.Endpoint, session.CABundle, now.PID, now.Started
	return status, nil
}

// lock waits until nobody else starts or stops the emulator.
func (e *Emulator) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(e.Dir, 0o755); err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	lock := flock.New(e.path("start.lock"))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	return func() { _ = lock.Close() }, nil // closing a lock cannot fail in a way that keeps it
}

// runningProcess is the emulator that lives, nil if none does.
func (e *Emulator) runningProcess() (*processRecord, error) {
	alive, err := e.isAlive()
	if err != nil || !alive {
		return nil, err
	}
	text, err := os.ReadFile(e.path("emulator.json"))
	now := &processRecord{}
	if err == nil {
		err = json.Unmarshal(text, now)
	}
	if err != nil {
		return nil, fmt.Errorf("an emulator runs that was started in %s, but what was noted of it is gone (%w): end the process that listens for it, then run this again", e.Dir, err)
	}
	return now, nil
}

// isAlive asks whether the emulator's lock is held.
func (e *Emulator) isAlive() (bool, error) {
	file, err := os.Open(e.path("alive.lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

func (e *Emulator) writeRecord(now processRecord) error {
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return tools.ExplainWriteError(e.Dir, writeFile(e.path("emulator.json"), append(text, '\n'), 0o644))
}

// choosePort chooses where to listen.
func (e *Emulator) choosePort() (int, error) {
	if e.Port != 0 {
		if err := checkPortFree(e.Port); err != nil {
			return 0, fmt.Errorf("port %d is taken by another program: end it, or leave the port out to take any that is free (%w)", e.Port, err)
		}
		return e.Port, nil
	}
	if checkPortFree(DefaultPort) == nil {
		return DefaultPort, nil
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	e.Progress(fmt.Sprintf("port %d is taken by another program; the emulated accounts take %d", DefaultPort, port))
	return port, nil
}

// freePort is a port of loopback that nobody listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// checkPortFree says why nobody can listen on a port, nil if one can.
func checkPortFree(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}
