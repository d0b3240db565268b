package process

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// Command returns a command that runs a program with arguments, which reach it as they are. It does not run a shell
// that would take an argument for a script: that is an error when the command is started. Nothing else in this module
// starts a program, so that is where it is held.
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := TableCommand(ctx, append([]string{program}, args...))
	if takesScript(program, args) {
		cmd.Err = fault.Errorf(fault.StepProcess,
			"%s is not started with a script in its arguments: run the program itself", program)
	}
	return cmd
}

// TableCommand returns a command that stands as a whole in a table of the source or in the configuration of the
// repository. It may be a shell with a script. Nothing that comes from outside may have become a part of the script.
func TableCommand(ctx context.Context, argv []string) *exec.Cmd {
	return exec.CommandContext(ctx, argv[0], argv[1:]...)
}

// interpreters are programs that take an argument for a script or a program, and how the first such argument begins; an
// empty text for any.
var interpreters = map[string]string{
	"sh": "-", "ash": "-", "bash": "-", "dash": "-", "fish": "-", "ksh": "-", "mksh": "-", "zsh": "-", "busybox": "",
	"cmd": "/", "powershell": "-", "pwsh": "-",
	"awk": "", "node": "-e", "perl": "-e", "python": "-c", "python3": "-c", "ruby": "-e",
	"env": "-", "nice": "", "nohup": "", "setsid": "", "su": "-", "sudo": "", "timeout": "", "xargs": "",
}

// takesScript reports whether a program is a shell, or a program that starts another one, and has an argument that it
// may take for a script.
func takesScript(program string, args []string) bool {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(program)), ".exe")
	option, ok := interpreters[name]
	return ok && slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, option) })
}
