package main

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHandleSignals_SecondOneEndsAtOnce(t *testing.T) {
	const (
		term = syscall.SIGTERM
		hup  = syscall.SIGHUP
	)
	for _, test := range []struct {
		name string
		// signals arrive a second apart, unless closely is set.
		signals []os.Signal
		closely bool
		exits   bool
	}{
		{"one SIGINT", []os.Signal{os.Interrupt}, false, false},
		{"one SIGHUP", []os.Signal{hup}, false, false},
		{"SIGINT twice", []os.Signal{os.Interrupt, os.Interrupt}, false, true},
		{"SIGINT twice closely", []os.Signal{os.Interrupt, os.Interrupt}, true, true},
		{"SIGTERM after SIGHUP", []os.Signal{hup, term}, true, true},
		{"SIGHUP twice", []os.Signal{hup, hup}, false, true},
		{"SIGHUP twice closely, as of a terminal that closes", []os.Signal{hup, hup}, true, false},
		{"SIGHUP closely after SIGTERM, as of a service manager", []os.Signal{term, hup}, true, false},
		{"SIGHUP closely after SIGTERM, then SIGTERM", []os.Signal{term, hup, term}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
			signals := make(chan os.Signal, len(test.signals))
			for _, s := range test.signals {
				signals <- s
			}
			close(signals)
			interrupts, exits := 0, 0
			clock := func() time.Time {
				if !test.closely {
					now = now.Add(time.Second)
				}
				return now
			}
			handleSignals(signals, clock, func() { interrupts++ }, func() { exits++ })
			assert.Equal(t, 1, interrupts)
			assert.Equal(t, test.exits, exits == 1)
		})
	}
}
