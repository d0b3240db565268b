package process

import "bytes"

// tailBytes is how much of a program's output says why it failed.
const tailBytes = 16 << 10

// A Tail keeps the end of what is written to it: at least the last 16 KiB, at most twice as many. The zero value is
// empty.
type Tail struct{ kept []byte }

// Write implements io.Writer. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p[max(0, len(p)-tailBytes):]...)
	if excess := len(t.kept) - tailBytes; excess > tailBytes {
		t.kept = append(t.kept[:0], t.kept[excess:]...)
	}
	return len(p), nil
}

// String returns what is kept.
func (t *Tail) String() string { return string(t.kept) }

// MaxLineBytes is how much of a line a LineWriter passes on.
const MaxLineBytes = 64 << 10

// A LineWriter calls Emit with each line that is written, without its end. A line ends with \n, \r or both, so that
// every state of a progress line is a line. What a line has beyond MaxLineBytes is left out. The two streams of a
// program share the writer, one write at a time.
type LineWriter struct {
	Emit    func(line string)
	pending []byte
	// afterCR is set if the last byte was \r.
	afterCR bool
}

// Write implements io.Writer. It never fails.
func (w *LineWriter) Write(p []byte) (int, error) {
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
func (w *LineWriter) add(text []byte) {
	w.pending = append(w.pending, text[:min(len(text), MaxLineBytes-len(w.pending))]...)
}

// end emits the pending line.
func (w *LineWriter) end() {
	line := string(w.pending)
	w.pending = w.pending[:0]
	w.Emit(line)
}

// Flush emits the last line if it has no end.
func (w *LineWriter) Flush() {
	if len(w.pending) > 0 {
		w.end()
	}
}
