package process

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// systemFiles are what every program needs: programs, libraries and settings of the system, and devices.
var systemFiles = Files{
	Readable: []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/etc", "/proc", "/sys",
		"/run/systemd/resolve", "/run/current-system",
	},
	Writable: []string{"/dev"},
}

// What a rule may allow. Source: Documentation/userspace-api/landlock.rst of Linux.
const (
	readRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	fileRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	// The versions of Landlock that first know of these.
	versionRefer, versionTruncate, versionNetwork, versionDevices, versionScopes = 2, 3, 4, 5, 6
)

// CanHideFiles reports whether the system can hide files from a program.
func CanHideFiles() bool { return landlockVersion() > 0 }

// landlockVersion returns the version of Landlock's interface, 0 for none.
func landlockVersion() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// handledRights returns all rights that a version of Landlock knows.
func handledRights(version int) uint64 {
	rights := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM)<<1 - 1
	for _, more := range []struct {
		version int
		right   uint64
	}{
		{versionRefer, unix.LANDLOCK_ACCESS_FS_REFER},
		{versionTruncate, unix.LANDLOCK_ACCESS_FS_TRUNCATE},
		{versionDevices, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
	} {
		if version >= more.version {
			rights |= more.right
		}
	}
	return rights
}

// confineThread hides all other files from this thread, and from the programs that it starts. A nil f hides none.
func (f *Files) confineThread() error {
	version := landlockVersion()
	if f == nil || version == 0 {
		return nil
	}
	handled := handledRights(version)
	attributes := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	if version >= versionScopes {
		attributes.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	size := unsafe.Sizeof(attributes)
	switch {
	case version < versionNetwork:
		size = unsafe.Sizeof(attributes.Handled_access_fs)
	case version < versionScopes:
		size = unsafe.Offsetof(attributes.Scoped)
	}
	closesNetwork := f.ClosedPorts != nil && version >= versionNetwork
	if closesNetwork {
		attributes.Handled_access_net = unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attributes)), size, 0)
	if errno != 0 {
		return fmt.Errorf("files cannot be hidden from it: %w", errno)
	}
	ruleset := int(fd)
	defer unix.Close(ruleset)
	for _, files := range []*Files{&systemFiles, f} {
		if err := files.allow(ruleset, handled); err != nil {
			return err
		}
	}
	if closesNetwork {
		if err := f.allowPorts(ruleset); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 {
		return fmt.Errorf("files cannot be hidden from it: %w", errno)
	}
	return nil
}

// allow adds rules for those of the files that exist.
func (f *Files) allow(ruleset int, handled uint64) error {
	for _, kind := range []struct {
		paths  []string
		rights uint64
	}{{f.Readable, readRights}, {f.Writable, handled}} {
		for _, path := range kind.paths {
			if err := allowPath(ruleset, path, kind.rights, handled); err != nil {
				return err
			}
		}
	}
	return nil
}

func allowPath(ruleset int, path string, rights, handled uint64) error {
	file, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // there is nothing to see
	}
	defer unix.Close(file)
	var stat unix.Stat_t
	if err := unix.Fstat(file, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights & handled
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(file)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return &os.PathError{Op: "allow", Path: path, Err: errno}
	}
	return nil
}

// The ports of TCP that stay open.
const (
	firstOpenPort = 1024
	lastPort      = 1<<16 - 1
)

// allowPorts adds a rule for each port that stays open: a rule is about one port, and there is none that excepts one.
func (f *Files) allowPorts(ruleset int) error {
	for port := firstOpenPort; port <= lastPort; port++ {
		if slices.Contains(f.ClosedPorts, port) {
			continue
		}
		rule := netPort{allowed: unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, port: uint64(port)}
		_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), ruleNetPort,
			uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("the network cannot be closed to it: %w", errno)
		}
	}
	return nil
}

// netPort is struct landlock_net_port_attr of Linux.
type netPort struct{ allowed, port uint64 }

// ruleNetPort is LANDLOCK_RULE_NET_PORT of Linux.
const ruleNetPort = 2
