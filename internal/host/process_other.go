//go:build unix && !linux

package host

import "syscall"

// processGroupAttributes puts a child into a process group of its own. Only Linux can tie its life to this process's.
func processGroupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
