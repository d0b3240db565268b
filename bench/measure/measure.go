// Package measure compares how long two things take in one run of a benchmark.
package measure

import (
	"testing"
	"time"
)

// Average runs a benchmark and returns how long do took on average.
func Average(b *testing.B, name string, do func(*testing.B)) time.Duration {
	b.Helper()
	var average time.Duration
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			do(b)
		}
		average = b.Elapsed() / time.Duration(b.N)
	})
	return average
}
