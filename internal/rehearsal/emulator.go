package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/tools"
)

// DefaultPort is where the emulator listens by default.
const DefaultPort = 4566

// An Emulator is the emulated accounts of one project: at most one process, and a folder that keeps their state between
// runs. The folder has three locks:
//
//   - start.lock is held by whoever starts or stops the emulator;
//   - users.lock is held, shared, by every run that uses it;
//   - alive.lock is held by the emulator itself for as long as its process lives.
//
// The operating system releases a lock when its process ends, however it ends. So whether the emulator lives, and
// whether anybody uses it, is never a guess from a process id. The emulator watches users.lock and ends when nobody
// holds it, unless it runs until it is stopped.
type Emulator struct {
	// Dir is the folder of the state.
	Dir string
	// Environ is the caller's environment as os.Environ gives it.
	Environ []string
	// Region is the region of requests that name none.
	Region string
	// Port is where to listen; 0 takes DefaultPort, or any free one when that is taken.
	Port int
	// AnyPort takes any free port where Port is 0.
	AnyPort bool
	// CertificateDir is the folder of the TLS certificate and its authority; by default a folder below Dir. They are
	// created unless there are valid ones.
	CertificateDir string
	// SecretFile is the path of the accounts' secret, which is made if there is none; by default a new one below Dir at
	// every start.
	SecretFile string
	// Hosts are host names that the certificate is valid for and calls may name, besides those of loopback.
	Hosts []string
	// Ministack is the folder of ministack, which the caller has just installed or checked; by default, the start does.
	Ministack string
	// Progress is called with a line for what takes long.
	Progress func(line string)
	// Interrupted reports whether the user has interrupted the run, who then waits no longer than a moment for the
	// emulator's end; nil for never.
	Interrupted func() bool

	// newCommand returns the command that serves the accounts on the socket that it inherits as listenerFD; nil for
	// ministack.
	newCommand func(ctx context.Context, port int, c tlsFiles) (*exec.Cmd, error)
	// timeouts overrides defaultTimeouts; nil for none.
	timeouts *timeouts
}

// A Status is the state of an emulator.
type Status struct {
	Running bool `json:"running"`
	// RunsUntilStopped says that it runs until Stop, whether anybody uses it or not.
	RunsUntilStopped bool `json:"kept"`
	// InUse says that a run uses it.
	InUse    bool   `json:"inUse"`
	Endpoint string `json:"endpoint,omitempty"`
	CABundle string `json:"caBundle,omitempty"`
	// Credentials is the path of a file with a profile of the AWS SDKs for each account; see ProfileName.
	Credentials string    `json:"credentials,omitempty"`
	PID         int       `json:"pid,omitempty"`
	Since       time.Time `json:"since,omitzero"`
	// State is the folder of the accounts' state, and Log the file that the emulator writes.
	State string `json:"state"`
	Log   string `json:"log"`
}

// A processRecord is what emulator.json says about a running emulator. It counts only while alive.lock is held.
type processRecord struct {
	PID              int       `json:"pid"`
	Port             int       `json:"port"`
	RunsUntilStopped bool      `json:"kept"`
	Started          time.Time `json:"started"`
	// Identity tells the process from a later one with the same PID.
	Identity processIdentity `json:"identity"`
}

// recordFile is in a folder of its own, because the emulator sees that folder and not the secret.
const (
	processDir = "process"
	recordFile = processDir + "/emulator.json"
)

func (e *Emulator) path(name string) string { return filepath.Join(e.Dir, name) }

