package display

import (
	"io"
	"sync"
	"unicode/utf8"
)

// A terminal is a file that may be a terminal, as programs recognise one.
type terminal interface {
	io.ReadWriter
	Fd() uintptr
}

// NewWriter returns a writer in front of w that passes on text, line breaks, tabs and colours, and everything else that
// controls a terminal as an escape. It is still recognised as a terminal if w is one. Text that is shown already is
// passed on as it is.
func NewWriter(w io.Writer) io.Writer {
	switch w := w.(type) {
	case *writer, *terminalWriter:
		return w
	case terminal:
		return &terminalWriter{writer: writer{w: w, colours: true}, file: w}
	}
	return &writer{w: w, colours: true}
}

// NewPlainWriter returns a writer as NewWriter does that passes on no colours, for a file or a page.
func NewPlainWriter(w io.Writer) io.Writer { return &writer{w: w} }

// NewLogWriter returns a writer as NewWriter does that also passes on carriage returns, with which programs draw their
// progress.
func NewLogWriter(w io.Writer) io.Writer { return &writer{w: w, colours: true, keep: "\r"} }

// Terminal returns the writer behind one that NewWriter returned, for whoever draws on a terminal; any other writer as
// it is.
func Terminal(w io.Writer) io.Writer {
	switch w := w.(type) {
	case *writer:
		return w.w
	case *terminalWriter:
		return w.w
	}
	return w
}

type writer struct {
	mu sync.Mutex
	w  io.Writer
	// keep are the characters that are passed on besides line breaks and tabs.
	keep    string
	colours bool
	// pending is the beginning of a character or of a colour sequence whose end is not written yet.
	pending []byte
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.pending, p...)
	end := len(text) - incomplete(text)
	w.pending = append([]byte(nil), text[end:]...)
	if _, err := io.WriteString(w.w, escape(string(text[:end]), "\n\t"+w.keep, w.colours)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// incomplete returns how many bytes at the end of text are the beginning of a character or of a colour sequence.
func incomplete(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			break
		}
	}
	for n := 1; n < maxColourSequence && n <= len(text); n++ {
		switch c := text[len(text)-n]; {
		case c == '\x1b':
			return n
		case c != '[' && c != ';' && c != ':' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// A terminalWriter is a writer that has the methods of the terminal behind it.
type terminalWriter struct {
	writer
	file terminal
}

func (w *terminalWriter) Read(p []byte) (int, error) { return w.file.Read(p) }

func (w *terminalWriter) Fd() uintptr { return w.file.Fd() }
