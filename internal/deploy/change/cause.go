package change

import "strings"

// A Cause is one reason why CloudFormation could not do what it was asked.
type Cause struct {
	// Resource is the logical id of what failed, with the path of its nested stack before it; empty for the stack itself.
	Resource string `json:"resource,omitempty"`
	Type     string `json:"type,omitempty"`
	// Construct is the path of the resource in the CDK app; empty if its template does not say.
	Construct string `json:"construct,omitempty"`
	Reason    string `json:"reason"`
	// Advice is what to do about it; empty if the reason is all that is known.
	Advice string `json:"advice,omitempty"`
}

// String returns the cause in one line, without its advice.
func (c Cause) String() string {
	var b strings.Builder
	b.WriteString(c.Resource)
	if c.Type != "" {
		b.WriteString(" (" + c.Type + ")")
	}
	if c.Construct != "" {
		b.WriteString(" at " + c.Construct)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(c.Reason)
	return b.String()
}
