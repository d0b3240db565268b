package rehearsal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/process"
	"lockstep/internal/utc"
)

// A processIdentity is what tells a process from another one with the same id.
type processIdentity struct {
	// StartTime is when the process was started, in the system's own words.
	StartTime string `json:"startTime"`
	// Arguments are the words of its arguments without the path of the program, which Python replaces by another one on
	// some systems; empty if they cannot be read at this moment, because the process is just being started or ended.
	Arguments string `json:"arguments"`
}

// matches reports whether two identities are of one process.
func (p processIdentity) matches(other processIdentity) bool {
	return p.StartTime == other.StartTime &&
		(p.Arguments == other.Arguments || p.Arguments == "" || other.Arguments == "")
}

// signalProcess sends a signal to a recorded process, after seeing that the process of that id is still the recorded
// one: the system gives the id of a process that has ended to another program. A process that has ended is no error.
func signalProcess(record processRecord, signal syscall.Signal) error {
	process, err := os.FindProcess(record.PID) // on Linux a handle, which no other process can take over
	if err != nil {
		return err
	}
	defer func() { _ = process.Release() }() // it has no error that matters
	identity, err := readIdentity(record.PID)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return nil
	case err != nil:
		return err
	case !identity.matches(record.Identity):
		return fault.Errorf(fault.EmulatorUnknown, "process %d is not the emulator that was started at %s: "+
			"end the process that listens on port %d, then run this again",
			record.PID, utc.Format(record.Started), record.Port)
	}
	if err := process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fault.Errorf(fault.EmulatorFailed, "the emulator, process %d, cannot be ended: %w", record.PID, err)
	}
	return nil
}

// readIdentity returns the identity of a process. The error is os.ErrProcessDone if there is no such process, or if it
// has ended and only waits for its parent to take notice.
func readIdentity(pid int) (processIdentity, error) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return readIdentityFromPS(pid)
	}
	stat, err := readProcFile(pid, "stat")
	if err != nil {
		return processIdentity{}, err
	}
	state, startTime, err := parseStat(stat)
	switch {
	case err != nil:
		return processIdentity{}, err
	case state == "Z", state == "X":
		return processIdentity{}, os.ErrProcessDone
	}
	command, err := readProcFile(pid, "cmdline")
	if err != nil {
		return processIdentity{}, err
	}
	_, arguments, _ := strings.Cut(command, "\x00")
	return processIdentity{startTime, joinWords(strings.ReplaceAll(arguments, "\x00", " "))}, nil
}

// joinWords returns the words of texts, each after one space: ps does not say where an argument ends.
func joinWords(texts ...string) string {
	return strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
}

func readProcFile(pid int, name string) (string, error) {
	text, err := fsx.ReadFile("/proc/"+strconv.Itoa(pid)+"/"+name, fsx.MaxText)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return "", os.ErrProcessDone
	}
	return string(text), err
}

// parseStat returns the state and the start time, in clock ticks since the system's start, in the text of
// /proc/PID/stat: fields 3 and 22 of proc_pid_stat(5). Field 2, the program's name, may itself have spaces and
// brackets.
func parseStat(stat string) (state, startTime string, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from field 3
	if len(fields) <= 22-3 {
		return "", "", fault.Errorf(fault.EmulatorUnknown, "%q is not the content of /proc/PID/stat", stat)
	}
	return fields[0], fields[22-3], nil
}

// readIdentityFromPS is readIdentity for systems without /proc, such as macOS.
func readIdentityFromPS(pid int) (processIdentity, error) {
	cmd := process.Command(context.Background(), "ps", "-o", "state=", "-o", "lstart=", "-o", "command=",
		"-p", strconv.Itoa(pid))
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return processIdentity{}, os.ErrProcessDone
	}
	if err != nil {
		return processIdentity{}, err
	}
	return parsePS(string(out))
}

// parsePS parses a line of ps: a state, a start time of five words, the program and its arguments.
func parsePS(line string) (processIdentity, error) {
	fields := strings.Fields(line)
	const program = 6
	switch {
	case len(fields) <= program:
		return processIdentity{}, fault.Errorf(fault.EmulatorUnknown, "%q is not a line of ps", line)
	case strings.HasPrefix(fields[0], "Z"):
		return processIdentity{}, os.ErrProcessDone
	}
	return processIdentity{joinWords(fields[1:program]...), joinWords(fields[program+1:]...)}, nil
}
