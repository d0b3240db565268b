package config

import (
	"encoding/json"
)

// An Approval is who has to approve a release before it is deployed to an environment. In YAML it is true, false, or
// a mapping that says by whom.
type Approval string

// The approvals.
const (
	// NoApproval is for environments that are deployed to without one.
	NoApproval Approval = ""
	// AnyApproval may be given by anybody who may approve.
	AnyApproval Approval = "any"
	// OtherApproval may not be given by who has made the plan or written its commit.
	OtherApproval Approval = "other"
)

// IsRequired reports whether a person has to approve.
func (a Approval) IsRequired() bool { return a != NoApproval }

// MarshalJSON implements json.Marshaler. It writes what UnmarshalJSON reads.
func (a Approval) MarshalJSON() ([]byte, error) {
	if a == OtherApproval {
		return json.Marshal(map[string]string{"by": string(a)})
	}
	return json.Marshal(a == AnyApproval)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Approval) UnmarshalJSON(data []byte) error {
	var required bool
	if json.Unmarshal(data, &required) == nil {
		*a = NoApproval
		if required {
			*a = AnyApproval
		}
		return nil
	}
	*a = OtherApproval // the schema refuses any other object
	return nil
}
