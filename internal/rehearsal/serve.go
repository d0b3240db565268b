package rehearsal

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"lockstep/internal/fault"
)

// Serve runs the emulated accounts for other machines until the context is done, and then stops them in good order. The
// emulator itself listens on loopback only. Serve forwards the bytes of its clients unchanged, so TLS and IAM protect
// the accounts as they do on this machine. It listens only after prepare has returned, so that every client finds
// prepared accounts.
func (e *Emulator) Serve(ctx context.Context, listen string, prepare func(*Session) error) (err error) {
	switch running, err := e.runningProcess(); {
	case err != nil:
		return err
	case running != nil:
		return fault.New(fault.RehearsalInUse, "the emulated accounts run on this machine already, for this machine alone: "+
			"stop them first with `lockstep rehearsal stop`")
	}
	e.Port, e.AnyPort = 0, true // the emulator's usual port may be the one to serve on
	e.Interrupted = nil         // a signal is how a service ends, and nobody waits who would rather lose the state
	session, release, err := e.Acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := prepare(session); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fault.Errorf(fault.PortTaken,
			"it is not possible to listen on %s: choose another address with --listen (%w)", listen, err)
	}
	address, err := url.Parse(session.Endpoint)
	if err != nil {
		return errors.Join(fault.Wrap(fault.EmulatorFailed, err), listener.Close())
	}
	e.Progress("the emulated accounts listen on " + listener.Addr().String())
	return e.forwardConnections(ctx, listener, address.Host)
}

// forwardConnections forwards connections until the context is done or the emulator has ended.
func (e *Emulator) forwardConnections(ctx context.Context, listener net.Listener, to string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go e.watchEmulator(ctx, stop)
	go func() {
		<-ctx.Done()
		_ = listener.Close() // ends the loop below
	}()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		from, err := listener.Accept()
		if ctx.Err() != nil {
			return ignoreCanceled(context.Cause(ctx))
		}
		if err != nil {
			return err
		}
		open.Go(func() { proxyConnection(ctx, from, to) })
	}
}

// errEmulatorEnded says that the emulator has ended while it was served.
var errEmulatorEnded = fault.New(fault.EmulatorFailed, "the emulator has ended")

// watchEmulator calls stop when the emulator has ended.
func (e *Emulator) watchEmulator(ctx context.Context, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(e.timeout().watch):
			if alive, err := e.IsAlive(); err == nil && !alive {
				stop(fault.Errorf(fault.EmulatorFailed, "%w; its log is %s", errEmulatorEnded, e.path(logFile)))
			}
		}
	}
}

// ignoreCanceled returns err, or nil if it is context.Canceled.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// proxyConnection copies bytes in both directions until both ends are done, or the context is.
func proxyConnection(ctx context.Context, from net.Conn, to string) {
	defer from.Close()
	target, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return // the client sees a closed connection, and watchEmulator sees why
	}
	defer target.Close()
	stop := context.AfterFunc(ctx, func() { from.Close(); target.Close() })
	defer stop()
	var both sync.WaitGroup
	for _, direction := range []struct{ to, from net.Conn }{{target, from}, {from, target}} {
		both.Go(func() {
			_, _ = io.Copy(direction.to, direction.from) // both ends see a broken connection
			if half, ok := direction.to.(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
