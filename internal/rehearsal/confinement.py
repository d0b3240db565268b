"""What the emulated accounts may do to the machine: start programs only for custom resources, see only what they need.

A function of an emulated account is a program that runs as the person who rehearses. It is started only while
CloudFormation creates, updates or deletes a custom resource, which is not complete without it. Where the kernel has
Landlock (Linux 5.13, with the module on), the emulator and all that it starts see the files of the system and of the
emulated accounts, and nothing of the person's.

Source: Documentation/userspace-api/landlock.rst of Linux, whose numbers are these.
"""

import ctypes
import os
import stat
import sys
import threading

PROGRAM_EVENTS = {
    "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "os.fork", "os.forkpty",
}

READ, WRITE = 1 << 2 | 1 << 3, 1 << 1
EXECUTE = 1 << 0
FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # execute, write, read, truncate, device control
# By version; (1 << 16) - 1 from 5 on.
ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
SCOPES = 1 << 0 | 1 << 1  # abstract sockets and signals stay among the emulator's own processes, from version 6 on
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, SET_NO_NEW_PRIVS = 444, 445, 446, 38

SYSTEM = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/proc", "/sys/fs/cgroup",
    "/sys/devices/system/cpu", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/host.conf",
    "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/localtime", "/etc/mime.types", "/etc/services",
    "/etc/protocols", "/etc/os-release", "/run/systemd/resolve",
]
DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm"]


class Programs:
    """Whether programs may be started: while at least one custom resource is worked on."""

    def __init__(self, stop_all):
        """stop_all ends the programs that run when the last custom resource is done."""
        self.lock, self.wanted, self.stop_all = threading.Lock(), 0, stop_all
        sys.addaudithook(self.refuse)

    def __enter__(self):
        with self.lock:
            self.wanted += 1

    def __exit__(self, *_):
        with self.lock:
            self.wanted -= 1
            if not self.wanted:
                self.stop_all()

    def may_run(self):
        """Report whether programs may be started now."""
        return self.wanted > 0

    def refuse(self, event, _):
        if event in PROGRAM_EVENTS and not self.may_run():
            raise PermissionError("a rehearsal starts no program but for a custom resource")


def confine(readable, writable):
    """Hide all files but the system's and the given ones from this process, and report whether the kernel can.

    It has to be called before the first thread is started, because it is about the calling thread and what that starts.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "linux" or (version := libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)) < 1:
        return False
    handled = ALL_RIGHTS.get(version, (1 << 16) - 1)
    attributes = (ctypes.c_uint64 * 3)(handled, 0, SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(libc, CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    programs = {os.path.realpath(name) for name in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(name)}
    for path in [*SYSTEM, sys.prefix, sys.base_prefix, *programs]:
        allow(libc, ruleset, path, READ | EXECUTE)
    for path in readable:
        allow(libc, ruleset, path, READ)
    for path in DEVICES:
        allow(libc, ruleset, path, READ | WRITE)
    for path in writable:
        allow(libc, ruleset, path, handled)
    if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no new privileges")
    call(libc, RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return True


class PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr"""

    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def allow(libc, ruleset, path, rights):
    """Allow what is done below a path, if there is something at that path."""
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            rights &= FILE_RIGHTS
        call(libc, ADD_RULE, ruleset, 1, ctypes.byref(PathBeneath(rights, file)), 0)
    finally:
        os.close(file)


def call(libc, number, *args):
    """Make a call to the kernel, or raise what it says."""
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
