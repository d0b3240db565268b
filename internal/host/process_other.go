//go:build unix && !linux

package host

import "syscall"

// processGroupAttributes returns the attributes of a child in a process group of its own. Only Linux can make the
// child end with this process.
func processGroupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
