package gate

import (
	"context"
	"io"
	"slices"

	"lockstep/internal/fault"
	"lockstep/internal/process"
)

// RunOnFiles runs the gate's program with the files as its last arguments and its standard output going to out. No
// report is read: the program is run for what it changes or prints. Without files nothing is run.
func (g Gate) RunOnFiles(ctx context.Context, out io.Writer) error {
	files, err := ListFiles(g.Root, g.FilePatterns)
	if err != nil {
		return err
	}
	if files, _ = filterReadable(g.Root, files, g.Format); len(files) == 0 {
		return nil
	}
	argv := slices.Concat(g.Argv, fileArguments(files))
	cmd := process.TableCommand(ctx, argv)
	cmd.Dir, cmd.Stdout, cmd.Stderr = g.Root, out, g.Log
	if err := cmd.Run(); err != nil {
		return fault.Errorf(fault.StepFailed, "%s: %s", g.Argv[0], describeExit(err))
	}
	return nil
}
