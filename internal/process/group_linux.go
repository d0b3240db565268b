package process

import "syscall"

// groupAttributes returns the attributes of a child in a process group of its own. Linux kills the child when
// this process ends, even when this process is killed.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