// Acquire returns a session with the running emulator, and starts one if none runs. The caller calls release when done:
// the last user stops an emulator that does not run until it is stopped.
func (e *Emulator) Acquire(ctx context.Context) (s *Session, release func() error, err error) {
	session, users, err := e.join(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	return session, func() error { return e.leave(users) }, nil
}

// Start starts the emulator if it does not run, and lets it run until Stop.
func (e *Emulator) Start(ctx context.Context) (*Session, error) {
	session, users, err := e.join(ctx, true)
	if err != nil {
		return nil, err
	}
	return session, users.Close()
}

// join adds this run to the emulator's users, after starting the emulator if it does not run.
func (e *Emulator) join(ctx context.Context, untilStopped bool) (*Session, *flock.Flock, error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	users := flock.New(e.path("users.lock"))
	if err := users.RLock(); err != nil {
		return nil, nil, tools.ExplainWriteError(e.Dir, err)
	}
	session, err := e.ensureRunning(ctx, untilStopped)
	if err != nil {
		_ = users.Close() // the error that matters is the one that is returned
		return nil, nil, err
	}
	return session, users, nil
}

// ensureRunning returns a session with a healthy emulator. It replaces an emulator that lives but does not answer.
func (e *Emulator) ensureRunning(ctx context.Context, untilStopped bool) (*Session, error) {
	running, err := e.runningProcess()
	if err != nil {
		return nil, err
	}
	if running == nil {
		return e.start(ctx, untilStopped)
	}
	if e.Port != 0 && running.Port != e.Port {
		return nil, fault.Errorf(fault.RehearsalInUse, "the emulated accounts run on port %d already, not on %d: "+
			"stop them with `lockstep rehearsal stop`, or leave the port out", running.Port, e.Port)
	}
	session := e.newSession(running.Port)
	if session.isHealthy(ctx, e.timeout().answer) {
		if untilStopped && !running.RunsUntilStopped {
			running.RunsUntilStopped = true
			return session, e.writeRecord(*running)
		}
		return session, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e.Progress("the emulated accounts do not answer and are started again")
	if err := e.terminate(*running); err != nil {
		return nil, err
	}
	return e.start(ctx, untilStopped)
}

// leave removes this run from the emulator's users, and stops the emulator if it was the last one.
func (e *Emulator) leave(users *flock.Flock) error {
	unlock, err := e.lock(context.Background()) // an interrupted run stops it too
	if err != nil {
		return errors.Join(err, users.Close())
	}
	defer unlock()
	if err := users.Close(); err != nil {
		return err
	}
	running, err := e.runningProcess()
	if err != nil || running == nil || running.RunsUntilStopped || e.isInUse() {
		return err
	}
	return e.stop(*running)
}

// hasUsers reports whether a run uses the emulator. An emulator that ends by itself holds the users' lock alone.
func (e *Emulator) hasUsers() bool {
	users := flock.New(e.path("users.lock"))
	defer users.Close()
	free, err := users.TryLock()
	if err != nil || free {
		return false
	}
	shared, err := users.TryRLock()
	return err == nil && shared
}

// isInUse reports whether anybody uses the emulator. The caller holds start.lock.
func (e *Emulator) isInUse() bool {
	users := flock.New(e.path("users.lock"))
	defer users.Close()
	free, err := users.TryLock()
	return err == nil && !free
}

// ErrInUse says that a deployment uses the emulated accounts.
var ErrInUse = fault.New(fault.RehearsalInUse, "a deployment uses the emulated accounts at this moment: "+
	"wait until it has ended, then run this again")

// Stop ends the emulator and keeps the accounts' state. It reports whether there was one to end. The error is ErrInUse
// while a run uses it.
func (e *Emulator) Stop(ctx context.Context) (bool, error) {
	if _, err := os.Stat(e.Dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	running, err := e.runningProcess()
	switch {
	case err != nil || running == nil:
		return false, err
	case e.isInUse():
		return false, ErrInUse
	}
	return true, e.stop(*running)
}

// Reset ends the emulator and deletes the accounts' state. The error is ErrInUse while a run uses it.
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

// Status returns the emulator's state.
func (e *Emulator) Status(ctx context.Context) (Status, error) {
	status := Status{State: e.path(stateDir), Log: e.path(logFile)}
	running, err := e.runningProcess()
	if err != nil || running == nil {
		return status, err
	}
	session := e.newSession(running.Port)
	status.Running = session.isHealthy(ctx, e.timeout().answer)
	status.RunsUntilStopped = running.RunsUntilStopped
	status.InUse = e.hasUsers()
	status.Endpoint, status.CABundle = session.Endpoint, session.CABundle
	status.Credentials = e.path(credentialsFile)
	status.PID, status.Since = running.PID, running.Started
	return status, nil
}

// lock waits until nobody else starts or stops the emulator, and returns what releases the lock again.
func (e *Emulator) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(e.Dir, fsx.PrivateDir); err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	lock := flock.New(e.path("start.lock"))
	if _, err := lock.TryLockContext(ctx, pollInterval); err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	return func() { _ = lock.Close() }, nil // closing a lock cannot fail in a way that keeps it
}

// runningProcess returns the record of the emulator that lives, or nil if none does.
func (e *Emulator) runningProcess() (*processRecord, error) {
	alive, err := e.IsAlive()
	if err != nil || !alive {
		return nil, err
	}
	text, err := fsx.ReadFile(e.path(recordFile), fsx.MaxText)
	record := &processRecord{}
	if err == nil {
		err = jsonx.Unmarshal(text, record)
	}
	if err != nil {
		return nil, fault.Errorf(fault.EmulatorUnknown,
			"an emulator that was started in %s runs, but its record cannot be read (%w): "+
				"end the process that listens there, then run this again", e.Dir, err)
	}
	return record, nil
}

// IsAlive reports whether the emulator's process lives: whether alive.lock is held.
func (e *Emulator) IsAlive() (bool, error) {
	_, err := os.Stat(e.path(aliveFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	alive := flock.New(e.path(aliveFile))
	defer alive.Close()
	free, err := alive.TryRLock()
	return err == nil && !free, err
}

func (e *Emulator) writeRecord(record processRecord) error {
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return tools.ExplainWriteError(e.Dir, writeFile(e.path(recordFile), append(text, '\n')))
}

// listen returns the socket that the emulator serves. The emulator inherits it, so nobody can take its port between the
// choice and the start.
func (e *Emulator) listen() (*net.TCPListener, error) {
	if e.Port != 0 {
		listener, err := listenLoopback(e.Port)
		if err != nil {
			return nil, fault.Errorf(fault.PortTaken, "port %d is taken by another program: "+
				"end it, or leave the port out to take any that is free (%w)", e.Port, err)
		}
		return listener, nil
	}
	if !e.AnyPort {
		if listener, err := listenLoopback(DefaultPort); err == nil {
			return listener, nil
		}
	}
	listener, err := listenLoopback(0)
	if err == nil && !e.AnyPort {
		e.Progress(fmt.Sprintf("port %d is taken by another program; the emulated accounts take %d",
			DefaultPort, listenerPort(listener)))
	}
	return listener, err
}

// listenLoopback listens on a port of loopback; 0 takes one that is free.
func listenLoopback(port int) (*net.TCPListener, error) {
	return net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

func listenerPort(listener *net.TCPListener) int { return listener.Addr().(*net.TCPAddr).Port }
