// Package jsonx is the one reader of JSON that comes from outside of the process. It refuses what two readers could
// take for different things: a name that is there twice, text after the end, bytes that are not UTF-8, and nesting
// without end. It knows nothing of what documents mean.
package jsonx

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/go-json-experiment/json/v1"

	"lockstep/internal/fault"
)

// MaxDepth is how deep a document may be nested. CloudFormation's templates and the reports of scanners, which are the
// deepest, have less than 50 levels.
const MaxDepth = 200

// ErrUnknownName says that a document has a name that its format does not have, be it by its case alone. A newer
// version of this program may have written it.
var ErrUnknownName = json.ErrUnknownName

// An Error says what a document has that is refused, and where.
type Error struct {
	// Line is the number of the line, from 1.
	Line int
	// Path is where in the document it is, as /targets/0/stacks; empty for the document itself.
	Path string
	// Reason says what is refused.
	Reason string
	err    error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d: %q: %s", e.Line, e.Path, e.Reason)
}

// Code returns the code of the error.
func (e *Error) Code() fault.Code { return fault.DocumentDamaged }

// Unwrap returns what it wraps: ErrUnknownName, or io.ErrUnexpectedEOF for a document that breaks off.
func (e *Error) Unwrap() error { return e.err }

// Unmarshal stores a document of one of this program's own formats in the value that into points to. A name that the
// value has no field for is refused.
func Unmarshal(data []byte, into any) error {
	return unmarshal(data, into, json.RejectUnknownMembers(true))
}

// UnmarshalForeign stores a document of another program's format in the value that into points to. It passes over names
// that the value has no field for. Numbers in a value of type any are json.Number, as they are written.
func UnmarshalForeign(data []byte, into any) error {
	return unmarshal(data, into, json.WithUnmarshalers(keepNumbers))
}

// Document returns a document as UnmarshalForeign stores it in a value of type any.
func Document(data []byte) (any, error) {
	var document any
	err := UnmarshalForeign(data, &document)
	return document, err
}

func unmarshal(data []byte, into any, format json.Options) error {
	if err := checkDepth(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, into, format, v1.FormatDurationAsNano(true))
	if err != nil {
		return newError(data, err)
	}
	return nil
}

// checkDepth refuses a document that is nested deeper than MaxDepth, without keeping anything of it.
func checkDepth(data []byte) error {
	depth, inText := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++ // what follows belongs to the text
		case c == '"':
			inText = !inText
		case inText:
		case c == '[' || c == '{':
			if depth++; depth > MaxDepth {
				return &Error{Line: lineOf(data, i), Reason: fmt.Sprintf("it is nested deeper than %d levels", MaxDepth)}
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}

func lineOf(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// keepNumbers keeps the numbers in values of type any as they are written: 1e400 and 12345678901234567890 stay what
// they are.
var keepNumbers = json.UnmarshalFromFunc(func(d *jsontext.Decoder, into *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	number, err := d.ReadValue()
	*into = stdjson.Number(number)
	return err
})

// newError returns the error of the library in the words of this program.
func newError(data []byte, err error) *Error {
	e := &Error{Line: 1, err: err}
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		e.locate(data, syntax.ByteOffset, syntax.JSONPointer)
		e.Reason = syntax.Err.Error()
	case errors.As(err, &semantic):
		e.locate(data, semantic.ByteOffset, semantic.JSONPointer)
		e.Reason = semanticReason(semantic)
	default:
		e.Reason = strings.TrimPrefix(err.Error(), "json: ")
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Reason = "the name is there twice"
	case errors.Is(err, ErrUnknownName):
		e.Reason, e.err = "the name is unknown", ErrUnknownName
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Reason, e.err = "it breaks off", io.ErrUnexpectedEOF
	case strings.HasSuffix(e.Reason, "after top-level value"):
		e.Reason = "there is text after its end"
	}
	return e
}

func (e *Error) locate(data []byte, offset int64, path jsontext.Pointer) {
	e.Line = lineOf(data, int(offset))
	e.Path = string(path)
}

// semanticReason says why a value cannot be stored. It does not quote the value, which may be a secret.
func semanticReason(err *json.SemanticError) string {
	reason := "it is no " + err.GoType.String()
	if err.GoType == nil {
		reason = "it is of the wrong kind"
	}
	if err.Err != nil {
		reason += ": " + err.Err.Error()
	}
	return reason
}

// ErrNoMember says that a document is no object with a text under a name.
var ErrNoMember = fault.New(fault.DocumentDamaged, "it has no such text")

// CutText returns a document without the characters of the text that it has under a name, which leaves "" there, and
// the text. Every other byte stays, so the rest can be hashed as it is. The document must be an object that Unmarshal
// accepts.
func CutText(data []byte, name string) (rest []byte, text string, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	value, err := findMember(d, name)
	if err != nil {
		return nil, "", newError(data, err)
	}
	if value.Kind() != '"' {
		return nil, "", ErrNoMember
	}
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, "", newError(data, err)
	}
	end := int(d.InputOffset())
	return slices.Concat(data[:end-len(value)], []byte(`""`), data[end:]), text, nil
}

// findMember reads an object up to the end of the value that it has under a name. The value is nil if it has none.
func findMember(d *jsontext.Decoder, name string) (jsontext.Value, error) {
	token, err := d.ReadToken()
	if err != nil || token.Kind() != '{' {
		return nil, err
	}
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		if key.String() == name {
			return d.ReadValue()
		}
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
	}
	_, err = d.ReadToken()
	return nil, err
}
