package host

import "syscall"

// processGroupAttributes puts a child into a process group of its own, which ends with this process even when that is
// killed.
func processGroupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
