package app

import "io"

// A lineEnder passes text on, and can end its last line.
type lineEnder struct {
	w      io.Writer
	isOpen bool
}

// Write implements io.Writer.
func (l *lineEnder) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l.isOpen = p[len(p)-1] != '\n'
	}
	return l.w.Write(p)
}

// end ends the last line, so that what this program prints next begins one: its messages are known by that.
func (l *lineEnder) end() error {
	if !l.isOpen {
		return nil
	}
	_, err := l.Write([]byte("\n"))
	return err
}
