//go:build unix && !linux

package process

import "syscall"

// groupAttributes returns the attributes of a child in a process group of its own. Only Linux can make the
// child end with this process.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
