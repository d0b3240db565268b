package rehearsal

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lockstep/internal/fsx"
	"lockstep/internal/proc"
	"lockstep/tools"
)

const (
	// startTimeout is how long the emulator may take until it answers. It takes a second on a machine that is not busy.
	startTimeout = 60 * time.Second
	// gracefulStopTimeout is how long it may take to write its state and end, and hurriedly where a person has interrupted the run.
	gracefulStopTimeout    = 30 * time.Second
	interruptedStopTimeout = 1200 * time.Millisecond
	// answerTimeout is how long a running emulator may take to answer.
	answerTimeout = 5 * time.Second
)

// start starts the emulator and waits until it answers. What can be mended is tried again, once: an installation that turns out to be
// broken is made anew, and a port that somebody else took just now is left to them.
func (e *Emulator) start(ctx context.Context, keep bool) (*Session, error) {
	session, err := e.startOnce(ctx, keep)
	var broken *brokenInstallError
	switch {
	case errors.Is(err, errPortTaken) && e.Port == 0:
		return e.startOnce(ctx, keep)
	case !errors.As(err, &broken):
		return session, err
	}
	e.Progress("the installed emulator is damaged and is installed again")
	installer, err := tools.NewInstaller(e.Environ, e.Progress)
	if err != nil {
		return nil, err
	}
	if err := installer.Invalidate(tools.Ministack); err != nil {
		return nil, err
	}
	return e.startOnce(ctx, keep)
}

func (e *Emulator) startOnce(ctx context.Context, keep bool) (*Session, error) {
	installed, err := e.install(ctx, tools.Ministack)
	if err != nil {
		return nil, err
	}
	port, err := e.choosePort()
	if err != nil {
		return nil, err
	}
	certificates, err := makeCertificates(e.certificateDir(), e.Environ, time.Now(), e.Hosts)
	if err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	if err := e.prepareState(); err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	process, err := e.spawn(installed, port, certificates)
	if err != nil {
		return nil, tools.ExplainWriteError(e.Dir, err)
	}
	now := processRecord{PID: process.pid, Port: port, RunsUntilStopped: keep, Started: time.Now()}
	session := e.newSession(port)
	if err = e.writeRecord(now); err == nil {
		err = e.waitUntilHealthy(ctx, session, process)
	}
	if err != nil {
		return nil, errors.Join(err, e.terminate(now))
	}
	return session, nil
}

// A process is the emulator's, as its starter sees it.
type process struct {
	pid int
	// ended is closed when the process has.
	ended chan struct{}
}

// accountsProgram is the program that the emulator's web server serves.
//
//go:embed accounts.py
var accountsProgram []byte

const accountsFile = "accounts.py"

