package drawing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/internal/diagram"
	"lockstep/internal/process"
	"lockstep/tools"
)

// stopTimeout is how long a program may take to end by itself when it is interrupted.
const stopTimeout = time.Second

// maxShownLines is how many lines of a failed program's output are shown.
const maxShownLines = 6

// layoutArgs are the arguments of D2: the layout, a theme for light and one for dark screens, the margin in pixels, and
// the source on stdin and the SVG on stdout.
var layoutArgs = []string{
	"--layout=dagre", "--theme=0", "--dark-theme=200", "--pad=12", "--bundle=false", "--omit-version", "--no-xml-tag",
	"--timeout=120", "--stdout-format=svg", "-", "-",
}

// SVG draws the diagram with the D2 program at that path, and returns an SVG for light and dark screens that a screen
// reader can read. D2 gets an empty environment: it needs no network, and finds no plug-ins.
func SVG(ctx context.Context, d2 string, d diagram.Diagram) ([]byte, error) {
	out, err := run(ctx, strings.NewReader(d.Source()), d2, layoutArgs...)
	if err != nil {
		return nil, fmt.Errorf("drawing %s: %w", d.Name, err)
	}
	return d.Annotate(out)
}

// run runs a program that reads stdin, in an empty environment, and returns what it writes to its standard output.
func run(ctx context.Context, stdin io.Reader, program string, args ...string) ([]byte, error) {
	cmd := process.Command(ctx, program, args...)
	cmd.Env = []string{"HOME=/nonexistent", "PATH=/nonexistent"}
	cmd.Stdin = stdin
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := process.RunGroup(cmd, stopTimeout); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w\n%s", program, err, tools.LastLines(messages.String(), maxShownLines))
	}
	return out.Bytes(), nil
}
