package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// hangupWindow is how long after the first signal a SIGHUP says nothing new: the system and the shell both send one
// when a terminal closes, and a service manager sends one after its SIGTERM.
const hangupWindow = time.Second

// endingSignals returns the signals that end a program and can be caught, without those that a fault of the program
// raises. A SIGHUP that was ignored when the program was started, by nohup for example, stays ignored.
func endingSignals() []os.Signal {
	all := []os.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGXCPU,
	}
	return slices.DeleteFunc(all, func(s os.Signal) bool { return s == syscall.SIGHUP && signal.Ignored(s) })
}

// notifyContext returns a context that the first signal to end the program cancels, so that the program ends in good
// order. The second signal calls exit, because the program may be stuck. A reader of its output that goes away does not
// end the program: it sees the error of its next write.
func notifyContext(exit func()) context.Context {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // if it were ignored, the steps' programs would inherit that
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, endingSignals()...)
	ctx, cancel := context.WithCancel(context.Background())
	go handleSignals(signals, time.Now, cancel, exit)
	return ctx
}

// handleSignals calls interrupt at the first signal and exit at the second one.
func handleSignals(signals <-chan os.Signal, now func() time.Time, interrupt, exit func()) {
	<-signals
	interrupt()
	interrupted := now()
	for s := range signals {
		if s != syscall.SIGHUP || now().Sub(interrupted) >= hangupWindow {
			exit()
			return
		}
	}
}
