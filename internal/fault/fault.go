// Package fault owns the codes of what Lockstep refuses and what fails: one table says what each means, why it happens
// and what to do. It does no input or output, and knows nothing of who reports which code.
package fault

import (
	"errors"
	"fmt"
	"regexp"
)

// An Error is an error with a code.
type Error struct {
	code Code
	err  error
}

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// Code returns the error's code.
func (e *Error) Code() Code { return e.code }

// New returns an error with that code and text.
func New(code Code, text string) error { return &Error{code, errors.New(text)} }

// Errorf returns an error with that code and a formatted text. The verb %w wraps an error, whose own code then no
// longer counts: to add only context to an error that may have a code, use fmt.Errorf.
func Errorf(code Code, format string, args ...any) error {
	return &Error{code, fmt.Errorf(format, args...)}
}

// Wrap adds the code to an error that has none. It returns nil for nil.
func Wrap(code Code, err error) error {
	if err == nil || Of(err) != "" {
		return err
	}
	return &Error{code, err}
}

// Coded is an error with a code.
type Coded interface {
	error
	Code() Code
}

// Of returns the code of the first error in the tree of err that has one, in the order of errors.As; empty if none has.
func Of(err error) Code {
	var coded Coded
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return ""
}

// CodeOf returns the code of an error, empty for nil. An error to which nobody has given a code has that of its kind.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if code := Of(err); code != "" {
		return code
	}
	return classify(err)
}

// Prefix returns a message with the code before it, as this program prints it; the message alone for the empty code.
func (c Code) Prefix(message string) string {
	switch {
	case c == "":
		return message
	case message == "":
		return string(c)
	}
	return string(c) + ": " + message
}

// leadingPattern matches the code that Prefix puts before a message.
var leadingPattern = regexp.MustCompile(`^(LS-[0-9]{3}): `)

// Cut returns the code that Prefix has put before a message, and the message without it; the empty code if there is
// none, or none that this program knows.
func Cut(text string) (Code, string) {
	if match := leadingPattern.FindStringSubmatch(text); match != nil {
		if _, known := Lookup(Code(match[1])); known {
			return Code(match[1]), text[len(match[0]):]
		}
	}
	return "", text
}

// printedPattern matches the beginning of the message with which this program ends.
var printedPattern = regexp.MustCompile(`(?m)^lockstep: (LS-[0-9]{3}): `)

// Printed returns the code of the last message in the output of this program, which a step runs too; empty if it has
// none.
func Printed(output string) Code {
	matches := printedPattern.FindAllStringSubmatch(output, -1)
	if len(matches) == 0 {
		return ""
	}
	return Code(matches[len(matches)-1][1])
}
