package report

import (
	"cmp"
	"encoding/json"
	"io"
	"time"

	"lockstep/internal/fault"
)

// Mode is what a command worked on.
type Mode string

// The modes. A local command uses no account.
const (
	Rehearsal Mode = "rehearsal"
	Live      Mode = "live"
	Local     Mode = "local"
)

// Verdict is how a command ended.
type Verdict string

// The verdicts.
const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"
	Refused     Verdict = "refused"
	Interrupted Verdict = "interrupted"
)

// An Envelope is what the last line of every command with --json has in common. The result of a command embeds it and
// adds the command's own data.
type Envelope struct {
	Time time.Time `json:"time"`
	// Event is "summary", which distinguishes the line from the events before it.
	Event   string  `json:"event"`
	Command string  `json:"command"`
	Result  Verdict `json:"result"`
	Mode    Mode    `json:"mode"`
	// LiveEndpoint is the endpoint that took the place of AWS in a live run; empty for AWS itself.
	LiveEndpoint string `json:"liveEndpoint,omitempty"`
	// Millis is how long the command took, in milliseconds.
	Millis int64 `json:"ms"`
	// Code is the code of Error, as `lockstep explain` takes it.
	Code  fault.Code `json:"code,omitempty"`
	Error string     `json:"error,omitempty"`
}

// Head returns the envelope itself. It gives access to the envelope of a value that embeds one.
func (e *Envelope) Head() *Envelope { return e }

// SetError records why a command failed, and the code of that. A code that is known already stays.
func (e *Envelope) SetError(err error) {
	e.Error = err.Error()
	e.Code = cmp.Or(e.Code, fault.CodeOf(err))
}

// An Enveloped value embeds an Envelope.
type Enveloped interface{ Head() *Envelope }

// WriteJSON writes a command's result as one line of JSON.
func WriteJSON(w io.Writer, result Enveloped) error {
	result.Head().Event = "summary"
	return json.NewEncoder(w).Encode(result)
}
