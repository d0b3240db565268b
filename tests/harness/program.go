package harness

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// Program is the program under test.
type Program struct {
	// Dir is the folder of the binary, which is called lockstep.
	Dir string
	// coverageData is where the binary leaves its counters; empty if it has none.
	coverageData string
}

// BuildProgram builds the program under test into dir. Where pipeline.CoverageVariable is set, the program counts its
// statements.
func BuildProgram(dir string) (*Program, error) {
	p := &Program{Dir: dir}
	argv := []string{"build", "-o", p.Path()}
	if os.Getenv(pipeline.CoverageVariable) != "" {
		p.coverageData = filepath.Join(dir, "coverage")
		if err := os.MkdirAll(p.coverageData, 0o755); err != nil {
			return nil, err
		}
		argv = append(argv, "-cover", "-covermode=atomic", "-coverpkg=./...")
	}
	build := exec.Command("go", append(argv, ".")...)
	build.Dir = Repository()
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the program does not build: %w\n%s", err, out)
	}
	return p, nil
}

// Path returns the path of the binary.
func (p *Program) Path() string { return filepath.Join(p.Dir, "lockstep") }

// Environ returns the environment of a user who has the program on the PATH and no AWS credentials.
func (p *Program) Environ() []string {
	env := UserEnviron()
	for i, pair := range env {
		if path, ok := strings.CutPrefix(pair, "PATH="); ok {
			env[i] = "PATH=" + p.Dir + string(os.PathListSeparator) + path
		}
	}
	if p.coverageData != "" {
		env = append(env, "GOCOVERDIR="+p.coverageData)
	}
	return env
}

// Command returns the program in a folder with arguments, not yet started.
func (p *Program) Command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(p.Path(), args...)
	cmd.Dir, cmd.Env = dir, p.Environ()
	return cmd
}

// WriteCoverage writes what all runs of the program covered as a profile named NAME.out into the folder of
// pipeline.CoverageVariable. Without that variable it does nothing. A program that was never built, which is nil,
// covered nothing.
func WriteCoverage(p *Program, name string) error {
	folder := os.Getenv(pipeline.CoverageVariable)
	if folder == "" {
		return nil
	}
	profile := filepath.Join(Repository(), folder, name+".out")
	if err := WriteFile(profile, "mode: atomic\n"); err != nil || p == nil {
		return err
	}
	convert := exec.Command("go", "tool", "covdata", "textfmt", "-i="+p.coverageData, "-o="+profile)
	if out, err := convert.CombinedOutput(); err != nil {
		return fmt.Errorf("the coverage of the program's runs cannot be read: %w\n%s", err, out)
	}
	return nil
}

// UserEnviron returns the environment of this process without AWS credentials and without settings of Lockstep.
func UserEnviron() []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		isSetting := strings.HasPrefix(name, "LOCKSTEP_") && name != tools.OwnDirVariable
		if strings.HasPrefix(name, "AWS_") && name != "AWS_CA_BUNDLE" || isSetting {
			continue
		}
		env = append(env, pair)
	}
	return append(env,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
}

// Run runs a command to its end and returns all that it printed and its exit status. The test ends if the command
// cannot be started.
func Run(t testing.TB, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// exitDeadline keeps a test from waiting for ever. Nothing is measured by it.
const exitDeadline = 2 * time.Minute

// Main runs the tests of a package with runTests, which returns the status of m.Run, and ends the process with it.
func Main(m *testing.M, runTests func(*testing.M) (status int, err error)) {
	flag.Parse()
	status, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// MainWithProgram builds the program under test, which it sets, and runs the tests of a package. It writes what they
// covered of the program as a profile of the name, and ends the process.
func MainWithProgram(m *testing.M, name string, program **Program) {
	Main(m, func(m *testing.M) (status int, err error) {
		dir, err := os.MkdirTemp("", "lockstep-"+name+"-")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		if *program, err = BuildProgram(dir); err != nil {
			return 0, err
		}
		status = m.Run()
		return status, WriteCoverage(*program, name)
	})
}

// WaitExit waits until a process, which need not be a child, has ended. It fails after a deadline that is far away.
func WaitExit(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("process %d cannot be waited for: %w", pid, err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(exitDeadline.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("process %d cannot be waited for: %w", pid, err)
		case n == 0:
			return fmt.Errorf("process %d has not ended", pid)
		default:
			return nil
		}
	}
}
