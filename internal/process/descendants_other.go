//go:build !linux

package process

// AdoptOrphans does nothing.
func AdoptOrphans() error { return nil }

// KillMarked finds no process.
func KillMarked(func(value string) bool) int { return 0 }

// KillDescendants finds no process.
func KillDescendants(bool) int { return 0 }