// spawn starts the emulator in a session of its own: an interrupt at the terminal is for the run, which then stops the emulator in
// good order.
func (e *Emulator) spawn(installed string, port int, c tlsFiles) (*process, error) {
	alive, err := os.OpenFile(e.path("alive.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	defer alive.Close()
	// The lock belongs to the open file, which the emulator inherits: it ends with the last of the two who hold it.
	if err := syscall.Flock(int(alive.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("an emulator runs in %s already: %w", e.Dir, err)
	}
	log, err := os.Create(e.path("emulator.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if err := os.WriteFile(e.path(accountsFile), accountsProgram, 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(installed, tools.MinistackPython), "-m", "hypercorn", accountsFile+":app", // in its own folder: a path may have a colon
		"--workers", "0", // in this very process
		"--bind", fmt.Sprintf("127.0.0.1:%d", port),
		"--certfile", c.certificate, "--keyfile", c.key,
		"--keep-alive", "75", "--graceful-timeout", "1", "--access-logfile", os.DevNull)
	cmd.Dir = e.Dir
	cmd.Env = e.processEnv(port, c)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{alive}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the emulator cannot be started: %w", err)
	}
	p := &process{pid: cmd.Process.Pid, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended stands in its log
	}()
	return p, nil
}

// processEnv are the emulator's environment: IAM is enforced, everything stays on loopback and in its folder, and what listens on ports
// of its own is left out.
func (e *Emulator) processEnv(port int, c tlsFiles) []string {
	env := []string{
		"AUTH=true", "USE_SSL=1", "MINISTACK_SSL_CERT=" + c.certificate, "MINISTACK_SSL_KEY=" + c.key,
		"BIND_HOST=127.0.0.1", fmt.Sprintf("GATEWAY_PORT=%d", port), "MINISTACK_HOST=127.0.0.1", "MINISTACK_REGION=" + e.Region,
		"PERSIST_STATE=1", "STATE_DIR=" + e.path(stateDir), "S3_PERSIST=1", "S3_DATA_DIR=" + e.path(objectsDir),
		"TMPDIR=" + e.path("tmp"), "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "DSQL_ENABLED=0",
		"PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONNOUSERSITE=1", "HOME=" + e.path("tmp"),
		proc.Variable + "=" + proc.Kept,
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

// errPortTaken says that a port which was free a moment ago is not.
var errPortTaken = errors.New("another program has taken the port just now: run this again")

func (e *Emulator) waitUntilHealthy(ctx context.Context, s *Session, p *process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the emulator does not answer after %v; its log is %s", startTimeout, e.path("emulator.log")))
	defer cancel()
	for {
		if s.isHealthy(ctx, time.Second) {
			return nil
		}
		select {
		case <-p.ended:
			return e.startFailure()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startFailure says why the emulator ended before it answered.
func (e *Emulator) startFailure() error {
	text, err := os.ReadFile(e.path("emulator.log"))
	if err != nil {
		return err
	}
	log := string(text)
	switch {
	case tools.IsDiskFullOutput(log):
		return tools.ExplainWriteError(e.Dir, syscall.ENOSPC)
	case strings.Contains(log, "Address already in use"):
		return errPortTaken
	case strings.Contains(log, "ImportError"), strings.Contains(log, "ModuleNotFoundError"), strings.Contains(log, "No module named"):
		return &brokenInstallError{log}
	}
	return fmt.Errorf("the emulator ended as soon as it was started:\n%s", tools.LastLines(log, 6))
}

// isHealthy asks the emulator whether it is well.
func (s *Session) isHealthy(ctx context.Context, within time.Duration) bool {
	return s.checkHealth(ctx, within) == nil
}

// checkHealth is nil if the emulator is well.
func (s *Session) checkHealth(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+"/_ministack/health", nil)
	if err != nil {
		return err
	}
	authorities, err := loadCertPool(s.Authority)
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}

// maxCertificateBytes is more than all authorities that a machine trusts.
const maxCertificateBytes = 16 << 20

// loadCertPool reads certificate authorities.
func loadCertPool(file string) (*x509.CertPool, error) {
	text, err := fsx.ReadFile(file, maxCertificateBytes)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return authorities, nil
}

func (e *Emulator) newSession(port int) *Session {
	return &Session{
		Endpoint:  fmt.Sprintf("https://127.0.0.1:%d", port),
		Authority: filepath.Join(e.certificateDir(), authorityFile), CABundle: filepath.Join(e.certificateDir(), bundleFile),
	}
}

// certificateDir is the folder of the emulator's TLS material.
func (e *Emulator) certificateDir() string { return cmp.Or(e.CertificateDir, e.path("tls")) }

// stop ends the emulator in good order and seals its state.
func (e *Emulator) stop(now processRecord) error {
	if err := e.terminate(now); err != nil {
		return err
	}
	return e.markStateClean()
}

// stopTimeout is how long to wait for an end in good order. What an end in bad order loses is put back at the next start.
func (e *Emulator) stopTimeout() time.Duration {
	if e.Interrupted != nil && e.Interrupted() {
		return interruptedStopTimeout
	}
	return gracefulStopTimeout
}

// terminate ends the emulator's process and waits until it has ended.
func (e *Emulator) terminate(now processRecord) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		alive, err := e.isAlive()
		if err != nil || !alive {
			return err
		}
		// As long as the lock is held the process lives, so the id is still its own.
		if err := syscall.Kill(now.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("the emulator, process %d, cannot be ended: %w", now.PID, err)
		}
		for deadline := time.Now().Add(e.stopTimeout()); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if alive, err := e.isAlive(); err != nil || !alive {
				return err
			}
		}
	}
	return fmt.Errorf("the emulator, process %d, does not end", now.PID)
}
