package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"
)

// Serve runs the emulated accounts for others than this machine until the context is done, and then stops them in good
// order. The emulator itself stays on loopback; what is passed on to it is the very bytes of its callers, so its TLS
// and IAM are all there is to get past. It listens only after prepare has returned: whoever gets a connection finds
// prepared accounts.
func (e *Emulator) Serve(ctx context.Context, listen string, prepare func(*Session) error) (err error) {
	switch now, err := e.runningProcess(); {
	case err != nil:
		return err
	case now != nil:
		return errors.New("the emulated accounts run on this machine already, for this machine alone: stop them first with `lockstep rehearsal stop`")
	}
	if e.Port, err = freePort(); err != nil { // the address that is served may be the emulator's own otherwise
		return err
	}
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
		return fmt.Errorf("nobody can listen on %s: choose another address with --listen (%w)", listen, err)
	}
	address, err := url.Parse(session.Endpoint)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	e.Progress("the emulated accounts listen on " + listener.Addr().String())
	return e.forwardConnections(ctx, listener, address.Host)
}

// forwardConnections passes connections on until the context is done or the emulator has ended.
func (e *Emulator) forwardConnections(ctx context.Context, listener net.Listener, to string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go e.watchEmulator(ctx, stop)
	go func() {
		<-ctx.Done()
		_ = listener.Close() // which ends the loop below
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

// errEmulatorEnded says that the emulator did not live as long as it was served.
var errEmulatorEnded = errors.New("the emulator has ended")

// watchEmulator notices an emulator that has ended.
func (e *Emulator) watchEmulator(ctx context.Context, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(e.timeout().watch):
			if alive, err := e.isAlive(); err == nil && !alive {
				stop(fmt.Errorf("%w; its log is %s", errEmulatorEnded, e.path(logFile)))
			}
		}
	}
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// proxyConnection copies both ways until both ends are done, or the context is.
func proxyConnection(ctx context.Context, from net.Conn, to string) {
	defer from.Close()
	target, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return // the caller sees a closed connection, and the watch sees why
	}
	defer target.Close()
	unhook := context.AfterFunc(ctx, func() { from.Close(); target.Close() })
	defer unhook()
	var both sync.WaitGroup
	for _, way := range []struct{ into, out net.Conn }{{target, from}, {from, target}} {
		both.Go(func() {
			_, _ = io.Copy(way.into, way.out) // a connection that breaks is its two ends' business
			if half, ok := way.into.(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
