package process

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"lockstep/internal/fsx"
)

const (
	// maxRounds is how often processes are looked for: one that is killed may have started another one just before.
	maxRounds = 10
	// exitTimeout is how long killed processes may take to end. A process that waits for a disk takes longer.
	exitTimeout = time.Second
)

// AdoptOrphans makes this process the parent of descendants whose own parent ends, so that KillDescendants finds them.
func AdoptOrphans() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// KillMarked kills every process whose Variable has a value that match accepts, and waits until they have ended. It
// returns how many it killed. A process whose environment this user may not read is not found.
func KillMarked(match func(value string) bool) int {
	return killAll(func(all map[int]process) []process {
		var found []process
		for _, p := range all {
			if value, ok := p.marker(); ok && value != Kept && match(value) {
				found = append(found, p)
			}
		}
		return found
	})
}

// KillDescendants kills every descendant of this process, and waits until they have ended. It returns how many it
// killed. Processes in this process's own group, those that are marked as Kept, and descendants of either stay. If
// unmarkedOnly is set, so do processes that have Variable.
func KillDescendants(unmarkedOnly bool) int {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return 0
	}
	return killAll(func(all map[int]process) []process {
		var found []process
		for _, p := range descendants(all, os.Getpid(), unix.Getpgrp()) {
			_, marked := p.marker()
			if unmarkedOnly && (marked || p.runs(self)) { // it may be about to become another program
				continue
			}
			found = append(found, p)
		}
		return found
	})
}

// process is a process as /proc shows it.
type process struct {
	pid, parent, group int
}

// listProcesses returns all processes that have not ended, by their id.
func listProcesses() map[int]process {
	all := map[int]process{}
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return all
	}
	for _, name := range names {
		text, err := fsx.ReadFile(name, fsx.MaxText)
		if err != nil {
			continue // it has ended since
		}
		// PID (NAME) STATE PARENT GROUP ..., where the name may hold anything; see proc_pid_stat(5).
		_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 3 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		pid, pidErr := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parent, parentErr := strconv.Atoi(fields[1])
		group, groupErr := strconv.Atoi(fields[2])
		if pidErr == nil && parentErr == nil && groupErr == nil {
			all[pid] = process{pid, parent, group}
		}
	}
	return all
}

// descendants returns the processes below root, without those that KillDescendants leaves alone.
func descendants(all map[int]process, root, group int) []process {
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	var found []process
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		for _, p := range children[queue[0]] {
			if value, _ := p.marker(); p.group == group || value == Kept {
				continue
			}
			found = append(found, p)
			queue = append(queue, p.pid)
		}
	}
	return found
}

// marker returns the value of Variable in the process's environment, as it was when its program was started.
func (p process) marker() (value string, ok bool) {
	environ, err := fsx.ReadFile(p.path("environ"), fsx.MaxText)
	if err != nil {
		return "", false
	}
	for pair := range bytes.SplitSeq(environ, []byte{0}) {
		if value, ok := bytes.CutPrefix(pair, []byte(Variable+"=")); ok {
			return string(value), true
		}
	}
	return "", false
}

// runs reports whether the process runs the program.
func (p process) runs(program os.FileInfo) bool {
	info, err := os.Stat(p.path("exe"))
	return err == nil && os.SameFile(info, program)
}

func (p process) path(name string) string { return filepath.Join("/proc", strconv.Itoa(p.pid), name) }

// killAll kills the processes that find returns until it returns none, and returns how many it killed.
func killAll(find func(all map[int]process) []process) int {
	killed := 0
	for range maxRounds {
		opened := map[int]int{} // descriptors by process id
		for _, p := range find(listProcesses()) {
			if fd, err := unix.PidfdOpen(p.pid, 0); err == nil && p.pid != os.Getpid() {
				opened[p.pid] = fd
			}
		}
		if len(opened) == 0 {
			break
		}
		// Until it was opened, a process may have ended and its id may have become another's. So they are found again.
		for _, p := range find(listProcesses()) {
			if fd, ok := opened[p.pid]; ok && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil {
				killed++
			}
		}
		waitUntilEnded(slices.Collect(maps.Values(opened)))
	}
	return killed
}

// waitUntilEnded waits until the processes have ended, for exitTimeout at most, and closes the descriptors.
func waitUntilEnded(descriptors []int) {
	deadline := time.Now().Add(exitTimeout)
	for _, fd := range descriptors {
		for {
			remaining := max(0, time.Until(deadline))
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(remaining.Milliseconds()))
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		_ = unix.Close(fd) // nothing was written to it
	}
}
