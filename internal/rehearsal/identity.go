package rehearsal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// signalProcess sends a signal to a recorded process, after seeing that the process of that id is still the recorded
// one: the system gives the id of a process that has ended to another program. A process that has ended is no error.
func signalProcess(record processRecord, signal syscall.Signal) error {
	process, err := os.FindProcess(record.PID) // on Linux a handle, which no other process can take over
	if err != nil {
		return err
	}
	defer process.Release()
	identity, err := processIdentity(record.PID)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return nil
	case err != nil:
		return err
	case identity != record.Identity:
		return fmt.Errorf("process %d is not the emulator that was started at %s: "+
			"end the process that listens on port %d, then run this again",
			record.PID, record.Started.Format("2006-01-02 15:04:05"), record.Port)
	}
	if err := process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("the emulator, process %d, cannot be ended: %w", record.PID, err)
	}
	return nil
}

// processIdentity returns the start time and the arguments of a process, as the system gives them. The program's own
// path is left out, because Python replaces itself by another program on some systems. The error is os.ErrProcessDone
// if there is no such process, or if it has ended and only waits for its parent to take notice.
func processIdentity(pid int) (string, error) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return psIdentity(pid)
	}
	stat, err := readProcFile(pid, "stat")
	if err != nil {
		return "", err
	}
	command, err := readProcFile(pid, "cmdline")
	if err != nil {
		return "", err
	}
	if command == "" {
		return "", os.ErrProcessDone
	}
	_, arguments, _ := strings.Cut(command, "\x00")
	started, err := parseStartTime(stat)
	return started + " " + strings.TrimSpace(strings.ReplaceAll(arguments, "\x00", " ")), err
}

func readProcFile(pid int, name string) (string, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return "", os.ErrProcessDone
	}
	return string(text), err
}

// startTimeField is the index of the start time, in clock ticks since the system's start, among the fields that follow
// the program's name (proc_pid_stat(5), field 22).
const startTimeField = 22 - 3

// parseStartTime returns the start time in the text of /proc/PID/stat. The program's name may itself have spaces and
// brackets.
func parseStartTime(stat string) (string, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= startTimeField {
		return "", fmt.Errorf("%q is not the content of /proc/PID/stat", stat)
	}
	return fields[startTimeField], nil
}

// psIdentity is processIdentity for systems without /proc, such as macOS.
func psIdentity(pid int) (string, error) {
	cmd := exec.Command("ps", "-o", "state=", "-o", "lstart=", "-o", "command=", "-p", strconv.Itoa(pid))
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", os.ErrProcessDone
	}
	if err != nil {
		return "", err
	}
	return parsePS(string(out))
}

// parsePS returns the identity in a line of ps: a state, a start time of five words, the program and its arguments.
func parsePS(line string) (string, error) {
	fields := strings.Fields(line)
	const programField = 6
	switch {
	case len(fields) <= programField:
		return "", fmt.Errorf("%q is not a line of ps", line)
	case strings.HasPrefix(fields[0], "Z"):
		return "", os.ErrProcessDone
	}
	return strings.Join(append(fields[1:programField:programField], fields[programField+1:]...), " "), nil
}
