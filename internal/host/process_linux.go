package host

import "syscall"

// groupAttributes puts a child into a process group of its own, which ends with this process even when that is killed.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
