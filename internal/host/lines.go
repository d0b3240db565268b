package host

import (
	"errors"
	"io"
	"strings"

	"lockstep/internal/fsx"
)

// tailLines is how many lines of a log are shown with a failure, and maxTailBytes how many bytes at most.
const (
	tailLines    = 20
	maxTailBytes = 64 << 10
)

// Tail returns the last lines of a step's log, which tell a person first why the step has failed. It reads the end of
// the file only.
func Tail(path string) ([]string, error) {
	file, size, err := fsx.OpenSized(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text := make([]byte, min(size, maxTailBytes))
	n, err := file.ReadAt(text, size-int64(len(text)))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(text[:n]), "\r\n"), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:] // the last state of a progress line
	}
	return lines[max(0, len(lines)-tailLines):], nil
}
