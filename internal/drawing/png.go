package drawing

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/process"
	"lockstep/tools"
)

// browsers are the names of the programs that can make a PNG, in the order of preference. All take the same flags.
var browsers = []string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
}

// A Browser is a browser of this machine.
type Browser struct {
	program string
	environ []string
}

// FindBrowser returns the browser on the PATH of an environment, as os.Environ returns it.
func FindBrowser(environ []string) (*Browser, error) {
	for _, name := range browsers {
		if program, err := tools.FindProgram(environ, name); err == nil {
			return &Browser{program, environ}, nil
		}
	}
	return nil, fault.Errorf(fault.ToolMissing,
		"a PNG is made by a browser, and none of %s is on the PATH", strings.Join(browsers, ", "))
}

// svgSize matches the size of an annotated SVG.
var svgSize = regexp.MustCompile(`^<svg [^>]*width="([0-9]{1,5})" height="([0-9]{1,5})"`)

// maxPNGBytes is more than a diagram of MaxBoxes boxes takes.
const maxPNGBytes = 32 << 20

// PNG returns a picture of an annotated SVG as it is on a light screen.
func (b *Browser) PNG(ctx context.Context, svg []byte) ([]byte, error) {
	size := svgSize.FindSubmatch(svg)
	if size == nil {
		return nil, fault.New(fault.ToolBroken, "the SVG has no size")
	}
	dir, err := os.MkdirTemp("", "lockstep-png-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source, picture := filepath.Join(dir, "diagram.svg"), filepath.Join(dir, "diagram.png")
	if err := fsx.WriteFile(source, svg, fsx.PrivateFile); err != nil {
		return nil, err
	}
	args := []string{
		"--headless", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + filepath.Join(dir, "profile"),
		fmt.Sprintf("--window-size=%s,%s", size[1], size[2]), "--screenshot=" + picture, "file://" + source,
	}
	if os.Geteuid() == 0 { // Chromium refuses its sandbox to root
		args = append([]string{"--no-sandbox"}, args...)
	}
	cmd := process.Command(ctx, b.program, args...)
	cmd.Env = b.environ
	var messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &messages, &messages
	if err := process.RunGroup(cmd, stopTimeout); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w\n%s", b.program, err, tools.LastLines(messages.String(), maxShownLines))
	}
	png, err := fsx.ReadFile(picture, maxPNGBytes)
	if err != nil {
		return nil, fmt.Errorf("%s made no picture: %w", b.program, err)
	}
	return png, nil
}
