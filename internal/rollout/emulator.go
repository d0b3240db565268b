package rollout

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"lockstep/config"
	"lockstep/internal/bootstrap"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
	"lockstep/internal/repo"
)

// Emulator returns the project's emulated accounts, whether they run or not.
func (s *Session) Emulator(progress func(string)) *rehearsal.Emulator {
	return &rehearsal.Emulator{
		Dir: s.statePath("rehearsal"), Environ: s.Environ, Region: s.Config.Pipeline.Tooling.Region,
		Progress: progress, Interrupted: s.Interrupted,
	}
}

// AcquireEmulator starts the emulated accounts of the environments if they do not run, and bootstraps them. If the
// environment variables name emulated accounts that run on another machine, it uses those. The caller must call release
// when done.
func (s *Session) AcquireEmulator(
	ctx context.Context, environments []config.Environment, progress func(string),
) (e *rehearsal.Emulator, session *rehearsal.Session, release func() error, err error) {
	e = s.Emulator(progress)
	accounts := bootstrap.Accounts(s.Config.Pipeline, environments)
	remote, err := rehearsal.RemoteSession(s.Environ)
	if err != nil {
		return nil, nil, nil, err
	}
	if remote != nil {
		return e, remote, func() error { return nil }, remote.CheckAccounts(ctx, accounts)
	}
	_ = repo.MakeState(s.Root) // what is written next says what is wrong with the folder
	session, release, err = s.startEmulator(ctx, e, progress)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := e.Bootstrap(ctx, session, accounts); err != nil {
		return nil, nil, nil, errors.Join(err, release())
	}
	return e, session, release, nil
}

// startEmulator starts the emulator, unless it runs. Meanwhile it installs the CDK, which the bootstrap needs: either
// may take a while.
func (s *Session) startEmulator(
	ctx context.Context, e *rehearsal.Emulator, progress func(string),
) (session *rehearsal.Session, release func() error, err error) {
	if alive, err := e.IsAlive(); err == nil && alive { // what it needs was installed then
		return e.Acquire(ctx)
	}
	installCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	installed := make(chan error, 1)
	go func() { installed <- host.EnsureTools(installCtx, s.Environ, progress, pipeline.ToolCDK) }()

	e.Ministack, err = host.EnsureTool(ctx, s.Environ, progress, pipeline.ToolMinistack)
	if err == nil {
		session, release, err = e.Acquire(ctx)
	}
	if err != nil {
		cancel()
		installErr := ignoreCanceled(<-installed)
		if installErr != nil && installErr.Error() == err.Error() {
			installErr = nil // both lack the same
		}
		return nil, nil, errors.Join(err, installErr)
	}
	if err := <-installed; err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return session, release, nil
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// wasNeverRehearsed reports whether the accounts are emulated ones of this machine that were never started.
func (s *Session) wasNeverRehearsed() bool {
	if remote, err := rehearsal.RemoteSession(s.Environ); remote != nil || err != nil {
		return false // what those elsewhere hold, only they know
	}
	_, err := os.Stat(s.statePath("rehearsal", "state"))
	return !s.Live && errors.Is(err, fs.ErrNotExist)
}
