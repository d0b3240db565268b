//go:build unix && !linux

package tools

import "syscall"

// changed returns when a file was last changed, in nanoseconds since 1970. A program cannot set that time.
func changed(s *syscall.Stat_t) int64 { return s.Ctimespec.Nano() }
