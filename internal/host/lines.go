package host

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"lockstep/internal/fsx"
)

// maxLineBytes is how much of a line is passed on. The log has all of it.
const maxLineBytes = 64 << 10

// lineWriter calls emit with each line that is written, without its end. A line ends with \n, \r or both, so that
// every state of a progress line is a line. What a line has beyond maxLineBytes is left out. A step's two streams
// share the writer, one write at a time.
type lineWriter struct {
	emit    func(string)
	pending []byte
	// afterCR is set if the last byte was \r.
	afterCR bool
}

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if w.afterCR && rest[0] == '\n' { // it belongs to the end of line before it
			rest, w.afterCR = rest[1:], false
			continue
		}
		w.afterCR = false
		end := bytes.IndexAny(rest, "\r\n")
		if end < 0 {
			w.add(rest)
			break
		}
		w.add(rest[:end])
		w.end()
		w.afterCR = rest[end] == '\r'
		rest = rest[end+1:]
	}
	return len(p), nil
}

// add adds text to the pending line as far as there is room.
func (w *lineWriter) add(text []byte) {
	w.pending = append(w.pending, text[:min(len(text), maxLineBytes-len(w.pending))]...)
}

// end emits the pending line.
func (w *lineWriter) end() {
	line := string(w.pending)
	w.pending = w.pending[:0]
	w.emit(line)
}

// flush emits the last line if it has no end.
func (w *lineWriter) flush() {
	if len(w.pending) > 0 {
		w.end()
	}
}

// tailLines is how many lines of a log are shown with a failure, and maxTailBytes how many bytes at most.
const (
	tailLines    = 20
	maxTailBytes = maxLineBytes
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
