package gate

import (
	"context"
	"fmt"
	"io"
	"os/exec"
)

// OnFiles runs the gate's program on its files for what it does to them, or prints into out, and reads no report.
func (g Gate) OnFiles(ctx context.Context, out io.Writer) error {
	files, err := List(g.Root, g.Files)
	if err != nil {
		return err
	}
	if files, _ = fit(g.Root, files, g.Reads); len(files) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, g.Argv[0], append(g.Argv[1:len(g.Argv):len(g.Argv)], arguments(files)...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = g.Root, out, g.Log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %s", g.Argv[0], describe(err))
	}
	return nil
}
