package app

import "io"

// A lineWriter passes text on, and knows whether its last line has ended.
type lineWriter struct {
	w      io.Writer
	isOpen bool
}

// Write implements io.Writer.
func (l *lineWriter) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.isOpen = p[len(p)-1] != '\n'
	}
	return l.w.Write(p)
}

// end ends the last line, so that what this program prints next begins one: its messages are known by that.
func (l *lineWriter) end() error {
	if !l.isOpen {
		return nil
	}
	_, err := l.Write([]byte("\n"))
	return err
}
