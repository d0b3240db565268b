package rehearsal

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/process"
	"lockstep/tools"
)

// timeouts are the longest times of the steps of an emulator's life.
type timeouts struct {
	// start is the time until the emulator answers. It takes a second on a machine that is not busy.
	start time.Duration
	// answer is the time in which a running emulator answers.
	answer time.Duration
	// gracefulStop is the time to write the state and end.
	gracefulStop time.Duration
	// interruptedStop is the same when the user has interrupted the run and waits.
	interruptedStop time.Duration
	// kill is the time that the system takes to end a process that is killed.
	kill time.Duration
	// watch is the time between two looks of Serve at whether the emulator lives.
	watch time.Duration
}

var defaultTimeouts = timeouts{
	start: 60 * time.Second, answer: 5 * time.Second,
	gracefulStop: 30 * time.Second, interruptedStop: 1200 * time.Millisecond, kill: 10 * time.Second,
	watch: time.Second,
}

// pollInterval is the time between two looks at something that happens within moments.
const pollInterval = 20 * time.Millisecond

func (e *Emulator) timeout() timeouts {
	if e.timeouts != nil {
		return *e.timeouts
	}
	return defaultTimeouts
}

// start starts the emulator and waits until it answers. A damaged installation is installed again, once.
func (e *Emulator) start(ctx context.Context, untilStopped bool) (*Session, error) {
	session, err := e.startOnce(ctx, untilStopped)
	var broken *brokenInstallError
	if !errors.As(err, &broken) {
		return session, err
	}
	e.Progress("the installed emulator is damaged and is installed again")
	e.Ministack = ""
	installer, err := tools.NewInstaller(e.Environ, e.Progress)
	if err != nil {
		return nil, err
	}
	if err := installer.Invalidate(tools.Ministack); err != nil {
		return nil, err
	}
	return e.startOnce(ctx, untilStopped)
}

func (e *Emulator) startOnce(ctx context.Context, untilStopped bool) (*Session, error) {
	listener, err := e.listen()
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	port := listenerPort(listener)
	certificates, err := makeCertificates(e.certificateDir(), e.Environ, time.Now(), e.Hosts)
	if err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	newCommand := e.newCommand
	if newCommand == nil {
		newCommand = e.ministackCommand
	}
	if err := e.makeSecret(); err != nil {
		return nil, err
	}
	cmd, err := newCommand(ctx, port, certificates)
	if err != nil {
		return nil, err
	}
	if err := e.prepareState(); err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	started, err := e.spawn(cmd, listener)
	if err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	record := processRecord{PID: started.pid, Port: port, RunsUntilStopped: untilStopped, Started: time.Now()}
	session := e.newSession(port)
	record.Identity, err = readIdentity(record.PID)
	if err == nil || errors.Is(err, os.ErrProcessDone) { // waitUntilHealthy says why it has ended
		record.Identity.Arguments = joinWords(cmd.Args[1:]...) // they may not be readable yet
		err = e.writeRecord(record)
	}
	if err == nil {
		err = e.waitUntilHealthy(ctx, session, started)
	}
	if err != nil {
		return nil, errors.Join(err, e.terminate(record))
	}
	return session, nil
}

// An emulatorProcess is the process of the emulator, as its starter sees it.
type emulatorProcess struct {
	pid int
	// ended is closed when the process has.
	ended chan struct{}
}

// accountsProgram is the program that the emulator's web server serves.
//
//go:embed accounts.py access.py confinement.py gaps.py macros.py
var emulatorProgram embed.FS

const (
	accountsFile    = "accounts.py"
	accessFile      = "access.py"
	confinementFile = "confinement.py"
	gapsFile        = "gaps.py"
	macrosFile      = "macros.py"

	aliveFile = "alive.lock"
	logFile   = "emulator.log"
)

