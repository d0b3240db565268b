//go:build !linux

package process

// CanHideFiles reports whether the system can hide files from a program.
func CanHideFiles() bool { return false }

func (*Files) confineThread() error { return nil }
