package gate

import (
	"context"
	"fmt"
	"io"
	"os/exec"
)

// RunOnFiles runs the gate's program on its files for what it does to them, or prints into out, and reads no report.
func (g Gate) RunOnFiles(ctx context.Context, out io.Writer) error {
	files, err := ListFiles(g.Root, g.FilePatterns)
	if err != nil {
		return err
	}
	if files, _ = filterReadable(g.Root, files, g.Format); len(files) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, g.Argv[0], append(g.Argv[1:len(g.Argv):len(g.Argv)], fileArguments(files)...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = g.Root, out, g.Log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %s", g.Argv[0], describeExit(err))
	}
	return nil
}