// ministackCommand installs ministack and returns the command that serves it.
func (e *Emulator) ministackCommand(ctx context.Context, port int, c tlsFiles) (*exec.Cmd, error) {
	installed := e.Ministack
	if installed == "" {
		var err error
		if installed, err = e.install(ctx, tools.Ministack); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{accountsFile, accessFile, confinementFile, gapsFile} {
		if err := e.writeProgram(name); err != nil {
			return nil, err
		}
	}
	cmd := process.Command(context.Background(), filepath.Join(installed, tools.MinistackPython), "-m", "hypercorn",
		accountsFile+":app", // relative, because a path may contain a colon
		"--workers", "0",    // in the process itself
		"--bind", fmt.Sprintf("fd://%d", listenerFD),
		"--certfile", c.certificate, "--keyfile", c.key,
		"--keep-alive", "75", "--graceful-timeout", "1", "--access-logfile", os.DevNull)
	cmd.Env = e.processEnv(port, c)
	return cmd, nil
}

// writeProgram writes a part of the emulator's program to its folder.
func (e *Emulator) writeProgram(name string) error {
	text, err := emulatorProgram.ReadFile(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.Dir, fsx.PrivateDir); err != nil {
		return tools.ExplainWriteError(e.Dir, err)
	}
	return tools.ExplainWriteError(e.Dir, writeFile(e.path(name), text))
}

// aliveFD and listenerFD are the file descriptors that the emulator inherits: its lock and its socket.
const (
	aliveFD = iota + 3 // after the standard streams
	listenerFD
)

// spawn starts the emulator in a session of its own: an interrupt at the terminal is for the run, which then stops the
// emulator in good order.
func (e *Emulator) spawn(cmd *exec.Cmd, listener *net.TCPListener) (*emulatorProcess, error) {
	alive, err := fsx.OpenFile(e.path(aliveFile), os.O_CREATE|os.O_RDWR, fsx.PrivateFile)
	if err != nil {
		return nil, err
	}
	defer alive.Close()
	// The lock belongs to the open file, which the emulator inherits: it ends when both have closed it.
	if err := syscall.Flock(int(alive.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fault.Errorf(fault.RehearsalInUse, "an emulator runs in %s already: %w", e.Dir, err)
	}
	// The record of the emulator before must not be taken for this one's if the starter is killed before it writes its
	// own.
	if err := os.RemoveAll(e.path(recordFile)); err != nil {
		return nil, err
	}
	log, err := fsx.OpenFile(e.path(logFile), os.O_RDWR|os.O_CREATE|os.O_TRUNC, fsx.PrivateFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	socket, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	cmd.Dir = e.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{aliveFD - 3: alive, listenerFD - 3: socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fault.Errorf(fault.EmulatorFailed, "the emulator cannot be started: %w", err)
	}
	p := &emulatorProcess{pid: cmd.Process.Pid, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // its log says how it ended
	}()
	return p, nil
}

// processEnv returns the emulator's environment: IAM is enforced, everything stays on loopback and in the emulator's
// folder, and services that would listen on ports of their own are off.
func (e *Emulator) processEnv(port int, c tlsFiles) []string {
	env := []string{
		"AUTH=true", "USE_SSL=1", "MINISTACK_SSL_CERT=" + c.certificate, "MINISTACK_SSL_KEY=" + c.key,
		"BIND_HOST=127.0.0.1", fmt.Sprintf("GATEWAY_PORT=%d", port), "MINISTACK_HOST=127.0.0.1",
		"MINISTACK_REGION=" + e.Region,
		"PERSIST_STATE=1", "STATE_DIR=" + e.path(stateDir), "S3_PERSIST=1", "S3_DATA_DIR=" + e.path(objectsDir),
		"TMPDIR=" + e.path("tmp"), "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "DSQL_ENABLED=0",
		"PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONNOUSERSITE=1", "HOME=" + e.path("tmp"),
		"LOCKSTEP_SECRET=" + e.secretPath(), "LOCKSTEP_HOSTS=" + strings.Join(e.Hosts, " "),
		"LOCKSTEP_BUNDLE=" + c.authority + string(os.PathListSeparator) + c.bundle,
		process.Variable + "=" + process.Kept,
	}
	for _, name := range []string{"PATH", "LANG", "LC_ALL", "TZ"} {
		if value := tools.Getenv(e.Environ, name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// A brokenInstallError is an emulator that did not even load.
type brokenInstallError struct{ log string }

func (e *brokenInstallError) Error() string {
	return "the emulator does not load:\n" + tools.LastLines(e.log, 6)
}

// Code returns the code of the error.
func (e *brokenInstallError) Code() fault.Code { return fault.EmulatorFailed }

// waitUntilHealthy returns when the emulator answers, or why it does not.
func (e *Emulator) waitUntilHealthy(ctx context.Context, s *Session, p *emulatorProcess) error {
	limit := e.timeout().start
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fault.Errorf(fault.EmulatorFailed, "the emulator does not answer after %v; its log is %s", limit, e.path(logFile)))
	defer cancel()
	for !s.isHealthy(ctx, time.Second) {
		select {
		case <-p.ended:
			return e.startFailure()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollInterval):
		}
	}
	return nil
}

// startFailure returns why the emulator ended before it answered.
func (e *Emulator) startFailure() error {
	text, err := fsx.ReadFile(e.path(logFile), fsx.MaxText)
	if err != nil {
		return err
	}
	log := string(text)
	switch {
	case tools.IsDiskFullOutput(log):
		return tools.ExplainWriteError(e.Dir, syscall.ENOSPC)
	case strings.Contains(log, "ImportError"), strings.Contains(log, "ModuleNotFoundError"),
		strings.Contains(log, "No module named"):
		return &brokenInstallError{log}
	}
	return fault.Errorf(fault.EmulatorFailed, "the emulator ended as soon as it was started:\n%s", tools.LastLines(log, 6))
}

// isHealthy reports whether the emulator answers within a time that it is well.
func (s *Session) isHealthy(ctx context.Context, within time.Duration) bool {
	return s.checkHealth(ctx, within) == nil
}

// checkHealth returns why the emulator does not answer within a time that it is well, or nil.
func (s *Session) checkHealth(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+healthPath, nil)
	if err != nil {
		return err
	}
	authorities, err := loadCertPool(s.Authority)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fault.Errorf(fault.EmulatorFailed, "it answers %s", response.Status)
	}
	return nil
}

// healthPath is the path of ministack's health check.
const healthPath = "/_ministack/health"

// maxCertificateBytes is more than all authorities that a machine trusts.
const maxCertificateBytes = 16 << 20

// loadCertPool reads certificate authorities from a PEM file.
func loadCertPool(file string) (*x509.CertPool, error) {
	text, err := fsx.ReadFile(file, maxCertificateBytes)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fault.Errorf(fault.EmulatorFailed, "%s holds no certificate", file)
	}
	return authorities, nil
}

func (e *Emulator) newSession(port int) *Session {
	return &Session{
		Endpoint:  fmt.Sprintf("https://127.0.0.1:%d", port),
		Authority: filepath.Join(e.certificateDir(), authorityFile),
		CABundle:  filepath.Join(e.certificateDir(), bundleFile),

		SecretFile: e.secretPath(),
	}
}

// certificateDir returns the folder of the emulator's TLS files.
func (e *Emulator) certificateDir() string { return cmp.Or(e.CertificateDir, e.path("tls")) }

// stop ends the emulator in good order and marks its state as clean.
func (e *Emulator) stop(running processRecord) error {
	if err := e.terminate(running); err != nil {
		return err
	}
	if err := os.RemoveAll(e.path(recordFile)); err != nil {
		return err
	}
	return e.markStateClean()
}

// stopTimeout returns how long to wait for an end in good order. The next start restores what another end loses.
func (e *Emulator) stopTimeout() time.Duration {
	if e.Interrupted != nil && e.Interrupted() {
		return e.timeout().interruptedStop
	}
	return e.timeout().gracefulStop
}

// terminate ends the emulator's process and waits until it has ended: first with SIGTERM, then with SIGKILL.
func (e *Emulator) terminate(running processRecord) error {
	for _, attempt := range []struct {
		signal syscall.Signal
		within time.Duration
	}{
		{syscall.SIGTERM, e.stopTimeout()},
		{syscall.SIGKILL, e.timeout().kill},
	} {
		if alive, err := e.IsAlive(); err != nil || !alive {
			return err
		}
		if err := signalProcess(running, attempt.signal); err != nil {
			return err
		}
		if ended, err := e.waitUntilEnded(attempt.within); err != nil || ended {
			return err
		}
	}
	return fault.Errorf(fault.EmulatorFailed, "the emulator, process %d, does not end", running.PID)
}

// waitUntilEnded waits for the end of the emulator's process and reports whether it came within a time.
func (e *Emulator) waitUntilEnded(within time.Duration) (bool, error) {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(pollInterval / 2) {
		if alive, err := e.IsAlive(); err != nil || !alive {
			return err == nil, err
		}
	}
	return false, nil
}
